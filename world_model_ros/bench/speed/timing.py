"""Times several functions in alternating runs, and computes quartiles of the times and of their ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import percentiles

Times = NDArray[np.float64]  # of repeats, ms


def spread(times_ms: Sequence[float] | Times) -> dict[str, float]:
    """``p25, p50, p75, p99, n`` of times in ms."""
    values = np.asarray(times_ms, np.float64)
    return percentiles(values, (25, 50, 75, 99), 4) | {"n": len(values)}


def alternate(variants: Mapping[str, Callable[[], object]], repeats: int, warm: int = 2) -> dict[str, Times]:
    """Run all variants in turn, ``repeats`` times, so that what disturbs the machine disturbs all of them.

    Every round begins with another one. ``warm`` rounds before that are not counted.

    Returns:
        ms of each variant in each round.
    """
    names = list(variants)
    laps: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm, repeats):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            before = perf_counter()
            variants[name]()
            if number >= 0:
                laps[name].append((perf_counter() - before) * 1e3)
    return {name: np.array(each) for name, each in laps.items()}


def ratio(slower: Times, faster: Times) -> tuple[float, dict[str, float]]:
    """How often faster, round by round: median, and the quartiles."""
    each = slower / faster
    return round(float(np.median(each)), 3), percentiles(each, (25, 75), 3)
