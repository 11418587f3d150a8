"""`world-model bench views`: blocks with and without somebody who looks."""

from __future__ import annotations

from world_model_ros.nodes.probes.view_probe import view_campaign


def test_both_kinds_of_block_are_measured_and_somebody_really_looked() -> None:
    found = view_campaign("tabletop_arm", blocks=1, block_s=10.0)
    for kind in ("off", "on"):
        assert found[kind]["ticks"] > 50  # 100 on a quiet machine
        assert found[kind]["tick_ms"] > 0
    assert found["images"] > 2  # the view goes last: on two slow cores it draws one in two seconds
    assert found["markers"] > 2
    assert found["median_change_range"][0] <= found["median_change"] <= found["median_change_range"][1]
