"""Fits a model's normalisation to a sample of a cache, and encodes all ticks of the cache between training stages."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.data.cache import Cache
from world_model_ros.learning.model.world_model import WorldModel


def fit_statistics(model: WorldModel, cache: Cache) -> None:
    """Means and scales of senses and poses, from a sample of the training ticks; sets buffers in place."""
    random = np.random.default_rng(0)
    episode = np.searchsorted(cache.begins, np.arange(len(cache.fresh)), side="right") - 1
    trained = np.flatnonzero(cache.trained[episode])
    ticks = np.sort(random.choice(trained, min(4000, len(trained)), replace=False))
    for i, stream in enumerate(model.streams):
        there = ticks[cache.fresh[ticks, i] > 0.5]
        model.sensed[i] = bool(len(there))
        if model.encoder(stream.name).has_head and len(there):
            value = torch.from_numpy(np.ascontiguousarray(cache.streams[stream.name][there])).float()
            model.encoder(stream.name).fit(model.fronted(stream.name, value))
    scale = torch.from_numpy(cache.applied[ticks].std(0))
    model.action_scale.copy_(2.0 * scale.clamp(min=0.1 * float(scale.mean()) + 1e-6))
    if model.targets:
        for k in range(model.targets):
            known = cache.labels[ticks, k][~np.isnan(cache.labels[ticks, k]).any(-1)]
            if len(known):  # a target without labels keeps its defaults
                model.pose_mean[k] = torch.from_numpy(known[:, :3].mean(0))
                model.pose_scale[k] = torch.from_numpy(known[:, :3].std(0)).clamp(min=0.02)
                model.orientation[k] = torch.from_numpy(_mean_turn(known[:, 3:]))


def _mean_turn(quaternions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of unit quaternions (n, 4), of which either sign means the same (Markley et al. 2007)."""
    _, vectors = np.linalg.eigh(quaternions.T.astype(np.float64) @ quaternions)
    mean: NDArray[np.float32] = vectors[:, -1].astype(np.float32)
    return mean


@torch.no_grad()
def encode_all(model: WorldModel, cache: Cache) -> dict[str, Tensor]:
    """Features of every tick of the cache, on the CPU, as float16 (camera codes) and float32."""
    device = model.action_scale.device
    codes = {stream.name for stream in model.streams if model.encoder(stream.name).learns_features}
    parts: dict[str, list[Tensor]] = {}
    for begin in progress_bar(range(0, len(cache.fresh), 512), desc="encode", unit="batch", disable=None):
        values = {
            name: torch.from_numpy(np.ascontiguousarray(array[begin : begin + 512]))
            for name, array in cache.streams.items()
        }
        values = {name: (v if v.dtype == torch.uint8 else v.float()).to(device) for name, v in values.items()}
        for name, feature in model.features(values).items():
            parts.setdefault(name, []).append((feature.half() if name in codes else feature).cpu())
    return {name: torch.cat(part) for name, part in parts.items()}
