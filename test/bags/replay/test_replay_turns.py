"""A recording of a brain that ticks twice in a step of its model is replayed with as many beliefs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from arm_bag import write_arm_bag

from world_model_ros.bags.replay.replay import ReplayOptions, replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract

pytest.importorskip("torch", reason="the toy bundles are exported with torch")


@pytest.fixture(scope="module")
def brain(toy_bundle: Path, contract: Contract) -> Brain:
    return Brain(load_bundle(toy_bundle, contract), contract, "cpu", policy="random")


def records(bag: Path) -> list[dict]:
    with BagReader(bag) as reader:
        return [json.loads(message.data) for _, _, _, message in reader.messages(["/tick"])]


def write(path: Path, contract: Contract, streams: Path, ticks: list[dict]) -> Path:
    """The streams of a bag, and these ticks in place of its own."""
    with BagReader(streams) as reader, BagWriter(path, contract) as out:
        for topic, kind, at, data in reader.raw_messages():
            if topic != "/contract":
                out.write_raw(topic, kind, data, at)
        for each in ticks:
            out.write("tick", "std_msgs/msg/String", out.make.string(json.dumps(each)), each["now_ns"])
    return path


def test_beliefs_take_turns_as_they_did_live(contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path) -> None:
    replay(arm_bag, contract, brain, tmp_path / "plain")
    ticks = records(tmp_path / "plain" / "bag")
    two = [{**each, "turns": 2, "restarted": index < 2} for index, each in enumerate(ticks)]
    both = write(tmp_path / "two", contract, arm_bag, two)
    whole = replay(both, contract, brain, tmp_path / "whole")
    told = records(tmp_path / "whole" / "bag")
    assert [each["turns"] for each in told] == [2] * len(ticks)
    assert [each["restarted"] for each in told[:4]] == [True, True, False, False]
    for first in (0, 1):  # each belief is as if it were the only one
        alone = [{**each, "restarted": index == 0} for index, each in enumerate(ticks[first::2])]
        replay(write(tmp_path / f"{first}", contract, arm_bag, alone), contract, brain, tmp_path / f"alone{first}")
        expected = [each["surprise"] for each in records(tmp_path / f"alone{first}" / "bag")]
        assert [each["surprise"] for each in told[first::2]] == expected
    assert [each["surprise"] for each in told] != [each["surprise"] for each in ticks]
    assert whole.scores.table()[0]["seconds"] == pytest.approx(0.1)
    assert 0 <= whole.scores.table()[-1]["count"] < len(ticks) - 12  # a horizon is 24 of these ticks


@pytest.mark.slow
def test_scores_of_beliefs_that_take_turns_are_those_of_each_alone(
    contract: Contract, brain: Brain, tmp_path: Path
) -> None:
    write_arm_bag(tmp_path / "streams", contract, 4.0)
    replay(tmp_path / "streams", contract, brain, tmp_path / "plain")
    ticks = records(tmp_path / "plain" / "bag")
    two = [{**each, "turns": 2, "restarted": index < 2} for index, each in enumerate(ticks)]
    whole = replay(write(tmp_path / "two", contract, tmp_path / "streams", two), contract, brain, tmp_path / "whole")
    for first in (0, 1):
        ours = [{**each, "restarted": index == 0} for index, each in enumerate(ticks[first::2])]
        bag = write(tmp_path / f"{first}", contract, tmp_path / "streams", ours)
        alone = replay(bag, contract, brain, tmp_path / f"alone{first}")
        for kind in ("joints_error", "object_0_error_m"):
            for step in (1, 5, 12):
                series = alone.scores.series(kind, step)
                assert len(series) > 3
                np.testing.assert_array_equal(whole.scores.series(kind, step)[first::2], series)


def test_two_halves_are_the_whole(contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path) -> None:
    replay(arm_bag, contract, brain, tmp_path / "plain")
    ticks = [{**each, "turns": 2} for each in records(tmp_path / "plain" / "bag")]
    bag = write(tmp_path / "two", contract, arm_bag, ticks)
    replay(bag, contract, brain, tmp_path / "whole")
    replay(bag, contract, brain, tmp_path / "1", ReplayOptions(until_s=0.95))
    replay(bag, contract, brain, tmp_path / "2", ReplayOptions(resume=tmp_path / "1" / "memory.npz"))
    halves = records(tmp_path / "1" / "bag") + records(tmp_path / "2" / "bag")
    assert halves == records(tmp_path / "whole" / "bag")
