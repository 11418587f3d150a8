"""Common fields of a speed benchmark's report, and a description of the machine that it was measured on."""

from __future__ import annotations

import os
import platform
from copy import deepcopy
from pathlib import Path
from typing import Any

from world_model_ros.core.parallel import own_cores

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

    Fields: ``host``; CPU ``threads`` of a graph; ``repeats`` of each time; ``stages_ms``
    {name: `bench.speed.timing.spread`}; ``share_in_runtime`` of a tick or plan that was spent in ONNX Runtime, and
    ``overhead_ms``, the median of the rest; ``plan_ms``, median; how often faster than eager and than compiled PyTorch
    (``speedup_eager``, ``speedup_compiled``) and than others' planners (``versus``); by how much the time grows
    (``scaling``); ``gemm_fraction`` of the rate of a matrix product; images ``delivered`` of those ``sent``; quartiles
    of ratios by field (``dispersion``); ``notes`` for people. A measurement may have fields of its own.
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
