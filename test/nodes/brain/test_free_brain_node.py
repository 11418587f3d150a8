"""The brain of a robot without kinematics over real topics: it acts while it pursues, then says zeros once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import rclpy
from action_msgs.msg import GoalStatus
from free_robot import cube_pose, effector_at, free_contract, write_free_bundle
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from world_model_ros.bags.align.tick_log import recorded_ticks
from world_model_ros.bags.replay.replay import replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.brain.tick_loop import TickLoop
from world_model_ros.nodes.brain.topics.goal_inbox import GoalInbox
from world_model_ros.nodes.brain.topics.outbox import BrainOutbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.qos import LATCHED

MAKE = MessageMaker(ros_class)
ACTION, VALUE = "std_msgs/msg/Float64MultiArray", "std_msgs/msg/Float32"
POSE, STRING = "geometry_msgs/msg/PoseStamped", "std_msgs/msg/String"
SAID = {
    "goal/status": "action_msgs/msg/GoalStatusArray",
    "goal/feedback": STRING,
    "goal/result": STRING,
    "goal/refused": STRING,
}


class Robot:
    """Everything in one node: the brain's inboxes, loop and outbox, and who publishes senses and goals to them."""

    def __init__(self, contract: Contract, brain: Brain) -> None:
        self.contract, self.context = contract, Context()
        rclpy.init(context=self.context)
        self.node = Node("free", context=self.context)
        self.streams = StreamInbox(self.node, contract)
        self.goals = GoalInbox(self.node, contract, brain.bundle.manifest)
        outbox = BrainOutbox(self.node, contract, brain)
        self.loop = TickLoop(brain, self.streams, self.goals, outbox, 3, self.context.ok, print)
        self.actions: list[list[float]] = []
        self.ticks: list[dict] = []
        self.heard: list[tuple[str, str, object, int]] = []
        self.said: dict[str, list] = {topic: [] for topic in SAID}
        for topic, kind in (("action", ACTION), ("tick", STRING), *SAID.items()):
            qos = LATCHED if topic == "goal/status" else 10
            self.node.create_subscription(
                ros_class(kind), topic, lambda each, t=topic, k=kind: self._hear(t, k, each), qos
            )
        self._out = {
            topic: (kind, self.node.create_publisher(ros_class(kind), topic, 10))
            for topic, kind in (
                *((each.topic, each.type) for each in contract.deployment.streams),
                ("goal/effector/pose", POSE),
                ("goal/cube_0/pose", POSE),
                ("goal/drawer/value", VALUE),
                ("goal/cancel", "std_msgs/msg/Empty"),
                ("goal/request", STRING),
                ("goal/cancel_id", STRING),
            )
        }
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin)
        self._thread.start()

    def close(self) -> None:
        self.loop.close()
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)

    def _hear(self, topic: str, kind: str, message: object) -> None:
        self.heard.append((topic, kind, message, time.time_ns()))
        if topic in SAID:
            self.said[topic].append(json.loads(message.data) if kind == STRING else message)
        elif topic == "tick":
            self.ticks.append(json.loads(message.data))
        else:
            self.actions.append(list(message.data))

    def say(self, topic: str, message: object) -> None:
        kind, publisher = self._out[topic]
        publisher.publish(message)
        self.heard.append((topic, kind, message, time.time_ns()))

    def connected(self) -> bool:
        """Whether all that is said here is heard: what is said before is lost."""
        heard = all(publisher.get_subscription_count() for _, publisher in self._out.values())
        return heard and all(self.node.count_publishers(topic) for topic in ("action", "tick", *SAID))

    def request(self, **told: object) -> None:
        """Ask on ``goal/request``, and wait until it is heard."""
        before = len(self.goals._asked) + self.goals.refusals
        self.say("goal/request", MAKE.string(json.dumps(told)))
        self.until(lambda: len(self.goals._asked) + self.goals.refusals > before)

    def statuses(self) -> dict[str, int]:
        """The newest status of each goal, by its id."""
        newest = [each for message in self.said["goal/status"][-1:] for each in message.status_list]
        return {str(UUID(bytes=bytes(each.goal_info.goal_id.uuid))): each.status for each in newest}

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60.0
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def sense(self) -> None:
        """All senses now, and wait until they are there."""
        now_ns = time.time_ns()
        self.say("effector/pose", MAKE.pose(effector_at(0), now_ns, "world"))
        self.say("cube_0/pose", MAKE.pose(cube_pose(), now_ns, "world"))
        self.say("gripper/opening", MAKE.float32(0.01 * len(self.ticks)))
        self.say("gripper/contact", MAKE.make("std_msgs/msg/Float64", data=1.0))
        self.until(lambda: all(self.streams.streams.observe(time.time_ns()).fresh.values()))

    def tick(self) -> dict:
        """One tick on fresh senses."""
        before = len(self.ticks)
        self.sense()
        self.until(lambda: not self.loop._busy)  # one that is offered amid another is dropped
        self.loop.offer(time.time_ns())
        self.until(lambda: len(self.ticks) > before)
        return self.ticks[-1]


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Brain:
    contract = free_contract(drawer=True, max_age_s=10.0)  # a busy machine is no fault of what is sensed
    folder = write_free_bundle(tmp_path_factory.mktemp("models") / "free", contract)
    return Brain(load_bundle(folder, contract), contract, "cpu", 1)


