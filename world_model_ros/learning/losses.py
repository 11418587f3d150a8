"""What the model is trained on: what it predicts many steps ahead from beliefs it filtered itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from world_model_ros.learning.networks import Sensed, WorldModel


@dataclass(frozen=True)
class Batch:
    """B windows of L ticks.

    Args:
        features: from `WorldModel.features`, each (B, L, n).
        fresh: (B, L, streams), after modality dropout.
        sensed: (B, L, streams), before it: where there is something to predict.
        applied: (B, L, C); ``applied[:, t]`` was done between ticks t-1 and t.
        labels: target positions (B, L, K, 3), NaN where unknown.
        frames: images of the first camera, (B, L, H, W, 3) uint8, or None without a camera.
    """

    features: dict[str, Tensor]
    fresh: Tensor
    sensed: Tensor
    applied: Tensor
    labels: Tensor
    frames: Tensor | None


def filter_states(model: WorldModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Run the filter over the windows: priors and posteriors, (B, L, S) each."""
    windows, ticks = batch.fresh.shape[:2]
    flat = {name: value.flatten(0, 1) for name, value in batch.features.items()}
    sensed = [each.unflatten(0, (windows, ticks)) for each in model.sense(flat, batch.fresh.flatten(0, 1))]
    state = torch.zeros(windows, model.state_size)
    priors, posteriors = [], []
    for t in range(ticks):
        prior, state = model.update(state, batch.applied[:, t], Sensed(*(each[:, t] for each in sensed)))
        priors.append(prior)
        posteriors.append(state)
    return torch.stack(priors, 1), torch.stack(posteriors, 1)


def imagine(model: WorldModel, posteriors: Tensor, applied: Tensor, starts: Tensor, horizon: int) -> Tensor:
    """From the belief at each start (B, P), imagine ``horizon`` ticks under what was applied: (B, P, horizon+1, S)."""
    rows = torch.arange(starts.shape[0])[:, None]
    state = posteriors[rows, starts].flatten(0, 1)
    states = [state]
    for h in range(1, horizon + 1):
        state = model.step(state, applied[rows, starts + h].flatten(0, 1))
        states.append(state)
    return torch.stack(states, 1).unflatten(0, starts.shape)


