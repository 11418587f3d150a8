"""Imagined ticks, and the truths they are compared with."""

from __future__ import annotations

import torch

from world_model_ros.learning.batch import Batch
from world_model_ros.learning.config import TrainConfig
from world_model_ros.learning.moments import Moments, draw_starts, farthest


def _batch(windows: int, ticks: int) -> Batch:
    none = torch.zeros(windows, ticks, 1)
    return Batch({}, none, none, none, torch.zeros(windows, ticks, 1, 3), None)


def test_every_imagined_tick_is_held_against_its_own_truth() -> None:
    windows, ticks, ahead = 3, 20, 5
    generator = torch.Generator().manual_seed(0)
    stamp = torch.arange(windows * ticks).reshape(windows, ticks)
    starts = draw_starts(_batch(windows, ticks), ahead, 4, generator)
    rows = torch.arange(windows)[:, None, None]
    states = stamp[rows, starts[..., None] + torch.arange(ahead + 1)][..., None]  # each knows where it is from
    near = Moments.of(states, starts)
    assert torch.equal(near.of_window(stamp), near.states[:, 0])
    some = near.joined(near).some(0.3, generator)
    assert len(some.states) == round(0.3 * 2 * len(near.states))
    assert torch.equal(some.of_window(stamp), some.states[:, 0])


def test_imaginations_end_within_the_window_however_far_they_are_to_go() -> None:
    for ticks in (16, 40, 80):
        batch = _batch(50, ticks)
        ahead = farthest(batch, TrainConfig(far=36))
        assert ahead == min(36, ticks - 3)
        starts = draw_starts(batch, ahead, 9, torch.Generator().manual_seed(1))
        assert int(starts.min()) == 2
        assert int(starts.max()) + ahead <= ticks - 1