@pytest.fixture
def robot(brain: Brain) -> Iterator[Robot]:
    robot = Robot(brain.contract, brain)
    robot.until(robot.connected)
    yield robot
    robot.close()


def pose(x: float, stamp_ns: int = 0) -> object:
    return MAKE.pose([x, 0.0, 0.2, 0, 0, 0, 1], stamp_ns, "world")


def test_it_acts_while_it_pursues_and_says_zeros_once(robot):
    robot.tick()
    assert robot.actions == []
    drawn = {name: robot.node.count_publishers(f"predicted/{name}/path") for name in ("effector", "cube_0", "drawer")}
    assert drawn == {"effector": 1, "cube_0": 1, "drawer": 0}  # which is no place
    robot.say("goal/effector/pose", pose(0.8))
    robot.until(lambda: robot.goals.goal is not None)
    for count in range(1, 4):
        assert robot.tick()["status"] == "pursuing"
        robot.until(lambda count=count: len(robot.actions) == count)
    assert robot.actions[-1] == pytest.approx([0.05, 0, 0, 0, 0])
    assert robot.ticks[-1]["applied"] == pytest.approx([0.05, 0, 0, 0, 0])  # it hears itself
    robot.say("goal/cancel", MAKE.make("std_msgs/msg/Empty"))
    robot.until(lambda: robot.goals.goal is None)
    for _ in range(3):
        assert robot.tick()["status"] == "idle"
    robot.until(lambda: len(robot.actions) >= 4)
    time.sleep(0.2)
    assert len(robot.actions) == 4
    assert robot.actions[-1] == [0.0] * 5


def test_it_says_zeros_when_it_ends_amid_a_goal(robot):
    robot.say("goal/effector/pose", pose(0.8))
    robot.until(lambda: robot.goals.goal is not None)
    robot.tick()
    robot.until(lambda: len(robot.actions) == 1)
    robot.loop.close()
    robot.until(lambda: len(robot.actions) == 2)
    assert robot.actions[-1] == [0.0] * 5


