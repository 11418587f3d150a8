"""Chooses how many CPU threads a training uses: as asked, else the number measured to be quickest at its start.

Two threads on two free cores are faster than one. Where another process takes a core, each matrix product waits for the
thread that has to share, and two threads may be several times slower than one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from world_model_ros.core.errors import UserError
from world_model_ros.core.parallel import own_cores

_ROUNDS = 5
_WORTH = 0.9  # more threads have to take less than this share of the time of fewer


@dataclass(frozen=True)
class Choice:
    """Threads for a training.

    Args:
        threads: how many.
        reason: why, for a person.
    """

    threads: int
    reason: str


def threads_for(asked: int, checkpoint: Path) -> Choice:
    """The number that was asked for, else that of the run that goes on, else the quickest of those measured.

    Args:
        asked: by the user; 0 leaves it to this function.
        checkpoint: of a run that was broken off. It goes on with its threads, because sums depend on their number.

    Raises:
        UserError: the number is negative.
    """
    if asked < 0:
        raise UserError("threads", asked, "1 or more, or 0 to measure")
    if asked:
        return Choice(asked, "as asked")
    kept = _threads_of(checkpoint)
    if kept is not None:
        return Choice(kept, "as the run that goes on")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return Choice(2, "several processes; not measured")
    return quickest(step_times([1, *more] if (more := _more_than_one()) else [1]))


def take_threads(asked: int) -> Choice:
    """Let PyTorch use as many threads as were asked for, or the quickest number of those measured.

    Raises:
        UserError: the number is negative.
    """
    choice = threads_for(asked, Path())
    torch.set_num_threads(choice.threads)
    return choice


def quickest(times_s: Mapping[int, float]) -> Choice:
    """The fewest threads that no other number beats by a tenth.

    Args:
        times_s: number of threads to the time of a step, s.
    """
    best = min(times_s)
    for threads in sorted(times_s):
        if times_s[threads] < _WORTH * times_s[best]:
            best = threads
    measured = ", ".join(f"{threads}: {seconds * 1e3:.0f} ms" for threads, seconds in sorted(times_s.items()))
    return Choice(best, f"a small step with as many threads took {measured}; --threads forces a number")


def step_times(numbers: list[int], step: Callable[[], object] | None = None) -> dict[int, float]:
    """Median time of a small training step for each number of threads, s; they take turns, as the load may change."""
    step = step or _small_step()
    before = torch.get_num_threads()
    taken: dict[int, list[float]] = {threads: [] for threads in numbers}
    try:
        step()
        for _ in range(_ROUNDS):
            for threads, times in taken.items():
                torch.set_num_threads(threads)
                step()  # threads are started by the first that needs them
                begin = time.perf_counter()
                step()
                times.append(time.perf_counter() - begin)
    finally:
        torch.set_num_threads(before)
    return {threads: sorted(times)[len(times) // 2] for threads, times in taken.items()}


def _more_than_one() -> list[int]:
    """Two, and all cores that this process may use."""
    cores = len(own_cores())
    return sorted({number for number in (2, cores) if 1 < number <= cores})


def _small_step() -> Callable[[], object]:
    """A forward and backward pass with the operations that training spends its time in, some 20 ms on one core."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.randn(16, 3, 64, 64, generator=generator)
    rows = torch.randn(128, 256, generator=generator)
    look = nn.Sequential(nn.Conv2d(3, 32, 4, 2), nn.SiLU(), nn.Conv2d(32, 64, 4, 2), nn.SiLU())
    believe = nn.GRUCell(256, 256)

    def step() -> None:
        state = torch.zeros(128, 256)
        for _ in range(6):  # many small products one after another, each of which waits for every thread
            state = believe(rows, state)
        (look(picture).square().mean() + state.square().mean()).backward()

    return step


def _threads_of(checkpoint: Path) -> int | None:
    if not checkpoint.is_file():
        return None
    config = json.loads(torch.load(checkpoint, weights_only=True)["config"])[0]
    return int(config["threads"])
