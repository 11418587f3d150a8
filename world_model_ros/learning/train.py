"""Two stages: everything end to end, then all but the camera encoder on its cached codes; quality comes from there.

In between, the reader of positions learns from single images.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.learning.dataset import Cache, drop_modalities
from world_model_ros.learning.losses import Batch, filter_states, imagine, losses
from world_model_ros.learning.networks import Sizes, WorldModel
from world_model_ros.learning.reader import train_reader


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    Args:
        steps: gradient steps of stage one and two; ``reader_steps`` those of the position reader in between.
        windows: windows a batch in stage one and two.
        length: ticks a window in stage one and two; the belief lives much longer than that at run time, so the second
            stage sees longer ones. horizon: ticks imagined; starts: beliefs a window to imagine from.
        frames: imagined images decoded a batch.
        rate: peak learning rates of the two stages.
        held_out: one episode in this many validates, and is not trained on.
        seed: of weights, windows and dropout.
    """

    steps: tuple[int, int] = (1300, 1500)
    reader_steps: int = 2000
    windows: tuple[int, int] = (16, 32)
    length: tuple[int, int] = (22, 44)
    horizon: int = 12
    starts: int = 3
    frames: int = 32
    rate: tuple[float, float] = (8e-4, 8e-4)
    held_out: int = 20
    seed: int = 0
    threads: int = 2


class Windows:
    """Draws batches of windows; half of them from where a labelled object moves, if there are such."""

    def __init__(
        self, contract: Contract, cache: Cache, config: TrainConfig, stage: int, validation: bool = False
    ) -> None:
        self.cache, self.length = cache, config.length[stage]
        self.streams = contract.interface.streams
        self.kinds = [stream.kind for stream in self.streams]
        self.starts = cache.starts(self.length, validation)
        self.moving = self._moving(contract)
        cameras = [stream.name for stream in self.streams if stream.kind == "camera"]
        self.camera = cameras[0] if cameras else None

    def _moving(self, contract: Contract) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
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
        ticks = begin[:, None] + np.arange(self.length)
        fresh = self.cache.fresh[ticks]
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
            flat = {name: v if v.dtype == torch.uint8 else v.float() for name, v in flat.items()}
            encoded = model.features(flat)
            features = {name: value.float().unflatten(0, ticks.shape) for name, value in encoded.items()}
        return Batch(
            features,
            torch.from_numpy(dropped),
            torch.from_numpy(fresh),
            torch.from_numpy(self.cache.applied[ticks]),
            torch.from_numpy(self.cache.labels[ticks][..., :3]),
            frames,
        )


