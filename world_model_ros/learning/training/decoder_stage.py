"""Training stage of the image decoder, on futures that the finished model imagines."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from world_model_ros.contract.contract import Contract
from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.data.cache import Cache
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.model.filtering import filter_states, imagine
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.imagined_ticks import draw_starts
from world_model_ros.learning.training.losses.pictures import image_loss

_WINDOWS, _STARTS, _FRAMES = 16, 4, 96
_RATE = 8e-4
_ROOM = 8  # ticks that a window is longer than what is imagined in it
_OLDER = 0.5  # share of references that are older than the belief, where places of targets say what has moved since


def train_decoder(
    model: WorldModel, contract: Contract, cache: Cache, codes: dict[str, Tensor] | None, config: TrainConfig
) -> None:
    """Train `WorldModel.decoder` for ``config.decoder_steps``, in place; nothing else is changed.

    What it is shown are imagined states of windows that lose senses, as in the stages before: up to the horizon, and
    every other time far beyond it (`TrainConfig.decoder_far`), from windows as long as that takes and there are.
    """
    steps = config.decoder_steps
    random = np.random.default_rng([config.seed, 0xDEC])
    generator = torch.Generator().manual_seed(config.seed + 2)
    optimizer = torch.optim.AdamW(model.decoder.parameters(), _RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.05)
    usual = config.length[1]
    longer = max(usual, min(config.decoder_far + _ROOM, int(np.median(np.diff(cache.begins)[cache.trained]))))
    near, far = Windows(contract, cache, usual), Windows(contract, cache, longer)
    most = max(config.horizon, min(config.decoder_far, longer - _ROOM))
    count = min(_WINDOWS, config.windows[1])
    older = _OLDER if model.targets else 0.0
    progress = progress_bar(range(steps), desc="decoder", unit="step", mininterval=5.0)
    for step in progress:
        with torch.no_grad():
            windows, ahead = (far, most) if step % 2 else (near, config.horizon)
            batch = windows.draw(count, random, codes, model)
            _, posteriors = filter_states(model, batch)
            starts = draw_starts(batch, ahead, _STARTS, generator)
            states = imagine(model, posteriors, batch.applied, starts, ahead)
        loss = image_loss(model, batch, states, starts, _FRAMES, generator, older)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 49:
            progress.set_postfix_str(f"{loss.item():.4f}")
