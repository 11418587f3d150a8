"""The commanded positions are known between reports, shortly after the newest, and not after a silence."""

import numpy as np
import pytest

from world_model_ros.brain.applied_positions import AppliedReference

MS = 1_000_000


@pytest.fixture
def moving():
    """Two joints that move at 1 and -1 rad/s, reported at 0 and 20 ms."""
    applied = AppliedReference()
    velocity = np.array([1.0, -1.0])
    for stamp_ms in (0, 20):
        applied.push(stamp_ms * MS, velocity * stamp_ms * 1e-3, velocity)
    return applied


@pytest.mark.parametrize(
    ("now_ms", "position"), [(0, 0.0), (5, 0.005), (20, 0.02), (35, 0.035), (80, 0.08), (200, 0.08)]
)
def test_the_reference_is_interpolated_then_carried_on_then_held(moving, now_ms, position):
    np.testing.assert_allclose(moving.at(now_ms * MS), [position, -position], atol=1e-9)


@pytest.mark.parametrize("now_ms", [-1, 321, 10_000])
def test_nothing_is_known_before_the_first_report_and_after_a_silence(moving, now_ms):
    assert moving.at(now_ms * MS) is None


def test_a_report_out_of_order_is_dropped(moving):
    assert not moving.push(10 * MS, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(moving.at(10 * MS), [0.01, -0.01])


def test_a_flush_forgets(moving):
    moving.flush()
    assert moving.at(20 * MS) is None
