"""One piece of work that was held up does not end all work."""

from __future__ import annotations

from time import perf_counter

from world_model_ros.nodes.brain.spare_time import SpareTime


def test_what_takes_longer_than_there_is_does_not_fit() -> None:
    spare = SpareTime(0.05)
    assert not spare.fits(perf_counter() + 0.02)
    assert spare.fits(perf_counter() + 10.0)


def test_after_a_piece_that_was_held_up_there_is_time_again_within_ten_ticks() -> None:
    spare = SpareTime()
    spare.took(0.15)
    waited = next(tick for tick in range(100) if spare.fits(perf_counter() + 0.09))
    assert 0 < waited <= 10
