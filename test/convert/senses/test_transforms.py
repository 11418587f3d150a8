"""Where a frame of tf2 is, as a sense."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pinocchio as pin
import pytest
from trackers import NOWHERE, TRANSFORMS, S, transforms

from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import PoseStream
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.senses.transforms import TransformConverter
from world_model_ros.core.errors import AbsentError, OtherMessage, UserError

POSE = PoseStream(kind="pose", name="cube", frame="world", rate_hz=20.0)


def converter(tf_frame="cube_0", max_age_s=0.2) -> TransformConverter:
    source = StreamSource(name="cube", topic="/tf", type=TRANSFORMS, max_age_s=max_age_s, tf_frame=tf_frame)
    found = converter_for(POSE, source)
    assert isinstance(found, TransformConverter)
    return found


def some_pose(random) -> np.ndarray:
    turn = random.normal(size=4)
    return np.concatenate([random.normal(size=3), turn / np.linalg.norm(turn)])


def same(found, wanted: pin.SE3) -> None:
    assert pin.XYZQUATToSE3(np.asarray(found, np.float64)).homogeneous == pytest.approx(wanted.homogeneous, abs=1e-6)


def refused(convert, message, kind=OtherMessage) -> str:
    with pytest.raises(UserError) as caught:
        convert(message)
    assert type(caught.value) is kind
    return str(caught.value)


def test_the_way_between_two_frames_goes_up_and_down_the_tree():
    random = np.random.default_rng(0)
    base, mount, hand, cube = (some_pose(random) for _ in range(4))
    convert = converter()
    refused(convert.static, transforms(("room", "world", base, 0), ("room", "/mount", mount, 0)))
    message = transforms(("mount", "hand", hand, 5 * S), ("hand", "cube_0", cube, 5 * S))
    stamp_ns, value = convert(message)
    assert (stamp_ns, value.dtype, value.shape) == (5 * S, np.float32, POSE.shape)
    at = [pin.XYZQUATToSE3(each) for each in (base, mount, hand, cube)]
    same(value, at[0].inverse() * at[1] * at[2] * at[3])
    assert value[6] >= 0


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_it_is_where_it_was_at_the_newest_time_that_all_transforms_cover(order):
    """Whatever order the messages of three publishers come in."""
    random = np.random.default_rng(1)
    first, last, cube = (some_pose(random) for _ in range(3))
    convert = converter()
    refused(convert, transforms(("world", "hand", first, 1 * S)))
    convert(transforms(("hand", "cube_0", cube, 1 * S)))
    messages = [
        transforms(("world", "hand", last, 2 * S)),
        transforms(("hand", "cube_0", cube, int(1.25 * S))),
        transforms(("world", "elsewhere", first, int(1.9 * S))),
    ]
    found = []
    for index in order:
        try:
            found.append(convert(messages[index]))
        except OtherMessage:
            continue
    assert [stamp_ns for stamp_ns, _ in found] == [int(1.25 * S)]
    a, b = (pin.XYZQUATToSE3(each) for each in (first, last))
    turn = a.rotation @ pin.exp3(0.25 * pin.log3(a.rotation.T @ b.rotation))
    between = pin.SE3(turn, 0.75 * a.translation + 0.25 * b.translation)
    same(found[0][1], between * pin.XYZQUATToSE3(cube))


def test_a_frame_that_cannot_be_found_is_said_with_those_that_can():
    convert, other, lost = converter(), converter("cube_1"), converter()
    for at, kind in ((S, OtherMessage), (2 * S, AbsentError)):  # others may be heard first
        links = (("world", "hand", NOWHERE, at), ("map", "cube_1", NOWHERE, at), ("hand", "cube_0", NOWHERE, at))
        assert convert(transforms(*links))[0] == at
        told = refused(other, transforms(*links), kind)
        assert "cube_1" in told
        assert "from 'world': ['cube_0', 'hand', 'world']" in told
        told = refused(lost, transforms(("map", "cube_0", NOWHERE, at)), kind)
        assert "cube: frame: got 'world'" in told
        assert "['cube_0', 'map']" in told


def test_a_frame_over_itself_is_said_and_ends_when_it_does():
    convert = converter()
    told = refused(
        convert, transforms(("a", "b", NOWHERE, S), ("b", "cube_0", NOWHERE, S), ("b", "a", NOWHERE, S)), UserError
    )
    assert "a on b on a" in told or "b on a on b" in told
    assert convert(
        transforms(("world", "a", NOWHERE, 2 * S), ("b", "cube_0", NOWHERE, 2 * S), ("a", "b", NOWHERE, 2 * S))
    )


def test_a_transform_that_no_longer_comes_is_said():
    convert = converter()
    convert(transforms(("world", "hand", NOWHERE, S), ("hand", "cube_0", NOWHERE, S)))
    refused(convert, transforms(("world", "hand", NOWHERE, int(1.1 * S))))
    told = refused(convert, transforms(("world", "hand", NOWHERE, int(1.5 * S))), AbsentError)
    assert "from hand to cube_0, 0.50 s older" in told
    assert "max_age_s, 0.2" in told


def test_what_never_moves_needs_no_sense():
    convert = converter()
    refused(convert.static, transforms(("world", "cube_0", NOWHERE, 0)))
    refused(convert, transforms(("world", "hand", NOWHERE, S)))
    assert "static" in refused(convert, transforms(("world", "hand", NOWHERE, 2 * S)), AbsentError)


@pytest.mark.parametrize("bad", [[np.nan, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]])
def test_a_broken_transform_costs_itself_alone(bad):
    convert = converter()
    convert(transforms(("world", "cube_0", NOWHERE, S), ("world", "other", bad, S)))
    told = refused(convert, transforms(("world", "cube_0", bad, 2 * S)), UserError)
    assert "transform of cube_0" in told
    assert convert(transforms(("world", "cube_0", [1.0, *NOWHERE[1:]], 3 * S)))[1][0] == 1.0


def test_a_stamp_of_a_wrong_clock_does_not_stop_the_sense():
    convert = converter()
    assert convert(transforms(("world", "cube_0", NOWHERE, S)))[0] == S
    assert convert(transforms(("world", "cube_0", NOWHERE, 3600 * S)))[0] == 3600 * S  # refused where it is stored
    assert convert(transforms(("world", "cube_0", NOWHERE, 2 * S)))[0] == 2 * S


def test_it_follows_a_thing_that_is_handed_over():
    convert = converter()
    there = [0.0, 0, 1, 0, 0, 0, 1]
    convert(transforms(("world", "cube_0", NOWHERE, S), ("world", "hand", there, S)))
    assert convert(transforms(("hand", "cube_0", NOWHERE, S + 1), ("world", "hand", there, S + 1)))[1][2] == 1.0


def test_a_clock_that_jumps_back_begins_anew():
    convert = converter()
    convert(transforms(("world", "cube_0", NOWHERE, 9 * S)))
    convert.forget()
    assert "got 'world'" in refused(convert, transforms())
    assert convert(transforms(("world", "cube_0", NOWHERE, S)))[0] == S


def test_old_transforms_are_forgotten():
    convert = converter()
    for step in range(100):
        convert(transforms(("world", "cube_0", NOWHERE, step * S)))
    assert len(convert._tree._links["cube_0"].past) < 25


def test_which_frame_is_meant_is_said_of_transforms_and_only_of_them():
    for kind, frame in ((TRANSFORMS, None), ("geometry_msgs/msg/PoseStamped", "cube_0")):
        with pytest.raises(ValueError, match="tf_frame: is for a tf2_msgs/msg/TFMessage"):
            StreamSource(name="cube", topic="/tf", type=kind, max_age_s=0.2, tf_frame=frame)
