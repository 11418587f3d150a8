"""Teleoperation node: a person drives the robot through the gate by gamepad, SpaceMouse, keyboard or leader arm.

It is a process of its own and sends as one source of the contract's ``deployment.sources``. The gate's limits, its
collisions and its alarms hold as for any source, and a person has to arm it. Nothing moves but while the switch is
held; letting go, or a device that falls silent for 0.3 s, brakes.

Parameters: ``robot`` (contract, name or file), ``source`` (of the contract; its one source of kind person without it),
``device`` (gamepad: sensor_msgs/Joy; twist: geometry_msgs/Twist, as of spacenav or teleop_twist_keyboard; leader: the
sensor_msgs/JointState of another arm), ``topic`` (of the device; empty takes joy, cmd_vel or leader/joint_states),
``stamped`` (twist: TwistStamped), ``speed`` (share of the action's bounds that is the most it asks for), ``axes`` and
``buttons`` (gamepad: which does what, see docs/teleoperation.md), ``dead_zone`` (gamepad: of an axis), ``joints``
(leader: pairs joint=leader_joint; empty takes equal names), ``buttons_topic`` (twist and leader: a sensor_msgs/Joy with
the buttons hold, take and give), ``thread_priority`` (SCHED_FIFO priority of the process; 0 for none), ``lock_memory``
(keep the process in memory); both where they are allowed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.topics import APPLIED, COMMAND_OWNER, DIAGNOSTICS, GATE_OWNER, GATE_STATE
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.gate.playing.news import news_of
from world_model_ros.gate.playing.source import source_of
from world_model_ros.gate.teleoperation.devices import (
    GAMEPAD_AXES,
    GAMEPAD_BUTTONS,
    Buttons,
    Gamepad,
    LeaderArm,
    Pressed,
    Velocities,
    buttons_of,
)
from world_model_ros.gate.teleoperation.teleoperator import Teleoperator
from world_model_ros.gate.teleoperation.wish import Wish, nothing
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import OK, STALE, WARN, diagnostics, status
from world_model_ros.nodes.json_reports import report_of
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.real_time import first_of_its_process
from world_model_ros.nodes.spin import run_node

_LEAST_HZ = 25.0  # of commands
_OFTENER = 2.0  # than a source promises
_TOPICS = {"gamepad": "joy", "twist": "cmd_vel", "leader": "leader/joint_states"}
_BUTTONS_LAST_NS = 300_000_000  # joy sends at 20 Hz
_ASKS_NS = 3_000_000_000


class TeleopNode(Node):
    """`Teleoperator` with topics, a device and a clock."""

    def __init__(self) -> None:
        super().__init__("teleop")
        contract = load_contract(str(declare(self, "robot", default_robot())))
        source = source_of(contract, str(declare(self, "source", "")), "person")
        self._device = str(declare(self, "device", "gamepad"))
        if self._device not in _TOPICS:
            raise UserError("device", self._device, f"one of {list(_TOPICS)}")
        self._person = Teleoperator(contract, source.name)
        declare(self, "thread_priority", 20)
        declare(self, "lock_memory", True)
        self._source, self._names = source.name, contract.joint_names
        brains = [each.name for each in contract.deployment.sources or [] if each.kind == "brain" and each.moves]
        self._gives_to = brains[0] if brains else ""
        self._owner: str | None = None
        self._heard_ns = 0
        self._held, self._held_ns = Pressed(held=False), 0
        self._has_switch, self._nothing = False, nothing(contract.interface.action.size)
        self._waits: str | None = ""
        topic = str(declare(self, "topic", "")) or _TOPICS[self._device]
        self._make = MessageMaker(ros_class)
        self._command = self.create_publisher(JointTrajectory, source.topic, 1)
        self._ask = self.create_publisher(String, COMMAND_OWNER, 1)
        self._asking: tuple[str, int] | None = None  # for whom, until when, ns
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        self.create_subscription(String, GATE_STATE, self._on_gate, LATCHED)
        self.create_subscription(String, GATE_OWNER, self._on_owner, LATCHED)
        self.create_subscription(JointState, APPLIED, self._on_reference, 1)
        {"gamepad": self._by_gamepad, "twist": self._by_twist, "leader": self._by_leader}[self._device](contract, topic)
        rate_hz = max(_LEAST_HZ, _OFTENER * (source.rate_hz or contract.interface.tick_hz))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / rate_hz, self._step, clock=steady)
        self.create_timer(0.2, self._ask_again, clock=steady)
        self.create_timer(1.0, self._report, clock=steady)
        self.get_logger().info(f"{self._device} on {topic} drives as {source.name}, on {source.topic}")

    def _by_gamepad(self, contract: Contract, topic: str) -> None:
        axes, buttons = str(declare(self, "axes", "")), str(declare(self, "buttons", ""))
        gamepad = Gamepad(
            contract,
            axes or GAMEPAD_AXES,
            buttons or GAMEPAD_BUTTONS,
            float(declare(self, "speed", 0.5)),
            float(declare(self, "dead_zone", 0.1)),
            usual=not (axes or buttons),
        )

        def read(message: Joy) -> Wish:
            wish, pressed = gamepad.read(message.axes, message.buttons)
            self._press(pressed)
            return wish

        self.create_subscription(Joy, topic, lambda message: self._wish(lambda: read(message)), 5)

    def _by_twist(self, contract: Contract, topic: str) -> None:
        velocities = Velocities(contract, float(declare(self, "speed", 0.5)))
        self._listen_to_buttons()

        def read(twist: Twist) -> Wish:
            linear, angular = twist.linear, twist.angular
            wish = velocities.read(np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]))
            return Wish(wish.rates, held=self._switch_held())

        if declare(self, "stamped", False):
            self.create_subscription(TwistStamped, topic, lambda each: self._wish(lambda: read(each.twist)), 5)
        else:
            self.create_subscription(Twist, topic, lambda each: self._wish(lambda: read(each)), 5)

    def _by_leader(self, contract: Contract, topic: str) -> None:
        leader = LeaderArm(contract, str(declare(self, "joints", "")))
        self._listen_to_buttons()
        if not self._has_switch:
            legal = (
                "a topic of sensor_msgs/Joy with a button to hold: an arm that is always followed cannot be let go of"
            )
            raise UserError("buttons_topic", "", legal)

        def read(message: JointState) -> Wish:
            place = self._person.place
            now_ns = time.monotonic_ns()
            return leader.read(list(message.name), list(message.position), self._switch_held(), place, now_ns)

        self.create_subscription(JointState, topic, lambda message: self._wish(lambda: read(message)), 5)

    def _listen_to_buttons(self) -> None:
        topic, given = str(declare(self, "buttons_topic", "")), str(declare(self, "buttons", "hold=0, take=1, give=2"))
        if not topic:
            return
        buttons = Buttons(buttons_of(given))
        self._has_switch = True

        def hear(message: Joy) -> None:
            try:
                self._held, self._held_ns = buttons.read(message.buttons), clock_ns(self)
            except UserError as error:
                self.get_logger().warning(f"{topic} cannot be used: {error}", throttle_duration_sec=5.0)
                return
            self._press(self._held)
            if not self._held.held:  # at once, not when the device speaks again
                self._person.hear_wish(self._nothing, clock_ns(self))

        self.create_subscription(Joy, topic, hear, 5)

    def _switch_held(self) -> bool:
        """Whether the switch is held, or the device has none."""
        if not self._has_switch:
            return True
        return self._held.held and 0 <= clock_ns(self) - self._held_ns <= _BUTTONS_LAST_NS

    def _wish(self, read: Callable[[], Wish]) -> None:
        try:
            wish = read()
        except UserError as error:
            self.get_logger().warning(f"{self._device} cannot be used: {error}", throttle_duration_sec=5.0)
            return
        self._heard_ns = clock_ns(self)
        self._person.hear_wish(wish, self._heard_ns)
        if not wish.neutral:
            self._say_what_it_waits_for()

    def _press(self, pressed: Pressed) -> None:
        """Take the gate over, or give it back to the brain."""
        owns = self._owner == self._source
        asked = self._source if pressed.take and not owns else self._gives_to if pressed.give and owns else None
        if asked is not None:
            self._asking = (asked, clock_ns(self) + _ASKS_NS)
            self._ask_again()

    def _ask_again(self) -> None:
        """Ask until the gate has heard it: what is sent before a connection stands is lost."""
        if self._asking is None:
            return
        name, until_ns = self._asking
        if clock_ns(self) > until_ns:
            self.get_logger().warning(f"the gate did not answer when {name} was asked for on {COMMAND_OWNER}")
            self._asking = None
        else:
            self._ask.publish(String(data=name))

    def _say_what_it_waits_for(self) -> None:
        waits, before = self._person.waits_for, self._waits
        self._waits = waits
        if waits is not None and waits != before:
            self.get_logger().info(f"nothing moves yet: waits for {waits}")

    def _on_gate(self, message: String) -> None:
        report = report_of(message)
        news = None if report is None else news_of(report, self._source)
        if news is not None:
            self._person.hear_gate(news, clock_ns(self))

    def _on_owner(self, message: String) -> None:
        report = report_of(message)
        if report is None:
            return
        self._owner = report.get("owner")
        self._person.hear_owner(self._owner, report.get("asked"))
        if self._asking is not None and (
            report.get("refused") or self._asking[0] in (self._owner, report.get("asked"))
        ):
            self._asking = None
            if report.get("refused"):
                self.get_logger().warning(f"the gate refused: {report['refused']}")
        self.get_logger().info(f"the gate is owned by {self._owner or 'no source'}")

    def _on_reference(self, message: JointState) -> None:
        if tuple(message.name) == self._names:
            place, speed = np.array(message.position), np.array(message.velocity)
            self._person.hear_reference(place, speed, clock_ns(self))

    def _step(self) -> None:
        if not self._switch_held():
            self._person.hear_wish(self._nothing, clock_ns(self))
        command = self._person.step(clock_ns(self))
        if command is not None:
            self._command.publish(self._make.trajectory(command))

    def _report(self) -> None:
        waits = self._person.waits_for
        level, words = OK, "drives" if waits is None else f"waits for {waits}"
        silent_s = (clock_ns(self) - self._heard_ns) * 1e-9
        if not self._heard_ns:
            level, words = STALE, f"nothing has come from the {self._device} yet"
        elif silent_s > 1.0:
            level, words = WARN, f"the {self._device} has been silent for {silent_s:.0f} s"
        report = status("teleop: device", level, words, {"device": self._device, "owner": self._owner or ""})
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), report))


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    return run_node("teleop_node", first_of_its_process(TeleopNode), TeleopNode.destroy_node)


if __name__ == "__main__":
    sys.exit(main())
