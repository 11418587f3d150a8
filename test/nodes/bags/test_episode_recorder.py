"""`world-model record` next to a robot: what its keys leave on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from peer import Peer
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.nodes.qos import LATCHED

pytestmark = pytest.mark.slow

NAMES = load_contract("tabletop_arm").joint_names


class Robot(Peer):
    """Sends joint states at 50 Hz, and was described once."""

    def __init__(self) -> None:
        super().__init__("robot")
        self.make = MessageMaker(ros_class)
        self.joints = self.node.create_publisher(JointState, "joint_states", 100)
        self.description = self.node.create_publisher(String, "robot_description", LATCHED)
        for text in ("<old/>", "<older/>", "<robot/>"):
            self.description.publish(self.make.string(text))
        self.node.create_timer(0.02, self._send)
        self.sent = 0

    def _send(self) -> None:
        self.sent += 1
        self.joints.publish(self.make.joint_state(NAMES, np.zeros(6), np.zeros(6), stamp_ns=self.now_ns()))

    def rest(self, count: int) -> None:
        """Until so many more have been sent."""
        end = self.sent + count
        self.spin(lambda: self.sent >= end)


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Robot]:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain()))
    robot = Robot()
    yield robot
    robot.close()


def test_keys_leave_one_bag_an_episode_with_task_and_outcome(robot: Robot, tmp_path: Path) -> None:
    program = [str(Path(sys.executable).parent / "world-model"), "record", "--out", str(tmp_path / "set"), "--json"]
    process = subprocess.Popen(
        [*program, "--task", "push the block"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    robot.spin(lambda: robot.joints.get_subscription_count() and robot.description.get_subscription_count())
    robot.rest(25)

    def press(key: str, count: int = 25) -> None:
        assert process.stdin is not None
        process.stdin.write(key + "\n")
        robot.rest(count)

    for key in (" ", "s", "\x1b[D", "\x1bOS", " ", "d", " ", "f", " "):  # arrow left and F4 among them do nothing
        press(key)
    process.stdin.close()  # as Ctrl-D: what is open is kept
    process.stdin = None
    robot.rest(25)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "camera/front/image_raw" in errors  # nothing came on it, and that is said
    assert "NOTHING on joint_states" not in errors
    told = json.loads(output)
    assert told["outcomes"] == {"success": 1, "failure": 1, "kept": 1}
    assert [Path(each).name for each in told["bags"]] == ["episode_00000", "episode_00001", "episode_00002"]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [Path(each).name for each in told["bags"]]
    for path, outcome in zip(told["bags"], ("success", "failure", "kept")):
        with BagReader(path) as bag:
            assert bag.topics()["/robot_description"].count == 1  # the last of three
            said = {topic: message for topic, _, _, message in bag.messages()}
            assert said["/task"].data == "push the block"
            assert said["/episode/outcome"].data == outcome
            assert said["/robot_description"].data == "<robot/>"  # it came once, before any episode
            assert bag.contract_text() is not None
            assert 15 <= bag.topics()["/joint_states"].count <= 45


def test_a_folder_that_cannot_be_made_is_one_line(robot: Robot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    program = [str(Path(sys.executable).parent / "world-model"), "record", "--out", str(tmp_path / "file" / "set")]
    done = subprocess.run(program, input=" ", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "expected a folder that can be made" in done.stderr


def test_without_a_kept_episode_the_answer_is_no(robot: Robot, tmp_path: Path) -> None:
    program = [str(Path(sys.executable).parent / "world-model"), "record", "--out", str(tmp_path / "set")]
    done = subprocess.run([*program], input="xdq", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "0 episodes" in done.stdout
    assert not list((tmp_path / "set").glob("*"))
