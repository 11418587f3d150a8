"""Checks a running robot against its contract: each stream's publishers, QoS and data; who hears commands."""

from __future__ import annotations

import time
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from world_model_ros.check.driver_fit import unheard_driver
from world_model_ros.check.robot_fit import RobotFit
from world_model_ros.check.stream_fit import Finding, qos_findings, type_findings
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import Controller
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.topics import is_own
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.converters import legal_types
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import STATIC, qos_profile
from world_model_ros.nodes.spin import make_executor

_DISCOVERY_S = 2.0
_LOOK_S = 0.25
_LONGER_S = 3.0  # that is listened at most for what was found at the last moment
_ENOUGH_S = 1.0  # within which a publisher says something
_SENT = {
    "joint_trajectory": "trajectory_msgs/msg/JointTrajectory",
    "forward_position": "std_msgs/msg/Float64MultiArray",
    "forward_velocity": "std_msgs/msg/Float64MultiArray",
    "twist": "geometry_msgs/msg/TwistStamped",
}
_SERVED = "/_action/send_goal"  # of an action, the name of a service
_ANY = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)


def check_live(contract: Contract, seconds: float, use_sim_time: bool = False) -> dict[str, Any]:
    """What a robot publishes, next to what its contract says.

    Args:
        seconds: how long to listen, after at most two for finding the topics.
        use_sim_time: take the time from ``/clock``.

    Returns:
        As `RobotFit.report`.
    """
    rclpy.init()
    try:
        node = LiveCheck(contract, use_sim_time)
        executor = make_executor()
        executor.add_node(node)
        begin = time.monotonic()
        while time.monotonic() < begin + _DISCOVERY_S and not node.look():
            executor.spin_once(timeout_sec=0.1)
        begin = looked = time.monotonic()
        while time.monotonic() < begin + seconds or (node.hasty() and time.monotonic() < begin + seconds + _LONGER_S):
            executor.spin_once(timeout_sec=0.1)
            if time.monotonic() > looked + _LOOK_S:  # a driver may come late, or be found late
                looked = time.monotonic()
                node.look()
        return node.report(seconds)
    finally:
        rclpy.try_shutdown()


