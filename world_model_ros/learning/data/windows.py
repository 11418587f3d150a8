"""Draws batches of windows (several ticks in a row) from a cache, half of them where an object moves."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import CameraStream
from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.data.cache import Cache, drop_modalities
from world_model_ros.learning.model.world_model import WorldModel


class Windows:
    """Draws batches of windows of ``length`` ticks; half of them from where a labelled object moves, where one does."""

    def __init__(self, contract: Contract, cache: Cache, length: int, validation: bool = False) -> None:
        self.cache, self.length = cache, length
        self.streams = contract.interface.streams
        self.kinds = [stream.kind for stream in self.streams]
        self.starts = cache.starts(self.length, validation)
        self.moving = self._moving(contract)
        cameras = [stream.name for stream in contract.interface.of(CameraStream)]
        self.camera = cameras[0] if cameras else None

    def _moving(self, contract: Contract) -> NDArray[np.int64]:
        objects = [k for k, target in enumerate(contract.interface.targets) if target.kind == "object"]
        if not objects or not len(self.starts):
            return self.starts[:0]
        position = self.cache.labels[:, objects, :3]
        travel = np.linalg.norm(position[self.starts + self.length - 1] - position[self.starts], axis=-1)
        return self.starts[(travel > 0.01).any(1)]

    def draw(
        self,
        count: int,
        random: np.random.Generator,
        codes: dict[str, Tensor] | None,
        model: WorldModel,
        drop: bool = True,
    ) -> Batch:
        """A batch; with ``codes`` (features of the whole cache, by tick) nothing is encoded."""
        begin = random.choice(self.starts, count)
        if len(self.moving):
            begin[: count // 2] = random.choice(self.moving, count // 2)
        return self.take(begin, random, codes, model, drop)

    def take(
        self,
        begin: NDArray[np.int64],
        random: np.random.Generator,
        codes: dict[str, Tensor] | None,
        model: WorldModel,
        drop: bool,
    ) -> Batch:
        """The batch of windows that begin at these ticks (B,)."""
        ticks = begin[:, None] + np.arange(self.length)
        fresh = self.cache.fresh[ticks]
        device = model.action_scale.device
        dropped = drop_modalities(fresh, self.kinds, random) if drop else fresh
        frames = None
        if self.camera is not None:
            frames = torch.from_numpy(np.ascontiguousarray(self.cache.streams[self.camera][ticks]))
        if codes is not None:
            index = torch.from_numpy(ticks)
            features = {name: value[index].float() for name, value in codes.items()}
        else:
            values = {
                s.name: torch.from_numpy(np.ascontiguousarray(self.cache.streams[s.name][ticks])) for s in self.streams
            }
            flat = {name: v.flatten(0, 1) for name, v in values.items()}
            flat = {name: (v if v.dtype == torch.uint8 else v.float()).to(device) for name, v in flat.items()}
            encoded = model.features(flat)
            features = {name: value.float().unflatten(0, ticks.shape) for name, value in encoded.items()}
        return Batch(
            features,
            torch.from_numpy(dropped),
            torch.from_numpy(fresh),
            torch.from_numpy(self.cache.applied[ticks]),
            torch.from_numpy(self.cache.labels[ticks][..., :3]),
            frames,
        ).to(device)
