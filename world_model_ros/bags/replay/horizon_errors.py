"""Errors of imagined futures by step ahead, with the error of assuming that nothing changes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
        self._add("psnr_db", (step,), (psnr_db(imagined, real),))
        self._add("psnr_still_db", (step,), (psnr_db(now, real),))

    def distance(self, kind: str, steps: Sequence[int], imagined: ArrayLike, real: ArrayLike, now: ArrayLike) -> None:
        """Mean absolute errors of joints or of a stream, in its unit, at n steps: (n, ...) beside ``now`` (...)."""
        truth = np.asarray(real, np.float64)
        for name, guess in ((f"{kind}_error", imagined), (f"{kind}_still_error", now)):
            apart = np.abs(np.asarray(guess, np.float64) - truth)
            self._add(name, steps, apart.reshape(len(steps), -1).mean(axis=1))

    def target(
        self,
        name: str,
        steps: Sequence[int],
        imagined: ArrayLike,
        real: ArrayLike,
        now: ArrayLike,
        semi_axes: ArrayLike,
    ) -> None:
        """Distances in m of a target's positions (n, 3), and whether the 90 % regions with ``semi_axes`` (n, 3) hold
        them; ``now`` is (3,)."""
        truth = np.asarray(real, np.float64)
        error = np.asarray(imagined, np.float64) - truth
        still = np.asarray(now, np.float64) - truth
        self._add(f"{name}_error_m", steps, np.linalg.norm(error, axis=1))
        self._add(f"{name}_still_error_m", steps, np.linalg.norm(still, axis=1))
        outside = ((error / np.maximum(semi_axes, 1e-9)) ** 2).sum(axis=1) > 1.0
        self._add(f"{name}_inside_region", steps, ~outside)

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


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two frames in dB, at most 60."""
    mse = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size  # NumPy takes twenty times as long
    return min(_BEST_DB, 10 * float(np.log10(255.0**2 / max(mse, 1e-9))))
