"""Simulated taxel pad of a fingertip: spreads contact forces over a grid."""

from __future__ import annotations

import numpy as np

from world_model_ros.core.arrays import Float

# The pad covers the tip and the 45 mm above it; row 0 is at the end of the finger.
PAD_LOW_M = -0.006
PAD_HIGH_M = 0.042
_SPREAD_ROWS = 0.7
_SPREAD_COLS = 0.8


class TaxelGrid:
    """A pad wrapped around the fingertip.

    Row r is a ring at a height over the end of the finger (row 0 lowest), column c looks along angle 2 pi c / cols
    about the fingertip's z axis, counted from its x axis. A force shares itself over near taxels and keeps its sum.
    """

    def __init__(self, rows: int, cols: int) -> None:
        self.rows, self.cols = rows, cols

    def spread(self, points: Float, forces: Float) -> Float:
        """Taxel forces (rows, cols, 3), N, of N contacts.

        Args:
            points: (N, 3) places of contact in the fingertip frame (z points down, out of the finger), m.
            forces: (N, 3) forces on the finger in the fingertip frame, N.
        """
        height = (-points[:, 2] - PAD_LOW_M) / (PAD_HIGH_M - PAD_LOW_M) * self.rows - 0.5
        row = np.clip(height, 0.0, self.rows - 1.0)[:, None] - np.arange(self.rows)
        angle = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) * self.cols
        col = angle[:, None] - np.arange(self.cols)
        col = (col + self.cols / 2) % self.cols - self.cols / 2
        weight = (
            np.exp(-0.5 * (row / _SPREAD_ROWS) ** 2)[:, :, None] * np.exp(-0.5 * (col / _SPREAD_COLS) ** 2)[:, None]
        )
        weight /= weight.sum(axis=(1, 2), keepdims=True)
        grid: Float = np.einsum("nrc,nf->rcf", weight, forces)
        return grid
