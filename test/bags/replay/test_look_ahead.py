"""What was imagined is held against the ticks that it was imagined for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from arm_bag import START_S, write_arm_bag
from bag_mutations import write

from world_model_ros.bags.replay.replay import Replay, ReplayOptions, replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract

pytest.importorskip("torch", reason="the toy bundles are exported with torch")


@pytest.fixture(scope="module")
def done(
    toy_bundle: Path, contract: Contract, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Replay, list[tuple[int, float]]]:
    """A replay of 4 s, and time and surprise of each tick."""
    folder = tmp_path_factory.mktemp("look_ahead")
    write_arm_bag(folder / "bag", contract, 4.0)
    found = replay(folder / "bag", contract, Brain(load_bundle(toy_bundle, contract), contract, "cpu"), folder / "out")
    with BagReader(folder / "out" / "bag") as bag:
        ticks = [json.loads(message.data) for _, _, _, message in bag.messages(["/tick"])]
    return found, [(tick["now_ns"], tick["surprise"]) for tick in ticks]


@pytest.mark.slow
def test_a_target_is_scored_where_its_label_was_at_each_step(
    done: tuple[Replay, list[tuple[int, float]]], contract: Contract
) -> None:
    """The toy model leaves the object at y = 0.1; its label moves by 1 cm each thirtieth of a second."""
    found, ticks = done
    for step in (1, 2, 7, 12):
        series = found.scores.series("object_0_error_m", step)
        assert len(series) == len(ticks) - 12
        for (now_ns, _), error in zip(ticks, series):
            then_s = (now_ns + step * contract.tick_ns) * 1e-9 - START_S
            truth_y = np.floor(then_s * 30 + 1e-6) / 100
            assert error == pytest.approx(abs(0.1 - truth_y), abs=1e-4), (step, now_ns)


@pytest.mark.slow
def test_a_worst_moment_is_imagined_from_three_ticks_before_its_surprise(
    done: tuple[Replay, list[tuple[int, float]]], contract: Contract
) -> None:
    found, ticks = done
    surprise_at = dict(ticks)
    assert found.worst
    for surprise, at_ns, moment in found.worst:
        assert surprise == moment.surprise == pytest.approx(surprise_at[at_ns], rel=1e-6)
        assert at_ns - moment.stamp_ns == 3 * contract.tick_ns
    times = [at_ns for _, at_ns, _ in found.worst]
    assert all(abs(a - b) >= 1_000_000_000 for i, a in enumerate(times) for b in times[:i])


@pytest.mark.slow
def test_a_picture_says_of_surprise_what_the_report_counts(
    toy_bundle: Path, contract: Contract, tmp_path: Path
) -> None:
    """The camera sees before the first tick, so that its imagination is among those that are drawn."""
    write_arm_bag(tmp_path / "whole", contract, 2.5)
    with BagReader(tmp_path / "whole") as bag:
        messages = [(topic, kind, at, bytes(raw)) for topic, kind, at, raw in bag.raw_messages()]
    late_ns = messages[0][2] + 3 * contract.tick_ns
    rows = [each for each in messages if each[0] != "/joint_states" or each[2] > late_ns]
    brain, options = Brain(load_bundle(toy_bundle, contract), contract, "cpu"), ReplayOptions(moments=1000)
    found = replay(write(tmp_path / "bag", rows, "mcap"), contract, brain, tmp_path / "out", options)
    journal = found.journal
    counted = {journal.first_ns + round(t * 1e9): value for t, value in zip(journal.times_s(), journal.surprise())}
    first, *others = found.moments
    assert np.isnan(counted[first.stamp_ns]), "a belief that was just started expects nothing"
    assert first.surprise is None
    assert others
    assert [each.surprise for each in others] == [counted[each.stamp_ns] for each in others]
