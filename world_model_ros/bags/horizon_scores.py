"""How good imagined futures are, by how far ahead they look; each beside the error of assuming that nothing changes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

_BEST_DB = 60.0  # of equal frames


class HorizonScores:
    """Sums of errors by step and kind.

    Args:
        horizon: H steps. tick_s: seconds between them.
    """

    def __init__(self, horizon: int, tick_s: float) -> None:
        self._tick_s = tick_s
        self._horizon = horizon
        self._values: defaultdict[tuple[str, int], array[float]] = defaultdict(lambda: array("f"))

    def frame(self, step: int, imagined: NDArray[np.uint8], real: NDArray[np.uint8], now: NDArray[np.uint8]) -> None:
        """Peak signal-to-noise ratio of a frame ``step`` ticks ahead (1 to H), all (H, W, 3) uint8."""
        self._add("psnr_db", step, psnr_db(imagined, real))
        self._add("psnr_still_db", step, psnr_db(now, real))

    def joints(self, step: int, imagined: ArrayLike, real: ArrayLike, now: ArrayLike) -> None:
        """Mean absolute error of joint positions (J,), in their units."""
        self._add("joints_error", step, _mean_distance(imagined, real))
        self._add("joints_still_error", step, _mean_distance(now, real))

    def target(
        self, name: str, step: int, imagined: ArrayLike, real: ArrayLike, now: ArrayLike, semi_axes: ArrayLike
    ) -> None:
        """Distance in m of a target's position (3,), and whether the 90 % region with ``semi_axes`` (3,) holds it."""
        error = np.asarray(imagined, np.float64) - np.asarray(real, np.float64)
        still = np.asarray(now, np.float64) - np.asarray(real, np.float64)
        self._add(f"{name}_error_m", step, float(np.linalg.norm(error)))
        self._add(f"{name}_still_error_m", step, float(np.linalg.norm(still)))
        inside = float(np.sum((error / np.maximum(semi_axes, 1e-9)) ** 2)) <= 1.0
        self._add(f"{name}_inside_region", step, float(inside))

    def sense(self, name: str, step: int, imagined: ArrayLike, real: ArrayLike, now: ArrayLike) -> None:
        """Mean absolute error of a touch or force stream, N (torques N m)."""
        self._add(f"{name}_error", step, _mean_distance(imagined, real))
        self._add(f"{name}_still_error", step, _mean_distance(now, real))

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

    def _add(self, kind: str, step: int, value: float) -> None:
        self._values[kind, step].append(value)


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two frames in dB, at most 60."""
    mse = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size  # NumPy takes twenty times as long
    return min(_BEST_DB, 10 * float(np.log10(255.0**2 / max(mse, 1e-9))))


def _mean_distance(a: ArrayLike, b: ArrayLike) -> float:
    apart = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    return float(np.add.reduce(apart, axis=None)) / apart.size  # np.mean does the same in three times the time
