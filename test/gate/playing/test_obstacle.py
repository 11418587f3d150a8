"""A trajectory that is played while a depth sensor begins to see something in front of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from gate_driver import CONTRACT, LIMITS
from player_bench import JOINTS, SOURCES, UPDATE_HZ, Bench, asked
from seen_wall import START, STOP_M, Seeing, wall

from world_model_ros.gate.playing.endings import Code
from world_model_ros.gate.playing.goal import Asked
from world_model_ros.gate.states import State
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.controller import JointTrajectoryController

ARM = ArmKinematics(CONTRACT)


@dataclass
class SeeingBench(Seeing, Bench):
    """A bench whose gate sees points, and whose arm begins at `START`."""

    sources = SOURCES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.arm = JointTrajectoryController(LIMITS.names, START, self.now_ns, UPDATE_HZ)


def turn(by: float = 0.9, span_s: float = 8.0) -> Asked:
    """The first joint turns to the left, at rest at both ends."""
    times = np.linspace(0.0, span_s, 81)
    share = times / span_s
    rows = [np.tile(START, (81, 1)), np.zeros((81, JOINTS)), np.zeros((81, JOINTS))]
    rows[0][:, 0] += by * (10 * share**3 - 15 * share**4 + 6 * share**5)
    rows[1][:, 0] = by * (30 * share**2 - 60 * share**3 + 30 * share**4) / span_s
    rows[2][:, 0] = by * (60 * share - 180 * share**2 + 120 * share**3) / span_s**2
    rows[1][-1] = 0.0
    return asked(rows[0], times.tolist(), rows[1], accelerations=rows[2].tolist())


def playing(after_s: float) -> SeeingBench:
    bench = SeeingBench().owned()
    bench.armed()
    assert bench.begin(turn()) is None
    bench.run(after_s)
    assert np.abs(bench.references[-1][2]).max() > 0.1
    return bench


@pytest.mark.parametrize("after_s", [2.5, 3.0, 3.5])
def test_what_appears_in_front_of_a_trajectory_stops_it_in_time_and_ends_the_goal(after_s: float) -> None:
    bench = playing(after_s)
    tip_y_m = float(ARM.tip(bench.position)[0][1])
    bench.points = wall(tip_y_m + 0.15)
    ending = bench.until_ended()
    assert ending.code is Code.PATH_TOLERANCE_VIOLATED
    assert "obstacle front" in ending.words, ending
    assert bench.nearest_m > STOP_M - 1e-3
    stood = bench.position.copy()
    bench.points = bench.points[:0]
    bench.run(2.0)  # the way is free again, and the goal has ended
    assert np.abs(bench.position - stood).max() < 3e-3
    assert bench.gate.state is State.TRACKING


@pytest.mark.parametrize("way", ["canceled", "late", "replaced"])
def test_after_a_goal_that_was_stopped_by_something_nothing_moves_when_that_is_gone(way: str) -> None:
    bench = playing(3.0)
    bench.points = wall(float(ARM.tip(bench.position)[0][1]) + 0.12)
    bench.run(1.5)
    assert np.abs(bench.references[-1][2]).max() < 0.02
    stood = bench.position.copy()
    if way == "canceled":
        bench.player.cancel()
    elif way == "replaced":  # by one that stays
        assert bench.begin(asked(np.array([stood]), [0.5], np.zeros((1, JOINTS)))) is None
    else:
        bench.until_ended()
    bench.points = bench.points[:0]
    bench.run(3.0)
    assert bench.player.phase is None
    assert np.abs(bench.position - stood).max() < 3e-3
    assert bench.gate.state is State.TRACKING


def test_what_goes_away_again_delays_it() -> None:
    bench = playing(3.0)
    bench.points = wall(float(ARM.tip(bench.position)[0][1]) + 0.12)
    bench.run(1.5)
    assert np.abs(bench.references[-1][2]).max() < 0.02
    bench.points = bench.points[:0]
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert bench.position[0] - START[0] == pytest.approx(0.9, abs=1e-3)


def test_without_the_sensor_it_goes_through_there() -> None:
    bench = playing(3.0)
    tip_y_m = float(ARM.tip(bench.position)[0][1])
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert float(ARM.tip(bench.position)[0][1]) > tip_y_m + 0.15


def test_a_sensor_that_falls_silent_brakes_it_and_ends_the_goal() -> None:
    bench = playing(3.0)
    bench.gate.see = lambda *_: None  # type: ignore[method-assign]
    ending = bench.until_ended()
    assert "cloud_stale" in ending.words, ending
    assert bench.gate.state in (State.SLOWING, State.DISARMED)
