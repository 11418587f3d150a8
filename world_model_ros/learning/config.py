"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass


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
