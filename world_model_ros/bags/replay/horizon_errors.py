"""Errors of imagined images, joints, touch and targets by step ahead, next to a baseline in which nothing changes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.core.arrays import Frame

_BEST_DB = 60.0  # of equal frames
_CHANGED_DB = 30.0  # frames that are less alike than this differ by more than a camera's noise
CHANGED = 0.01  # m or rad, of a target or of all joints together, that is more than noise
CHANGED_TOUCH = 0.3  # N or N m, of all numbers of a touch together


class Errors(NamedTuple):
    """Errors at n steps ahead, (n,) each.

    Args:
        model: of the model. copy_last: of assuming that everything stays as it is.
        changed: whether the truth is away from what it was now by more than noise: whether there was any motion to
            predict.
        inside: whether the 90 % regions hold the truth; None for other signals than targets.
    """

    model: NDArray[np.float64]
    copy_last: NDArray[np.float64]
    changed: NDArray[np.bool_]
    inside: NDArray[np.bool_] | None = None


def frame_errors(imagined: Sequence[Frame], real: Sequence[Frame], now: Frame) -> Errors:
    """Peak signal-to-noise ratios in dB of n frames, (H, W, 3) uint8 each."""
    model, still = (np.array([psnr_db(a, b) for a, b in zip(each, real)]) for each in (imagined, [now] * len(real)))
    return Errors(model, still, still < _CHANGED_DB)


def distance_errors(imagined: ArrayLike, real: ArrayLike, now: ArrayLike, least: float = CHANGED) -> Errors:
    """Mean absolute errors of joints or of a stream, (n, ...), in its unit; ``now`` is (...).

    It changed where the Euclidean norm of all changes is over ``least``.
    """
    truth = np.asarray(real, np.float64)
    model, still = (np.abs(np.asarray(each, np.float64) - truth).reshape(len(truth), -1) for each in (imagined, now))
    return Errors(model.mean(axis=1), still.mean(axis=1), np.linalg.norm(still, axis=1) > least)


def target_errors(imagined: ArrayLike, real: ArrayLike, now: ArrayLike, semi_axes: ArrayLike) -> Errors:
    """Distances in m of a target's positions (n, 3), with 90 % regions of ``semi_axes`` (n, 3); ``now`` is (3,)."""
    truth = np.asarray(real, np.float64)
    error, still = np.asarray(imagined, np.float64) - truth, np.asarray(now, np.float64) - truth
    inside = ((error / np.maximum(semi_axes, 1e-9)) ** 2).sum(axis=1) <= 1.0
    moved = np.linalg.norm(still, axis=1)
    return Errors(np.linalg.norm(error, axis=1), moved, moved > CHANGED, inside)


class HorizonErrors:
    """Errors by step and kind.

    Args:
        horizon: H steps. tick_s: seconds between them.
    """

    def __init__(self, horizon: int, tick_s: float) -> None:
        self._tick_s = tick_s
        self._horizon = horizon
        self._values: defaultdict[tuple[str, int], array[float]] = defaultdict(lambda: array("f"))
        self._changed: defaultdict[tuple[str, int], bytearray] = defaultdict(bytearray)

    def add(self, steps: Sequence[int], errors: Errors, model: str, copy_last: str, inside: str = "") -> None:
        """Errors at n steps ahead (1 to H), and the kind of each."""
        self._add(model, steps, errors.model)
        self._add(copy_last, steps, errors.copy_last)
        for step, changed in zip(steps, errors.changed):
            self._changed[model, step].append(bool(changed))
        if errors.inside is not None:
            self._add(inside, steps, errors.inside)

    def series(self, kind: str, step: int) -> NDArray[np.float32]:
        """The scores of a kind, one for each tick that could be scored, in order."""
        return np.array(self._values.get((kind, step), ()), np.float32)

    def curve(self, kind: str) -> list[float | None]:
        """Mean of a kind by step, 1 to H; None where nothing could be scored."""
        steps = (self._values.get((kind, step)) for step in range(1, self._horizon + 1))
        return [float(np.mean(values)) if values else None for values in steps]

    def where_changed(self, model: str, copy_last: str) -> dict[str, list[Any]]:
        """Of a kind, lists by step: ``ticks`` in which it changed by more than noise, ``of`` how many, and the means of
        ``model`` and ``copy_last`` over these alone; None where there are none."""
        found: dict[str, list[Any]] = {"ticks": [], "of": [], "model": [], "copy_last": []}
        for step in range(1, self._horizon + 1):
            changed = np.frombuffer(bytes(self._changed.get((model, step), b"")), np.bool_)
            found["ticks"].append(int(changed.sum()))
            found["of"].append(len(changed))
            for key, kind in (("model", model), ("copy_last", copy_last)):
                values = self.series(kind, step)[changed]
                found[key].append(float(np.mean(values)) if len(values) else None)
        return found

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


def last_scored(rows: Mapping[str, Any]) -> int:
    """Index of the last step of a prediction's ``model`` that could be scored; one at least could."""
    return max(i for i, value in enumerate(rows["model"]) if value is not None)


def psnr_db(a: Frame, b: Frame) -> float:
    """Peak signal-to-noise ratio of two frames in dB, at most 60."""
    mse = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size  # NumPy takes twenty times as long
    return min(_BEST_DB, 10 * float(np.log10(255.0**2 / max(mse, 1e-9))))
