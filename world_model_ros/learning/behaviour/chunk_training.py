"""Settings, statistics and training loop of a chunk model: its behaviour, dynamics and distance to the goal.

A run that was broken off goes on where it was.
"""

from __future__ import annotations

import copy
import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from world_model_ros.core.checks import like, whole
from world_model_ros.core.errors import UserError
from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.behaviour.augment import Aside, Resting
from world_model_ros.learning.behaviour.chunk_losses import ValueConfig, dynamics_losses, flow_loss, value_loss
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.training.train import warm_cosine

CHECKPOINT = "chunk_checkpoint.pt"
_SAVED = 1000  # steps between two checkpoints


@dataclass(frozen=True)
class ChunkConfig:
    """Settings of a training run.

    Args:
        steps: gradient steps of the behaviour and of the macro dynamics.
        value_every: steps of these for one of the distance.
        batch: ticks a step.
        rate: peak learning rate. value_rate: of the distance.
        averaging: of the behaviour's weights over steps. target: of the distance's slow copy.
        value: settings of the distance.
        yaw_goals: whether goals may ask for the yaw of targets whose orientation is ``yaw``.
        tolerance_m: how near to its goal an object counts as there, or something articulated in m.
        tolerance_tip_m: the same of a fingertip. tolerance_turn_rad: of a yaw. tolerance_rad, tolerance_share: of
            something articulated, by its unit.
        tolerances: name of a target and how near to its place or value it counts as there, in place of the usual.
        sizes: of the networks.
        alike: groups of things that teach each other: each of a group is recorded as if it had been any other, too.
        held_out: one episode in this many only measures.
        seed: of weights and batches.
        threads: of the CPU.
    """

    steps: int = 24_000
    value_every: int = 1
    batch: int = 384
    rate: float = 8e-4
    value_rate: float = 5e-4
    averaging: float = 0.999
    target: float = 0.01
    value: ValueConfig = field(default_factory=ValueConfig)
    yaw_goals: bool = False
    tolerance_m: float = 0.02
    tolerance_tip_m: float = 0.01
    tolerance_turn_rad: float = 0.15
    tolerance_rad: float = 0.1
    tolerance_share: float = 0.1
    tolerances: tuple[tuple[str, float], ...] = ()
    sizes: ChunkSizes = field(default_factory=ChunkSizes)
    alike: tuple[tuple[str, ...], ...] = ()
    held_out: int = 20
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for each in fields(self):
            like(each.name, getattr(self, each.name), each.default)
        for name in ("steps", "value_every", "batch", "held_out", "threads"):
            whole(name, getattr(self, name), 1)
        for target, value in self.tolerances:
            if not 0.0 < value < float("inf"):
                raise UserError(f"tolerances: {target}", value, "over 0: m, rad or the share of something articulated")

    @property
    def chunk(self) -> int:
        """Ticks in a macro step."""
        return self.sizes.chunk


def fit_statistics(model: ChunkModel, play: Play, bounds: Tensor, episodes: Tensor | None = None) -> None:
    """What is taken from some episodes (E', ) once, or from all: means, scales and `SeenMoves`."""
    episodes = torch.arange(len(play.begins) - 1) if episodes is None else episodes
    states, k, seen = play.states, model.chunk_ticks, play.states[play.ticks(episodes)]
    at = play.starts(episodes, k)
    model.mean.copy_(seen.mean(0))
    model.scale.copy_(seen.std(0).clamp(min=1e-3))
    for thing, hand in model.layout.relative():
        model.scale[thing] = model.scale[hand] = model.scale[hand].mean()
    model.step_scale.copy_(_size(states[at] - states[at - 1]))
    ahead = states[at[:, None] + torch.arange(1, k + 1)] - states[at][:, None]
    model.change_scale.copy_(_size(ahead))
    model.action_scale.copy_(bounds)
    resting = Resting.of(play)
    model.handles.fit(play, resting, episodes, k)
    model.seen_moves.fit(play, resting, episodes, k)


def _size(changes: Tensor) -> Tensor:
    """Root mean square of changes (N, ...): what always moves alike has no spread, and moves all the same."""
    return changes.square().mean(0).sqrt().clamp(min=1e-4)


def train_chunks(
    model: ChunkModel,
    play: Play,
    held_out: Tensor,
    tolerance: Tensor,
    config: ChunkConfig,
    out: Path,
    trained: Tensor | None = None,
) -> dict[str, Any]:
    """Train in place; the model is left with averaged weights of the behaviour, in eval mode.

    Args:
        model: with statistics of the data.
        play: what was recorded.
        held_out: (E,) bool, episodes that only measure.
        tolerance: of each thing that a goal may be given for.
        config: settings.
        out: folder of the checkpoint.
        trained: (E,) bool, episodes that train; all others without it.

    Returns:
        Settings, sizes, held-out scores and minutes.
    """
    torch.set_num_threads(config.threads)
    run = _ChunkRun(model, play, held_out, ~held_out if trained is None else trained, tolerance, config, out)
    run.resume()
    run.train()
    return run.finish()


