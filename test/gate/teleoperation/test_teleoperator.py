"""A person leads the robot through the gate: where to, how it begins, ends, and goes over from the brain and back."""

from __future__ import annotations

import numpy as np
import pytest
from gate_driver import CONTRACT, HOME, LIMITS
from seen_wall import START, STOP_M, wall
from teleop_bench import SOURCES, Bench, SeeingBench

from world_model_ros.bench.gate.trajectory_controllers import exceeded
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.states import State
from world_model_ros.gate.teleoperation.wish import Wish, nothing

STILL = nothing(2)
FORWARD = Wish(np.array([0.1, 0.0]))  # m/s along x
LEFT = Wish(np.array([0.0, 0.1]))
TRANSPORT_S = CONTRACT.deployment.gate.transport_s


def driving(wish: Wish = FORWARD) -> Bench:
    bench = Bench(wish=STILL).owned("person").armed().run(0.2)
    bench.wish = wish
    return bench


@pytest.mark.parametrize(("wish", "axis"), [(FORWARD, 0), (LEFT, 1)])
def test_the_fingertip_goes_along_the_axis_as_fast_as_is_wished(wish: Wish, axis: int) -> None:
    bench = driving(wish).run(1.5)
    middle = bench.tip
    bench.run(0.5)
    way = bench.tip - middle
    assert way[axis] == pytest.approx(0.05, rel=0.05)
    assert np.abs(np.delete(way, axis)).max() < 0.002
    assert not bench.refused


def test_it_stops_where_it_is_let_go_and_does_not_come_back() -> None:
    bench = driving().run(1.0)
    bench.wish, gone = STILL, bench.tip
    bench.run(1.5)
    ways = np.array([tip[0] for tip in bench.tips[-150:]])
    assert bench.speed < 1e-3
    assert ways.max() - ways[-1] < 5e-4  # it does not pass by and return
    assert 0.0 <= bench.tip[0] - gone[0] < 0.025
    assert bench.gate.state is State.TRACKING  # still armed, and held there


@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_a_robot_that_follows_slowly_stops_where_it_is_let_go_too(scale: float) -> None:
    """As slow as a new robot is begun with: what was wished and not yet done is dropped."""
    bench = driving(STILL)
    bench.gate.speed_scale = scale
    bench.wish = FORWARD
    bench.run(2.0)
    bench.wish, gone = STILL, bench.position.copy()
    assert bench.speed > 0.01
    bench.run(0.6)
    stood = bench.position.copy()
    assert np.abs(stood - gone).max() < 0.3 * scale * LIMITS.velocity.min()
    bench.run(2.0)
    assert np.abs(bench.position - stood).max() < 1e-4


@pytest.mark.parametrize("held", [False, True])
def test_what_was_in_the_way_and_is_gone_lets_go_of_no_motion_that_was_wished_before(held: bool) -> None:
    bench = SeeingBench(wish=STILL, start=START).owned("person").armed().run(0.2)
    bench.points = wall(bench.tip[1] + 0.15)
    bench.wish = LEFT
    bench.run(4.0)
    assert bench.speed < 1e-3  # in front of the wall
    assert bench.nearest_m > STOP_M - 1e-3
    if not held:
        bench.wish = STILL
        bench.run(0.5)
    bench.points, stood, fast = bench.points[:0], bench.tip, 0.0
    for _ in range(100):
        fast = max(fast, float(np.linalg.norm(bench.run(0.01).tips[-1] - bench.tips[-2])) / 0.01)
    assert bench.tip[1] - stood[1] == pytest.approx(0.09 if held else 0.0, abs=0.03 if held else 1e-4)
    assert fast < 0.13  # m/s: 0.1 are wished, and nothing is to be made up for


def test_a_device_that_falls_silent_is_let_go() -> None:
    bench = driving().run(1.0)
    bench.wish = None
    bench.run(1.5)
    assert bench.speed < 1e-3
    assert bench.gate.state is State.TRACKING


def test_when_its_program_ends_the_last_command_brakes() -> None:
    bench = driving().run(1.0)
    last = bench.sent[-1]
    assert np.abs(last.velocities[0]).max() > 0.05
    assert not last.velocities[-1].any()
    bench.mute = True
    bench.run(2.0)
    assert bench.speed < 1e-3
    assert bench.gate.state is State.DISARMED


def test_a_stick_that_was_held_when_the_gate_was_armed_moves_nothing_until_it_is_let_go() -> None:
    bench = Bench(wish=FORWARD).owned("person").armed().run(1.0)
    assert np.abs(bench.position - HOME).max() < 1e-6
    assert bench.person.waits_for == "the switch, or the stick, to be let go of once"
    bench.wish = STILL
    bench.run(0.2)
    bench.wish = FORWARD
    assert bench.run(0.5).speed > 0.05
    assert bench.person.waits_for is None