def test_values_and_poses_are_one_goal_in_any_order(robot):
    robot.say("goal/drawer/value", MAKE.float32(0.1))
    robot.until(lambda: robot.goals.goal is not None and robot.goals.goal.kind == "value")
    for target, x in (("effector", 0.4), ("cube_0", 0.5)):
        robot.say(f"goal/{target}/pose", pose(x, 77))
        robot.until(lambda t=target: t in [each.target for each in robot.goals.goal.poses])
    robot.say("goal/drawer/value", MAKE.float32(0.2))
    robot.until(lambda: [round(each.value, 3) for each in robot.goals.goal.values] == [0.2])
    assert [each.target for each in robot.goals.goal.poses] == ["effector", "cube_0"]
    robot.say("goal/effector/pose", pose(0.35, 78))  # another stamp: other poses, and the drawer as before
    robot.until(lambda: len(robot.goals.goal.poses) == 1)
    assert len(robot.goals.goal.values) == 1
    robot.say("goal/drawer/value", MAKE.float32(0.3))
    robot.until(lambda: robot.goals.refusals == 1)
    assert robot.goals.goal is None
    assert "0.0 to 0.25" in robot.goals.refused


def test_actions_of_others_are_what_was_applied_and_bad_ones_are_refused(robot):
    sender = robot.node.create_publisher(ros_class(ACTION), "action", 10)
    robot.until(lambda: robot.node.count_subscribers("action") >= 2)
    robot.tick()
    sender.publish(MAKE.numbers([0.01, 0, 0, 9.0, 0]))
    robot.until(lambda: len(robot.actions) == 1)
    assert robot.tick()["applied"] == pytest.approx([0.01, 0, 0, 0.3, 0])
    assert not any(robot.tick()["applied"])
    sender.publish(MAKE.numbers([0.01]))
    robot.until(lambda: robot.streams.bad["action"] == 1)
    assert not any(robot.tick()["applied"])


def record(robot: Robot, folder: Path) -> None:
    """A bag of all that was heard, by a recorder that is slow."""
    with BagWriter(folder, robot.contract) as bag:
        for topic, kind, message, at_ns in robot.heard:
            made = {"data": message.data} if kind in (VALUE, STRING, "std_msgs/msg/Float64") else None
            late_ns = at_ns + 30_000_000  # numbers have no stamp that would tell
            if kind == POSE:
                at, turn = message.pose.position, message.pose.orientation
                numbers = [at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w]
                stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
                bag.write(topic, kind, bag.make.pose(numbers, stamp_ns, "world"), late_ns)
            elif kind == ACTION:
                bag.write(topic, kind, bag.make.numbers(np.array(message.data)), late_ns)
            elif made is not None:
                bag.write(topic, kind, bag.make.make(kind, **made), late_ns)


def test_replay_of_what_was_recorded_is_exact(robot, brain, tmp_path: Path):
    robot.say("goal/drawer/value", MAKE.float32(0.1))
    robot.say("goal/cube_0/pose", pose(0.5, 77))
    robot.until(lambda: robot.goals.goal is not None and len(robot.goals.goal.wishes) == 2)
    for _ in range(12):
        robot.tick()
    record(robot, tmp_path / "bag")
    with BagReader(tmp_path / "bag") as reader:
        assert len(recorded_ticks(reader, brain.contract)) == 12
    done = replay(tmp_path / "bag", brain.contract, brain, tmp_path / "out")
    same = done.metrics["same_as_live"]
    assert (same["ticks"], same["equal"], same["observations_equal"]) == (12, 12, 12)
    assert (same["commands"], same["commands_equal"]) == (12, 12)


def test_goals_end_in_a_replay_as_they_did_live(robot, brain, tmp_path: Path):
    ids = [str(UUID(int=number)) for number in (21, 22)]
    robot.say("goal/cube_0/pose", pose(0.5, 77))
    robot.until(lambda: robot.goals.goal is not None)
    robot.tick()
    robot.request(id=ids[0], steps=[{"values": {"drawer": 0.1}}, REACH], timeout_s=0.001)
    robot.request(id=ids[1], steps=[REACH], mode="queue")
    robot.until(lambda: robot.tick()["goal"]["id"] == ids[1])
    robot.say("goal/cancel_id", MAKE.string(ids[1]))
    robot.until(lambda: robot.goals._asked)
    robot.until(lambda: robot.tick() and len(robot.said["goal/result"]) == 3)
    assert [each["reason"] for each in robot.said["goal/result"]] == ["preempted", "timeout", "cancelled"]
    record(robot, tmp_path / "bag")
    same = replay(tmp_path / "bag", brain.contract, brain, tmp_path / "out").metrics["same_as_live"]
    assert same["equal"] == same["observations_equal"] == same["ticks"] == len(robot.ticks)
    assert same["commands_equal"] == same["commands"] > 1
    assert (same["goals_ended"], same["goals_equal"]) == (3, 3)


