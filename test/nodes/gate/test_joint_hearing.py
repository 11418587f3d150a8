"""Which joint states the gate and who makes voxels for it take, and what counts as hard of an imagined contact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from quiet_node import QuietNode

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.gate.inbox import GateInbox
from world_model_ros.nodes.joint_hearing import JointHearing

CONTRACT = load_contract("tabletop_arm")
STREAM = CONTRACT.interface.of(JointStream)[0]
HOME = np.array(CONTRACT.rest)
MAKE = MessageMaker(ros_class)
S = 1_000_000_000


def states(stamp_ns: int, names: tuple[str, ...] = CONTRACT.joint_names, speed: float = 0.0) -> Any:
    return MAKE.joint_state(names, HOME[: len(names)], np.full(len(names), speed), stamp_ns=stamp_ns)


def test_states_that_are_stamped_far_ahead_are_refused_and_those_after_them_are_not() -> None:
    hearing = JointHearing(CONTRACT)
    with pytest.raises(UserError, match=r"arm: stamp: got '2.000 s ahead'"):
        hearing.take(STREAM, states(12 * S), 10 * S)
    assert hearing.whole() is None
    assert hearing.take(STREAM, states(10 * S), 10 * S)
    assert hearing.whole()[0] == 10 * S


def test_another_publisher_on_the_topic_says_nothing_and_is_no_fault() -> None:
    hearing = JointHearing(CONTRACT)
    assert not hearing.take(STREAM, states(99 * S, ("wheel",)), 10 * S)
    assert hearing.unheard == list(CONTRACT.joint_names)


def test_speeds_that_are_none_cost_a_message_only_where_speeds_are_needed() -> None:
    with pytest.raises(UserError, match="velocity"):
        JointHearing(CONTRACT).take(STREAM, states(S, speed=np.nan), S)
    hearing = JointHearing(CONTRACT, velocities=False)
    hearing.take(STREAM, states(S, speed=np.nan), S)
    np.testing.assert_allclose(hearing.whole()[1], HOME)


class Alarmed:
    """What a gate is told of an imagined contact."""

    def __init__(self) -> None:
        self.newtons: list[float] = []
        self.alarms = self

    def predicted_force(self, newtons: float) -> None:
        self.newtons.append(newtons)


def heard_of(change: Any) -> float:
    """The force that the gate is told of, of a contact of 1, 9.5 and 2 N whose message was changed."""
    text = CONTRACT.text.replace(
        "    horizon_s: 3.0\n", "    horizon_s: 3.0\n    predicted_force_n: {slow: 5.0, stop: 9.0}\n"
    )
    node, told = QuietNode(), Alarmed()
    inbox = GateInbox(node, contract_from_text(text, folder=CONTRACT.folder))
    message = MAKE.tensor(np.array([[1.0], [9.5], [2.0]], np.float32), S)
    change(message)
    node.heard["predicted/contact"][0](message)
    inbox.pour(told)
    return told.newtons[0]


def swapped(message: Any) -> None:
    message.is_bigendian = 1
    message.data = np.array([1.0, 9.5, 2.0], ">f4").tobytes()


def padded(message: Any) -> None:
    message.step = 8
    message.data = np.array([[1.0, 1e9], [9.5, 1e9], [2.0, 1e9]], "<f4").tobytes()


def as_it_is(message: Any) -> None:
    pass


@pytest.mark.parametrize("change", [as_it_is, swapped, padded])
def test_an_imagined_contact_is_read_in_any_order_of_bytes_and_with_any_padding(change: Any) -> None:
    assert heard_of(change) == 9.5


def cut(message: Any) -> None:
    message.data = np.array([1.0, 2.0], "<f4").tobytes()


def of_another_type(message: Any) -> None:
    message.encoding = "64FC1"


@pytest.mark.parametrize("change", [cut, of_another_type])
def test_an_imagined_contact_that_cannot_be_read_counts_as_too_hard(change: Any) -> None:
    assert heard_of(change) == np.inf
