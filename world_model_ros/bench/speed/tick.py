"""``world-model bench tick``: breaks the time of ticks down by stage, from the records that the brain publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from world_model_ros.bench.speed.timing import spread


def tick_times(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Stages of ticks, and what of them was not inside ONNX Runtime.

    ``outside`` is everything from the arrival of the newest sample of each stream to the published command, but
    waiting for the tick to be due: converting and storing those samples, observing, what the brain does around
    ONNX Runtime, and making and publishing the command.

    Args:
        records: of ``tick``.

    Returns:
        ``stages_ms``, ``share_in_runtime``, ``overhead_ms``, ``overhead_p99_ms``, ``plan_ms``, ``missed`` ticks among
        ``ticks``: see `bench.speed.timing`.
    """
    laps = [_laps(record) for record in records if record["error"] is None]
    for lap in laps:
        lap["outside"] = lap["convert"] + lap["total"] - lap["runtime"]
    names = dict.fromkeys(name for lap in laps for name in lap)
    stages = {name: spread([lap[name] for lap in laps if name in lap]) for name in names}
    share = [lap["runtime"] / (lap["convert"] + lap["total"]) for lap in laps]
    return {
        "stages_ms": stages,
        "share_in_runtime": round(float(np.median(share)), 4),
        "overhead_ms": stages["outside"]["p50"],
        "overhead_p99_ms": stages["outside"]["p99"],
        "plan_ms": stages["plan"]["p50"] if "plan" in stages else None,
        "ticks": len(records),
        "missed": records[-1]["missed"] - records[0]["missed"],
    }


def _laps(record: Mapping[str, Any]) -> dict[str, float]:
    """Stages of a tick; ``plan`` is of a plan that was made, ``go_on`` of the one before that goes on."""
    laps = dict(record["stages_ms"])
    if "plan" in laps and record["plan"] is None:
        laps["go_on"] = laps.pop("plan")
    return laps
