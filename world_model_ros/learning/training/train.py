"""Trains a world model in two stages: end to end, then all but the camera encoders on cached image codes.

Quality comes from the second stage. In between, the reader of positions learns from single images; in the end, the
decoder of images from finished states. A run that was broken off goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import CameraStream
from world_model_ros.core.errors import UserError
from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.data.cache import Cache
from world_model_ros.learning.data.preparation import encode_all, fit_statistics
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.model.precision import pictures_in_bfloat16
from world_model_ros.learning.model.surprise import fit_expected, fit_whitening
from world_model_ros.learning.model.world_model import MOST_AHEAD, Sizes, WorldModel
from world_model_ros.learning.training import distributed
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.decoder_stage import train_decoder
from world_model_ros.learning.training.losses.total import losses
from world_model_ros.learning.training.position_reader import train_reader
from world_model_ros.learning.training.scores import complaints, score

CHECKPOINT = "checkpoint.pt"  # where a run stands
_SCORED = 100  # steps between two looks at held-out episodes
_SAVED = 200  # steps between two checkpoints


def train(contract: Contract, cache: Cache, out: Path, config: TrainConfig | None = None) -> WorldModel:
    """Train from a cache; writes checkpoints and TensorBoard curves to ``out`` and returns the model in eval mode.

    A run that was broken off goes on from its last checkpoint, and becomes what it would have become.

    Raises:
        UserError: ``out`` has a run with other settings or data, there is too little data, or losses are not finite.
    """
    config = config or TrainConfig()
    check_settings(contract, config)
    _check_data(cache, config)
    torch.manual_seed(config.seed)
    torch.set_num_threads(max(1, config.threads // distributed.neighbours()))
    out.mkdir(parents=True, exist_ok=True)
    model = WorldModel(contract.interface, Sizes())
    fit_statistics(model, cache)
    model.to(distributed.local_device(config.device))
    run = _Run(model, contract, cache, config, out)
    run.resume()
    if run.stage == 0:
        run.train_stage(None)
        if model.targets and model.cameras:
            if distributed.rank() == 0:
                train_reader(model, cache, config.reader_steps, config.seed)
            distributed.share(model)
        run.next_stage()
    codes = encode_all(model, cache)
    for parameter in _camera_parameters(model):
        parameter.requires_grad_(False)
    run.train_stage(codes)
    if distributed.rank() == 0:
        if model.cameras and config.decoder_steps:
            train_decoder(model, contract, cache, codes, config)
        fit_whitening(model, run.windows[1], codes, config.seed)
        fit_expected(model, run.windows[1], codes, math.ceil(config.steps[1] / 6), config.seed)
        save(model, contract, out / "model.pt")
        (out / "train.json").write_text(json.dumps({"config": asdict(config), "last": run.log.last}, indent=1))
        (out / CHECKPOINT).unlink(missing_ok=True)
    distributed.wait()
    return model.cpu().eval()


def check_settings(contract: Contract, config: TrainConfig) -> None:
    """`UserError` of what no data can be trained with here."""
    for stream in contract.interface.streams:
        size = list(stream.shape[:2])
        if stream.is_picture and any(length % 16 for length in size):
            raise UserError(f"interface.streams.{stream.name}", size, "multiples of 16, to be learned")
    if config.objective == "jepa" and not contract.interface.of(CameraStream):
        raise UserError("objective", config.objective, "a contract with a camera")
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError("device", config.device, "cpu; torch finds no GPU")
    if not 1 <= config.horizon <= MOST_AHEAD:
        raise UserError("horizon", config.horizon, f"1 to {MOST_AHEAD} ticks")


def _check_data(cache: Cache, config: TrainConfig) -> None:
    if not cache.trained.any():
        held = int(cache.validation.sum())
        raise UserError("bags", f"{held}, held out to validate", "two or more, of which fewer are held out")
    for length in config.length:
        if not len(cache.starts(length, validation=False)):
            longest = int(np.diff(cache.begins)[cache.trained].max(initial=0))
            raise UserError("bags", f"{longest} ticks at most", f"a training episode of {length} ticks or more")


def save(model: WorldModel, contract: Contract, path: Path) -> None:
    """Weights and the contract they were trained for."""
    weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    torch.save({"weights": weights, "contract": contract.text}, path)


class _Run:
    """Where a training run stands: stage and step, weights, optimizer, and both random generators."""

    def __init__(self, model: WorldModel, contract: Contract, cache: Cache, config: TrainConfig, out: Path) -> None:
        self.model, self.config, self.out = model, config, out
        self.stage, self.step = 0, 0
        data = hashlib.sha256(cache.begins.tobytes() + cache.applied.tobytes()).hexdigest()
        self._config = json.dumps([asdict(config), contract.interface_hash, data])
        self.log = _Log(out)
        rank = distributed.rank()
        self.random = np.random.default_rng([config.seed, rank] if rank else config.seed)
        self.generator = torch.Generator().manual_seed(config.seed + 1000 * rank)
        self.windows = [Windows(contract, cache, length) for length in config.length]
        self.held_out = [Windows(contract, cache, length, validation=True) for length in config.length]
        self._optimizer_state: dict[str, Any] | None = None

    def next_stage(self) -> None:
        self.stage, self.step, self._optimizer_state = 1, 0, None
        self.generator.manual_seed(self.config.seed + 1 + 1000 * distributed.rank())
        self._save({})

    def resume(self) -> None:
        """Go on from a checkpoint in the folder, if there is one."""
        path = self.out / CHECKPOINT
        if not path.is_file():
            return
        kept = torch.load(path, weights_only=True)
        if kept["config"] != self._config:
            raise UserError("out", str(self.out), f"a folder without {CHECKPOINT} of a run with other settings or data")
        self.model.load_state_dict(kept["weights"])
        self.stage, self.step, self._optimizer_state = kept["stage"], kept["step"], kept["optimizer"] or None
        if distributed.rank():  # the checkpoint is the first process's; the others only must not draw the same again
            self.random = np.random.default_rng([self.config.seed, distributed.rank(), self.step])
            return
        self.random.bit_generator.state = json.loads(kept["random"])
        self.generator.set_state(kept["generator"])

    def _save(self, optimizer: dict[str, Any]) -> None:
        if distributed.rank():
            return
        part = self.out / f"{CHECKPOINT}.part"
        kept = {
            "config": self._config,
            "weights": self.model.state_dict(),
            "stage": self.stage,
            "step": self.step,
            "optimizer": optimizer,
            "random": json.dumps(self.random.bit_generator.state),
            "generator": self.generator.get_state(),
        }
        torch.save(kept, part)
        part.replace(self.out / CHECKPOINT)

    def train_stage(self, codes: dict[str, Tensor] | None) -> None:
        """The steps of the stage that are left; with ``codes`` of every tick nothing is encoded."""
        model, config, stage = self.model, self.config, self.stage
        steps, rate = config.steps[stage], config.rate[stage]
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, rate, weight_decay=1e-4)
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
        model.train()
        progress = progress_bar(
            range(self.step, steps),
            desc=f"stage {stage + 1}",
            unit="step",
            initial=self.step,
            total=steps,
            disable=distributed.rank() > 0,
            mininterval=0.1 if sys.stderr.isatty() else 20.0,  # a log file has to stay readable
        )
        device = model.action_scale.device
        for step in progress:
            for group in optimizer.param_groups:
                group["lr"] = rate * warm_cosine(step, steps)
            # The encoder only: the belief is filtered over many ticks and wants its millimetres.
            with pictures_in_bfloat16(device) if codes is None else nullcontext():
                batch = self.windows[stage].draw(config.windows[stage], self.random, codes, model)
            parts = losses(model, batch, config, stage, self.generator)
            total = torch.stack(list(parts.values())).sum()
            values = {name: value.item() for name, value in parts.items()}
            if not torch.isfinite(total):
                raise UserError("training", values, "finite losses; bad data?")
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            distributed.average_gradients(trained)
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            self.step = step + 1
            first = distributed.rank() == 0
            if first and (self.step % _SCORED == 0 or self.step == steps):
                scores = score(model, self.held_out[stage], config, codes)
                self.log.write(stage, step, values | scores)
                progress.set_postfix_str(" ".join(f"{name} {value:.4f}" for name, value in scores.items()))
            if self.step % _SAVED == 0 or self.step == steps:
                self._save(optimizer.state_dict())
            if first and self.step in (steps // 4, steps):
                for line in complaints(model, self.held_out[stage], config, codes):
                    progress.write(f"stage {stage + 1}, step {self.step}: {line}")
        model.eval()


def _camera_parameters(model: WorldModel) -> list[torch.nn.Parameter]:
    """Encoders of the cameras and the reader: what stage two leaves alone."""
    encoders = [model.encoder(stream.name) for stream in model.streams]
    kept: list[torch.nn.Module] = [encoder for encoder in encoders if encoder.learns_features]
    kept += [model.reader, model.places] if model.targets and model.cameras else []
    return [parameter for module in kept for parameter in module.parameters()]


def warm_cosine(step: int, steps: int) -> float:
    """Learning rate as a share of its peak: up over the first twentieth, then a cosine down to a fiftieth."""
    warm = max(1, steps // 20)
    return min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps))))


class _Log:
    """TensorBoard curves where it is installed, and the last values for the record."""

    def __init__(self, out: Path) -> None:
        self.last: dict[str, float] = {}
        self._write: Callable[[str, float, int], None] | None = None
        self._begin = time.monotonic()
        self._offset = 0
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._write = SummaryWriter(str(out / "tensorboard")).add_scalar
        except ImportError:
            pass

    def write(self, stage: int, step: int, values: dict[str, float]) -> None:
        self.last = {"stage": stage + 1, "step": step + 1, "minutes": (time.monotonic() - self._begin) / 60, **values}
        if self._write is not None:
            for name, value in values.items():
                self._write(f"stage{stage + 1}/{name}", value, step)