REACH = {"poses": {"effector": [0.8, 0.0, 0.2]}}


def test_a_request_has_status_feedback_and_one_result_under_its_id_in_the_record_too(robot):
    ids = [str(UUID(int=number)) for number in (1, 2, 3)]
    robot.request(id=ids[0], steps=[REACH, {"values": {"drawer": 0.1}}])
    robot.request(id=ids[1], steps=[REACH], mode="queue", timeout_s=5.0)
    tick = robot.tick()
    expected = {ids[0]: GoalStatus.STATUS_EXECUTING, ids[1]: GoalStatus.STATUS_ACCEPTED}
    robot.until(lambda: robot.statuses() == expected and robot.said["goal/feedback"])
    (feedback,) = robot.said["goal/feedback"]
    assert (feedback["id"], feedback["step"], feedback["steps"]) == (ids[0], 0, 2)
    assert (feedback["target"], feedback["unit"]) == ("effector", "m")
    assert feedback["error"] > 0.3
    assert (tick["goal"]["id"], [each["id"] for each in tick["asked"]]) == (ids[0], ids[:2])
    robot.say("goal/cancel_id", MAKE.string(ids[0]))
    robot.until(lambda: robot.goals._asked)
    robot.tick()
    robot.until(lambda: robot.tick() and robot.said["goal/result"])
    (result,) = robot.said["goal/result"]
    assert (result["id"], result["status"], result["reason"]) == (ids[0], "canceled", "cancelled")
    assert robot.tick()["goal"]["id"] == ids[1]
    robot.until(lambda: robot.statuses().get(ids[1]) == GoalStatus.STATUS_EXECUTING)
    robot.say("goal/effector/pose", pose(0.8))
    robot.until(lambda: robot.tick() and len(robot.said["goal/result"]) == 2)
    assert [(each["id"], each["reason"]) for each in robot.said["goal/result"][1:]] == [(ids[1], "preempted")]
    plain = robot.ticks[-1]["goal"]["id"]
    robot.until(lambda: robot.statuses().get(plain) == GoalStatus.STATUS_EXECUTING)
    robot.loop.close()
    robot.until(lambda: len(robot.said["goal/result"]) == 3)
    assert (robot.said["goal/result"][2]["id"], robot.said["goal/result"][2]["reason"]) == (plain, "lost")
    assert ids[2] not in robot.statuses()


def test_a_bad_request_is_answered_by_its_field_and_costs_itself_alone(robot):
    first, second = (str(UUID(int=number)) for number in (11, 12))
    robot.request(id=first, steps=[REACH])
    robot.request(id=second, steps=[{"poses": {"effector": [0.8, 0.0]}}])
    robot.say("goal/cancel_id", MAKE.string(second))
    robot.until(lambda: len(robot.said["goal/refused"]) == 2)
    robot.tick()
    robot.until(lambda: robot.said["goal/result"])
    (result,) = robot.said["goal/result"]
    assert (result["id"], result["status"], result["reason"]) == (second, "rejected", "refused")
    assert result["rule"] == "steps[0].poses.effector"
    assert "x y z" in result["why"]
    assert [each["field"] for each in robot.said["goal/refused"]] == ["steps[0].poses.effector", "goal/cancel_id"]
    assert first in robot.said["goal/refused"][1]["legal"]
    assert robot.tick()["goal"]["id"] == first
