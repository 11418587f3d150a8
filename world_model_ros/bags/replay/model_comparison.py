"""Compares two models' replays of the same bags: paired differences by stream and step, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.replay.replay import Replay

_RESAMPLES = 2000
_ENOUGH_BAGS = 5


def compare(first: Sequence[Replay], second: Sequence[Replay]) -> dict[str, Any]:
    """Paired differences, ``first`` minus ``second``, on the same ticks of the same bags.

    Futures of neighbouring ticks overlap, so single ticks are not independent: whole bags are drawn again (bootstrap),
    or, of fewer than five bags, blocks of one horizon.

    Returns:
        ``{stream: {horizon_s, difference, low, high, better, unit}}`` with 95 % intervals by step, ``better`` the
        share of blocks in which ``first`` is nearer; and the same of ``surprise`` without steps.
    """
    found: dict[str, Any] = {}
    for name, rows in first[0].metrics["prediction"].items():
        if not all(name in done.metrics["prediction"] for done in (*first, *second)):
            continue
        more_is_better = rows["kind"] == "psnr_db"
        steps = min(len(done.metrics["prediction"][name]["horizon_s"]) for done in (*first, *second))
        columns = []
        for step in range(1, steps + 1):
            pairs = [
                (a.scores.series(rows["kind"], step), b.scores.series(rows["kind"], step))
                for a, b in zip(first, second)
            ]
            columns.append(_paired(pairs, steps, more_is_better))
        found[name] = {"horizon_s": rows["horizon_s"][:steps], "unit": rows["unit"]} | {
            key: [column[key] for column in columns] for key in ("difference", "low", "high", "better")
        }
    surprises = [(a.journal.surprise(), b.journal.surprise()) for a, b in zip(first, second)]
    found["surprise"] = _paired(surprises, 10, False)
    return found


def _paired(
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]], block: int, more_is_better: bool
) -> dict[str, float | None]:
    groups: list[NDArray[Any]] = []
    for a, b in pairs:
        count = min(len(a), len(b))  # the longer horizon has fewer starts; both begin at the same
        difference = np.asarray(a[:count], np.float64) - np.asarray(b[:count], np.float64)
        difference = difference[np.isfinite(difference)]
        if len(pairs) >= _ENOUGH_BAGS:
            groups.append(difference)
        else:
            groups += np.array_split(difference, max(1, len(difference) // block))
    groups = [group for group in groups if len(group)]
    if not groups:
        return {"difference": None, "low": None, "high": None, "better": None}
    sums, counts = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])
    drawn = np.random.default_rng(0).integers(0, len(groups), (_RESAMPLES, len(groups)))
    low, high = np.percentile(sums[drawn].sum(1) / counts[drawn].sum(1), [2.5, 97.5]).tolist()
    means = sums / counts
    better = float(np.mean(means > 0 if more_is_better else means < 0))
    return {"difference": float(sums.sum() / counts.sum()), "low": low, "high": high, "better": better}
