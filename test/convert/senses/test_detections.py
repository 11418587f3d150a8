"""One of the things that a detector sees, as a sense."""

from __future__ import annotations

from types import SimpleNamespace as Message

import numpy as np
import pytest
from trackers import DETECTIONS, detection, detections

from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import PoseStream
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.errors import AbsentError, UserError

POSE = PoseStream(kind="pose", name="cube", frame="world", rate_hz=20.0)
AT = [[0.1 * n, 0.2, 0.3, 0, 0, 0, 1] for n in range(4)]


def converter(name="cube"):
    return converter_for(POSE, StreamSource(name="cube", topic="seen", type=DETECTIONS, max_age_s=0.2, detection=name))


def test_it_is_the_likeliest_of_its_class():
    seen = detections(
        detection("", ("cube", 0.4, AT[0]), ("ball", 0.9, AT[1])),
        detection("", ("cube", 0.8, AT[2])),
        detection("", ("ball", 0.9, AT[3])),
    )
    stamp_ns, value = converter()(seen)
    assert (stamp_ns, value.dtype, value.shape) == (5, np.float32, POSE.shape)
    assert value == pytest.approx(AT[2])


def test_an_id_goes_before_a_class():
    seen = detections(detection("17", ("cube", 0.4, AT[0]), ("ball", 0.9, AT[1])), detection("", ("17", 1.0, AT[2])))
    assert converter("17")(seen)[1] == pytest.approx(AT[1])


def test_a_detection_without_hypotheses_is_where_its_box_is():
    assert converter("17")(detections(detection("17", box=AT[3])))[1] == pytest.approx(AT[3])


def test_a_thing_that_is_not_seen_is_said_with_those_that_are():
    with pytest.raises(AbsentError, match=r"\['17', 'ball'\].*'cube' among ids and classes"):
        converter()(detections(detection("17", ("ball", 0.9, AT[0]))))


def test_another_frame_and_another_layout_are_refused():
    with pytest.raises(UserError, match=r"frame_id.*camera.*world"):
        converter()(detections(frame="camera"))
    old = Message(id="cube", score=1.0, pose=None)  # as of Foxy
    with pytest.raises(UserError, match="as of Humble and later"):
        converter()(detections(Message(results=[old], bbox=None, id="17")))
    with pytest.raises(UserError, match="length 1"):
        converter()(detections(detection("", ("cube", 1.0, [0.0] * 7))))


def test_what_is_meant_is_said_of_detections_and_only_of_them():
    for kind, name in ((DETECTIONS, None), ("geometry_msgs/msg/PoseStamped", "cube")):
        with pytest.raises(ValueError, match="detection: is for a vision_msgs/msg/Detection3DArray"):
            StreamSource(name="cube", topic="seen", type=kind, max_age_s=0.2, detection=name)
