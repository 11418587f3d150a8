"""Scores of forecasts: mean errors next to controls, and how often the 90 % regions hold the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.evaluate.prediction.forecast import Forecast
from world_model_ros.evaluate.statistics import over_episodes, rank_correlation, rounded

MOVED_M = 0.02  # a target that went farther than this in the horizon has moved; or in the unit of one articulated


def prediction_scores(episodes: Sequence[Sequence[Forecast]], horizon: int, tick_s: float) -> dict[str, Any]:
    """Mean errors by seconds ahead, with the controls next to them.

    Args:
        episodes: forecasts of each episode.
        horizon: H steps. tick_s: seconds between them.

    Returns:
        ``horizon_s`` (H,) and ``signals``: name -> ``unit``, ``forecasts``, ``model_ci95`` (2, H), and (H,) each:
        ``model``, ``copy_last``, ``linear`` and ``commanded``. A target is scored where it moved.
    """
    signals: dict[str, Any] = {}
    for name in dict.fromkeys(each.signal for episode in episodes for each in episode):
        is_target = any(each.inside is not None for episode in episodes for each in episode if each.signal == name)
        chosen = [
            [each for each in episode if each.signal == name and (not is_target or each.travel > MOVED_M)]
            for episode in episodes
        ]
        chosen = [each for each in chosen if each]
        if not chosen:
            continue
        model = over_episodes([np.stack([each.model for each in episode]) for episode in chosen])
        everything = [each for episode in chosen for each in episode]
        signals[name] = {
            "unit": f"{everything[0].unit}, where it moves" if is_target else "rad" if name == "joints" else "dB",
            "forecasts": len(everything),
            "model": rounded(model["mean"]),
            "model_ci95": [rounded(model["low"]), rounded(model["high"])],
            "copy_last": rounded(_mean([each.copy_last for each in everything])),
            "linear": rounded(_mean([each.linear for each in everything])),
            "commanded": rounded(_mean([each.commanded for each in everything])),
        }
    return {"horizon_s": rounded([(h + 1) * tick_s for h in range(horizon)]), "signals": signals}


def calibration_scores(episodes: Sequence[Sequence[Forecast]], horizon: int, tick_s: float) -> dict[str, Any]:
    """Share of truths in the 90 % regions by seconds ahead, with 95 % intervals by episode; all forecasts count.

    ``rank_correlation`` (Spearman): whether the model is off where it expects to be; 0 is not at all, 1 is always.
    """
    targets: dict[str, Any] = {}
    for name in dict.fromkeys(each.signal for episode in episodes for each in episode if each.inside is not None):
        held = [
            np.stack([each.inside for each in episode if each.signal == name and each.inside is not None])
            for episode in episodes
            if any(each.signal == name for each in episode)
        ]
        share = over_episodes(held)
        mine = [each for episode in episodes for each in episode if each.signal == name]
        error = np.stack([each.model for each in mine])
        sigma = np.stack([each.sigma for each in mine if each.sigma is not None])
        ranks = [rank_correlation(error[:, h], sigma[:, h]) for h in range(horizon)]
        targets[name] = {
            "forecasts": sum(len(each) for each in held),
            "inside": rounded(share["mean"]),
            "ci95": [rounded(share["low"]), rounded(share["high"])],
            "rank_correlation": rounded(ranks),
        }
    return {"horizon_s": rounded([(h + 1) * tick_s for h in range(horizon)]), "nominal": 0.9, "targets": targets}


def _mean(values: Sequence[Float]) -> list[float]:
    stacked = np.stack(values)
    known = (~np.isnan(stacked)).sum(0)
    total = np.nansum(stacked, 0)
    return [float(t / n) if n else float("nan") for t, n in zip(total, known)]
