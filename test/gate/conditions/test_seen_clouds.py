"""What a depth sensor sees only forbids: no motion into it, none without it, and away from it always."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_driver import CONTRACT, CYCLE_NS, JOINTS, LIMITS, TICK_NS, Driver, assert_within_limits
from seen_wall import RADIUS_M, START, wall

from world_model_ros.contract.deployment.gate import Cloud
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.report import state_report
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.collision.distances import PairDistances

ARM = ArmKinematics(CONTRACT)
STOP_M = CONTRACT.deployment.gate.collision.stop_m
SLOW_M = CONTRACT.deployment.gate.collision.slow_m
MAX_AGE_S = 0.2
EMPTY = np.empty((0, 3))


def contract(*names: str):
    clouds = [Cloud(name=name, topic=f"{name}/points", max_age_s=MAX_AGE_S) for name in names]
    gate = CONTRACT.deployment.gate.model_copy(update={"clouds": clouds})
    return replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"gate": gate}))


def wall_at(position: Float, distance_m: float) -> Float:
    """A wall at the left of the arm, so far from it."""
    distances = PairDistances(contract("front"))
    near_m, far_m = ARM.tip(position)[0][1], 1.0
    for _ in range(30):
        middle_m = 0.5 * (near_m + far_m)
        pairs = distances.see("front", wall(middle_m), RADIUS_M)
        nearer = distances.measure(position, pairs).min() > distance_m
        near_m, far_m = (near_m, middle_m) if nearer else (middle_m, far_m)
    return wall(far_m)


class Seeing(Driver):
    """A driver whose gate sees points, each cycle anew, as of ``behind_s`` ago."""

    points: Float = EMPTY
    behind_s: float = 0.0
    blind: bool = False

    def measure(self) -> None:
        super().measure()
        if not self.blind:
            self.gate.see("front", self.now_ns - round(self.behind_s * 1e9), self.points, RADIUS_M)

    def turn(self, velocity: float, cycles: int, joint: int = 0) -> list[float]:
        """Command it to turn on, and return how far it is from the points after each cycle."""
        distances = PairDistances(contract("front"))
        pairs = distances.see("front", self.points, RADIUS_M)
        found = []
        for cycle in range(cycles):
            if cycle % (TICK_NS // CYCLE_NS) == 0:
                assert self.gate.command(self.now_ns, self.move(velocity, joint)) is None
            self.step()
            found.append(float(distances.measure(self.position, pairs).min()))
        return found


def seeing(points: Float = EMPTY, position: Float = START) -> Seeing:
    made = Seeing(gate=gate_for(contract("front")), position=position.copy())
    made.points = points
    made.rest().armed()
    return made.led()


def test_it_stops_in_front_of_what_it_sees_says_why_and_goes_on_when_that_is_gone() -> None:
    made = seeing(wall(0.2))
    seen = made.turn(0.6, 100)
    assert STOP_M - 1e-3 < min(seen) < SLOW_M
    report = state_report(made.gate)
    assert report["state"] == "tracking"
    assert "obstacle front" in report["near"]
    assert report["clouds"] == {"front": {"points": len(wall(0.2)), "radius_m": RADIUS_M}}
    stood = made.position[0]
    made.points = EMPTY
    made.turn(0.6, 40)
    assert made.position[0] > stood + 0.2
    assert state_report(made.gate)["near"] is None
    assert_within_limits([output.reference for output in made.outputs], CYCLE_NS * 1e-9)


def test_without_points_it_goes_where_the_wall_would_be() -> None:
    made = seeing()
    made.turn(0.6, 100)
    assert ARM.tip(made.position)[0][1] > 0.25


def test_what_appears_in_its_way_stops_it_at_once() -> None:
    """As soon as the limits allow, though the plan at hand would have gone on before its stop."""
    made = seeing()
    made.turn(0.8, 27)
    assert made.outputs[-1].reference.velocity[0] > 0.7
    made.points = wall_at(made.position, 0.055)  # 0.1 s on, and it would be too late for a stop
    assert min(made.turn(0.8, 30)) > 0.0
    assert made.outputs[-1].state.value == "tracking"  # it waits
    assert_within_limits([output.reference for output in made.outputs], CYCLE_NS * 1e-9)


def test_what_comes_too_near_lets_it_go_away_alone() -> None:
    made = seeing()
    near = 0.5 * STOP_M  # nearer than it may come by itself
    made.points = wall_at(made.position, near)
    toward = made.turn(0.4, 20)
    assert min(toward) > near - 1e-4
    away = made.turn(-0.4, 40)
    assert away[-1] > near + 0.05


def test_a_wall_that_comes_nearer_again_and_again_does_not_lead_the_arm_along() -> None:
    made = seeing(wall(0.12))
    made.turn(0.6, 60)
    stood = made.position[0]
    for y_m in np.linspace(0.12, 0.06, 10):
        made.points = wall(y_m)
        made.turn(0.6, 5)
        assert made.position[0] < stood + 1e-3


@pytest.mark.parametrize("behind_s", [1.05 * MAX_AGE_S, -0.11, 1e6], ids=["old", "ahead", "very old"])
def test_without_a_fresh_cloud_it_is_not_armed(behind_s: float) -> None:
    made = Seeing(gate=gate_for(contract("front")), position=START.copy())
    made.blind = True
    made.rest()
    made.measure()
    refusal = made.gate.refusal(made.now_ns)
    assert (refusal.rule, refusal.value) == ("cloud_stale", "nothing of front yet")
    made.blind, made.behind_s = False, behind_s
    made.measure()
    refusal = made.gate.refusal(made.now_ns)
    assert refusal.rule == "cloud_stale"
    assert "max_age_s 0.2" in refusal.value
    made.behind_s = 0.0
    made.measure()
    assert made.gate.arm(made.now_ns) is None


def test_a_cloud_that_falls_silent_brakes_and_one_that_comes_back_moves_nothing() -> None:
    made = seeing()
    made.turn(0.6, 30)
    made.blind, silent_ns = True, made.now_ns
    while made.step().state.value == "tracking":
        made.gate.command(made.now_ns, made.move(0.6))
        assert (made.now_ns - silent_ns) * 1e-9 < MAX_AGE_S + 2e-9 * CYCLE_NS
    assert (made.now_ns - silent_ns) * 1e-9 > MAX_AGE_S
    assert made.outputs[-1].cause.value == "cloud_stale"
    made.blind = False
    for _ in range(60):
        made.step()
        made.gate.command(made.now_ns, made.move(0.6))
    assert (made.outputs[-1].state.value, made.outputs[-1].cause.value) == ("disarmed", "cloud_stale")
    assert_within_limits([output.reference for output in made.outputs], CYCLE_NS * 1e-9)


def test_every_cloud_has_to_be_fresh() -> None:
    made = Seeing(gate=gate_for(contract("front", "side")), position=START.copy())
    made.rest()
    made.measure()
    assert made.gate.refusal(made.now_ns).value == "nothing of side yet"
    made.gate.see("side", made.now_ns, EMPTY, 0.0)
    assert made.gate.refusal(made.now_ns) is None


def test_after_a_leap_of_the_clock_no_cloud_counts() -> None:
    made = seeing()
    made.blind = True
    made.now_ns += 3 * 10**9
    made.step()
    made.gate.joint_state(made.now_ns, made.position, np.zeros(JOINTS))
    for _ in range(60):
        made.step()
    refusal = made.gate.refusal(made.now_ns)
    assert refusal.value == "nothing of front yet"


def test_a_gate_for_the_brain_alone_needs_no_clouds() -> None:
    made = Driver(gate=gate_for(contract("front"), brain_alone=True), position=START.copy())
    assert made.rest().armed().gate.state.value == "holding"


def test_a_command_into_the_wall_and_away_from_it_is_accepted_but_not_followed_into_it() -> None:
    made = seeing(wall(0.12))
    times, goal = np.array([0.0, 1.0]), made.position.copy()
    goal[0] += 1.0
    way = Trajectory(LIMITS.names, times, np.array([made.position, goal]), np.zeros((2, JOINTS)), made.now_ns)
    assert made.gate.command(made.now_ns, way) is None
    made.step(20)
    assert ARM.tip(made.position)[0][1] < 0.12 - STOP_M
