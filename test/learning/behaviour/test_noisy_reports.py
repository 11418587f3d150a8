"""What a model of chunks believes of things whose reports are noisy: a cube that rests, goes, and is put elsewhere."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from world_model_ros.learning.behaviour.chunk_belief import SEEN, ChunkBelief
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout

LAYOUT = StateLayout((Entry("hand", 0), Entry("drawer", -1, 1, True), Entry("cube", 4, 0, True)))
HAND, DRAWER, CUBE, YAW = slice(0, 3), slice(3, 4), slice(4, 7), slice(7, 9)
TICKS, MANY = 120, 64
SIZES = ChunkSizes(chunk=2, flow=1, behaviour=16, dynamics=16, distance=16)
SURE_M = 0.0005


def believer(sure_m: float, sure_turn: float) -> ChunkBelief:
    """Of a model that expects everything to rest, and knows that to so much a tick."""
    torch.manual_seed(0)
    model = ChunkModel(LAYOUT, 2, SIZES).eval()
    model.change_scale.fill_(0.0)
    model.step_miss.copy_(torch.tensor([sure_m] * 7 + [sure_turn] * 2))
    for weight, value in ((model.spread[-1].weight, 0.0), (model.spread[-1].bias, log(sure_m))):
        torch.nn.init.constant_(weight, value)
    return ChunkBelief(model)


@pytest.fixture(scope="module")
def belief() -> ChunkBelief:
    return believer(SURE_M, 0.01)


def rest(ticks: int = TICKS) -> Tensor:
    """States (ticks, MANY, R) of things that rest."""
    return torch.tensor([0.3, 0.0, 0.2, 0.1, 0.45, 0.1, 0.02, 1.0, 0.0]).expand(ticks, MANY, -1).clone()


def believed(
    belief: ChunkBelief, reports: Tensor, lost: range = range(0), anew: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """States (T, N, R) that are believed of reports, sigmas (T, N, E) and surprises (T, N).

    Args:
        lost: ticks without the cube. anew: tick at which it is forgotten what was before, as at the first.
    """
    memory, found = torch.zeros(MANY, belief.size), []
    with torch.no_grad():
        for tick, report in enumerate(reports):
            fresh = torch.tensor([1.0, 1.0, float(tick not in lost)]).expand(MANY, -1)
            reset = torch.full((MANY, 1), float(tick in (0, anew)))
            memory, surprise = belief(memory, report, fresh, torch.zeros(MANY, 2), reset)
            found.append((memory[:, : LAYOUT.size], belief.sigma(memory), surprise))
    states, sigmas, surprises = zip(*found)
    return torch.stack(states), torch.stack(sigmas), torch.stack(surprises)


def noise(shape: Tensor, deviation: float, seed: int = 0) -> Tensor:
    return deviation * torch.randn(shape.shape, generator=torch.Generator().manual_seed(seed))


def test_reports_without_noise_are_believed_as_they_are(belief: ChunkBelief):
    """Also of what moves as nobody expects, is put elsewhere, or trembles less than trackers do."""
    states = rest()
    states[15:, :, CUBE] += 0.2
    states[20:, :, CUBE] += 0.01 * torch.arange(TICKS - 20)[:, None, None]
    states[70:, :, CUBE] += 0.2
    states[..., CUBE] += noise(states[..., CUBE], 0.25 * SEEN)
    found, sigma, _ = believed(belief, states)
    assert torch.equal(found, states)
    assert (sigma == 0.0).all()


@pytest.mark.parametrize("deviation", [0.005, 0.01])
def test_what_rests_is_known_better_than_one_report_says(belief: ChunkBelief, deviation: float):
    reports = rest()
    reports[..., CUBE] += noise(reports[..., CUBE], deviation)
    found, sigma, surprise = believed(belief, reports)
    off = (found - rest())[30:]
    assert off[..., CUBE].pow(2).mean().sqrt() < 0.5 * deviation
    assert torch.equal(off[..., HAND], torch.zeros_like(off[..., HAND]))
    assert 0.5 < sigma[30:, :, 2].mean() / off[..., CUBE].pow(2).mean().sqrt() < 2.0
    usual = believed(belief, rest() + noise(rest(), SURE_M))[2]
    assert surprise[30:].median() < 2.0 * usual[30:].median()


def test_scalars_are_believed_as_they_are(belief: ChunkBelief):
    reports = rest()
    reports[..., DRAWER] += noise(reports[..., DRAWER], 0.1)
    assert torch.equal(believed(belief, reports)[0], reports)


def test_a_place_that_walks_is_followed_as_closely_as_a_kalman_filter_can():
    """It is not told the noise, only how far things usually go; 2.9 mm are the least, of a filter that is told all."""
    states = rest(300)
    states[..., CUBE] += noise(states[..., CUBE], 0.002).cumsum(0)
    reports = states.clone()
    reports[..., CUBE] += noise(states[..., CUBE], 0.005, 1)
    off = (believed(believer(0.002, 0.2), reports)[0] - states)[50:, :, CUBE]
    assert off.pow(2).mean().sqrt() < 0.0033


def test_a_yaw_that_walks_is_followed_in_its_own_unit():
    yaw = noise(torch.zeros(300, MANY), 0.2).cumsum(0)
    states, reports = rest(300), rest(300)
    for rows, angle in ((states, yaw), (reports, yaw + noise(yaw, 0.3, 1))):
        rows[..., YAW] = torch.stack([angle.cos(), angle.sin()], -1)
    found = believed(believer(0.002, 0.14), reports)[0]
    missed, raw = ((each - states)[50:, :, YAW].norm(dim=-1).pow(2).mean().sqrt() for each in (found, reports))
    assert missed < 0.85 * raw


def test_noise_is_remembered_while_a_thing_is_lost_and_forgotten_with_all_else(belief: ChunkBelief):
    reports = rest()
    reports[:60, :, CUBE] += noise(reports[:60, :, CUBE], 0.005)
    reports[60:, :, CUBE] += 0.004
    known = believed(belief, reports, lost=range(30, 60))[0][60:, :, CUBE]
    assert not torch.equal(known, reports[60:, :, CUBE])
    off = (known[3] - rest()[60, :, CUBE]).abs().mean()
    assert off < 0.003
    assert torch.equal(believed(belief, reports, anew=60)[0][60:], reports[60:])


def test_a_yaw_is_told_apart_from_a_place(belief: ChunkBelief):
    reports = rest()
    reports[..., YAW] += noise(reports[..., YAW], 0.3)
    found, _, _ = believed(belief, reports)
    assert (found - rest())[30:, :, YAW].pow(2).mean().sqrt() < 0.2
    assert torch.equal(found[..., CUBE], reports[..., CUBE])


def test_what_is_put_elsewhere_is_there_at_once_however_noisy_it_is(belief: ChunkBelief):
    reports = rest()
    reports[60:, :, CUBE] += 0.15
    truth = reports[..., CUBE].clone()
    reports[..., CUBE] += noise(truth, 0.005)
    off = (believed(belief, reports)[0][..., CUBE] - truth).norm(dim=-1)
    assert off[60].max() < 0.03
    assert off[60:70].mean() < 0.01
    assert off[90:].mean() < 1.5 * off[30:60].mean()


def test_what_goes_as_nobody_expects_is_followed(belief: ChunkBelief):
    """By 1 cm a tick, which the model takes for rest: never further behind than three deviations of a report."""
    reports = rest()
    reports[60:, :, CUBE.start] += 0.01 * torch.arange(TICKS - 60)[:, None]
    truth = reports[..., CUBE].clone()
    reports[..., CUBE] += noise(truth, 0.005)
    off = believed(belief, reports)[0][..., CUBE] - truth
    assert off[60:, :, 0].mean().abs() < 0.015
    assert off[60:].norm(dim=-1).mean() < 0.02


def test_what_was_lost_for_a_while_is_taken_up_where_it_is(belief: ChunkBelief):
    reports = rest()
    reports[70:, :, CUBE] += 0.05
    truth = reports[..., CUBE].clone()
    reports[..., CUBE] += noise(truth, 0.005)
    found, sigma, _ = believed(belief, reports, lost=range(60, 80))
    assert (found[80, :, CUBE] - truth[80]).norm(dim=-1).mean() < 0.015
    assert (sigma[79, :, 2] > sigma[61, :, 2]).all()


def test_what_was_lost_longer_is_taken_up_more_readily():
    """It may have gone far: the model knows of 2 mm a tick, and here it has by 1.2 cm."""
    off = []
    for lost in (2, 40):
        reports = rest()
        reports[60 + lost :, :, CUBE.start] += 0.012
        truth = reports[..., CUBE].clone()
        reports[..., CUBE] += noise(truth, 0.005)
        found = believed(believer(0.002, 0.01), reports, lost=range(60, 60 + lost))[0]
        off.append((found[60 + lost, :, CUBE.start] - truth[60 + lost, :, 0]).mean().abs())
    assert off[1] < 0.5 * off[0]
