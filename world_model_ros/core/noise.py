"""Generates coloured noise, whose power falls with frequency, so that random actions are smooth instead of jittery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def coloured_noise(seed: int, shape: tuple[int, ...], beta: float = 2.0, axis: int = -2) -> NDArray[np.float32]:
    """Gaussian noise with power ``1 / f**beta`` along an axis (Timmer and Koenig 1995; iCEM, Pinneri et al. 2020).

    The same seed and shape give the same bytes. Variance is one over the ensemble, whatever the length.

    Args:
        seed: any integer from 0 up, for PCG64.
        shape: shape of the result; the planner's is (iterations, samples, horizon, action size).
        beta: 0 is white, 1 pink, 2 a random walk's colour.
        axis: the axis that is time.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    steps = shape[axis]
    moved = (*np.delete(shape, axis).tolist(), steps)
    if steps == 1:
        return np.moveaxis(generator.standard_normal(moved), -1, axis).astype(np.float32)
    frequency = np.fft.rfftfreq(steps)
    frequency[0] = frequency[1]  # the mean of a finite piece is as strong as its slowest wave
    weight = frequency ** (-beta / 2)
    count = weight.size
    real = generator.standard_normal((*moved[:-1], count)) * weight
    imaginary = generator.standard_normal((*moved[:-1], count)) * weight
    for alone in (0, count - 1) if steps % 2 == 0 else (0,):  # these waves have no phase, all their power is real
        real[..., alone] *= np.sqrt(2.0)
        imaginary[..., alone] = 0.0
    power = 2 * np.sum(weight[1:] ** 2) * 2 + 2 * weight[0] ** 2
    if steps % 2 == 0:
        power -= 2 * weight[-1] ** 2
    wave = np.fft.irfft(real + 1j * imaginary, n=steps, axis=-1) * steps / np.sqrt(power)
    return np.ascontiguousarray(np.moveaxis(wave, -1, axis)).astype(np.float32)
