"""Each thing that may be wrong with a robot is found, and named as what it is."""

from __future__ import annotations

import numpy as np
import pytest
from robot_bench import HIGH, Bench, Faults

from world_model_ros.commissioning.commissioner import Plan
from world_model_ros.commissioning.findings import NOT_DONE, WRONG, Check

TWO = Plan(asks=False, joints=("elbow_joint", "wrist_1_joint"))
ALIKE = np.array([0.0, -1.2, 1.4, -1.0, -1.57, -1.0])  # wrists 1 and 3 stand at the same angle
ELBOW, WRIST_1, WRIST_3 = 2, 3, 5


def wrong(checks: list[Check]) -> list[tuple[str, str]]:
    return [(each.subject, each.what) for each in checks if each.level == WRONG]


def words_of(checks: list[Check], subject: str, what: str) -> str:
    return next(each.words for each in checks if (each.subject, each.what) == (subject, what))


# Faults of a joint that cost this joint alone: the other one is tried, and is as it should be.
@pytest.mark.parametrize(
    ("faults", "what", "says"),
    [
        (Faults(takes_degrees=ELBOW), "units", "takes degrees for radians"),
        (Faults(frozen=(ELBOW,)), "live", "never changes"),
        (Faults(stuck=ELBOW), "moves", "stands still"),
    ],
    ids=["takes degrees", "frozen joint", "stuck joint"],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_wrong_with_one_joint_costs_that_joint_alone(faults: Faults, what: str, says: str, seed: int) -> None:
    bench = Bench(faults=faults, plan=TWO, seed=seed)
    checks = bench.run()
    assert wrong(checks) == [("elbow_joint", what)]
    assert says in words_of(checks, "elbow_joint", what)
    assert {each.what for each in checks if each.subject == "wrist_1_joint"} >= {"units", "gate/stop", "silence"}
    assert not bench.commissioner.ended


# What makes all further motion unsafe: nothing else is moved, and the gate is left stopped.
@pytest.mark.parametrize(
    ("faults", "home", "subject", "what", "says"),
    [
        (Faults(flipped=ELBOW), HIGH, "elbow_joint", "direction", "other way round"),
        (Faults(swapped=(WRIST_1, WRIST_3)), ALIKE, "wrist_1_joint", "right joint", "wrist_3_joint moves"),
        (Faults(swapped=(WRIST_1, WRIST_3)), HIGH, "wrist_1_joint", "takes over", "names swapped"),
        (Faults(overruns_s=0.5), HIGH, "elbow_joint", "gate/stop", "goes on after it is told to stop"),
        (Faults(lingers_s=0.5), HIGH, "elbow_joint", "stop", "does not stop"),
        (Faults(frozen=tuple(range(6))), HIGH, "elbow_joint", "live", "never changes"),
    ],
    ids=["flipped", "swapped", "swapped, apart", "overruns a stop", "overruns each stop", "frozen driver"],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_unsafe_ends_all_motion(
    faults: Faults, home: np.ndarray, subject: str, what: str, says: str, seed: int
) -> None:
    first = "wrist_1_joint" if subject == "wrist_1_joint" else "elbow_joint"
    plan = Plan(asks=False, joints=(first, "wrist_2_joint"))
    bench = Bench(faults=faults, plan=plan, seed=seed, home=home)
    checks = bench.run()
    assert [each for _, each in wrong(checks)] == [what]
    assert says in next(each.words for each in checks if each.what == what)
    if what != "takes over":  # which leaps of the two comes first is chance
        assert wrong(checks) == [(subject, what)]
    assert [each.level for each in checks if each.subject == "wrist_2_joint"][-1] == NOT_DONE
    assert bench.commissioner.ended
    assert bench.gate.state.value == "stopped"


def test_a_joint_that_goes_the_wrong_way_has_gone_no_farther_than_a_small_angle() -> None:
    bench = Bench(faults=Faults(flipped=ELBOW), plan=TWO, delay_s=0.0, lag_s=0.0)
    bench.run()
    assert bench.farthest[ELBOW] < 0.036  # the first motion would be of 0.045, and all of it of 0.195 rad
    assert bench.fastest[ELBOW] < 0.051 * 3.0


def test_a_speed_slider_is_named_and_not_taken_for_a_unit_or_a_stop() -> None:
    checks = Bench(faults=Faults(pace=0.3), plan=TWO).run()
    assert wrong(checks) == [("elbow_joint", "speed"), ("wrist_1_joint", "speed")]
    (found,) = [each for each in checks if (each.subject, each.what) == ("elbow_joint", "speed")]
    assert "slider" in found.words
    assert found.figures["ratio"] == pytest.approx(0.3, abs=0.03)
    assert {each.level for each in checks if each.what in ("gate/stop", "silence")} == {NOT_DONE}


# What is seen at rest: nothing moves, or the rest is as it should be.
@pytest.mark.parametrize(
    ("faults", "what", "says", "moves"),
    [
        (Faults(gives_degrees=True), "units", "degrees for radians", False),
        (Faults(repeats=True), "stamps", "do not go on", False),
        (Faults(clock_s=1.0), "age", "0.98", False),
        (Faults(clock_s=-1.0), "age", "1.02", False),
        (Faults(every=5), "rate", "20.0 Hz; the contract says 100", True),
    ],
    ids=["gives degrees", "stale stamps", "clock ahead", "clock behind", "slow states"],
)
def test_what_is_wrong_with_joint_states_is_seen_before_anything_moves(
    faults: Faults, what: str, says: str, moves: bool
) -> None:
    bench = Bench(faults=faults, plan=TWO, delay_s=0.02)
    checks = bench.run()
    assert {each for _, each in wrong(checks)} == {what}
    assert says in next(each.words for each in checks if each.what == what and each.level == WRONG)
    moved = {each.subject for each in checks if each.what == "silence"}
    assert moved == (set(TWO.joints) if moves else set())
    assert bool(bench.fastest.any()) == moves


def test_a_clock_that_is_off_is_told_from_a_driver_that_is_late() -> None:
    def age(bench: Bench) -> Check:
        return next(each for each in bench.run() if each.what == "age")

    off, late = age(Bench(faults=Faults(clock_s=-1.0), plan=TWO)), age(Bench(plan=TWO, delay_s=0.9))
    assert "clock is off" in off.words
    assert off.figures["clock_offset_s"] == pytest.approx(-1.0, abs=0.025)
    assert "driver or the network is late" in late.words


@pytest.mark.parametrize("opens", [True, False])
def test_a_gripper_that_goes_the_other_way_is_stopped(opens: bool) -> None:
    home = np.append(HIGH, 0.005 if opens else 0.035)
    plan = Plan(asks=False, joints=("finger_joint",))
    bench = Bench("gripper_arm", Faults(flipped=6), plan, home=home)
    assert wrong(bench.run()) == [("finger_joint", "direction")]
    assert bench.gate.state.value == "stopped"
    assert "finger_joint" in bench.commissioner.ended


def test_a_gripper_that_a_person_saw_go_the_other_way_is_wrong_in_the_contract() -> None:
    home, plan = np.append(HIGH, 0.01), Plan(joints=("finger_joint",))
    seen, other = (Bench("gripper_arm", plan=plan, home=home, replies=each) for each in ("yy", "yn"))
    assert wrong(seen.run()) == []
    assert wrong(other.run()) == [("finger_joint", "gripper")]
    assert "opened" in other.asked[-1]
