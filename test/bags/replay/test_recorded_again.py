"""A bag that was played and recorded again says the same, though its messages were received at other times."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bags.align.tick_log import recorded_ticks
from world_model_ros.bags.replay.replay import ReplayOptions, replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.tick_record import TickRecord
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, image_digest
from world_model_ros.core.streams import Observation

pytest.importorskip("torch", reason="the toy bundles are exported with torch")

SECOND_NS = 10**9
DECADE_NS = 10 * 365 * 86_400 * SECOND_NS
PICTURES = [np.full((64, 64, 3), grey, np.uint8) for grey in (90, 200)]


@pytest.fixture(scope="module")
def brain(toy_bundle: Path, contract: Contract) -> Brain:
    return Brain(load_bundle(toy_bundle, contract), contract, "cpu")


@pytest.fixture(scope="module")
def live(contract: Contract, arm_bag: Path, brain: Brain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag with ticks that pursue two goal images, one after the other."""
    folder = tmp_path_factory.mktemp("live")
    replay(arm_bag, contract, brain, folder / "first")
    goals = [
        {"kind": "image", "stamp_ns": stamp, "target": None, "pose": None, "joints": None, "image": image_digest(image)}
        for stamp, image in zip((999 * SECOND_NS, 1001 * SECOND_NS), PICTURES)
    ]
    with BagReader(folder / "first" / "bag") as bag, BagWriter(folder / "live") as out:
        rows = []
        for topic, kind, at, raw in bag.raw_messages():
            if topic == "/tick":
                record = json.loads(bag.decode(topic, raw).data)
                record["goal"] = goals[at >= 1001 * SECOND_NS]
                rows.append((at + 3_000_000, topic, kind, out.make.string(json.dumps(record))))
            elif topic not in ("/command", "/contract"):
                rows.append((at, topic, kind, bag.decode(topic, raw)))
        for at, image in zip((1000 * SECOND_NS + 1, 1001 * SECOND_NS - 50_000_000), PICTURES):
            rows.append((at, "/goal/image", "sensor_msgs/msg/Image", out.make.image(image, "rgb8", 0)))
        for at, topic, kind, message in sorted(rows, key=lambda row: row[0]):
            out.write(topic, kind, message, at)
    return folder / "live"


def again(source: Path, path: Path, rate: float, later_ns: int) -> Path:
    """As another recorder had it while the bag was played at a rate, by its own clock; goal images came at the end."""
    with BagReader(source) as bag, BagWriter(path) as out:
        start_ns, end_ns = bag.start_ns, bag.end_ns
        rows = []
        for topic, kind, at, raw in bag.raw_messages():
            received = end_ns if topic == "/goal/image" else at
            rows.append((start_ns + later_ns + round((received - start_ns) / rate), topic, kind, raw))
        for at, topic, kind, raw in sorted(rows, key=lambda row: row[0]):
            out.write_raw(topic, kind, raw, at)
    return path


@pytest.mark.parametrize(("rate", "later_ns"), [(1.0, 0), (1.0, DECADE_NS), (0.25, DECADE_NS), (4.0, DECADE_NS)])
def test_it_is_replayed_as_the_first_recording(
    contract: Contract, brain: Brain, live: Path, tmp_path: Path, rate: float, later_ns: int
) -> None:
    path = again(live, tmp_path / "again", rate, later_ns)
    first = replay(live, contract, brain, tmp_path / "one").metrics
    second = replay(path, contract, brain, tmp_path / "two").metrics
    assert first["ticks"] == 20
    for key in ("ticks", "fresh", "same_as_live", "commands_sha256", "surprise", "refused", "prediction"):
        assert second[key] == first[key], key
    with BagReader(path) as bag:
        ticks = recorded_ticks(bag, contract)
        assert abs(bag.start_ns - 1000 * SECOND_NS) < 8 * SECOND_NS
    for tick in ticks:
        assert tick.goal is not None
        assert np.array_equal(tick.goal.image, PICTURES[tick.plan.now_ns >= 1001 * SECOND_NS])


def test_it_goes_on_from_where_a_replay_of_it_stopped(
    contract: Contract, brain: Brain, live: Path, tmp_path: Path
) -> None:
    path = again(live, tmp_path / "again", 1.0, DECADE_NS)
    whole = replay(path, contract, brain, tmp_path / "whole").metrics
    half = replay(path, contract, brain, tmp_path / "half", ReplayOptions(until_s=1.0)).metrics
    rest = replay(
        path, contract, brain, tmp_path / "rest", ReplayOptions(resume=tmp_path / "half" / "memory.npz")
    ).metrics
    assert 5 < half["ticks"] < 15
    assert half["ticks"] + rest["ticks"] == whole["ticks"]


def test_a_goal_image_that_is_not_in_the_bag_is_said_to_be_missing(
    contract: Contract, live: Path, tmp_path: Path
) -> None:
    with BagReader(live) as bag, BagWriter(tmp_path / "without") as out:
        count = 0
        for topic, kind, at, raw in bag.raw_messages():
            count += topic == "/goal/image"
            if topic != "/goal/image" or count == 1:
                out.write_raw(topic, kind, raw, at)
    with BagReader(tmp_path / "without") as bag, pytest.raises(UserError, match=image_digest(PICTURES[1])):
        recorded_ticks(bag, contract)


def test_one_record_that_cannot_be_read_costs_that_one(contract: Contract, live: Path, tmp_path: Path) -> None:
    with BagReader(live) as bag, BagWriter(tmp_path / "one") as out:
        count = 0
        for topic, kind, at, raw in bag.raw_messages():
            count += topic == "/tick"
            out.write_raw(topic, kind, raw[:30] if topic == "/tick" and count == 7 else raw, at)
    with BagReader(tmp_path / "one") as bag:
        assert len(recorded_ticks(bag, contract)) == 19
        (line,) = bag.damage
        assert "/tick: 1 records left out" in line


def test_a_tick_says_which_image_it_pursues() -> None:
    goal = Goal("image", 5, image=PICTURES[0])
    record = TickRecord(0, 0, Observation(0, {}, {}, {}), np.zeros(2), None, goal, None, 0, {})
    assert json.loads(record.json())["goal"]["image"] == image_digest(PICTURES[0].copy())
    assert image_digest(PICTURES[0]) != image_digest(PICTURES[1])
