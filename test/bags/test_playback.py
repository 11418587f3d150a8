"""Messages are due by the time of the bag, whatever the machine does."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from world_model_ros.bags.playback import Playback
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.core.errors import UserError

MS = 1_000_000


def test_messages_come_when_they_are_due(arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        playback = Playback(bag, {"/joint_states"}, rate=2.0)
        assert playback.step(0) == []
        assert [at for _, _, at, _ in playback.step(10 * MS)] == [1_000_000 * MS + 10 * MS * i for i in range(3)]
        playback.paused = True
        assert playback.step(60 * MS) == []
        playback.paused = False
        assert len(playback.step(65 * MS)) == 1  # the pause is not made up for
        late = playback.step(10_000 * MS)
        assert len(late) == 20  # 0.2 s of the bag and no more: it plays on slower rather than all at once
        while not playback.ended:
            late += playback.step(playback._last_ns + 50 * MS)
        assert 4 + len(late) == 200


def test_a_loop_begins_again(arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        playback = Playback(bag, {"/joint_states"}, loop=True)
        times, clock = [], []
        for step in range(50):
            times += [at for _, _, at, _ in playback.step(step * 100 * MS)]
            clock.append(playback.now_ns)
        assert len(times) > 400
        assert sum(b < a for a, b in itertools.pairwise(times)) == 2
        assert max(clock) - min(clock) < 2_100 * MS


def test_nothing_to_play_is_said(arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        for rate in (0.0, -1.0, float("inf"), float("nan")):
            with pytest.raises(UserError, match="rate"):
                Playback(bag, rate=rate)
        with pytest.raises(UserError, match="with messages"):
            Playback(bag, {"/nothing"})


def test_a_long_gap_is_shortened_and_told(tmp_path: Path) -> None:
    seconds = (0, 1, 8, 3600, 3601, 10**9)
    with BagWriter(tmp_path / "bag") as out:
        for at in seconds:
            out.write("word", "std_msgs/msg/String", out.make.string(str(at)), at * 1000 * MS)
    told: list[tuple[int, float]] = []
    with BagReader(tmp_path / "bag") as bag:
        playback = Playback(bag, longest_gap_s=7.0)
        playback.on_gap = lambda before_ns, gap_s: told.append((before_ns, gap_s))
        times, clock, steady = [], [], 0
        while not playback.ended:
            times += [at for _, _, at, _ in playback.step(steady)]
            clock.append(playback.now_ns)
            steady += 50 * MS
    assert times == [at * 1000 * MS for at in seconds]
    assert clock == sorted(clock)
    assert steady / 1e9 == pytest.approx(1 + 7 + 7 + 1 + 7, abs=0.5)
    assert [before_ns for before_ns, _ in told] == [8 * 10**9, 3601 * 10**9]
    assert [gap_s for _, gap_s in told] == pytest.approx([3592.0, 10**9 - 3601.0])
    assert playback.gaps == 2
