"""Messages are due by the time of the bag, whatever the machine does."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from world_model_ros.bags.playback import Playback
from world_model_ros.bags.reader import BagReader
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
