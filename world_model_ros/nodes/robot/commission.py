"""Runs a commissioning on a robot: hears joints and gate, commands as a person's source, and calls the gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.commissioning.commissioner import Commissioner
from world_model_ros.commissioning.steps import Do
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import (
    APPLIED,
    COMMAND_OWNER,
    GATE_ARM,
    GATE_DISARM,
    GATE_OWNER,
    GATE_RESET,
    GATE_STATE,
    GATE_STOP,
    ROBOT_DESCRIPTION,
)
from world_model_ros.contract.urdf.description import describe
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.gate.playing.news import news_of
from world_model_ros.nodes import signals
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.json_reports import report_of
from world_model_ros.nodes.qos import LATCHED, qos_profile
from world_model_ros.nodes.real_time import go_first
from world_model_ros.nodes.spin import interrupted, make_executor, spin_for, start_ros

_STEP_S = 0.02
_PRIORITY = 20  # as of other programs of a person
_SERVICES = {"arm": GATE_ARM, "disarm": GATE_DISARM, "stop": GATE_STOP, "reset": GATE_RESET}


class CommissionNode(Node):
    """`Commissioner` with topics and services.

    Args:
        who: it. use_sim_time: the time is on ``/clock``.
    """

    def __init__(self, who: Commissioner, use_sim_time: bool = False) -> None:
        super().__init__("commission", parameter_overrides=[Parameter("use_sim_time", value=use_sim_time)])
        self._who, contract = who, who.contract
        self._names = contract.joint_names
        self._make = MessageMaker(ros_class)
        for stream in contract.interface.of(JointStream):
            source = contract.source(stream.name)
            hear = partial(self._on_joints, stream)
            self.create_subscription(JointState, source.topic, hear, qos_profile(source.qos))
        self.create_subscription(JointState, APPLIED, self._on_reference, 10)
        self.create_subscription(String, GATE_STATE, self._on_gate, LATCHED)
        self.create_subscription(String, GATE_OWNER, self._on_owner, LATCHED)
        self.create_subscription(String, ROBOT_DESCRIPTION, self._on_description, LATCHED)
        self._calls = {name: self.create_client(Trigger, service) for name, service in _SERVICES.items()}
        topic = None if who.source is None else who.source.topic
        self._command = None if topic is None else self.create_publisher(JointTrajectory, topic, 1)
        self._owner = None if topic is None else self.create_publisher(String, COMMAND_OWNER, 1)

    def act(self, do: Do) -> None:
        """Do what a step says, but for what concerns the person."""
        if do.command is not None and self._command is not None:
            self._command.publish(self._make.trajectory(do.command))
        if do.own is not None and self._owner is not None:
            self._owner.publish(String(data=do.own))
        if do.call is not None:
            self._call(do.call)

    def _call(self, name: str) -> None:
        client = self._calls[name]
        if not client.service_is_ready():
            self._who.heard.hear_answer(name, False, "no such service")
            return

        def answered(future: Any) -> None:
            result = future.result()
            self._who.heard.hear_answer(name, bool(result.success), str(result.message))

        client.call_async(Trigger.Request()).add_done_callback(answered)

    def _on_joints(self, stream: JointStream, message: JointState) -> None:
        arrival_ns, names = clock_ns(self), list(message.name)
        if names and not set(names) & set(stream.joints):
            return  # another publisher's
        if len(names) != len(message.position) or len(set(names)) != len(names):
            words = f"{len(names)} names, {len(message.position)} positions, or a joint twice"
            self._who.heard.refuse_joints(stream.name, words)
            return
        found = {name: float(place) for name, place in zip(names, message.position) if name in stream.joints}
        self._who.heard.hear_joints(stream.name, arrival_ns, stamp_ns(message), found)

    def _on_reference(self, message: JointState) -> None:
        if tuple(message.name) == self._names:
            self._who.heard.hear_reference(stamp_ns(message), np.array(message.position))

    def _on_gate(self, message: String) -> None:
        report = report_of(message)
        source = self._who.source
        news = None if report is None or source is None else news_of(report, source.name)
        if news is not None:
            self._who.heard.hear_gate(news)

    def _on_owner(self, message: String) -> None:
        report = report_of(message)
        if report is not None:
            refused = report.get("refused")
            self._who.heard.hear_owner(report.get("owner"), None if refused is None else str(refused))

    def _on_description(self, message: String) -> None:
        try:
            joints = describe(message.data, Path(ROBOT_DESCRIPTION)).joints
        except UserError as error:
            self.get_logger().warning(f"{ROBOT_DESCRIPTION} cannot be read: {error}")
            return
        self._who.heard.hear_robot({each.name: each.limit for each in joints})


def commission(
    who: Commissioner,
    ask: Callable[[str], object],
    read_reply: Callable[[], str | None],
    say: Callable[[str], object],
    use_sim_time: bool = False,
) -> None:
    """Step a commissioning to its end; the first SIGINT stops the robot, the second one the program.

    Args:
        ask: shows a question. read_reply: what the person has answered, None as long as there is nothing.
        say: prints a line.
    """
    start_ros()
    try:
        node = CommissionNode(who, use_sim_time)
        executor = make_executor()
        executor.add_node(node)
        go_first(_PRIORITY)  # where that is allowed: a source that is late is silent, and the gate brakes for that
        try:
            _until_ended(node, executor, who, ask, read_reply, say)
        finally:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _until_ended(
    node: CommissionNode,
    executor: Any,
    who: Commissioner,
    ask: Callable[[str], object],
    read_reply: Callable[[], str | None],
    say: Callable[[str], object],
) -> None:
    asked, stopped = False, False
    while True:
        spin_for(executor, _STEP_S)
        if interrupted():
            if stopped:
                return
            say("stops the robot")
            stopped = True
            signals.forget()
            who.interrupt()
        reply = read_reply() if asked else None
        if reply is not None:
            asked = False
            who.heard.hear_reply(reply)
        do = who.step(clock_ns(node))
        if do is None:
            spin_for(executor, _STEP_S)  # what was sent last goes out
            return
        node.act(do)
        if do.say is not None:
            say(do.say)
        if do.ask is not None:
            asked = True
            ask(do.ask)
