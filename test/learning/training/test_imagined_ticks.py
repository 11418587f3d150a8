"""Imagined ticks, and the truths they are compared with."""

from __future__ import annotations

import torch

from world_model_ros.contract.contract import load_contract
from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.imagined_ticks import Moments, draw_starts, farthest
from world_model_ros.learning.training.losses.pictures import _told, image_loss


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


class _Case:
    """Two windows whose labels say what an untrained model believes, but for an offset of one target."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        windows, ticks, ahead = 2, 6, 2
        self.model = WorldModel(load_contract("tabletop_arm").interface)
        camera = self.model.cameras[0]
        self.states = torch.randn(windows, 1, ahead + 1, self.model.state_size)
        self.starts = torch.full((windows, 1), 3)
        self.truth = torch.zeros(windows, ticks, self.model.targets, 3)
        self.truth[:, 3:] = self.model.positions(self.states.flatten(0, 2)).detach().unflatten(0, (windows, ahead + 1))
        self.frames = torch.randint(0, 256, (windows, ticks, camera.height, camera.width, 3), dtype=torch.uint8)
        self.seen = torch.ones(windows, ticks, len(self.model.streams))

    def batch(self, target: int, offset_m: float) -> Batch:
        labels = self.truth.clone()
        labels[:, :, target, 0] += offset_m
        return Batch({}, self.seen, self.seen, torch.zeros(*labels.shape[:2], 2), labels, self.frames)

    def loss(self, target: int, offset_m: float) -> float:
        drawn = torch.Generator().manual_seed(0)
        batch = self.batch(target, offset_m)
        return float(image_loss(self.model, batch, self.states, self.starts, 8, drawn).detach())


def test_a_picture_learns_nothing_of_an_arm_that_is_believed_elsewhere() -> None:
    case = _Case()
    tip = [target.kind for target in case.model.interface.targets].index("fingertip")
    assert case.loss(tip, 0.03) == 0.0
    assert case.loss(tip, 0.01) > 0.1
    assert case.loss(tip, float("nan")) == case.loss(tip, 0.01)  # where no truth is known, nothing speaks against it


def test_a_picture_learns_nothing_around_a_misplaced_object_but_all_else() -> None:
    case = _Case()
    thing = [target.kind for target in case.model.interface.targets].index("object")
    states = case.states.flatten(0, 2)
    truth = case.truth[:, 3:].flatten(0, 1).clone()
    assert _told(case.model, states, truth).all()
    truth[:, thing, 0] += 0.3
    told = _told(case.model, states, truth)[:, 0]
    grid = case.model.decoder.grid[0]
    for positions in (case.model.positions(states), truth):
        place = case.model.places.project((positions - case.model.pose_mean) / case.model.pose_scale)[:, thing]
        away = (grid - place[:, None, None]).norm(dim=-1)
        assert not told[away < 0.2].any()
    assert 0.3 < float(told.mean()) < 1.0
    assert 0.0 < case.loss(thing, 0.3) < case.loss(thing, 0.0)
