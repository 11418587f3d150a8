"""Joint states that come in parts, each joint with an age of its own."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.convert.messages import MessageMaker
from world_model_ros.convert.senses.joint_parts import JointParts
from world_model_ros.convert.senses.joints import OtherJoints
from world_model_ros.core.errors import UserError

ARM, HAND = ("a", "b"), ("c",)
T0 = 1_700_000_000 * 10**9
MS = 1_000_000


@pytest.fixture
def parts() -> JointParts:
    return JointParts((*ARM, *HAND), (0.1, 0.1, 0.5))


def send(parts: JointParts, make: MessageMaker, names, positions, stamp_ns: int, velocities=None) -> None:
    message = make.joint_state(names, positions, () if velocities is None else velocities, stamp_ns=stamp_ns)
    for stream, joints in (("arm", ARM), ("hand", HAND)):
        try:
            parts.take(message, stream, joints, velocities is not None)
        except OtherJoints:
            continue


def test_nothing_is_whole_until_every_joint_has_come(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, ARM, [1.0, 2.0], T0)
    assert parts.whole() is None
    assert parts.unheard == ["c"]
    send(parts, make, ("x", "c"), [9.0, 3.0], T0 + 5 * MS)
    whole = parts.whole()
    assert whole is not None
    assert whole[1].tolist() == [1.0, 2.0, 3.0]
    assert parts.unheard == []


def test_the_stamp_is_that_of_the_joint_which_becomes_too_old_first(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, ARM, [1.0, 2.0], T0)
    send(parts, make, HAND, [3.0], T0 - 300 * MS)
    stamp = parts.whole()[0]  # type: ignore[index]
    assert parts.max_age_s == 0.5
    assert stamp == T0 - 400 * MS  # at 0.5 s the arm is 0.1 s old, and the hand 0.4 of its 0.5 s
    send(parts, make, ARM, [1.0, 2.0], T0 + 200 * MS)
    assert parts.whole()[0] == T0 - 300 * MS  # type: ignore[index]


def test_a_joint_that_stops_ages_though_the_others_come(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, HAND, [3.0], T0)
    for i in range(100):
        send(parts, make, ARM, [1.0, 2.0], T0 + i * 10 * MS)
    assert parts.whole()[0] == T0  # type: ignore[index]


def test_one_message_may_have_only_some_joints_of_its_stream(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, ("b", "c"), [2.0, 3.0], T0)
    send(parts, make, ("a",), [1.0], T0)
    assert parts.whole()[1].tolist() == [1.0, 2.0, 3.0]  # type: ignore[index]


def test_velocities_are_taken_or_are_the_slope_of_a_tenth_of_a_second(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, HAND, [3.0], T0, velocities=[-7.0])
    for i in range(31):
        send(parts, make, ARM, [0.02 * i, -0.01 * i], T0 + i * 10 * MS)
    np.testing.assert_allclose(parts.whole()[2], [2.0, -1.0, -7.0], rtol=1e-9)  # type: ignore[index]


@pytest.mark.parametrize(
    ("names", "positions", "velocities"),
    [
        (("a", "a", "b"), [1.0, 1.0, 1.0], None),
        (("a", "b"), [1.0], None),
        (("a", "b"), [1.0, np.nan], None),
        (("a", "b"), [1.0, 1.0], [0.0, np.inf]),
        (("a", "b"), [1.0, 1.0], [0.0]),
    ],
)
def test_a_message_that_makes_no_sense_is_refused_whole(parts, make, names, positions, velocities) -> None:
    send(parts, make, (*ARM, *HAND), [4.0, 5.0, 6.0], T0, velocities=[0.0] * 3)
    before = parts.whole()
    message = make.joint_state(names, positions, velocities or (), stamp_ns=T0 + MS)
    with pytest.raises(UserError):
        parts.take(message, "arm", ARM, velocities is not None)
    after = parts.whole()
    assert before is not None
    assert after is not None
    assert all(np.array_equal(old, new) for old, new in zip(before, after))


def test_what_is_not_a_number_elsewhere_does_not_matter(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, ("wheel", *ARM), [np.nan, 1.0, 2.0], T0)
    assert parts.unheard == ["c"]


def test_a_clock_that_is_turned_back_makes_every_joint_come_again(parts: JointParts, make: MessageMaker) -> None:
    send(parts, make, (*ARM, *HAND), [1.0, 2.0, 3.0], T0)
    send(parts, make, ARM, [1.0, 2.0], T0 - 10**9)
    assert parts.whole() is None  # the hand's stamp would be ahead for a second, however long it is gone
    send(parts, make, HAND, [3.0], T0 - 10**9)
    assert parts.whole() is not None


def test_where_only_the_order_counts_no_stamp_can_do_harm(make: MessageMaker) -> None:
    parts = JointParts((*ARM, *HAND), (0.1, 0.1, 0.5), ageless=True)
    for at, value in ((T0, 1.0), (2**31 * 10**9 - 1, 2.0), (0, 3.0), (T0 - 10**12, 4.0)):
        send(parts, make, ARM, [value, value], at)
        send(parts, make, HAND, [value], T0)
        whole = parts.whole()
        assert whole is not None
        assert whole[1].tolist() == [value] * 3
