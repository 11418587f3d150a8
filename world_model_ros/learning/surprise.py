"""How far the senses are from what was predicted a tick before, in units of what is usual.

Each sense has its own scale, so that a touch that should not be counts as much as an object that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from world_model_ros.learning.networks import WorldModel


def innovations(
    model: WorldModel, prior: Tensor, posterior: Tensor, features: Mapping[str, Tensor], fresh: Tensor
) -> Tensor:
    """How wrong the prediction was: (B, 1 + streams), first of the targets' positions, then of each stream.

    Zero for a stream that is not fresh, that training never had, or of a camera after the first.

    Args:
        prior, posterior: beliefs before and after the senses, (B, S).
        features: of the senses, (B, n). fresh: (B, streams).
    """
    nothing = torch.zeros_like(prior[:, 0])
    found = [nothing]
    if model.targets:
        moved = (model.positions(prior) - model.positions(posterior)) / model.sigma(prior, 1)
        found = [_length(moved.flatten(1))]
    sensed = {stream.name for stream in model.sensed_streams()}
    for i, stream in enumerate(model.streams):
        feature = features[stream.name]
        if stream.name not in sensed or (stream.kind == "camera" and stream is not model.cameras[0]):
            found.append(nothing)
            continue
        if stream.kind == "camera":
            error = model.code_head(prior) - feature
        else:
            error = model.sense_normalised(stream, prior) - model.sense_target(stream.name, feature)
        found.append(_length(error) * fresh[:, i])
    return torch.stack(found, 1)


def surprise(model: WorldModel, found: Tensor) -> Tensor:
    """Innovations (B, n) -> the largest in units of what is usual, (B,); over 1 in one of a hundred usual ticks."""
    out: Tensor = (found / model.usual).amax(1)
    return out


def _length(error: Tensor) -> Tensor:
    return torch.sqrt((error * error).mean(1) + 1e-12)