def losses(
    model: WorldModel, batch: Batch, horizon: int, starts_per_window: int, frames: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """All losses of a batch, by name; their sum is what is minimised.

    Args:
        horizon: ticks imagined; windows must be longer by three.
        starts_per_window: from how many beliefs of each window.
        frames: how many imagined images are decoded.
    """
    priors, posteriors = filter_states(model, batch)
    windows, ticks = batch.fresh.shape[:2]
    starts = torch.randint(2, ticks - horizon, (windows, starts_per_window), generator=generator)
    states = imagine(model, posteriors, batch.applied, starts, horizon)  # (B, P, H+1, S)
    when = starts[..., None] + torch.arange(horizon + 1)  # (B, P, H+1)
    rows = torch.arange(windows)[:, None, None]
    flat = states.flatten(0, 2)
    out: dict[str, Tensor] = {}
    if model.targets:
        truth = batch.labels[rows, when].flatten(0, 2)
        out |= _pose_losses(model, flat, truth, horizon)
        predicted = model.positions(priors[:, 1:].flatten(0, 1))
        out["prior"] = pose_error(model, predicted, batch.labels[:, 1:].flatten(0, 1))
        if model.cameras:
            name = model.cameras[0].name
            index = [stream.name for stream in model.streams].index(name)
            coded = model.coded({key: value.flatten(0, 1) for key, value in batch.features.items()})
            there = batch.sensed.flatten(0, 1)[:, index, None, None] > 0.5
            truth = torch.where(there, batch.labels.flatten(0, 1), torch.nan)
            out["coded"] = pose_error(model, coded, truth)
    out |= _sense_losses(model, batch, flat, rows, when)
    pairs = torch.cat([posteriors[:, :-1], posteriors[:, 1:]], -1).detach()
    out["inverse"] = 0.1 * smooth_l1_loss(model.inverse(pairs), batch.applied[:, 1:] / model.action_scale)
    if model.cameras and batch.frames is not None:
        seen = batch.sensed[..., model.streams.index(model.cameras[0])] > 0.5
        out["image"] = (2.0 if model.targets else 4.0) * _image_loss(
            model, batch.frames, seen, states, starts, frames, generator
        )
    return out


def pose_error(model: WorldModel, position: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 of positions (n, K, 3) in units of their spread, over the truths that are not NaN."""
    known = ~torch.isnan(truth)
    truth = torch.where(known, truth, position.detach())  # before the loss: NaN times zero is NaN in its gradient
    error = smooth_l1_loss(position / model.pose_scale, truth / model.pose_scale, reduction="sum", beta=0.1)
    return error / known.sum().clamp(min=1)


def _pose_losses(model: WorldModel, states: Tensor, truth: Tensor, horizon: int) -> dict[str, Tensor]:
    position = model.positions(states)
    known = ~torch.isnan(truth)
    out = {"pose": 4.0 * pose_error(model, position, truth)}
    raw = model.sigma_head(states.detach()).reshape(-1, model.targets, 3)
    sigma = torch.nn.functional.softplus(raw - 3.0) * 0.1 + 5e-4
    miss = torch.where(known, (position.detach() - truth).abs(), torch.zeros_like(truth))
    likelihood = (torch.log(sigma) + miss / sigma) * known  # Laplace, robust to jumps
    out["sigma"] = 0.02 * likelihood.sum() / known.sum().clamp(min=1)
    return out


def _sense_losses(model: WorldModel, batch: Batch, states: Tensor, rows: Tensor, when: Tensor) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    for i, stream in enumerate(model.streams):
        there = batch.sensed[..., i][rows, when].flatten()[:, None]
        feature = batch.features[stream.name]
        if stream.kind == "camera":
            if stream.name == model.cameras[0].name:
                target = feature.detach()[rows, when].flatten(0, 2)
                code = model.code_head(states.detach())  # must not pull the code toward what is easy to predict
                out["code"] = 0.2 * (((code - target) ** 2) * there).mean()
            continue
        target = model.sense_target(stream.name, feature.flatten(0, 1)).unflatten(0, feature.shape[:2])
        target = target[rows, when].flatten(0, 2)
        error = model.sense_normalised(stream, states) - target
        weight = 1.0 if stream.kind == "joints" else 0.2
        out[stream.name] = weight * (smooth_l1_loss(error, torch.zeros_like(error), reduction="none") * there).mean()
        if stream.kind == "taxels":
            newton = _contact(feature.flatten(0, 1)).unflatten(0, feature.shape[:2])[rows, when].flatten(0, 2)
            error = model.contact_head(states)[:, 0] - newton
            out["contact"] = (
                0.05 * (smooth_l1_loss(error, torch.zeros_like(error), reduction="none") * there[:, 0]).mean()
            )
    return out


def _contact(taxels: Tensor) -> Tensor:
    """Sum of the lengths of the taxel forces, N: (n, rows*cols*3) -> (n,)."""
    return taxels.reshape(taxels.shape[0], -1, 3).norm(dim=-1).sum(-1)


def _image_loss(
    model: WorldModel,
    frames: Tensor,
    seen: Tensor,
    states: Tensor,
    starts: Tensor,
    count: int,
    generator: torch.Generator,
) -> Tensor:
    """Of some imagined images, as far as they and their references were seen.

    L1, where they move weighing more, squares, edges, and what the best warp misses.
    """
    windows, points, steps = states.shape[:3]
    b = torch.randint(windows, (count,), generator=generator)
    p = torch.randint(points, (count,), generator=generator)
    h = torch.randint(steps, (count,), generator=generator)
    begin = starts[b, p]
    there = (seen[b, begin] & seen[b, begin + h]).float()[:, None, None, None]
    reference = frames[b, begin].float()
    target = frames[b, begin + h].float().permute(0, 3, 1, 2) / 255.0
    with torch.autocast("cpu", torch.bfloat16):
        picture = model.decoder.picture(states[b, p, h], reference)
    image = picture.frame
    moved = (target - reference.permute(0, 3, 1, 2) / 255.0).abs().amax(1, keepdim=True)
    weight = (1.0 + 4.0 * (moved > 0.06).float()) * there
    error = (image - target) * there
    warp = torch.stack([(each - target).abs().mean(1, keepdim=True) for each in picture.warped]).amin(0)
    return (
        (error.abs() * weight).mean()
        + 5.0 * (error**2 * weight).mean()
        + 0.5 * (_edges(error) + _edges(torch.nn.functional.avg_pool2d(error, 2)))
        + 0.5 * (warp * (weight - there)).mean()
    )


def _edges(error: Tensor) -> Tensor:
    """L1 of the gradient of an error image (B, 3, H, W)."""
    return (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
