"""Intervals for what was counted and measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000


def wilson(successes: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); 0 to 1 for nothing counted."""
    from scipy.stats import binomtest

    if of == 0:
        return 0.0, 1.0
    interval = binomtest(successes, of).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def over_episodes(values: Sequence[NDArray[np.float64]]) -> dict[str, list[float]]:
    """Mean and 95 % interval of arrays (n_i, H), one an episode, column by column; NaN is left out.

    Values of one episode are not independent, so whole episodes are drawn again (bootstrap).
    """
    sums = np.array([np.nansum(each, 0) for each in values])  # (E, H)
    counts = np.array([(~np.isnan(each)).sum(0) for each in values])
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(sums), (_RESAMPLES, len(sums)))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[drawn].sum(1) / counts[drawn].sum(1)
        mean = sums.sum(0) / counts.sum(0)
    low, high = np.nanpercentile(means, [2.5, 97.5], axis=0)
    return {"mean": mean.tolist(), "low": low.tolist(), "high": high.tolist()}


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Probability that a positive scores higher than a negative; ties count half."""
    from scipy.stats import mannwhitneyu

    if not positives or not negatives:
        return float("nan")
    return float(mannwhitneyu(positives, negatives).statistic) / (len(positives) * len(negatives))
