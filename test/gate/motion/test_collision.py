"""Plans keep their distance from the robot itself and from what stands around it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gate_driver import CONTRACT, HOME, JOINTS, LIMITS, START_NS, TICK_NS, Driver
from many_joints import arm_of_7, humanoid_of_29

from world_model_ros.bench.gate.checker import World
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.assumed_rest import tell_standing
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.motion.collision import Collision
from world_model_ros.gate.motion.limiter import Limiter, Motion
from world_model_ros.gate.report import state_report
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.kinematics.collision import distances as distances_module
from world_model_ros.kinematics.collision.distances import PairDistances

ARM = ArmKinematics(CONTRACT)
STOP_M = CONTRACT.deployment.gate.collision.stop_m
SLOW_M = CONTRACT.deployment.gate.collision.slow_m
WORLD = World(CONTRACT, list(LIMITS.names))
OVER_TABLE = ARM.solve(HOME, np.array([0.45, 0.0, 0.2]), tool_down())


def driver(start=OVER_TABLE) -> Driver:
    return Driver(gate=gate_for(CONTRACT), position=np.array(start)).armed()


def toward(driver: Driver, goal, span_s: float = 1.0, cycles: int = 120, every: int = 5) -> list[float]:
    """Command a straight way to ``goal`` again and again; returns the distances seen each cycle."""
    seen = []
    for cycle in range(cycles):
        if cycle % every == 0:
            way = np.array([driver.position, np.array(goal)])
            speeds = np.array([(way[1] - way[0]) / span_s, np.zeros(JOINTS)])
            assert (
                driver.gate.command(
                    driver.now_ns, Trajectory(LIMITS.names, np.array([0.0, span_s]), way, speeds, driver.now_ns)
                )
                is None
            )
        driver.step()
        seen.append(WORLD.nearest(driver.position))
    return seen


def test_a_command_into_the_table_ends_above_it_and_says_why() -> None:
    made = driver()
    below = ARM.solve(OVER_TABLE, np.array([0.45, 0.0, -0.1]), tool_down())
    seen = toward(made, below)
    assert min(seen) >= STOP_M - 1e-3
    assert ARM.tip(made.position)[0][2] < 0.012 + SLOW_M  # it went there, as near as it may
    report = state_report(made.gate)
    assert "table" in report["near"]
    assert report["collision_pairs"] > 100


def test_away_from_the_table_it_goes_at_once() -> None:
    made = driver()
    below = ARM.solve(OVER_TABLE, np.array([0.45, 0.0, -0.1]), tool_down())
    toward(made, below)
    low = ARM.tip(made.position)[0][2]
    toward(made, OVER_TABLE, cycles=40)
    assert ARM.tip(made.position)[0][2] > low + 0.05


def test_the_nearer_the_slower() -> None:
    made = driver()
    below = ARM.solve(OVER_TABLE, np.array([0.45, 0.0, -0.1]), tool_down())
    speeds = []
    for _ in range(24):
        toward(made, below, cycles=5)
        speeds.append((WORLD.nearest(made.position), made.gate.look.speed))
    near = [speed for distance, speed in speeds if distance < SLOW_M]
    assert near
    assert max(near) < 1.0


def test_what_comes_nearer_at_once_and_is_far_later_slows_too() -> None:
    here, nearer, farther = (ARM.solve(HOME, np.array([0.45, 0.0, z]), tool_down()) for z in (0.022, 0.019, 0.06))
    collision = Collision(CONTRACT)
    collision.begin(here)
    assert collision.look(here, (here, farther)).speed == 1.0
    for ahead in ((nearer, farther), (here, nearer)):
        look = collision.look(here, ahead)
        assert 0.0 < look.speed < 1.0
        assert "table" in look.pair


def test_a_folding_arm_does_not_hit_itself() -> None:
    made = driver()
    folded = OVER_TABLE.copy()
    folded[2] = LIMITS.upper[2]
    folded[3] += 2.0
    assert WORLD.nearest(folded) < STOP_M
    seen = toward(made, folded, span_s=1.5, cycles=150)
    assert min(seen) >= STOP_M - 1e-3


def test_where_it_works_over_the_table_it_is_not_slowed() -> None:
    home = ARM.solve(HOME, np.array([0.45, -0.2, 0.03]), tool_down())
    made = driver(home)
    chunk = np.tile([0.0, 0.02], (12, 1))
    for tick in range(12):
        command = ARM.chunk_trajectory(made.position, chunk, made.now_ns, TICK_NS * 1e-9)
        assert made.gate.command(made.now_ns, command) is None
        made.step(5)
        if tick > 0:
            assert made.gate.look.pair is None
            assert made.gate.look.clear
    assert ARM.tip(made.position)[0][1] > -0.2 + 0.15


def test_too_near_at_arming_it_may_only_go_away() -> None:
    low = ARM.solve(HOME, np.array([0.45, 0.0, 0.014]), tool_down())  # 2 mm over the table
    made = driver(low)
    lower = ARM.solve(low, np.array([0.45, 0.0, 0.0125]), tool_down())
    seen = toward(made, lower, cycles=30)
    assert min(seen) >= 2e-3 - 1e-4
    toward(made, OVER_TABLE, cycles=40)
    assert ARM.tip(made.position)[0][2] > 0.05


@pytest.mark.parametrize("few", [0, 1000], ids=["by boxes", "all measured"])
def test_no_pair_that_comes_near_is_left_out_along_a_path(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances_module, "FEW", few)
    distances, random = PairDistances(CONTRACT), np.random.default_rng(3)
    position = OVER_TABLE
    for _ in range(60):  # plans of a gate go on from each other, so that what was measured before is used
        goal = random.uniform(LIMITS.lower, LIMITS.upper)
        path = position + np.linspace(0.0, 0.3, 10)[:, None] * (goal - position)
        pairs, now = distances.now(path, SLOW_M, STOP_M)
        below = distances.below(path, pairs, now, np.full(len(pairs), STOP_M))
        seen = [WORLD.nearest(configuration) for configuration in path]
        if seen[0] < SLOW_M:
            assert now.min() == pytest.approx(seen[0], abs=1e-4) or seen[0] < 0
        if now.min(initial=1.0) > STOP_M:
            assert below.any() == (min(seen) < STOP_M)
        position = path[random.integers(1, 10)]


def test_the_reference_configuration_is_measured_like_any_other() -> None:
    distances = PairDistances(CONTRACT)
    _, now = distances.now(np.zeros((1, JOINTS)), 9.0, STOP_M)
    assert now.min() == pytest.approx(WORLD.nearest(np.zeros(JOINTS)), abs=1e-4)


def test_what_was_too_near_and_has_left_may_not_come_back_however_fast_it_left() -> None:
    low, high = (ARM.solve(HOME, np.array([0.45, 0.0, z]), tool_down()) for z in (0.014, 0.3))  # 2 mm over the table
    collision = Collision(CONTRACT)
    collision.begin(low)
    limiter = Limiter(LIMITS)
    hold, away = (limiter.stop(Motion.still(position)) for position in (low, high))
    assert hold is not None
    assert away is not None
    assert collision.broken(hold) is None
    assert collision.broken(away) is None
    assert collision.broken(hold) is not None


def test_what_went_away_a_little_from_too_near_may_not_come_back_by_that() -> None:
    assert STOP_M == 0.005
    heights = (0.014, 0.0155, 0.0148)  # 2, 3.5 and 2.8 mm over the table, each nearer than it may be
    collision, limiter = Collision(CONTRACT), Limiter(LIMITS)
    places = [ARM.solve(HOME, np.array([0.45, 0.0, z]), tool_down()) for z in heights]
    collision.begin(places[0])
    low, away, back = (limiter.stop(Motion.still(place)) for place in places)
    assert low is not None
    assert away is not None
    assert back is not None
    assert collision.broken(low) is None
    assert collision.broken(away) is None
    assert collision.broken(back) is not None


def without_geometry(tmp_path: Path) -> Contract:
    text = CONTRACT.urdf_path.read_text()
    while "<collision>" in text:
        begin, end = text.index("<collision>"), text.index("</collision>") + len("</collision>")
        text = text[:begin] + text[end:]
    (tmp_path / "tabletop_arm.urdf").write_text(text)
    (tmp_path / "bare.yaml").write_text(CONTRACT.text)
    return load_contract(tmp_path / "bare.yaml")


def test_a_robot_without_geometry_says_that_nothing_is_watched(tmp_path: Path) -> None:
    gate = gate_for(without_geometry(tmp_path))
    assert state_report(gate)["collision_pairs"] == 0
    Driver(gate=gate).armed().track()


def test_a_table_around_the_foot_of_the_arm_is_what_it_stands_in(tmp_path: Path) -> None:
    settings = CONTRACT.deployment.gate
    high = settings.obstacles[0].model_copy(update={"position_m": (0.45, 0.0, 0.08)})  # its top is at 13 cm
    gate = settings.model_copy(update={"obstacles": [high]})
    contract = replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"gate": gate}))
    touching = PairDistances(contract).touching
    assert {second for _, second in touching} == {"obstacle table"}
    assert {first for first, _ in touching} <= {"shoulder_link_0", "shoulder_link_1"}


@pytest.mark.parametrize("make", [arm_of_7, humanoid_of_29])
def test_a_cycle_stays_affordable_with_many_joints(make, tmp_path: Path) -> None:
    contract = make(tmp_path)
    gate, limits, random = gate_for(contract), contract.limits(), np.random.default_rng(0)
    position, now_ns, spans = np.zeros(len(limits.names)), START_NS, []
    tell_standing(gate, position, now_ns)
    assert gate.arm(now_ns) is None
    for cycle in range(300):
        if cycle % 10 == 0:
            velocity = 0.3 * random.uniform(-1, 1, len(position)) * np.where(position > 0, -1, 1) * limits.velocity
            way = np.array([position, position + 0.6 * velocity, position + 0.75 * velocity])
            speeds = np.array([velocity, velocity, 0 * velocity])
            command = Trajectory(limits.names, np.array([0.0, 0.6, 0.9]), way, speeds, now_ns)
            assert gate.command(now_ns, command) is None
        now_ns += 10_000_000
        gate.joint_state(now_ns, position, np.zeros(len(position)))
        begin = time.thread_time()
        position = gate.step(now_ns).reference.position
        spans.append(time.thread_time() - begin)
    p50, p99 = np.percentile(spans, [50, 99]) * 1e3
    print(f"{len(position)} joints, {len(gate.collision.distances.pairs)} pairs: {p50:.2f} ms, p99 {p99:.2f} ms of CPU")
    assert p50 < 5.0  # 1 ms is the aim; machines that test are slow and busy
