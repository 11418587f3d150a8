"""Between its points a trajectory is what joint_trajectory_controller makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.playing.spline import CUBIC, LINEAR, QUINTIC, Spline
from world_model_ros.sim.controller import JointTrajectoryController


def spline(carries: list[int], positions: list[float], velocities: list[float], accelerations: list[float]) -> Spline:
    times = np.arange(len(positions), dtype=np.float64) * 2.0
    rows = [np.array(row, dtype=np.float64)[:, None] for row in (positions, velocities, accelerations)]
    return Spline(times, *rows, np.array(carries))


def test_positions_alone_are_joined_by_straight_lines() -> None:
    made = spline([LINEAR] * 3, [0.0, 1.0, 0.0], [0.0] * 3, [0.0] * 3)
    position, velocity, acceleration = made.sample(np.array([-1.0, 0.5, 2.0, 3.0, 4.0, 9.0]))
    assert position[:, 0] == pytest.approx([0.0, 0.25, 1.0, 0.5, 0.0, 0.0])
    assert velocity[:, 0] == pytest.approx([0.0, 0.5, -0.5, -0.5, 0.0, 0.0])
    assert acceleration[:, 0] == pytest.approx(np.zeros(6))


def test_velocities_make_it_cubic() -> None:
    made = spline([CUBIC] * 2, [0.0, 1.0], [0.0, 0.0], [5.0, 5.0])  # accelerations that are not carried do not count
    motion = made.at(0.5)  # a quarter: 3 x^2 - 2 x^3, slope (6 x - 6 x^2) / 2, (6 - 12 x) / 4
    assert motion.position == pytest.approx([0.15625])
    assert motion.velocity == pytest.approx([0.5625])
    assert motion.acceleration == pytest.approx([0.75])


def test_accelerations_make_it_quintic() -> None:
    made = spline([QUINTIC] * 2, [0.0, 1.0], [0.0, 0.0], [0.0, 0.0])
    motion = made.at(0.5)  # 10 x^3 - 15 x^4 + 6 x^5 at a quarter
    assert motion.position == pytest.approx([0.103515625])
    assert motion.velocity == pytest.approx([(30 * 0.0625 - 60 * 0.015625 + 30 * 0.00390625) / 2])
    assert motion.acceleration == pytest.approx([(60 * 0.25 - 180 * 0.0625 + 120 * 0.015625) / 4])


def test_a_segment_is_what_both_of_its_ends_carry() -> None:
    made = spline([QUINTIC, CUBIC, LINEAR], [0.0, 1.0, 2.0], [0.0, 0.0, 7.0], [3.0, 0.0, 0.0])
    assert made.at(0.5).position == pytest.approx([0.15625])
    assert made.at(2.5).position == pytest.approx([1.25])
    assert made.at(2.5).velocity == pytest.approx([0.5])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([CUBIC, QUINTIC]),
    st.lists(st.tuples(*[st.floats(-1.0, 1.0)] * 3), min_size=2, max_size=6),
    st.integers(1, 9),
)
def test_the_modelled_controller_goes_the_same_way(
    carries: int, rows: list[tuple[float, float, float]], tenths: int
) -> None:
    values = np.array(rows)[:, :, None]
    values[-1, 1:] = 0.0
    count = len(rows)
    times = np.arange(count) * 0.1 * tenths
    velocities = values[:, 1]
    accelerations = values[:, 2] if carries >= QUINTIC else np.zeros((count, 1))
    made = Spline(times, values[:, 0], velocities, accelerations, np.full(count, carries))
    stamp_ns = 10**9
    quintic = accelerations if carries == QUINTIC else None
    told = Trajectory(("a",), times, values[:, 0], velocities, stamp_ns, quintic)
    model = JointTrajectoryController(("a",), values[0, 0], stamp_ns, update_hz=500.0)
    assert model.receive(told, stamp_ns) is None
    said = model.run(stamp_ns + round(times[-1] * 1e9) - 2_000_000)
    assert len(said.times_ns)
    ours = made.sample((said.times_ns - stamp_ns) * 1e-9 + 0.002)[0]  # the command is for the next update
    assert said.command == pytest.approx(ours, abs=1e-7)
