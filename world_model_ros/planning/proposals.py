"""Ways that are worth imagining before any noise: a planner that only samples seldom finds the way round an object."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

# Shares of the standoff: how wide a fingertip passes an object, how far behind it the push begins, and how near the
# fingertip is to the goal in the end. Nearer than the standoff it grazes corners on its way.
_BESIDE, _BEHIND, _PUSHED = 1.6, 1.2, 0.85


def push_way(
    fingertip: Tensor, pushed: Tensor, goal: Tensor, standoff_m: float, step_m: Tensor, horizon: int
) -> Tensor:
    """Where a fingertip is at each of H ticks on its way round an object, behind it, and on to where it pushes it to.

    Args:
        fingertip, pushed, goal: (2,) in the plane, m; the object and its goal.
        standoff_m: distance of the fingertip from the object's centre when it begins to push.
        step_m: way of a tick, ().
        horizon: H.

    Returns:
        Displacements (H, 2) of the fingertip, m a tick.
    """
    ahead = goal - pushed
    ahead = ahead / torch.sqrt((ahead * ahead).sum() + 1e-8)
    aside = torch.stack([-ahead[1], ahead[0]])
    away = fingertip - pushed
    side = torch.where((away * aside).sum() < 0.0, -1.0, 1.0)
    beside = pushed + _BESIDE * standoff_m * side * aside
    before = (away * ahead).sum() > -0.5 * standoff_m  # the object is in the way, or nearly so
    corners = [
        fingertip,
        torch.where(before, beside, fingertip),
        pushed - _BEHIND * standoff_m * ahead,
        goal - _PUSHED * standoff_m * ahead,
    ]
    gone = step_m * torch.arange(horizon + 1, dtype=fingertip.dtype, device=fingertip.device)
    place = fingertip[None]
    for start, end in pairwise(corners):
        length = torch.sqrt(((end - start) ** 2).sum() + 1e-8)
        place = place + (gone / length).clamp(min=0.0, max=1.0)[:, None] * (end - start)
        gone = gone - length
    return place[1:] - place[:-1]
