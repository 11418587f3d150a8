"""Computes log-mel bands of sound, as models imagine it, and draws them over time as a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.core.arrays import Float
from world_model_ros.view.pictures.panel import EMPTY, coloured

BANDS = 24
_FRAME_S, _HOP_S = 0.025, 0.0125
_LOWEST_HZ = 60.0
_QUIET, _LOUD = -1.4, 1.2  # ends of the colour scale


def log_mel(pcm: ArrayLike, sample_rate_hz: float) -> Float:
    """Mean log-mel over a window, (channels * BANDS,); the feature that models of this package imagine.

    Args:
        pcm: (window, channels) in -1 to 1.
        sample_rate_hz: of the microphone.
    """
    samples = np.asarray(pcm, np.float64)
    size, hop = round(_FRAME_S * sample_rate_hz), round(_HOP_S * sample_rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size, axis=0)[::hop]  # (frames, channels, size)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    power = np.abs(np.fft.rfft(frames * hann, axis=-1)) ** 2
    mel: Float = (np.log(power @ _filters(size // 2 + 1, sample_rate_hz) + 1e-4) + 4.0) / 4.0
    return np.asarray(mel.mean(0).reshape(-1), np.float64)


def band_picture(levels: ArrayLike) -> NDArray[np.uint8]:
    """(T, bands) levels as a picture (bands, T, 3) uint8 RGB: time to the right, high tones on top; NaN is grey."""
    values = np.asarray(levels, np.float64).T[::-1]
    scaled = np.clip((np.nan_to_num(values, nan=_QUIET) - _QUIET) / (_LOUD - _QUIET), 0, 1)
    picture = coloured(scaled, cv2.COLORMAP_MAGMA)
    picture[np.isnan(values)] = EMPTY
    return picture


@lru_cache(maxsize=4)
def _filters(bins: int, sample_rate_hz: float) -> Float:
    """Triangular mel filters (HTK), (bins, BANDS)."""
    hz = np.linspace(0, sample_rate_hz / 2, bins)
    ends_mel = 2595.0 * np.log10(1.0 + np.array([_LOWEST_HZ, hz[-1]]) / 700.0)
    edges = 700.0 * (10 ** (np.linspace(float(ends_mel[0]), float(ends_mel[1]), BANDS + 2) / 2595.0) - 1.0)
    rising = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    filters: Float = np.clip(np.minimum(rising, falling), 0.0, None)
    return filters
