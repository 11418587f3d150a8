"""Trains the network that reads target positions from single images; samples rare positions more often."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.data.cache import Cache
from world_model_ros.learning.model.precision import pictures_in_bfloat16
from world_model_ros.learning.model.world_model import WorldModel

_BATCH = 96
_RATE = 1.5e-3
_CELL_M = 0.05
_SHARP = 1.0


def train_reader(model: WorldModel, cache: Cache, steps: int, seed: int) -> None:
    """Fit `WorldModel.reader` and `WorldModel.places` to the labels of the training episodes, in place."""
    camera = model.cameras[0].name
    ticks, weight = _ticks(model, cache)
    if not steps or not len(ticks):
        return
    random, device = np.random.default_rng(seed), model.action_scale.device
    trained = [*model.reader.parameters(), *model.places.parameters()]
    optimizer = torch.optim.AdamW(trained, _RATE, weight_decay=1e-4)
    model.reader.train()
    progress = progress_bar(range(steps), desc="reader", unit="step")
    for step in progress:
        for group in optimizer.param_groups:
            group["lr"] = (
                _RATE * min(1.0, (step + 1) / 50) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))
            )
        chosen = np.sort(random.choice(ticks, _BATCH, p=weight))
        image = torch.from_numpy(np.ascontiguousarray(cache.streams[camera][chosen])).float().to(device)
        light = torch.from_numpy(random.uniform(0.9, 1.1, (_BATCH, 1, 1, 1)).astype(np.float32)).to(device)
        truth = torch.from_numpy(cache.labels[chosen][..., :3]).to(device)
        with pictures_in_bfloat16(device):
            maps = model.reader.maps((image * light).clamp(0.0, 255.0))
            read = model.reader.read_maps(maps)
        wanted = (truth - model.pose_mean) / model.pose_scale
        loss = smooth_l1_loss(read.float(), wanted, beta=0.1) + _places_loss(model, maps.detach().float(), wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 100 == 99:
            miss = ((read.float() - (truth - model.pose_mean) / model.pose_scale) * model.pose_scale).norm(dim=-1)
            progress.set_postfix_str(" ".join(f"{m:.4f}" for m in miss.mean(0).tolist()))
    model.reader.eval()


def _places_loss(model: WorldModel, maps: Tensor, wanted: Tensor) -> Tensor:
    """Of places in the image: positions (B, K, 3) can be read from them and lead back to them, and they are sharp."""
    shares = model.places.shares(maps)
    places = model.places.middle(shares)
    there = smooth_l1_loss(model.places.read(places), wanted, beta=0.1)
    back = smooth_l1_loss(model.places.project(wanted), places.detach(), beta=0.02)
    return there + back + _SHARP * model.places.spread(shares).mean()


def _ticks(model: WorldModel, cache: Cache) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Training ticks with an image and all labels, and how often to draw each: rare places more often."""
    index = [stream.name for stream in model.streams].index(model.cameras[0].name)
    episode = np.searchsorted(cache.begins, np.arange(len(cache.fresh)), side="right") - 1
    there = (cache.fresh[:, index] > 0.5) & ~np.isnan(cache.labels).any((1, 2)) & cache.trained[episode]
    ticks = np.flatnonzero(there)
    cells = np.floor(cache.labels[ticks][..., :2] / _CELL_M).astype(np.int64)
    weight = np.zeros(len(ticks))
    for k in range(cells.shape[1]):
        _, which, counts = np.unique(cells[:, k], axis=0, return_inverse=True, return_counts=True)
        weight += 1.0 / np.maximum(counts[which.reshape(-1)], 20)
    return ticks, weight / max(float(weight.sum()), 1e-12)
