"""The brain as its own process: ticks at its rate, commands only when it may, and survives nonsense."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from peer import start
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from toy_bundle import HOME_XY

from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.trajectory import trajectory_from
from world_model_ros.kinematics.arm import ArmKinematics, tool_down

pytestmark = pytest.mark.slow

CONTRACT = load_contract("tabletop_arm")
ARM = ArmKinematics(CONTRACT)
HOME = ARM.solve(np.array([0.0, -1.2, 1.6, -1.9, -1.57, 0.0]), np.array([*HOME_XY, 0.03]), tool_down())
MAKE = MessageMaker(ros_class)
HEARD = {
    "command": "trajectory_msgs/msg/JointTrajectory",
    "tick": "std_msgs/msg/String",
    "contract": "std_msgs/msg/String",
    "surprise": "std_msgs/msg/Float32",
    "predicted/states": "sensor_msgs/msg/Image",
    "predicted/contact": "sensor_msgs/msg/Image",
    "predicted/path": "nav_msgs/msg/Path",
    "predicted/joints": "trajectory_msgs/msg/JointTrajectory",
    "predicted/object_0/path": "nav_msgs/msg/Path",
    "predicted/object_0/region": "visualization_msgs/msg/MarkerArray",
    "predicted/candidates": "visualization_msgs/msg/MarkerArray",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
}


class Robot:
    """A robot that does exactly as commanded, with all its senses, in real time or on a clock of its own.

    ``silent`` streams are not published; ``joints`` may be replaced by nonsense.
    """

    def __init__(self, domain: int, start_ns: int | None = None) -> None:
        self.late_ns = 0  # of joint states
        self.domain, self.silent, self.heard = domain, set[str](), defaultdict(list)
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("robot", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for topic, kind in HEARD.items():
            qos = latched if topic == "contract" else 10
            self.node.create_subscription(ros_class(kind), topic, lambda m, topic=topic: self._hear(topic, m), qos)
        self._senses = {
            source.name: self.node.create_publisher(ros_class(source.type), source.topic, 10)
            for source in CONTRACT.deployment.streams
        }
        self._applied = self.node.create_publisher(ros_class("sensor_msgs/msg/JointState"), "gate/applied", 10)
        self._clock = self.node.create_publisher(ros_class("rosgraph_msgs/msg/Clock"), "/clock", 10)
        self.goals = {
            topic: self.node.create_publisher(ros_class(kind), topic, 10)
            for topic, kind in {
                "goal/fingertip/pose": "geometry_msgs/msg/PoseStamped",
                "goal/image": "sensor_msgs/msg/Image",
                "goal/cancel": "std_msgs/msg/Empty",
            }.items()
        }
        self.q, self.trajectory, self.spoil = HOME, None, lambda position: position
        self.own_clock_ns, self._ended = start_ns, threading.Event()
        self._threads = [threading.Thread(target=self._live), threading.Thread(target=self._executor.spin)]
        for thread in self._threads:
            thread.start()

    @property
    def tip(self) -> np.ndarray:
        return ARM.tip(self.q)[0]

    def close(self) -> None:
        self._ended.set()
        self._executor.shutdown()
        for thread in self._threads:
            thread.join()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def ticks(self) -> list[dict]:
        return [json.loads(message.data) for message in self.heard["tick"]]

    def wait(self, fulfilled: Callable[[], object], timeout_s: float = 60.0) -> None:
        end = time.monotonic() + timeout_s
        while not fulfilled():
            assert time.monotonic() < end, f"still not so after {timeout_s} s; last tick {self.ticks()[-1:]}"
            time.sleep(0.02)

    def wait_for_status(self, status: str) -> None:
        self.wait(lambda: self.ticks()[-1:] and self.ticks()[-1]["status"] == status)

    def go_to(self, x: float, y: float, frame: str = "base_link") -> None:
        self.goals["goal/fingertip/pose"].publish(MAKE.pose([x, y, 0.03, 0, 0, 0, 1], 0, frame))

    def diagnostic(self, name: str) -> tuple[str, dict[str, str]]:
        for message in reversed(self.heard["/diagnostics"]):
            for status in message.status:
                if status.name == name:
                    return status.message, {pair.key: pair.value for pair in status.values}
        return "", {}

    def _hear(self, topic: str, message: object) -> None:
        self.heard[topic].append(message)
        if topic == "command":
            self.trajectory = trajectory_from(message, CONTRACT.joint_names)

    def _live(self) -> None:
        for step in range(10**9):
            if self._ended.wait(0.01):
                return
            if self.own_clock_ns is not None:
                self.own_clock_ns += 10_000_000
                self._clock.publish(MAKE.make("rosgraph_msgs/msg/Clock", clock=MAKE.time(self.own_clock_ns)))
            self._sense(step, self.own_clock_ns or time.time_ns())

    def _sense(self, step: int, now_ns: int) -> None:
        velocity = np.zeros(6)
        if self.trajectory is not None:
            self.q, velocity = self.trajectory.sample(now_ns)
        say = {
            "arm": lambda: MAKE.joint_state(
                CONTRACT.joint_names, self.spoil(self.q), velocity, velocity, stamp_ns=now_ns - self.late_ns
            ),
            "front": lambda: MAKE.image(np.zeros((128, 128, 3), np.uint8), "rgb8", now_ns),
            "table_mic": lambda: MAKE.sound(np.zeros((320, 1)), now_ns - 20_000_000),
            "fingertip_taxels": lambda: MAKE.tensor(np.zeros((4, 8, 3), np.float32), now_ns),
            "wrist_wrench": lambda: MAKE.wrench(np.zeros(6), now_ns, "wrist_ft"),
        }
        every = {"front": 3, "table_mic": 2}
        for name, make in say.items():
            if name not in self.silent and step % every.get(name, 1) == 0:
                self._senses[name].publish(make())
        if step % 2 == 0:
            self._applied.publish(MAKE.joint_state(CONTRACT.joint_names, self.q, velocity, stamp_ns=now_ns))


def end(process: subprocess.Popen) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


@pytest.fixture(scope="module")
def robot():
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    robot = Robot(free_domain())
    yield robot
    robot.close()


@pytest.fixture(scope="module")
def process(robot, toy_bundle):
    """A brain that ticks and sees everything."""
    process = start("brain.world_model_node", robot.domain, f"model:={toy_bundle}", "threads:=1")
    robot.wait(lambda: robot.ticks() and all(robot.ticks()[-1]["fresh"].values()), 60)
    yield process
    code, output = end(process)
    assert code == 0, output
    assert "Traceback" not in output


@pytest.fixture
def brain(robot, process):
    """The same, holding still without a goal."""
    robot.silent.clear()
    robot.spoil = lambda position: position
    robot.goals["goal/cancel"].publish(MAKE.make("std_msgs/msg/Empty"))
    robot.wait(lambda: [tick["goal"] or tick["refused_goal"] for tick in robot.ticks()[-2:]] == [None, None])
    robot.wait_for_status("idle")
    for messages in robot.heard.values():
        messages.clear()
    return process


def test_it_ticks_at_its_rate_and_commands_with_the_observations_stamp(robot, brain):
    robot.wait(lambda: len(robot.ticks()) > 20)
    ticks = robot.ticks()
    assert np.diff([tick["index"] for tick in ticks]).max() == 1
    spans = np.diff([tick["now_ns"] for tick in ticks])
    missed = ticks[-1]["missed"] - ticks[0]["missed"]
    assert spans.sum() / 1e8 == pytest.approx(len(spans) + missed, abs=1.2)
    assert np.median(spans) == pytest.approx(1e8, rel=0.05)
    stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for message in robot.heard["command"]]
    assert set(stamps) <= {tick["now_ns"] for tick in ticks} | {stamps[-1]}
    stages_ms = ticks[-1]["stages_ms"]
    assert {"convert", "observe", "perceive", "plan", "kinematics", "total"} <= set(stages_ms)
    assert 0.0 < stages_ms["runtime"] <= stages_ms["perceive"] + stages_ms["aim"] + stages_ms["plan"]


def test_a_pose_goal_is_reached_and_its_futures_are_published(robot, brain):
    robot.go_to(0.55, 0.1)
    robot.wait_for_status("reached")
    np.testing.assert_allclose(robot.tip, [0.55, 0.1, 0.03], atol=0.006)
    moving = [tick for tick in robot.ticks() if tick["status"] == "pursuing"]
    assert max(np.linalg.norm(tick["applied"]) for tick in moving) > 0.02
    assert moving[0]["goal"]["pose"][:2] == pytest.approx([0.55, 0.1])
    states = robot.heard["predicted/states"][-1]
    assert (states.height, states.width, states.encoding) == (12, 8, "32FC1")
    assert len(robot.heard["predicted/object_0/path"][-1].poses) == 12
    assert len(robot.heard["predicted/path"][-1].poses) == 13
    assert len(robot.heard["predicted/joints"][-1].points) == 12
    assert robot.heard["predicted/object_0/region"][-1].markers
    assert robot.heard["predicted/candidates"][-1].markers


def test_joint_states_that_are_not_numbers_are_counted_and_nothing_is_commanded(robot, brain):
    robot.go_to(0.5, 0.1)
    robot.spoil = lambda position: np.full(6, np.nan)
    robot.wait_for_status("joint_states stale")
    commands = len(robot.heard["command"])
    robot.wait(
        lambda: (
            len(robot.heard["/diagnostics"]) > 1 and int(robot.diagnostic("world_model: senses")[1]["arm_refused"]) > 20
        )
    )
    assert len(robot.heard["command"]) == commands
    assert "without arm" in robot.diagnostic("world_model: senses")[0]
    robot.spoil = lambda position: position
    robot.wait(lambda: len(robot.heard["command"]) > commands)


@pytest.mark.parametrize(("x", "frame", "words"), [(0.9, "base_link", "workspace_m"), (0.5, "map", "frame_id")])
def test_a_goal_that_cannot_be_meant_is_refused_and_nothing_moves(robot, brain, x, frame, words):
    robot.go_to(x, 0.0, frame)
    robot.wait(lambda: robot.ticks() and robot.ticks()[-1]["refused_goal"])
    tick, tip = robot.ticks()[-1], robot.tip
    assert words in tick["refused_goal"]
    assert tick["goal"] is None
    robot.wait(lambda: "goal refused" in robot.diagnostic("world_model: goal")[0])
    np.testing.assert_allclose(robot.tip, tip, atol=1e-3)


def test_a_goal_image_waits_for_the_camera(robot, brain):
    robot.silent.add("front")
    robot.wait(lambda: robot.ticks() and not robot.ticks()[-1]["fresh"]["front"])
    tip = robot.tip
    robot.goals["goal/image"].publish(MAKE.image(np.full((128, 128, 3), 200, np.uint8), "rgb8", 0))
    robot.wait_for_status("image goal needs camera front")
    time.sleep(0.5)
    np.testing.assert_allclose(robot.tip, tip, atol=1e-3)
    robot.silent.clear()
    robot.wait_for_status("pursuing")


def test_a_refusal_of_the_gate_reaches_the_next_tick_and_what_is_no_state_of_a_gate_does_not(robot, brain):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    gate = robot.node.create_publisher(ros_class("std_msgs/msg/String"), "gate/state", latched)
    robot.wait(lambda: len(robot.ticks()) > 2 and gate.get_subscription_count())

    def say(text: str) -> None:
        message = ros_class("std_msgs/msg/String")()
        message.data = text
        gate.publish(message)
        ticks = len(robot.ticks())
        robot.wait(lambda: len(robot.ticks()) > ticks + 3)

    def told() -> list[str]:
        return [tick["gate_refusal"] for tick in robot.ticks() if tick["gate_refusal"] is not None]

    say(json.dumps({"refused": 4, "rule": "position"}))  # from before there was a brain
    say("no state")
    say(json.dumps({"refused": 5, "rule": "stamp"}))  # no other plan would have been in time
    assert told() == []
    say(json.dumps({"refused": 6, "rule": "velocity"}))
    say(json.dumps({"refused": 6, "rule": "velocity"}))  # again, for who comes late
    assert told() == ["velocity"]


def test_diagnostics_say_how_the_ticks_go(robot, brain):
    robot.wait(lambda: robot.diagnostic("world_model: tick")[1])
    _, values = robot.diagnostic("world_model: tick")
    assert float(values["rate_hz"]) == pytest.approx(10.0, rel=0.3)
    assert {"perceive_p50_ms", "plan_p99_ms", "publish_p50_ms", "total_p99_ms", "ticks_missed"} <= set(values)
    assert (values["provider"], values["model"]) == ("cpu", "toy")


def test_joint_states_that_come_late_are_named_on_diagnostics(robot, brain):
    robot.wait(lambda: robot.diagnostic("world_model: drivers")[1].get("joint_states_hz"))
    robot.late_ns = 150_000_000
    try:
        robot.wait(lambda: float(robot.diagnostic("world_model: drivers")[1]["joint_states_late_ms_p50"]) > 140)
        message, values = robot.diagnostic("world_model: drivers")
        assert "joint states" in message
        assert "ms late" in message or "ms apart" in message
        assert float(values["limit_ms"]) == pytest.approx(100.0)
        assert float(values["joint_states_hz"]) > 30
        assert {"brain_cores", "idle_cores", "cores", "real_time_priority", "joint_states_gap_ms"} <= set(values)
    finally:
        robot.late_ns = 0
    robot.wait(lambda: float(robot.diagnostic("world_model: drivers")[1]["joint_states_late_ms_p50"]) < 100)


def test_deactivated_it_is_silent_and_activated_it_ticks_again(robot, brain):
    client = robot.node.create_client(ChangeState, "world_model/change_state")
    assert client.wait_for_service(60)

    def change(transition: int) -> bool:
        return client.call(ChangeState.Request(transition=Transition(id=transition))).success

    assert change(Transition.TRANSITION_DEACTIVATE)
    time.sleep(0.2)
    before = len(robot.heard["tick"])
    time.sleep(0.4)
    assert len(robot.heard["tick"]) == before
    assert change(Transition.TRANSITION_ACTIVATE)
    robot.wait(lambda: len(robot.heard["tick"]) > before + 2)


def test_the_contract_is_there_for_who_comes_late(robot, brain):
    late = Robot(robot.domain)
    late.silent.update(source.name for source in CONTRACT.deployment.streams)
    try:
        late.wait(lambda: late.heard["contract"])
        assert late.heard["contract"][0].data == CONTRACT.text
    finally:
        late.close()


def test_on_a_clock_that_jumps_back_it_starts_its_belief_anew(toy_bundle):
    robot = Robot(free_domain(), start_ns=1000 * 10**9)
    process = start("brain.world_model_node", robot.domain, f"model:={toy_bundle}", "use_sim_time:=true", "threads:=1")
    try:
        robot.wait(lambda: len(robot.ticks()) > 5 and robot.ticks()[-1]["fresh"]["arm"], 60)
        assert not robot.ticks()[-1]["restarted"]
        robot.trajectory, robot.own_clock_ns = None, 500 * 10**9
        robot.wait(lambda: robot.ticks()[-1]["now_ns"] < 600 * 10**9 and robot.ticks()[-1]["fresh"]["arm"])
        assert sum(tick["restarted"] for tick in robot.ticks() if tick["now_ns"] < 600 * 10**9) == 1
        code, output = end(process)
        assert code == 0, output
    finally:
        process.kill()
        robot.close()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"model": "no_such"}, "model: got 'no_such'"), ({"provider": "tensorrt"}, "provider: got 'tensorrt'")],
)
def test_a_wrong_parameter_is_one_clear_error(toy_bundle, parameters, words):
    process = start(
        "brain.world_model_node",
        free_domain(),
        *(f"{name}:={value}" for name, value in {"model": toy_bundle, **parameters}.items()),
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert words in output
    assert "Traceback" not in output
    assert len(output.splitlines()) == 1
