"""Coloured noise has the colour, the size and the determinism that the planner counts on."""

import numpy as np
import pytest

from world_model_ros.core.noise import coloured_noise


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    shape = (2, 48, 12, 2)
    assert coloured_noise(7, shape).tobytes() == coloured_noise(7, shape).tobytes()
    assert not np.array_equal(coloured_noise(7, shape), coloured_noise(8, shape))


@pytest.mark.parametrize("steps", [1, 2, 7, 12])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_every_step_has_unit_variance(steps, beta):
    noise = coloured_noise(1, (40, 500, steps, 2), beta)
    assert noise.shape == (40, 500, steps, 2)
    np.testing.assert_allclose(noise.std(axis=(0, 1, 3)), 1.0, atol=0.03)


def test_red_noise_is_correlated_from_step_to_step_and_white_noise_is_not():
    def neighbour_correlation(beta):
        noise = coloured_noise(3, (1, 5000, 12, 1), beta)
        return float(np.mean(noise[:, :, 1:] * noise[:, :, :-1]))

    assert abs(neighbour_correlation(0.0)) < 0.02
    assert neighbour_correlation(2.0) > 0.65


def test_the_power_falls_with_frequency_as_asked():
    noise = coloured_noise(5, (1, 4000, 64, 1), beta=2.0)[0, :, :, 0]
    power = np.mean(np.abs(np.fft.rfft(noise, axis=-1)) ** 2, axis=0)[1:-1]
    slope = np.polyfit(np.log(np.arange(1, 32)), np.log(power), 1)[0]
    assert slope == pytest.approx(-2.0, abs=0.1)


def test_the_axis_of_time_can_be_chosen():
    last = coloured_noise(3, (3000, 12), axis=-1)
    assert np.mean(last[:, 1:] * last[:, :-1]) > 0.65
