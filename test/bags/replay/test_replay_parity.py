"""A replay gives the same bytes every time, at any speed, and in two halves."""

from __future__ import annotations

import io
import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from toy_bundle import write_toy_bundle

from world_model_ros.bags.replay.output_bag import ReplayBag
from world_model_ros.bags.replay.replay import Replay, ReplayOptions, replay
from world_model_ros.bags.replay.state import load_state
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError

torch = pytest.importorskip("torch", reason="the toy bundles are exported with torch")


@pytest.fixture(scope="module")
def brain(toy_bundle: Path, contract: Contract) -> Brain:
    return Brain(
        load_bundle(toy_bundle, contract), contract, "cpu", policy="random"
    )  # each command hangs on seed and memory


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, arm_bag: Path, brain: Brain
) -> tuple[Path, Replay]:
    out = tmp_path_factory.mktemp("whole")
    return out, replay(arm_bag, contract, brain, out, ReplayOptions(seed=5))


def raw(bag_path: Path, *topics: str) -> list[tuple[str, int, bytes]]:
    with BagReader(bag_path) as bag:
        return [(topic, at, bytes(data)) for topic, _, at, data in bag.raw_messages(topics or None)]


def test_two_replays_write_the_same_file_to_the_last_byte(
    contract: Contract, arm_bag: Path, brain: Brain, whole: tuple[Path, Replay], tmp_path: Path
) -> None:
    again = replay(arm_bag, contract, brain, tmp_path, ReplayOptions(seed=5))
    assert (tmp_path / "bag" / "bag.mcap").read_bytes() == (whole[0] / "bag" / "bag.mcap").read_bytes()
    assert again.metrics["commands_sha256"] == whole[1].metrics["commands_sha256"]
    other = replay(arm_bag, contract, brain, tmp_path / "other", ReplayOptions(seed=6))
    assert other.metrics["commands_sha256"] != whole[1].metrics["commands_sha256"]


def test_speed_changes_nothing(
    contract: Contract, arm_bag: Path, brain: Brain, whole: tuple[Path, Replay], tmp_path: Path
) -> None:
    begun = time.monotonic()
    paced = replay(arm_bag, contract, brain, tmp_path, ReplayOptions(seed=5, rate=2.0))
    assert time.monotonic() - begun > 0.9  # 19 ticks of 0.1 s
    assert paced.metrics["commands_sha256"] == whole[1].metrics["commands_sha256"]
    assert (tmp_path / "bag" / "bag.mcap").read_bytes() == (whole[0] / "bag" / "bag.mcap").read_bytes()


def test_two_halves_with_the_memory_between_are_the_whole(
    contract: Contract, arm_bag: Path, brain: Brain, whole: tuple[Path, Replay], tmp_path: Path
) -> None:
    first = replay(arm_bag, contract, brain, tmp_path / "1", ReplayOptions(seed=5, until_s=0.95))
    second = replay(
        arm_bag, contract, brain, tmp_path / "2", ReplayOptions(seed=5, resume=tmp_path / "1" / "memory.npz")
    )
    assert (first.metrics["ticks"], second.metrics["ticks"]) == (10, 10)
    topics = ("/tick", "/command", "/surprise")
    halves = raw(tmp_path / "1" / "bag", *topics) + raw(tmp_path / "2" / "bag", *topics)
    assert sorted(halves) == sorted(raw(whole[0] / "bag", *topics))


def test_the_memory_between_holds_what_surprise_looks_back_to(
    contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
) -> None:
    replay(arm_bag, contract, brain, tmp_path, ReplayOptions(seed=5, until_s=0.95))
    (memory, _), *_ = load_state(tmp_path / "memory.npz", brain).left
    assert len(memory.past) == 4
    actions = np.stack([action for _, action in memory.past])
    went = np.stack([belief for belief, _ in memory.past] + [memory.belief])[:, :2]
    np.testing.assert_allclose(np.diff(went, axis=0), actions, atol=1e-6)  # where the toy is led


def cut(whole: bytes) -> bytes:
    return whole[:-30]


def swapped(whole: bytes) -> bytes:
    """With other bytes amid it."""
    middle = len(whole) // 2
    return whole[:middle] + bytes(255 - each for each in whole[middle : middle + 200]) + whole[middle + 200 :]


def an_array(_: bytes) -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    return out.getvalue()


