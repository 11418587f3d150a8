"""The form of every ``world-model bench`` report, and its measuring: variants in turn, quartiles of times, ratios."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import percentiles
from world_model_ros.core.parallel import own_cores

Times = NDArray[np.float64]  # of repeats, ms
_FIELDS: dict[str, Any] = {
    "host": {},
    "threads": 0,
    "repeats": 0,
    "stages_ms": {},
    "share_in_runtime": None,
    "overhead_ms": None,
    "plan_ms": None,
    "speedup_eager": None,
    "speedup_compiled": None,
    "versus": {},
    "scaling": {},
    "gemm_fraction": None,
    "delivered": None,
    "sent": None,
    "dispersion": {},
    "notes": [],
}


def report(**measured: Any) -> dict[str, Any]:
    """All fields of a report; what was not measured is null or empty.

    Fields: ``host``; CPU ``threads`` of a graph; ``repeats`` of each time; ``stages_ms`` {name: `spread`};
    ``share_in_runtime`` of a tick or plan that was spent in ONNX Runtime, and ``overhead_ms``, the median of the rest;
    ``plan_ms``, median; how often faster than eager and than compiled PyTorch (``speedup_eager``,
    ``speedup_compiled``) and than others' planners (``versus``); by how much the time grows (``scaling``);
    ``gemm_fraction`` of the rate of a matrix product; images ``delivered`` of those ``sent``; quartiles of ratios by
    field (``dispersion``); ``notes`` for people. A measurement may have fields of its own.
    """
    return {**deepcopy(_FIELDS), "host": host(), **measured}


def host() -> dict[str, Any]:
    """The machine, and how busy others keep it."""
    try:
        load = round(os.getloadavg()[0], 2)
    except OSError:
        load = None
    return {
        "cpu": _cpu(),
        "cores": len(own_cores()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_1min": load,
    }


def _cpu() -> str:
    """Name and family of the processor, as Linux knows them."""
    try:
        lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return platform.processor()
    found = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    name = found.get("model name") or found.get("Model") or platform.processor()
    return f"{name}, family {found['cpu family']}" if "cpu family" in found else name


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