class LiveCheck(Node):
    """Subscribes each stream as the contract says, or as the robot offers it where that would hear nothing."""

    def __init__(self, contract: Contract, use_sim_time: bool) -> None:
        clock = Parameter("use_sim_time", Parameter.Type.BOOL, use_sim_time)
        super().__init__("live_check", parameter_overrides=[clock])
        self._contract, self._sim_time = contract, use_sim_time
        self._fit = RobotFit(contract)
        self._heard: dict[str, float] = {}  # since when, by the monotonic clock

    def look(self) -> bool:
        """Subscribe what has appeared since the last look; True once every stream has a publisher."""
        for source in self._contract.deployment.streams:
            types = [each.topic_type for each in self._senders(source)]
            if source.name in self._heard or source.type not in types:
                continue
            self._heard[source.name] = time.monotonic()
            wrong = any(each.level == "wrong" for each in qos_findings(source, self._offered(source)))
            qos = _ANY if wrong else qos_profile(source.qos)
            kind = ros_class(source.type)
            self.create_subscription(kind, source.topic, self._listener(source.name), qos)
            if source.static_topic is not None:
                self.create_subscription(kind, source.static_topic, self._fit.streams[source.name].add_static, STATIC)
        return len(self._heard) == len(self._fit.streams)

    def hasty(self) -> bool:
        """Whether it is too early to say that a publisher is silent."""
        quiet = [name for name in self._heard if not self._fit.streams[name].times.rate_hz]
        return any(time.monotonic() < self._heard[name] + _ENOUGH_S for name in quiet)

    def report(self, seconds: float) -> dict[str, Any]:
        """The outcome, see `check_live`."""
        for name in self._heard:
            self._fit.streams[name].until_ns = clock_ns(self)
        topics = [self._topic(source) for source in self._contract.deployment.streams]
        return self._fit.report(seconds, topics, self._command())

    def _listener(self, name: str) -> Any:
        return lambda message: self._fit.add(name, message, clock_ns(self))

    def _topic(self, source: StreamSource) -> dict[str, Any]:
        fit, publishers = self._fit.streams[source.name], self._senders(source)
        legal = legal_types(fit.stream.kind)
        if not publishers:
            findings = [self._silent(source, legal)]
        else:
            findings = type_findings(source, legal, [each.topic_type for each in publishers])
            findings += qos_findings(source, self._offered(source))
            if not fit.messages and not fit.others and source.name in self._heard:
                findings.append(Finding("publishers", "a publisher, but no message", "the driver", "wrong"))
            if len(publishers) > 1 and not fit.shared:
                names = sorted(each.node_name for each in publishers)
                findings.append(Finding("publishers", f"{len(names)}: {names}", "one publisher a topic", "note"))
        return self._fit.topic(source.name, self.resolve_topic_name(source.topic), findings)

    def _published(self) -> dict[str, list[str]]:
        """Types of each topic that something publishes."""
        return {topic: types for topic, types in self.get_topic_names_and_types() if self.count_publishers(topic)}

    def _silent(self, source: StreamSource, legal: list[str]) -> Finding:
        found = self._published()
        taken = {self.resolve_topic_name(each.topic) for each in self._contract.deployment.streams}
        free = {topic for topic in found if topic not in taken and not is_own(topic, self.resolve_topic_name)}
        alike = sorted(topic for topic in free if set(found[topic]) & set(legal))
        if not found.keys() - {"/rosout", "/parameter_events"}:
            change = "start the robot; or its ROS_DOMAIN_ID, discovery range or middleware is another than here"
        elif alike:
            change = f"deployment.streams: {source.name}: topic: one of {alike}"
        else:
            change = f"the driver; no other topic here has a type that fits, {legal}"
        return Finding("publishers", "no publisher", change, "wrong" if source.required else "note")

    def _command(self) -> list[Finding]:
        command = self._contract.deployment.command
        if command is None:
            return []
        controllers = command.controllers(self._contract.joint_names)
        found = [finding for each in controllers for finding in self._controller(each)]
        return found + unheard_driver(self._contract, self._published(), self.resolve_topic_name)

    def _controller(self, controller: Controller) -> list[Finding]:
        if controller.grips:
            return [self._gripper(controller.topic)]
        topic, kind = controller.topic, _SENT[controller.interface]
        found = []
        if not self.count_subscribers(topic):
            alike = sorted(
                name
                for name, types in self.get_topic_names_and_types()
                if kind in types and self.count_subscribers(name) and not is_own(name, self.resolve_topic_name)
            )
            change = "start the controller, or deployment.command: topic"
            change += f": one of {alike}" if alike else f"; nothing here listens to a {kind}"
            found.append(Finding("command", f"no subscriber of {topic}", change, "wrong"))
        gates = {"command_gate"}
        others = {each.node_name for each in self.get_publishers_info_by_topic(topic)} - gates
        if others:
            change = "stop it before the gate is armed: a controller should have one master"
            found.append(Finding("command", f"{sorted(others)} publish on {topic}", change, "note"))
        return found or [Finding("command", f"{topic} has a subscriber")]

    def _gripper(self, action: str) -> Finding:
        """Whether the action of a gripper has a server."""
        served = [name for name, _ in self.get_service_names_and_types() if name.endswith(_SERVED)]
        if f"{self.resolve_topic_name(action)}{_SERVED}" in served:
            return Finding("command", f"{action} has an action server")
        change = "start the controller, or deployment.command: others: topic"
        change += f": one of {sorted(name.removesuffix(_SERVED) for name in served)}" if served else ""
        return Finding("command", f"no action server {action}", change, "wrong")

    def _senders(self, source: StreamSource) -> Any:
        return self.get_publishers_info_by_topic(source.topic)

    def _offered(self, source: StreamSource) -> list[tuple[str, str]]:
        profiles = [each.qos_profile for each in self._senders(source)]
        return [(each.reliability.name.lower(), each.durability.name.lower()) for each in profiles]
