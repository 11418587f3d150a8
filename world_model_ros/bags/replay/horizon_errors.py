"""Errors of imagined pictures, joints and targets by step ahead, next to those of assuming that nothing changes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.core.arrays import Frame

_BEST_DB = 60.0  # of equal frames


class Errors(NamedTuple):
    """Errors at n steps ahead, (n,) each.

    Args:
        model: of the model. copy_last: of assuming that everything stays as it is.
        inside: whether the 90 % regions hold the truth; None for other signals than targets.
    """

    model: NDArray[np.float64]
    copy_last: NDArray[np.float64]
    inside: NDArray[np.bool_] | None = None


def frame_errors(imagined: Sequence[Frame], real: Sequence[Frame], now: Frame) -> Errors:
    """Peak signal-to-noise ratios in dB of n frames, (H, W, 3) uint8 each."""
    return Errors(*(np.array([psnr_db(a, b) for a, b in zip(each, real)]) for each in (imagined, [now] * len(real))))


def distance_errors(imagined: ArrayLike, real: ArrayLike, now: ArrayLike) -> Errors:
    """Mean absolute errors of joints or of a stream, (n, ...), in its unit; ``now`` is (...)."""
    truth = np.asarray(real, np.float64)
    apart = (np.abs(np.asarray(guess, np.float64) - truth) for guess in (imagined, now))
    model, copy_last = (each.reshape(len(truth), -1).mean(axis=1) for each in apart)
    return Errors(model, copy_last)


def target_errors(imagined: ArrayLike, real: ArrayLike, now: ArrayLike, semi_axes: ArrayLike) -> Errors:
    """Distances in m of a target's positions (n, 3), with 90 % regions of ``semi_axes`` (n, 3); ``now`` is (3,)."""
    truth = np.asarray(real, np.float64)
    error, still = np.asarray(imagined, np.float64) - truth, np.asarray(now, np.float64) - truth
    inside = ((error / np.maximum(semi_axes, 1e-9)) ** 2).sum(axis=1) <= 1.0
    return Errors(np.linalg.norm(error, axis=1), np.linalg.norm(still, axis=1), inside)


class HorizonErrors:
    """Errors by step and kind.

    Args:
        horizon: H steps. tick_s: seconds between them.
    """

    def __init__(self, horizon: int, tick_s: float) -> None:
        self._tick_s = tick_s
        self._horizon = horizon
        self._values: defaultdict[tuple[str, int], array[float]] = defaultdict(lambda: array("f"))

    def add(self, steps: Sequence[int], errors: Errors, model: str, copy_last: str, inside: str = "") -> None:
        """Errors at n steps ahead (1 to H), and the kind of each."""
        self._add(model, steps, errors.model)
        self._add(copy_last, steps, errors.copy_last)
        if errors.inside is not None:
            self._add(inside, steps, errors.inside)

    def series(self, kind: str, step: int) -> NDArray[np.float32]:
        """The scores of a kind, one for each tick that could be scored, in order."""
        return np.array(self._values.get((kind, step), ()), np.float32)

    def curve(self, kind: str) -> list[float | None]:
        """Mean of a kind by step, 1 to H; None where nothing could be scored."""
        steps = (self._values.get((kind, step)) for step in range(1, self._horizon + 1))
        return [float(np.mean(values)) if values else None for values in steps]

    def table(self) -> list[dict[str, Any]]:
        """One row a step: ``seconds``, ``count``, and the mean of each score that there is."""
        rows = []
        for step in range(1, self._horizon + 1):
            found = {kind: values for (kind, at), values in self._values.items() if at == step and values}
            row: dict[str, Any] = {"seconds": round(step * self._tick_s, 6)}
            row["count"] = max((len(values) for values in found.values()), default=0)
            rows.append(row | {kind: float(np.mean(values)) for kind, values in found.items()})
        return rows

    def _add(self, kind: str, steps: Sequence[int], values: Iterable[float]) -> None:
        for step, value in zip(steps, values):
            self._values[kind, step].append(value)


def psnr_db(a: Frame, b: Frame) -> float:
    """Peak signal-to-noise ratio of two frames in dB, at most 60."""
    mse = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size  # NumPy takes twenty times as long
    return min(_BEST_DB, 10 * float(np.log10(255.0**2 / max(mse, 1e-9))))
