"""Subscriptions of the gate: commands, joint states, clouds, alarms; callbacks only store, the gate's thread reads."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState, PointCloud2
from std_msgs.msg import Bool, Float32, String
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.check.driver_fit import driver_class, field_of
from world_model_ros.check.shape_advice import shape_advice
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.driver import Driver, DriverField
from world_model_ros.contract.deployment.gate import Cloud
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import COMMAND_OWNER, PREDICTED_CONTACT, SURPRISE, seen_topic
from world_model_ros.convert.clouds import seen_of
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.converters import Converter, converter_for
from world_model_ros.convert.stamps import stamp_ns, time_ns
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.voxels import Seen
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.rules import Proposal, Refusal
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.joint_hearing import JointHearing
from world_model_ros.nodes.qos import qos_profile
from world_model_ros.nodes.view import predicted

MOST_COMMANDS = 4  # of a source, that are judged in one cycle; of more, the oldest are dropped and counted as a flood


class GateInbox:
    """Subscriptions of the gate, and what came in since the last cycle.

    Attributes:
        ignored: messages that made no sense. flooded: commands that were dropped in a flood, by source.
    """

    def __init__(self, node: Node, contract: Contract) -> None:
        self._node = node
        self._lock = Lock()
        self.ignored: Counter[str] = Counter()
        self.flooded: Counter[str] = Counter()
        self._commands: dict[str, deque[tuple[int, Proposal]]] = {}  # by source
        self._owners: list[tuple[int, str]] = []  # who was asked for
        self._joint_state: tuple[int, Float, Float] | None = None
        self._forces_n: dict[str, float] = {}  # the strongest since the last cycle, by stream
        self._held: tuple[int, bool] | None = None
        self._surprise: float | None = None
        self._predicted_n: float | None = None
        self._unread: str | None = None  # why the newest joint states could not be read
        settings = contract.deployment.gate
        self._joints = JointHearing(contract)
        self._joints.subscribe(node, self._on_joint_state)
        for each in Ownership(contract.deployment.sources).sources.values():
            node.create_subscription(JointTrajectory, each.topic, partial(self._on_command, each.name), 5)
        if contract.deployment.sources is not None:
            node.create_subscription(String, COMMAND_OWNER, self._on_owner, 10)
        self._seen: dict[str, tuple[int, Seen]] = {}  # the newest of each cloud since the last cycle
        for cloud in settings.clouds:
            hear_cloud = partial(self._on_cloud, cloud, contract.interface.base_frame)
            node.create_subscription(PointCloud2, seen_topic(cloud.name), hear_cloud, 1)
        self._driver: list[tuple[Callable[[Gate, Any], None], Any]] = []  # what its driver said since the last cycle
        self._hear_driver(contract.deployment.driver)
        if settings.deadman is not None:
            node.create_subscription(Bool, settings.deadman.topic, self._on_deadman, 1)
        if settings.surprise is not None:
            node.create_subscription(Float32, SURPRISE, self._on_surprise, 1)
        if settings.predicted_force_n is not None:
            node.create_subscription(Image, PREDICTED_CONTACT, self._on_predicted, 1)
        if settings.max_force_n is not None:
            for touch in contract.interface.streams:
                if touch.is_touch:
                    source = contract.source(touch.name)
                    take = partial(self._on_force, touch.name, converter_for(touch, source), _FORCE[touch.kind])
                    node.create_subscription(ros_class(source.type), source.topic, take, qos_profile(source.qos))

    def pour(self, gate: Gate) -> list[tuple[str, Refusal]]:
        """Give the gate what came in; returns what it refused, with whose it was."""
        with self._lock:
            commands, self._commands = self._commands, {}
            owners, self._owners = self._owners, []
            joint_state, self._joint_state = self._joint_state, None
            forces_n, self._forces_n = self._forces_n, {}
            held, surprise, predicted_n = self._held, self._surprise, self._predicted_n
            self._held = self._surprise = self._predicted_n = None
            driver, self._driver = self._driver, []
            clouds, self._seen = self._seen, {}
        for tell, value in driver:
            tell(gate, value)
        if joint_state is not None:
            gate.joint_state(*joint_state)
        for name, (stamp, seen) in clouds.items():
            try:
                gate.see(name, stamp, *seen)
            except UserError as error:  # the one before counts until it is too old
                self._ignore(name, error)
        if held is not None:
            gate.alarms.deadman(*held)
        if surprise is not None:
            gate.alarms.surprise(surprise)
        if predicted_n is not None:
            gate.alarms.predicted_force(predicted_n)
        for name, newtons in forces_n.items():
            gate.alarms.force(name, newtons)
        verdicts = [(COMMAND_OWNER, gate.ownership.ask(name, asked_ns)) for asked_ns, name in owners]
        for source, proposals in commands.items():
            verdicts += [(source, gate.command(arrival_ns, proposal, source)) for arrival_ns, proposal in proposals]
        return [(source, verdict) for source, verdict in verdicts if verdict is not None]

    @property
    def unheard(self) -> list[str]:
        """Joints of which no state has come."""
        with self._lock:
            return self._joints.unheard

    def _hear_driver(self, driver: Driver | None) -> None:
        if driver is None:
            return
        heard: list[tuple[DriverField, Callable[[Gate, Any], None]]] = [
            (each, partial(_tell_ready, each.topic)) for each in driver.ready
        ]
        if driver.speed_scaling is not None:
            heard.append((driver.speed_scaling, _tell_scaling))
        for each, tell in heard:
            kind = driver_class(each)
            take = partial(self._on_driver, each, tell)
            self._node.create_subscription(kind, each.topic, take, qos_profile(each.qos))

    def _on_driver(self, field: DriverField, tell: Callable[[Gate, Any], None], message: Any) -> None:
        value = field_of(message, field.field)
        with self._lock:
            self._driver.append((tell, value))

    @property
    def joints_missing(self) -> str:
        """Why joint states are missing, as far as is known: the newest cannot be read, or joints never came."""
        if self._unread is not None:
            return self._unread
        unheard = self.unheard
        return f"nothing of {unheard} yet" if unheard else ""

    def _on_joint_state(self, stream: JointStream, message: JointState) -> None:
        try:
            with self._lock:
                if not self._joints.take(stream, message, clock_ns(self._node)):
                    return
                self._joint_state = self._joints.whole()
            self._unread = None
        except UserError as error:
            advice = shape_advice(stream, message)
            self._unread = str(error) if advice is None else f"{error} -> {advice}"
            self._ignore("joint_states", error, advice)

    def _on_owner(self, message: String) -> None:
        with self._lock:
            self._owners.append((clock_ns(self._node), message.data))

    def _on_command(self, source: str, message: JointTrajectory) -> None:
        proposal = Proposal(
            message.joint_names,
            [time_ns(point.time_from_start) * 1e-9 for point in message.points],
            [point.positions for point in message.points],
            [point.velocities for point in message.points],
            stamp_ns(message),
        )
        with self._lock:
            waiting = self._commands.setdefault(source, deque(maxlen=MOST_COMMANDS))
            self.flooded[source] += len(waiting) == MOST_COMMANDS
            waiting.append((clock_ns(self._node), proposal))

    def _on_cloud(self, cloud: Cloud, base_frame: str, message: PointCloud2) -> None:
        try:
            seen = seen_of(message, cloud.name, base_frame, cloud.most_voxels)
        except UserError as error:  # the one before counts until it is too old
            self._ignore(cloud.name, error)
            return
        with self._lock:
            self._seen[cloud.name] = stamp_ns(message), seen

    def _on_deadman(self, message: Bool) -> None:
        with self._lock:
            self._held = (clock_ns(self._node), bool(message.data))

    def _on_surprise(self, message: Float32) -> None:
        with self._lock:
            self._surprise = float(message.data)

    def _on_predicted(self, message: Image) -> None:
        """The hardest contact of those (H, 1) that are imagined; one that cannot be read counts as too hard."""
        try:
            newtons = float(predicted.rows(PREDICTED_CONTACT, message).max(initial=0.0))
        except UserError as error:
            self._ignore(PREDICTED_CONTACT, error)
            newtons = np.inf
        with self._lock:
            self._predicted_n = newtons

    def _on_force(self, name: str, convert: Converter, newtons_of: Callable[[Any], float], message: Any) -> None:
        try:
            newtons = newtons_of(convert(message)[1])
        except UserError as error:  # a sensor that overflows or is broken may be in the hardest contact of all
            self._ignore(name, error)
            newtons = np.inf
        with self._lock:
            self._forces_n[name] = max(newtons, self._forces_n.get(name, 0.0))

    def _ignore(self, name: str, error: UserError, advice: str | None = None) -> None:
        self.ignored[name] += 1
        more = "" if advice is None else f" -> {advice}"
        self._node.get_logger().warning(f"{name} cannot be read: {error}{more}", throttle_duration_sec=5.0)


def _tell_ready(topic: str, gate: Gate, value: Any) -> None:
    gate.driver.hear_ready(topic, value)


def _tell_scaling(gate: Gate, value: Any) -> None:
    numeric = isinstance(value, (int, float))
    gate.driver.hear_scaling(float(value) if numeric else np.nan)  # what is no number counts as not ready


def _wrench_n(wrench: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(wrench[:3]))


def _taxels_n(forces: NDArray[np.float32]) -> float:
    """Magnitudes summed: opposite forces do not cancel."""
    return float(np.linalg.norm(forces, axis=-1).sum())


_FORCE: dict[str, Callable[[Any], float]] = {"wrench": _wrench_n, "taxels": _taxels_n}
