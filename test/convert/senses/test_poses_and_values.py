"""Poses and single numbers as senses."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import PoseStream, ValueStream
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.senses.converters import converter_for, legal_types
from world_model_ros.convert.stamps import has_header
from world_model_ros.core.errors import UserError

MAKE = MessageMaker(standard_types().types.__getitem__)
POSE = PoseStream(kind="pose", name="cube", frame="world", rate_hz=20.0)
VALUE = ValueStream(kind="value", name="opening", rate_hz=20.0)
ONE = [0.1, 0.2, 0.3, 0, 0, 0.6, -0.8]


def source(of, kind, index=None):
    return StreamSource(name=of.name, topic="t", type=kind, max_age_s=0.2, index=index)


def array(*poses, frame="world"):
    stamped = [MAKE.pose(pose, 5, frame) for pose in poses]
    header = MAKE.header(5, frame)
    return MAKE.make("geometry_msgs/msg/PoseArray", header=header, poses=[each.pose for each in stamped])


def test_a_pose_is_seven_numbers_with_one_sign_of_the_quaternion():
    convert = converter_for(POSE, source(POSE, "geometry_msgs/msg/PoseStamped"))
    stamp_ns, value = convert(MAKE.pose(ONE, 5, "world"))
    assert (stamp_ns, value.dtype, value.shape) == (5, np.float32, POSE.shape)
    assert value == pytest.approx([0.1, 0.2, 0.3, 0, 0, -0.6, 0.8])
    other = np.array(ONE) * np.array([1, 1, 1, -1, -1, -1, -1])
    assert np.array_equal(convert(MAKE.pose(other, 5, "world"))[1], value)
    longer = np.array(ONE) * np.array([1, 1, 1, 1.005, 1.005, 1.005, 1.005])
    assert convert(MAKE.pose(longer, 5, "world"))[1] == pytest.approx(value)


def test_one_of_several_poses_is_meant():
    convert = converter_for(POSE, source(POSE, "geometry_msgs/msg/PoseArray", 1))
    assert convert(array([9, 9, 9, 0, 0, 0, 1], ONE))[1][:3] == pytest.approx([0.1, 0.2, 0.3])
    with pytest.raises(UserError, match=r"cube: poses.*1 poses.*at least 2, for index 1"):
        convert(array(ONE))


@pytest.mark.parametrize(
    ("pose", "frame", "told"),
    [(ONE, "camera", "frame_id"), ([np.nan, *ONE[1:]], "world", "nan"), ([*ONE[:6], 0.5], "world", "length 1")],
)
def test_poses_that_cannot_be_meant_are_refused(pose, frame, told):
    convert = converter_for(POSE, source(POSE, "geometry_msgs/msg/PoseStamped"))
    with pytest.raises(UserError, match=told):
        convert(MAKE.pose(pose, 5, frame))


@pytest.mark.parametrize("kind", ["std_msgs/msg/Float32", "std_msgs/msg/Float64"])
def test_a_value_is_one_number_without_a_stamp(kind):
    convert = converter_for(VALUE, source(VALUE, kind))
    assert not has_header(kind)
    stamp_ns, value = convert(MAKE.make(kind, data=0.25))
    assert (stamp_ns, value.tolist(), value.dtype, value.shape) == (0, [0.25], np.float32, VALUE.shape)
    with pytest.raises(UserError, match="opening"):
        convert(MAKE.make(kind, data=float("inf")))


def test_an_index_is_of_an_array_and_only_of_one():
    for kind, index in (("geometry_msgs/msg/PoseArray", None), ("geometry_msgs/msg/PoseStamped", 0)):
        with pytest.raises(ValueError, match="index"):
            source(POSE, kind, index)
    assert legal_types("pose") == [
        "geometry_msgs/msg/PoseStamped",
        "geometry_msgs/msg/PoseArray",
        "tf2_msgs/msg/TFMessage",
        "vision_msgs/msg/Detection3DArray",
    ]
