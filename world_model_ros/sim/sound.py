"""Synthesised contact sound, and what else a microphone hears.

MuJoCo has no acoustics: this is a plausible stand-in made of contact forces.

Changes of contact force excite damped modes (modal synthesis, van den Doel and Pai 1998); sliding makes noise that
grows with speed times normal force; the microphone has a noise floor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float
from world_model_ros.sim.scenes.scene import BackgroundConfig

# Frequency Hz, decay 1/s, gain of each mode of a small hollow body on a table.
_MODES = ((420.0, 60.0, 1.0), (1130.0, 90.0, 0.7), (2310.0, 160.0, 0.5), (3970.0, 260.0, 0.3))
_IMPACT_GAIN = 0.05
_SCRAPE_GAIN = 0.05
_FLOOR = 0.0015
# Force changes below this, N in one physics step, are solver jitter and stay silent.
_DEAD_BAND_N = 0.15


class ContactSound:
    """Turns per-step contact into blocks of sound; the modes ring on from block to block.

    Args:
        sample_rate_hz: of the microphone.
        step_s: physics step.
        pitch: factor on the mode frequencies; small and light objects ring higher.

    Attributes:
        per_step: samples in a physics step.
    """

    def __init__(self, sample_rate_hz: float, step_s: float, pitch: float = 1.0) -> None:
        self.per_step = round(sample_rate_hz * step_s)
        self._filters = []
        for frequency, decay, gain in _MODES:
            radius = np.exp(-decay / sample_rate_hz)
            angle = 2 * np.pi * min(frequency * pitch, 0.45 * sample_rate_hz) / sample_rate_hz
            numerator = np.array([0.0, gain * np.sin(angle)])
            self._filters.append((numerator, np.array([1.0, -2 * radius * np.cos(angle), radius**2])))
        self._ringing = [np.zeros(2) for _ in _MODES]
        self._scraped = np.zeros(1)

    def block(
        self, impulses: Float, scrapes: Float, noise: Float, background: Float | None = None
    ) -> NDArray[np.int16]:
        """The sound of S steps.

        Args:
            impulses: (S,) change of contact force in each step, N, >= 0.
            scrapes: (S,) sum of sliding speed times normal force in each step, W.
            noise: (2, S * samples per step) standard normal numbers: of sliding and of the microphone.
            background: (S * samples per step,) what is heard besides contact, full scale is 1.
        """
        samples = len(impulses) * self.per_step
        excitation = np.zeros(samples)
        loud = np.maximum(impulses - _DEAD_BAND_N, 0.0)
        excitation[:: self.per_step] = _IMPACT_GAIN * loud
        envelope = np.repeat(np.sqrt(scrapes), self.per_step)
        from scipy.signal import lfilter  # slow to import; pictures of goals hear nothing

        rough, self._scraped = lfilter([0.3], [1.0, -0.7], noise[0] * envelope, zi=self._scraped)
        excitation += _SCRAPE_GAIN * 0.05 * rough
        sound = _SCRAPE_GAIN * rough + _FLOOR * noise[1]
        for index, (numerator, denominator) in enumerate(self._filters):
            ring, self._ringing[index] = lfilter(numerator, denominator, excitation, zi=self._ringing[index])
            sound += ring
        if background is not None:
            sound += background
        samples_16: NDArray[np.int16] = (np.tanh(sound) * 32767).astype(np.int16)
        return samples_16


class Background:
    """Sound that has nothing to do with contact: hum, and noise that swells and fades. It never knocks.

    Args:
        config: what is heard.
        sample_rate_hz: of the microphone.
        seed: of phases and noise.
    """

    def __init__(self, config: BackgroundConfig, sample_rate_hz: float, seed: int) -> None:
        self._config, self._rate = config, sample_rate_hz
        self._random = np.random.default_rng([seed, 0x50D])
        self._phase = self._random.uniform(0.0, 2 * np.pi, 3)
        self._smooth = np.zeros(1)
        self._begin = 0

    def block(self, samples: int) -> Float:
        """The next samples, (n,), full scale is 1."""
        config = self._config
        if config.level == 0.0:
            return np.zeros(samples)
        turn = 2 * np.pi * (self._begin + np.arange(samples)) / self._rate
        self._begin += samples
        first, second, slow = self._phase
        hum = np.sin(config.hum_hz * turn + first) + 0.5 * np.sin(2 * config.hum_hz * turn + second)
        from scipy.signal import lfilter

        noise, self._smooth = lfilter([0.6], [1.0, -0.8], self._random.standard_normal(samples), zi=self._smooth)
        swell = 1.0 + 0.5 * np.sin(config.swell_hz * turn + slow)
        mixed: Float = config.level * swell * ((1 - config.tone) * hum + config.tone * noise)
        return mixed
