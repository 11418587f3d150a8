"""Imagined ticks, and the truths they are compared with."""

from __future__ import annotations

import torch

from world_model_ros.contract.contract import load_contract
from world_model_ros.learning.batch import Batch
from world_model_ros.learning.config import TrainConfig
from world_model_ros.learning.moments import Moments, draw_starts, farthest
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.pictures import image_loss


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


def test_pictures_are_learned_only_where_the_belief_is_right() -> None:
    torch.manual_seed(0)
    contract = load_contract("tabletop_arm")
    model = WorldModel(contract.interface)
    camera = model.cameras[0]
    windows, ticks, ahead = 2, 6, 2
    states = torch.randn(windows, 1, ahead + 1, model.state_size)
    starts = torch.full((windows, 1), 3)
    truth = torch.zeros(windows, ticks, model.targets, 3)
    believed = model.positions(states.flatten(0, 2)).unflatten(0, (windows, ahead + 1))
    truth[:, 3:] = believed.detach()
    frames = torch.randint(0, 256, (windows, ticks, camera.height, camera.width, 3), dtype=torch.uint8)
    seen = torch.ones(windows, ticks, len(model.streams))

    def loss(offset_m: float) -> float:
        labels = truth.clone()
        labels[:, :, -1, 0] += offset_m
        batch = Batch({}, seen, seen, torch.zeros(windows, ticks, 2), labels, frames)
        return float(image_loss(model, batch, states, starts, 8, torch.Generator().manual_seed(0)))

    assert loss(0.03) == 0.0
    assert loss(0.01) > 0.1
    assert loss(float("nan")) == loss(0.01)  # where no truth is known, nothing speaks against it