class _ChunkRun:
    """Where a run stands."""

    def __init__(
        self,
        model: ChunkModel,
        play: Play,
        held_out: Tensor,
        trained: Tensor,
        tolerance: Tensor,
        config: ChunkConfig,
        out: Path,
    ) -> None:
        self.model, self.play, self.tolerance, self.config, self.out = model, play, tolerance, config, out
        self.step, self.minutes = 0, 0.0
        self.generator = torch.Generator().manual_seed(config.seed)
        self.target, self.average = copy.deepcopy(model), copy.deepcopy(model.behaviour)
        numbers = torch.arange(len(play.begins) - 1)
        k = model.chunk_ticks
        self.starts, self.measured = play.starts(numbers[trained], k), play.starts(numbers[held_out], k)
        self.resting = Resting.of(play)
        self.aside = Aside.fit(play, self.resting, numbers[trained], k, model.action_scale)
        valued = list(model.distances.parameters())
        others = [p for part in (model.behaviour, model.dynamics, model.spread) for p in part.parameters()]
        self.optimizer = torch.optim.AdamW(
            [{"params": others, "peak": config.rate}, {"params": valued, "peak": config.value_rate}],
            config.rate,
            weight_decay=1e-4,
        )

    def train(self) -> None:
        """The steps that are left."""
        config, model = self.config, self.model
        progress = progress_bar(
            range(self.step, config.steps),
            desc="chunks",
            unit="step",
            initial=self.step,
            total=config.steps,
            mininterval=0.1 if sys.stderr.isatty() else 30.0,
        )
        begin, before = time.monotonic(), self.minutes
        for step in progress:
            for group in self.optimizer.param_groups:
                group["lr"] = group["peak"] * warm_cosine(step, config.steps)
            losses = self._losses(step)
            total = torch.stack(list(losses.values())).sum()
            if not torch.isfinite(total):
                raise UserError("training", {name: float(each) for name, each in losses.items()}, "finite losses")
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            self.optimizer.step()
            _follow(self.average, model.behaviour, 1.0 - config.averaging)
            if "value" in losses:
                _follow(self.target.distances, model.distances, config.target)
            self.step = step + 1
            self.minutes = before + (time.monotonic() - begin) / 60
            if self.step % _SAVED == 0 or self.step == config.steps:
                self._save()
                progress.set_postfix_str(" ".join(f"{name} {each.item():.4f}" for name, each in losses.items()))

    def _losses(self, step: int) -> dict[str, Tensor]:
        config, model, play = self.config, self.model, self.play
        at = self._draw(self.starts)
        dynamics, spread = dynamics_losses(model, play, at, self.resting, self.generator)
        found = {
            "flow": flow_loss(model, play, at, self.generator, self.aside),
            "dynamics": dynamics,
            "spread": 0.1 * spread,
        }
        if step % config.value_every == 0:
            at = self._draw(self.starts)
            found["value"] = value_loss(
                model, self.target, play, at, self.tolerance, config.value, self.generator, self.aside
            )
        return found

    def _draw(self, starts: Tensor) -> Tensor:
        return starts[torch.randint(0, len(starts), (self.config.batch,), generator=self.generator)]

    def finish(self) -> dict[str, Any]:
        """Take the averaged behaviour, and measure on held-out episodes."""
        model, config = self.model, self.config
        model.behaviour.load_state_dict(self.average.state_dict())
        model.eval()
        scores: dict[str, float] = {}
        if len(self.measured):
            generator = torch.Generator().manual_seed(1)
            at = self.measured[torch.randint(0, len(self.measured), (4096,), generator=generator)]
            with torch.no_grad():
                dynamics, spread = dynamics_losses(model, self.play, at, self.resting)
                scores["flow"] = float(flow_loss(model, self.play, at, generator))
                scores["dynamics"], scores["spread"] = float(dynamics), float(spread)
                value = value_loss(model, model, self.play, at, self.tolerance, config.value, generator)
                scores["value"] = float(value)
                memory = self.play.memory(at)
                ahead = model.imagine_chunk(memory, self.play.chunk(at, model.chunk_ticks))[:, -1]
                for entry in model.layout.entries:
                    part = model.layout.place(entry)
                    truth = self.play.states[at + model.chunk_ticks][:, part]
                    miss = (ahead[:, part] - truth).norm(dim=-1)
                    moved = (truth - memory[:, part]).norm(dim=-1) > 0.005
                    scores[f"{entry.name}_chunk"] = float(miss.median())
                    if moved.any():
                        scores[f"{entry.name}_chunk_moved"] = float(miss[moved].median())
        return {"config": asdict(config), "sizes": asdict(model.sizes), "minutes": self.minutes, "scores": scores}

    def _save(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        kept = {
            "model": self.model.state_dict(),
            "target": self.target.distances.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "minutes": self.minutes,
            "about": self._about(),
        }
        part = self.out / f"{CHECKPOINT}.part"
        torch.save(kept, part)
        part.replace(self.out / CHECKPOINT)

    def _about(self) -> str:
        play = self.play
        told = b"".join(each.numpy().tobytes() for each in (play.states, play.actions, play.begins, self.starts))
        return json.dumps([{**asdict(self.config), "threads": 0}, hashlib.sha256(told).hexdigest()])

    def resume(self) -> None:
        """Go on from a checkpoint in the folder, if there is one."""
        path = self.out / CHECKPOINT
        if not path.is_file():
            return
        kept = torch.load(path, weights_only=True)
        if kept["about"] != self._about():
            raise UserError("out", str(self.out), f"a folder without {CHECKPOINT} of a run with other settings or data")
        try:
            self.model.load_state_dict(kept["model"])
        except RuntimeError as error:
            legal = f"a folder without {CHECKPOINT} of another version ({' '.join(str(error).split())})"
            raise UserError("out", str(self.out), legal) from error
        self.target.distances.load_state_dict(kept["target"])
        self.average.load_state_dict(kept["average"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.generator.set_state(kept["generator"])
        self.step, self.minutes = kept["step"], kept["minutes"]


@torch.no_grad()
def _follow(slow: nn.Module, quick: nn.Module, share: float) -> None:
    torch._foreach_lerp_(list(slow.parameters()), list(quick.parameters()), share)
