"""Tick rate, missed ticks and stage times of a run, from the records of its ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from world_model_ros.core.arrays import percentiles


def tick_summary(records: Sequence[Mapping[str, Any]], tick_ns: int) -> dict[str, Any]:
    """Rate, missed ticks and time of each stage.

    Args:
        records: what the brain published on ``tick``, in order; ``now_ns`` and ``stages_ms`` are read.
        tick_ns: step of the model; a record says how many ticks there are in one. A tick that comes a period or more
            late is one or more missed.

    Returns:
        ``asked_hz``, ``tick_hz``, ``ticks``, ``ticks_missed`` and ``stages_ms: {stage: {p50, p99}}``, with ``outside``:
        from the arrival of a sensor's message to the command, but inside ONNX Runtime.
    """
    times = np.array([record["now_ns"] for record in records], dtype=np.int64)
    gaps = np.diff(times)
    period_ns = tick_ns / (records[0].get("turns", 1) if records else 1)
    span_s = float(gaps.sum()) * 1e-9
    stages: dict[str, list[float]] = {}
    for record in records:
        laps = dict(record.get("stages_ms", {}))
        if {"convert", "total", "runtime"} <= laps.keys():
            laps["outside"] = laps["convert"] + laps["total"] - laps["runtime"]
        for name, value in laps.items():
            stages.setdefault(name, []).append(float(value))
    return {
        "asked_hz": 1e9 / period_ns,
        "tick_hz": len(gaps) / span_s if span_s > 0.0 else 0.0,
        "ticks": len(records),
        "ticks_missed": int(np.maximum(np.rint(gaps / period_ns) - 1, 0).sum()),
        "stages_ms": {name: percentiles(values, digits=3) for name, values in stages.items()},
    }
