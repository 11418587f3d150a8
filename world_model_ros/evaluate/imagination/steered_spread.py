"""Scores of steered imaginations over several scenes: their errors, and how often they stay near the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WITHIN_M = 0.04


def spread(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What `beside_scores` and `speed` say of several scenes, at the same seconds.

    Returns:
        ``frames_per_s``, the slowest. By target and error: ``median``, ``largest`` and ``within``, the share of scenes
        that are no farther off than `WITHIN_M`; NaN of a reader counts as farther. ``object_pixels``: the median.
    """
    first = runs[0]
    found: dict[str, Any] = {
        "scenes": len(runs),
        "frames_per_s": min(run["frames_per_s"] for run in runs),
        "frame_ms": round(float(np.median([run["frame_ms"] for run in runs])), 2),
        "seconds": first["seconds"],
        "within_m": WITHIN_M,
        "targets": {
            name: {kind: _spread([run["targets"][name][kind] for run in runs]) for kind in rows if kind.endswith("_m")}
            for name, rows in first["targets"].items()
        },
    }
    pixels = np.array([run["object_pixels"] for run in runs], np.float64)
    return found | {"object_pixels": np.nanmedian(pixels, axis=0).round(2).tolist()}


def _spread(values: Sequence[Any]) -> dict[str, Any]:
    """Of one number, or one list of them, a scene."""
    table = np.array(values, np.float64)  # None becomes NaN
    return {
        "median": np.nanmedian(table, axis=0).round(4).tolist(),
        "largest": np.nanmax(table, axis=0).round(4).tolist(),
        "within": (table <= WITHIN_M).mean(axis=0).round(3).tolist(),
    }
