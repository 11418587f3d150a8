"""Finds the topics of a bag that give the commanded joint positions (gate, controllers, joint states); reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.brain.applied_positions import AppliedReference
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import APPLIED, PREDICTED, absolute
from world_model_ros.convert.commanded_joints import CommandedJoints
from world_model_ros.convert.finite import finite
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError

APPLIED_TOPIC = absolute(APPLIED)
USUAL_COMMAND = "joint_trajectory_controller/joint_trajectory"
_APPLIED_AGE_NS = 300_000_000  # as long as `AppliedReference` answers
EVER_NS = 2**62  # of what holds until it is replaced
_COMMANDS = (
    "trajectory_msgs/msg/JointTrajectory",
    "std_msgs/msg/Float64MultiArray",
    "sensor_msgs/msg/JointState",
    "geometry_msgs/msg/TwistStamped",
    "geometry_msgs/msg/Twist",
)


@dataclass(frozen=True)
class ReferenceSource:
    """Where commanded positions come from.

    Args:
        name: of the source. topic: absolute topic name.
        max_age_ns: how long a message counts.
        read: (message, its stamp in ns, now in ns) -> commanded positions now, (J,) in contract order; NaN for joints
            that this topic says nothing of.
        reported: it says what is, rather than what is to be.
        shared: its topic may have messages that say nothing of it.
        stamped: its messages have a header; those that have none hold from when they were sent.
    """

    name: str
    topic: str
    max_age_ns: int
    read: Callable[[Any, int, int], NDArray[np.float64]]
    reported: bool = True
    shared: bool = False
    stamped: bool = True

    def now(self, message: Any, bag_ns: int) -> NDArray[np.float64]:
        """What a message says at its own stamp; that without one at ``bag_ns``, when it was recorded."""
        stamp = (stamp_ns(message) if self.stamped else 0) or bag_ns
        return self.read(message, stamp, stamp)


def command_topics(contract: Contract) -> tuple[str, ...]:
    """Topics of the controllers that take joint trajectories; the usual one if the contract has no controller."""
    command = contract.deployment.command
    if contract.interface.action.free:
        return ()
    if command is None:
        return (USUAL_COMMAND,)
    controllers = command.controllers(contract.joint_names)
    return tuple(each.topic for each in controllers if each.interface == "joint_trajectory")


def possible_commands(bag: BagReader, contract: Contract) -> list[str]:
    """Topics that the contract does not know and whose type could tell a robot where to go, in words."""
    known = {absolute(source.topic) for source in contract.deployment.streams}
    known |= {each.topic for each in reference_sources(bag, contract)}
    found = [topic for topic in bag.topics().values() if topic.type in _COMMANDS and topic.name not in known]
    return [f"{topic.name} ({topic.type})" for topic in found if not topic.name.startswith(absolute(PREDICTED))]


def reference_sources(bag: BagReader, contract: Contract) -> list[ReferenceSource]:
    """What the gate says it applied; without a gate, what each controller was sent; without both, what the contract
    says under ``deployment.without_commands``: nothing, or the measured joints. Nothing where the action is free."""
    topics = {name: topic.type for name, topic in bag.topics().items() if topic.count}
    if contract.interface.action.free:
        return []
    if topics.get(APPLIED_TOPIC) == "sensor_msgs/msg/JointState":
        return [ReferenceSource(APPLIED_TOPIC, APPLIED_TOPIC, _APPLIED_AGE_NS, _applied_reader(contract))]
    told = [absolute(topic) for topic in command_topics(contract)]
    told = [topic for topic in told if topics.get(topic) == "trajectory_msgs/msg/JointTrajectory"]
    sources = [
        ReferenceSource(topic, topic, EVER_NS, _command_reader(contract, topic), reported=False) for topic in told
    ]
    sources += [
        ReferenceSource(topic, topic, EVER_NS, read, reported=False, stamped=False)
        for topic, read in _streamed(contract).items()
        if topics.get(topic) == "std_msgs/msg/Float64MultiArray"
    ]
    if sources:
        return sources
    return _measured(contract) if contract.deployment.without_commands == "measured" else []


def _streamed(contract: Contract) -> dict[str, Callable[[Any, int, int], NDArray[np.float64]]]:
    """Readers of the controllers that are sent positions each cycle, by topic."""
    command = contract.deployment.command
    controllers = [] if command is None else command.controllers(contract.joint_names)
    return {
        absolute(each.topic): _positions_reader(contract, each.topic, each.joints)
        for each in controllers
        if each.interface == "forward_position"
    }


def _positions_reader(
    contract: Contract, topic: str, joints: Sequence[str]
) -> Callable[[Any, int, int], NDArray[np.float64]]:
    places = [contract.joint_names.index(name) for name in joints]

    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        told = np.asarray(message.data, np.float64)
        if len(told) != len(places):
            raise UserError(f"{topic}: data", f"{len(told)} numbers", f"{len(places)}, for {list(joints)}")
        finite(told, topic, tuple(joints))
        positions = np.full(len(contract.joint_names), np.nan)
        positions[places] = told
        return positions

    return read


def _measured(contract: Contract) -> list[ReferenceSource]:
    """The streams of joints, each for its own."""
    sources = []
    for stream in contract.interface.of(JointStream):
        source = contract.source(stream.name)
        topic, age_ns = absolute(source.topic), round(source.max_age_s * 1e9)
        read = _measured_reader(contract, stream)
        sources.append(ReferenceSource(f"{topic} {stream.name}", topic, age_ns, read, shared=True))
    return sources


def _measured_reader(contract: Contract, stream: JointStream) -> Callable[[Any, int, int], NDArray[np.float64]]:
    convert = JointConverter(stream.name, stream.joints)
    places = [contract.joint_names.index(name) for name in stream.joints]

    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        positions = np.full(len(contract.joint_names), np.nan)
        positions[places] = convert(message)[1][:, 0]
        return positions

    return read


def _applied_reader(contract: Contract) -> Callable[[Any, int, int], NDArray[np.float64]]:
    convert = JointConverter(APPLIED_TOPIC, contract.joint_names, ("position", "velocity"))

    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        newest = AppliedReference(capacity=1)
        newest.push(stamp_ns, *np.ascontiguousarray(convert(message)[1].T, np.float64))
        positions = newest.at(now_ns)
        if positions is None:
            raise UserError(APPLIED_TOPIC, now_ns - stamp_ns, "a younger report")
        return positions

    return read


def _command_reader(contract: Contract, topic: str) -> Callable[[Any, int, int], NDArray[np.float64]]:
    commanded = CommandedJoints(contract.joint_names, topic)

    def read(message: Any, stamp_ns: int, now_ns: int) -> NDArray[np.float64]:
        commanded.take(message, stamp_ns)
        return commanded.at(now_ns)

    return read
