"""Training loss of imagined images against the images that the camera took."""

from __future__ import annotations

import torch
from torch import Tensor

from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.model.precision import pictures_in_bfloat16
from world_model_ros.learning.model.world_model import WorldModel

_NEAR_M = 0.02  # how far off a target may be imagined and be drawn as the truth was
_AROUND = 0.22  # what a misplaced object hides around it, in halves of the image


def image_loss(
    model: WorldModel,
    batch: Batch,
    states: Tensor,
    starts: Tensor,
    count: int,
    generator: torch.Generator,
    older: float = 0.0,
) -> Tensor:
    """Loss of some imagined images, as far as they and their references were seen.

    L1, where they move weighing more, squares, edges, and what the best warp misses. A picture has to show what is
    believed, and one that was trained on wrong beliefs grows pale: see `_told`.

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
    there = (seen[b, last] & seen[b, begin + h])[:, None, None, None].float()
    if model.targets:
        there = there * _told(model, state, batch.labels[b, begin + h])
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


@torch.no_grad()
def _told(model: WorldModel, states: Tensor, truth: Tensor) -> Tensor:
    """Where true images tell how states (n, S) look, whose targets truly are at (n, K, 3): 0 or 1, (n, 1, H, W).

    An object imagined too far off tells nothing where it is and where it is imagined, but still that it has left where
    it was. A fingertip too far off has the whole arm elsewhere: nothing is told. Unknown truths are believed.
    """
    positions = model.positions(states)
    off = (positions - truth).norm(dim=-1) > _NEAR_M  # (n, K)
    objects = torch.tensor([target.kind == "object" for target in model.interface.targets], device=off.device)
    places = [model.places.project((each - model.pose_mean) / model.pose_scale) for each in (positions, truth)]
    near = torch.stack([(model.decoder.grid[:, None] - place[:, :, None, None]).norm(dim=-1) for place in places])
    hidden = (near < _AROUND).any(0) & (off & objects)[..., None, None]  # (n, K, H, W)
    return (~hidden.any(1, keepdim=True) & ~(off & ~objects).any(1)[:, None, None, None]).float()


def _edges(error: Tensor) -> Tensor:
    """L1 of the gradient of an error image (B, 3, H, W)."""
    return (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
