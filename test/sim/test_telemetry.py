"""When a sense is due."""

from __future__ import annotations

import pytest

from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.sim.telemetry import Telemetry, beats


@pytest.mark.parametrize("rate_hz", [10.0, 30.0, 50.0, 100.0])
@pytest.mark.parametrize("start_ns", [0, 1_795_326_720_270_000_000])
def test_beats_are_neither_lost_nor_doubled_at_the_edge_of_a_step(rate_hz, start_ns):
    steps = range(start_ns, start_ns + 10_000_000_000, 10_000_000)
    count = sum(beats(rate_hz, step + 10_000_000, step) for step in steps)
    assert count == pytest.approx(10 * rate_hz, abs=1)


def test_an_unknown_stream_cannot_be_unplugged(contract):
    with pytest.raises(UserError, match="front"):
        Telemetry(contract, MessageMaker(ros_class), ("nose",))
