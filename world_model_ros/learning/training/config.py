"""Settings of a world model's training run (not of a chunk model's): steps, windows, horizons, rates, seed, device."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal, get_args

from world_model_ros.core.checks import like, positive, whole, within
from world_model_ros.core.errors import UserError

Objective = Literal["observations", "one_step", "jepa"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    Args:
        steps: gradient steps of stage one and two; ``reader_steps`` those of the position reader in between,
            ``decoder_steps`` those of the image decoder in the end.
        windows: windows a batch in stage one and two.
        length: ticks a window in stage one and two; the belief lives much longer than that at run time, so the second
            stage sees longer ones. horizon: ticks imagined; starts: beliefs a window to imagine from, by stage.
        far: ticks imagined from ``far_starts`` more beliefs a window, of which a share ``far_share`` is looked at: what
            goes on for long must neither drift nor stop where the horizon ends.
        sensed_share: of imagined ticks whose senses are looked at, by stage; positions are in all of them.
        decoder_far: ticks ahead, at most, of every other batch of the image decoder.
        frames: imagined images decoded a batch, by stage, where there are no targets to learn from.
        rate: peak learning rates of the two stages.
        objective: ``observations`` predicts everything sensed and labelled many steps ahead. Ablations: ``one_step``
            the same one step ahead only; ``jepa`` predicts codes (`training.losses.joint_embedding`), and heads only
            read.
        held_out: one episode in this many validates, and is not trained on.
        seed: of weights, windows and dropout.
        threads: of the CPU. device: ``cpu``, or as torch names it: ``cuda``.
    """

    steps: tuple[int, int] = (1400, 2400)
    reader_steps: int = 2500
    decoder_steps: int = 2000
    windows: tuple[int, int] = (16, 32)
    length: tuple[int, int] = (22, 52)
    horizon: int = 12
    starts: tuple[int, int] = (3, 8)
    far: int = 36
    far_starts: tuple[int, int] = (0, 3)
    far_share: float = 0.4
    decoder_far: int = 56
    sensed_share: tuple[float, float] = (1.0, 0.4)
    frames: tuple[int, int] = (32, 24)
    rate: tuple[float, float] = (8e-4, 8e-4)
    held_out: int = 20
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    objective: Objective = "observations"

    def __post_init__(self) -> None:
        for each in fields(self):
            like(each.name, getattr(self, each.name), each.default)
        for name in ("horizon", "far", "decoder_far", "held_out", "threads"):
            whole(name, getattr(self, name), 1)
        for name in ("windows", "length"):
            for value in getattr(self, name):
                whole(name, value, 1)
        for value in self.rate:
            positive("rate", value)
        for name, shares in (("far_share", (self.far_share,)), ("sensed_share", self.sensed_share)):
            for value in shares:
                within(name, value, 0.0, 1.0)
        if self.objective not in OBJECTIVES:
            raise UserError("objective", self.objective, f"one of {list(OBJECTIVES)}")
        if not re.fullmatch(r"cpu|cuda(:\d+)?", self.device):
            raise UserError("device", self.device, "cpu, cuda, or one GPU of several as cuda:0")
        if min(self.length) < self.horizon + 3:
            raise UserError("length", self.length, f"at least the horizon plus three, {self.horizon + 3}")
