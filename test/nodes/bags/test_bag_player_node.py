"""The player as a process, heard over real topics."""

from __future__ import annotations

import itertools
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peer import Peer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import LATCHED as LATCHED_IN_BAG
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.nodes.qos import LATCHED

pytestmark = pytest.mark.slow

START_NS = 5_000_000_000
COUNT = 100  # joint states at 100 Hz


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("player") / "bag"
    with BagWriter(path) as out:
        out.write("about", "std_msgs/msg/String", out.make.string("an arm"), START_NS, LATCHED_IN_BAG)
        for i in range(COUNT):
            at = START_NS + i * 10_000_000
            message = out.make.joint_state(["a"], [float(i)], stamp_ns=at)
            out.write("joint_states", "sensor_msgs/msg/JointState", message, at)
    return path


class Listener(Peer):
    """Hears what is played, from when it is asked to listen."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.joints: list[JointState] = []
        self.clock: list[int] = []
        self.about: list[str] = []

    def listen(self) -> None:
        self.node.create_subscription(JointState, "joint_states", self.joints.append, 1000)
        self.node.create_subscription(Clock, "/clock", self._tick, 1000)
        self.node.create_subscription(String, "about", lambda message: self.about.append(message.data), LATCHED)

    def _tick(self, message: Clock) -> None:
        self.clock.append(message.clock.sec * 10**9 + message.clock.nanosec)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(random.randrange(1, 100)))
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def play(start_node: Callable[..., subprocess.Popen[str]]) -> Callable[..., subprocess.Popen[str]]:
    return lambda path, *parameters: start_node("bag_player_node", f"path:={path}", *parameters)


def test_every_message_arrives_as_recorded_with_the_time_of_the_bag(
    bag: Path, listener: Listener, play: Callable[..., subprocess.Popen[str]]
) -> None:
    listener.listen()
    process = play(bag)
    last_ns = START_NS + 990_000_000
    listener.spin(lambda: len(listener.joints) == COUNT and listener.clock[-1:] >= [last_ns])
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert f"{COUNT + 1} messages of 2 topics" in output
    assert [message.position[0] for message in listener.joints] == list(np.arange(COUNT, dtype=float))
    assert listener.joints[3].header.stamp.nanosec == 30_000_000
    assert listener.about == ["an arm"]
    assert listener.clock == sorted(listener.clock)
    assert listener.clock[0] - START_NS < 200_000_000
    assert listener.clock[-1] >= last_ns


def test_it_begins_when_somebody_listens(
    bag: Path, listener: Listener, play: Callable[..., subprocess.Popen[str]]
) -> None:
    process = play(bag, "delay:=0.5", "patience:=60.0")
    listener.spin(lambda: listener.node.count_publishers("joint_states") > 0)
    assert (
        listener.call("bag_player/resume").message == "playing at 5.000 s"
    )  # it has been up for a while and has not begun
    listener.listen()
    listener.spin(lambda: len(listener.joints) == COUNT)
    assert [message.position[0] for message in listener.joints] == list(np.arange(COUNT, dtype=float))
    assert listener.about == ["an arm"]
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_it_plays_to_nobody_when_its_patience_ends(
    bag: Path, listener: Listener, play: Callable[..., subprocess.Popen[str]]
) -> None:
    process = play(bag, "patience:=0.1", "rate:=10.0")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert f"{COUNT + 1} messages of 2 topics" in output


def test_it_pauses_resumes_and_loops(bag: Path, listener: Listener, play: Callable[..., subprocess.Popen[str]]) -> None:
    listener.listen()
    process = play(bag, "paused:=true", "loop:=true", "delay:=0.0", "rate:=4.0")
    assert "paused" not in listener.call("bag_player/resume").message
    listener.spin(lambda: len(listener.joints) > COUNT + 10)  # around once
    assert listener.call("bag_player/pause").message.startswith("paused at")
    listener.spin(lambda: len(listener.clock) > 20 and len(set(listener.clock[-20:])) == 1)
    heard, ticks, now = len(listener.joints), len(listener.clock), listener.clock[-1]
    listener.spin(lambda: len(listener.clock) > ticks + 50)
    assert len(listener.joints) == heard
    assert set(listener.clock[ticks:]) == {now}  # time stands still, and is said to
    assert any(b < a for a, b in itertools.pairwise(listener.clock))
    listener.call("bag_player/resume")
    listener.spin(lambda: len(listener.joints) > heard)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_gap_of_years_is_shortened_and_what_cannot_be_played_is_named(
    bag: Path, listener: Listener, play: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    years_ns = 53 * 365 * 86_400 * 10**9
    with BagReader(bag) as old, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in old.raw_messages(["/joint_states"]):
            later = at + years_ns * (at >= START_NS + 500_000_000)
            out.write_raw(topic, kind, raw[:20] if at == START_NS + 10_000_000 else raw, later)
        out.write_raw("/own", "acme_msgs/msg/Thing", b"\0\1\0\0", START_NS, typestore=_acme())
    listener.listen()
    process = play(tmp_path / "bag", "longest_gap:=0.2")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    listener.spin(lambda: len(listener.joints) == COUNT - 1 and listener.clock[-1] - listener.clock[0] > years_ns)
    assert f"a gap of {(years_ns + 10_000_000) * 1e-9:.1f} s after 5.490 s is shortened to 0.2 s" in errors
    assert "bag_player: 1 gaps were shortened" in output
    assert "/own" in output
    assert "/joint_states: sensor_msgs/msg/JointState: got '20 bytes'" in output


def _acme() -> Any:
    types = get_typestore(Stores.EMPTY)
    types.register(get_types_from_msg("", "acme_msgs/msg/Thing"))
    return types


@pytest.mark.parametrize(
    ("parameters", "named"),
    [(["rate:=0.0"], "rate"), (["topics:=/nothing"], "/joint_states"), (["path:=no.mcap"], "no.mcap")],
)
def test_a_mistake_is_one_line(
    bag: Path, listener: Listener, play: Callable[..., subprocess.Popen[str]], parameters: list[str], named: str
) -> None:
    process = play(bag, *parameters)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert named in errors
    assert "Traceback" not in errors