@pytest.mark.parametrize("broken", [lambda _: b"nothing", lambda _: b"", cut, swapped, an_array])
def test_a_file_that_is_no_memory_is_one_line(brain: Brain, whole: tuple[Path, Replay], tmp_path: Path, broken) -> None:
    path = tmp_path / "memory.npz"
    path.write_bytes(broken((whole[0] / "memory.npz").read_bytes()))
    with pytest.raises(UserError, match=r"memory\.npz that a replay wrote"):
        load_state(path, brain)


def test_a_memory_of_another_model_is_refused(
    contract: Contract, arm_bag: Path, brain: Brain, whole: tuple[Path, Replay], tmp_path: Path
) -> None:
    other = Brain(load_bundle(write_toy_bundle(tmp_path / "other", contract, broken=True), contract), contract, "cpu")
    with pytest.raises(UserError, match="the memory of the model other"):
        replay(arm_bag, contract, other, tmp_path / "a", ReplayOptions(resume=whole[0] / "memory.npz"))


def test_what_was_recorded_stands_beside_the_futures(arm_bag: Path, whole: tuple[Path, Replay]) -> None:
    recorded = raw(arm_bag)
    written = raw(whole[0] / "bag", *{topic for topic, _, _ in recorded})
    assert sorted(written) == sorted(recorded)


def test_an_independent_reader_finds_every_message(whole: tuple[Path, Replay]) -> None:
    with (whole[0] / "bag" / "bag.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert sum(1 for _ in reader.iter_messages()) == len(raw(whole[0] / "bag"))
        summary = reader.get_summary()
    assert summary is not None
    assert {"/predicted/states", "/camera/front/image_raw", "/contract"} <= {
        channel.topic for channel in summary.channels.values()
    }


def test_a_ros_1_bag_is_written_as_a_ros_2_bag(recorded: Path, contract: Contract, tmp_path: Path) -> None:
    path = recorded / "kuka_lwr" / "test.bag"
    with BagReader(path) as bag, BagWriter(tmp_path / "bag") as out:
        copies = ReplayBag(out, bag, contract)
        states = [(at, data) for topic, kind, at, data in bag.raw_messages() if kind.endswith("/JointState")]
        topic = next(each.name for each in bag.topics().values() if each.type.endswith("/JointState"))
        for at, data in states:
            copies.copy(topic, "sensor_msgs/msg/JointState", at, data)
        before = [bag.decode(topic, data) for _, data in states]
        assert not copies.not_copied
    with BagReader(tmp_path / "bag") as bag:
        after = [message for _, _, _, message in bag.messages([topic])]
    assert len(after) == len(before) > 1000
    assert all(a.position.tolist() == b.position.tolist() for a, b in zip(after, before))
    assert after[0].header.stamp == before[0].header.stamp


def test_metrics_have_what_machines_ask_for(whole: tuple[Path, Replay]) -> None:
    metrics = whole[1].metrics
    assert metrics["messages"] == 921  # all topics
    assert metrics["streams"]["arm"] == pytest.approx(
        {"messages": 200, "dropped": 0, "gaps": 0, "longest_gap_s": 0.0, "bag_minus_stamp_s": 0.0}
    )
    assert metrics["streams"]["front"]["bag_minus_stamp_s"] == pytest.approx(0.02, abs=1e-6)
    assert metrics["ticks"] == 20
    assert metrics["seconds"] == pytest.approx(1.9)
    assert metrics["real_time_factor_without_model"] > metrics["real_time_factor"] > 0
    assert 0 < metrics["model_ms"]["p50"] <= metrics["model_ms"]["p99"]
    assert 50 < metrics["peak_rss_mb"] < 4000
    assert len(metrics["commands_sha256"]) == 64
    for name, unit in (("front", "PSNR"), ("arm", "rad")):
        rows = metrics["prediction"][name]
        assert unit in rows["unit"]
        assert len(rows["horizon_s"]) == len(rows["model"]) == len(rows["copy_last"]) == 12
    surprise = metrics["surprise"]
    assert surprise["p50"] <= surprise["p99"] <= surprise["worst"][0]["value"]
    times = sorted(each["t"] for each in surprise["worst"])
    assert all(b - a >= 1.0 for a, b in itertools.pairwise(times))
    assert metrics["gate"]["accepted"] == 20
