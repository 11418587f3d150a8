"""What imagined pictures are trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from world_model_ros.learning.batch import Batch
from world_model_ros.learning.networks import WorldModel
from world_model_ros.learning.precision import pictures_in_bfloat16

_NEAR_M = 0.02  # how far off a target may be imagined where a picture is learned from


def image_loss(
    model: WorldModel,
    batch: Batch,
    states: Tensor,
    starts: Tensor,
    count: int,
    generator: torch.Generator,
    older: float = 0.0,
) -> Tensor:
    """Of some imagined images, as far as they and their references were seen.

    L1, where they move weighing more, squares, edges, and what the best warp misses. Only where targets are imagined
    near their truths: a picture shall show what is believed, and one that was trained on wrong beliefs grows pale.

    Args:
        states: imagined, (B, P, H+1, S), from the beliefs at the ticks ``starts`` (B, P).
        count: images that are decoded, drawn with ``generator``.
        older: share of images whose reference is from before the belief, anywhere in the window, as for a robot whose
            camera has been dark for a while, and for long imagination.
    """
    assert batch.frames is not None
    frames, seen = batch.frames, batch.sensed[..., model.streams.index(model.cameras[0])] > 0.5
    windows, points, steps = states.shape[:3]
    b, p, h = (
        torch.randint(size, (count,), generator=generator).to(states.device) for size in (windows, points, steps)
    )
    begin = starts[b, p]
    last = begin
    if older:
        aged = torch.rand(2, count, generator=generator).to(states.device)
        last = torch.where(aged[0] < older, (aged[1] * (begin + 1)).long(), begin)
    state = states[b, p, h]
    there = (seen[b, last] & seen[b, begin + h] & _believed(model, state, batch.labels[b, begin + h])).float()
    there = there[:, None, None, None]
    reference = frames[b, last].float()
    target = frames[b, begin + h].float().permute(0, 3, 1, 2) / 255.0
    with pictures_in_bfloat16(frames.device):
        picture = model.picture(state, reference)
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


def _believed(model: WorldModel, states: Tensor, truth: Tensor) -> Tensor:
    """Which states (n, S) have every target within `_NEAR_M` of its truth (n, K, 3), as far as that is known: (n,)."""
    if not model.targets:
        return torch.ones(len(states), dtype=torch.bool, device=states.device)
    miss = (model.positions(states.detach()) - truth).norm(dim=-1)
    return ~(miss > _NEAR_M).any(1)


def _edges(error: Tensor) -> Tensor:
    """L1 of the gradient of an error image (B, 3, H, W)."""
    return (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
