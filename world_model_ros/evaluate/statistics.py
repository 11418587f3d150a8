"""Statistics: confidence intervals of shares, differences and means; rank correlation, and area under the ROC curve."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SECONDS = (1.0, 5.0, 20.0, 60.0)  # at which errors of long imaginations are stated
_RESAMPLES = 2000


def wilson(successes: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); 0 to 1 for nothing counted."""
    from scipy.stats import binomtest

    if of == 0:
        return 0.0, 1.0
    interval = binomtest(successes, of).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> tuple[float, float, float]:
    """Share of successes of ``first`` minus that of ``second`` on the same cases, and its 95 % interval.

    Adjusted Wald: half a case is added to each cell of the two by two table (Agresti and Min 2005).
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} results; as many of both, one or more, are needed")
    only_first = sum(a and not b for a, b in zip(first, second))
    only_second = sum(b and not a for a, b in zip(first, second))
    n = len(first)
    adjusted, b, c = n + 2.0, only_first + 0.5, only_second + 0.5
    middle = (b - c) / adjusted
    half = 1.96 * float(np.sqrt(b + c - (b - c) ** 2 / adjusted)) / adjusted
    return (only_first - only_second) / n, middle - half, middle + half


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a column without a known value, which is NaN
        low, high = np.nanpercentile(means, [2.5, 97.5], axis=0)
    return {"mean": mean.tolist(), "low": low.tolist(), "high": high.tolist()}


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's, over the pairs without NaN; NaN where there is none or one side is constant."""
    from scipy.stats import spearmanr

    known = ~(np.isnan(first) | np.isnan(second))
    first, second = first[known], second[known]
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Probability that a positive scores higher than a negative; ties count half."""
    from scipy.stats import mannwhitneyu

    if not positives or not negatives:
        return float("nan")
    return float(mannwhitneyu(positives, negatives).statistic) / (len(positives) * len(negatives))


def rounded(values: Sequence[float], digits: int = 5) -> list[float | None]:
    """Numbers with so many digits after the point; what is not known is null in JSON."""
    return [round(float(value), digits) if np.isfinite(value) else None for value in values]