def test_a_program_that_stalls_starts_nothing_that_waits_for_the_stick_to_be_let_go_of() -> None:
    bench = Bench(wish=FORWARD, rate_hz=2.0).owned("person").armed().run(0.5)
    for stall_s in (0.12, 0.3, 0.5):
        bench.stalls = True
        bench.run(stall_s)
        assert bench.gate.state is State.TRACKING  # its last command to hold is still good
        bench.stalls = False
        bench.run(0.4)
        assert np.abs(bench.position - HOME).max() < 1e-6


def test_after_a_refusal_it_holds_the_arm_and_waits_for_the_stick_to_be_let_go_of() -> None:
    bench = driving().run(1.0)
    far = Trajectory(LIMITS.names, np.array([0.5]), LIMITS.upper[None] + 1.0, np.zeros((1, len(HOME))), bench.now_ns)
    assert bench.gate.command(bench.now_ns, far, "person") is not None
    bench.run(1.5)
    assert bench.speed < 1e-3
    assert bench.gate.state is State.TRACKING
    waits = bench.person.waits_for
    assert waits is not None
    assert waits.startswith("the switch, or the stick, to be let go of once (position of ")
    bench.wish = STILL
    bench.run(0.2)
    bench.wish = FORWARD
    assert bench.run(0.5).speed > 0.05


def test_nothing_is_sent_while_another_source_owns_the_gate() -> None:
    bench = Bench(wish=FORWARD, swings=True).owned("brain").armed().run(1.0)
    assert not bench.sent
    assert bench.person.waits_for == "the gate to be owned by person; it is owned by brain"


def test_a_person_takes_over_in_motion_without_a_stop_and_gives_back() -> None:
    bench = Bench(wish=LEFT, swings=True).owned("brain").armed().run(1.0)
    assert bench.speed > 0.3
    bench.gate.ownership.ask("person", bench.now_ns)
    speeds = [bench.run(0.01).speed for _ in range(30)]
    assert bench.gate.ownership.owner == "person"
    assert min(speeds) > 0.05
    before = bench.tip
    bench.run(1.0)
    assert bench.tip[1] - before[1] == pytest.approx(0.1, abs=0.03)
    bench.gate.ownership.ask("brain", bench.now_ns)
    bench.run(1.0)
    assert bench.gate.ownership.owner == "brain"
    assert bench.gate.state is State.TRACKING
    assert bench.refused["person: join"] == 0


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_wished_and_whoever_drives_the_limits_are_kept_at_the_controller(seed: int) -> None:
    random = np.random.default_rng(seed)
    bench = Bench(seed, wish=STILL, swings=True).owned("person").armed()
    taken = 0
    for _ in range(60):
        bench.wish = Wish(random.uniform(-0.4, 0.4, 2) * (random.random() < 0.8), held=bool(random.random() < 0.9))
        if random.random() < 0.3:
            bench.gate.ownership.ask(str(random.choice([each.name for each in SOURCES])), bench.now_ns)
        owner = bench.gate.ownership.owner
        bench.run(random.uniform(0.05, 0.6))
        taken += bench.gate.ownership.owner != owner
        if bench.gate.state is State.DISARMED:
            bench.wish = STILL
            bench.armed()
    assert taken >= 5
    assert exceeded([bench.follower.report()], TRANSPORT_S) == []
    assert bench.follower.velocity_ratio > 0.1


def test_it_stops_at_the_edge_of_the_workspace() -> None:
    bench = driving(Wish(np.array([0.3, 0.0]))).run(4.0)
    edge = CONTRACT.interface.action.tips[0].workspace_m[0][1]
    assert bench.tip[0] == pytest.approx(edge, abs=0.003)
    assert max(tip[0] for tip in bench.tips) < edge + 0.01
    assert bench.speed < 0.01


def test_joints_follow_a_leader_and_stop_at_their_limits() -> None:
    bench = driving()
    places = HOME.copy()
    places[0] += 0.3
    places[3] = LIMITS.lower[3] - 1.0  # where it cannot go
    bench.wish = Wish(np.zeros(2), places)
    bench.run(4.0)
    assert bench.position[0] == pytest.approx(HOME[0] + 0.3, abs=1e-3)
    assert bench.position[3] == pytest.approx(LIMITS.lower[3], abs=2e-3)
    assert np.abs(np.delete(bench.position - HOME, [0, 3])).max() < 1e-3
    assert exceeded([bench.follower.report()], TRANSPORT_S) == []