def train(
    contract: Contract, cache: Cache, out: Path, config: TrainConfig | None = None, resume: Path | None = None
) -> WorldModel:
    """Train from a cache; writes checkpoints and TensorBoard curves to ``out`` and returns the model in eval mode.

    Args:
        resume: a checkpoint (``stage1.pt``) whose stage two is to be trained; stage one is skipped.
    """
    config = config or TrainConfig()
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    random = np.random.default_rng(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    model = WorldModel(contract.interface, Sizes())
    fit_statistics(model, cache)
    windows = [Windows(contract, cache, config, stage) for stage in (0, 1)]
    held_out = [Windows(contract, cache, config, stage, validation=True) for stage in (0, 1)]
    log = _Log(out)
    if resume is None:
        _stage(model, windows[0], held_out[0], config, 0, random, None, log)
        if model.targets and model.cameras:
            train_reader(model, cache, config.reader_steps, config.seed)
        save(model, contract, out / "stage1.pt")
    else:
        model.load_state_dict(torch.load(resume, weights_only=True)["weights"])
    codes = encode_all(model, cache)
    for parameter in _camera_parameters(model):
        parameter.requires_grad_(False)
    _stage(model, windows[1], held_out[1], config, 1, random, codes, log)
    save(model, contract, out / "model.pt")
    (out / "train.json").write_text(json.dumps({"config": asdict(config), "last": log.last}, indent=1))
    return model.eval()


def _camera_parameters(model: WorldModel) -> list[torch.nn.Parameter]:
    """Encoders of the cameras and the reader: what stage two leaves alone."""
    kept = [model.encoders[stream.name] for stream in model.cameras]
    kept += [model.reader] if model.targets and model.cameras else []
    return [parameter for module in kept for parameter in module.parameters()]


def save(model: WorldModel, contract: Contract, path: Path) -> None:
    """Weights and the contract they were trained for."""
    torch.save({"weights": model.state_dict(), "contract": contract.text}, path)


def fit_statistics(model: WorldModel, cache: Cache) -> None:
    """Means and scales of senses and poses, from a sample of the training ticks; sets buffers in place."""
    random = np.random.default_rng(0)
    ticks = np.sort(random.choice(len(cache.fresh), min(4000, len(cache.fresh)), replace=False))
    for i, stream in enumerate(model.streams):
        there = ticks[cache.fresh[ticks, i] > 0.5]
        model.sensed[i] = bool(len(there))
        if stream.kind == "camera" or not len(there):
            continue
        value = torch.from_numpy(np.ascontiguousarray(cache.streams[stream.name][there])).float()
        x = model.features({stream.name: value})[stream.name]
        encoder = model.vector_encoder(stream.name)
        encoder.mean.copy_(x.mean(0))
        encoder.scale.copy_(x.std(0).clamp(min=float(x.std()) * 0.2 + 1e-4))
    scale = torch.from_numpy(cache.applied[ticks].std(0))
    model.action_scale.copy_(2.0 * scale.clamp(min=0.1 * float(scale.mean()) + 1e-6))
    if model.targets:
        labels = cache.labels[ticks]
        model.pose_mean.copy_(torch.from_numpy(np.nanmean(labels[..., :3], 0)))
        model.pose_scale.copy_(torch.from_numpy(np.nanstd(labels[..., :3], 0)).clamp(min=0.02))
        turn = np.nanmean(labels[..., 3:] * np.sign(labels[..., 6:]), 0)
        model.orientation.copy_(torch.from_numpy(turn / np.linalg.norm(turn, axis=-1, keepdims=True)))


@torch.no_grad()
def encode_all(model: WorldModel, cache: Cache) -> dict[str, Tensor]:
    """Features of every tick of the cache, as float16 (camera codes) and float32."""
    parts: dict[str, list[Tensor]] = {}
    for begin in tqdm(range(0, len(cache.fresh), 512), desc="encode", unit="batch"):
        values = {
            name: torch.from_numpy(np.ascontiguousarray(array[begin : begin + 512]))
            for name, array in cache.streams.items()
        }
        values = {name: v if v.dtype == torch.uint8 else v.float() for name, v in values.items()}
        for name, feature in model.features(values).items():
            parts.setdefault(name, []).append(feature.half() if name in cache.streams else feature)
    return {name: torch.cat(part) for name, part in parts.items()}


def _stage(
    model: WorldModel,
    windows: Windows,
    held_out: Windows,
    config: TrainConfig,
    stage: int,
    random: np.random.Generator,
    codes: dict[str, Tensor] | None,
    log: _Log,
) -> None:
    steps, rate = config.steps[stage], config.rate[stage]
    if not steps:
        return
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _warm_cosine(step, steps))
    generator = torch.Generator().manual_seed(config.seed + stage)
    model.train()
    progress = tqdm(range(steps), desc=f"stage {stage + 1}", unit="step")
    for step in progress:
        # bfloat16 for the encoder only: the belief is filtered over many ticks and wants its millimetres.
        with torch.autocast("cpu", torch.bfloat16, enabled=codes is None):
            batch = windows.draw(config.windows[stage], random, codes, model)
        parts = losses(model, batch, config.horizon, config.starts, config.frames, generator)
        total = torch.stack(list(parts.values())).sum()
        if not torch.isfinite(total):
            raise UserError(
                "training", {name: value.item() for name, value in parts.items()}, "finite losses; bad data?"
            )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99 or step == steps - 1:
            scores = score(model, held_out, config, codes)
            log.write(stage, step, {**{name: v.item() for name, v in parts.items()}, **scores})
            progress.set_postfix_str(" ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    model.eval()


def _warm_cosine(step: int, steps: int) -> float:
    """Learning rate as a share of its peak: up over the first twentieth, then a cosine down to a fiftieth."""
    warm = max(1, steps // 20)
    return min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps))))


@torch.no_grad()
def score(
    model: WorldModel, held_out: Windows, config: TrainConfig, codes: dict[str, Tensor] | None
) -> dict[str, float]:
    """Errors on held-out episodes with all senses: targets now, seen, and at the end of the horizon where they move."""
    if not len(held_out.starts):
        return {}
    model.eval()
    batch = held_out.draw(64, np.random.default_rng(1), codes, model, drop=False)
    _, posteriors = filter_states(model, batch)
    start = torch.full((64, 1), held_out.length - config.horizon - 1)
    states = imagine(model, posteriors, batch.applied, start, config.horizon)[:, 0]
    out: dict[str, float] = {}
    for k, target in enumerate(model.interface.targets):
        truth = batch.labels[:, held_out.length - config.horizon - 1 :, k]
        error = (model.positions(states.flatten(0, 1)).unflatten(0, states.shape[:2])[:, :, k] - truth).norm(dim=-1)
        moved = (truth[:, -1] - truth[:, 0]).norm(dim=-1) > 0.02
        out[f"{target.name}_now_m"] = float(error[:, 0].nanmean())
        if moved.any():
            out[f"{target.name}_end_m"] = float(error[moved, -1].nanmean())
            out[f"{target.name}_still_m"] = float((truth[:, -1] - truth[:, 0]).norm(dim=-1)[moved].nanmean())
    if model.targets and model.cameras:
        assert batch.frames is not None
        miss = (model.seen(batch.frames.flatten(0, 1)) - batch.labels.flatten(0, 1)).norm(dim=-1).nanmean(0)
        out |= {f"{target.name}_seen_m": float(m) for target, m in zip(model.interface.targets, miss)}
    joints = next(stream for stream in model.streams if stream.kind == "joints")
    target_q = batch.features[joints.name][:, -1]
    out["joints_end"] = float((model.senses(states[:, -1])[joints.name] - target_q).abs().mean())
    model.train()
    return out


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
