"""Ticks that a recording says took place see what they saw, however late the recorder got it."""

from __future__ import annotations

from pathlib import Path

import pytest
from arm_bag import START_S

from world_model_ros.bags.align.ticks import BagTicks, PlannedTick
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract

S, MS = 1_000_000_000, 1_000_000


@pytest.mark.parametrize("tenths", [8, 10, 13])
def test_a_planned_tick_waits_for_messages_that_came_late_to_the_recorder(
    contract: Contract, arm_bag: Path, tenths: int
) -> None:
    """Camera and sound are in the bag 20 ms after their stamps; live they were there before the tick."""
    stamp_ns = START_S * S + tenths * 100 * MS  # there is a message of every stream with this stamp
    names = [stream.name for stream in contract.interface.streams]
    plan = [PlannedTick(stamp_ns + MS, dict.fromkeys(names, stamp_ns), dict.fromkeys(names, True))]
    with BagReader(arm_bag) as bag:
        (tick,) = list(BagTicks(bag, contract, plan))
    assert dict(tick.observation.stamps_ns) == dict.fromkeys(names, stamp_ns)
    assert all(tick.observation.fresh.values())


def test_what_was_not_fresh_live_is_not_fresh_though_the_recorder_has_it(contract: Contract, arm_bag: Path) -> None:
    stamp_ns = START_S * S + 1000 * MS
    names = [stream.name for stream in contract.interface.streams]
    fresh = dict.fromkeys(names, True) | {"table_mic": False}
    with BagReader(arm_bag) as bag:
        (tick,) = list(BagTicks(bag, contract, [PlannedTick(stamp_ns + MS, dict.fromkeys(names, stamp_ns), fresh)]))
    assert dict(tick.observation.fresh) == fresh
