"""It moves only what a person has said yes to, stops when told to, and leaves the gate as it found it."""

from __future__ import annotations

import numpy as np
import pytest
from robot_bench import HIGH, PERSON, STEP_NS, Bench, Faults, contract_of

from world_model_ros.commissioning.commissioner import Plan
from world_model_ros.commissioning.findings import NOT_DONE, OK, WRONG, Check
from world_model_ros.commissioning.report import lines, page, report
from world_model_ros.commissioning.steps import lead
from world_model_ros.commissioning.ways import ways_for
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.urdf.numbers import UrdfLimit
from world_model_ros.gate.rules import Refusal, judge
from world_model_ros.gate.states import State
from world_model_ros.kinematics.collision.distances import PairDistances

ELBOW = 2
ONE = Plan(asks=False, joints=("elbow_joint",))


def motions(checks: list[Check]) -> list[tuple[str, str]]:
    return [(each.subject, each.level) for each in checks if each.what == "motion"]


def until_moving(bench: Bench, speed: float = 0.1) -> None:
    for _ in range(4000):
        assert bench.cycle()
        reference = bench.gate.reference
        if bench.gate.state is State.TRACKING and abs(reference.velocity[ELBOW]) > speed:
            return
    raise AssertionError("it never moved")


def test_a_person_is_asked_before_each_joint_and_no_moves_nothing() -> None:
    plan = Plan(joints=("elbow_joint", "wrist_1_joint", "wrist_2_joint"))
    bench = Bench(plan=plan, replies="nyq")
    checks = bench.run()
    assert [each.split(" ")[0] for each in bench.asked] == list(plan.joints)
    assert motions(checks) == [("elbow_joint", NOT_DONE), ("wrist_2_joint", NOT_DONE)]
    assert bench.fastest[ELBOW] < 1e-3
    assert bench.fastest[3] > 0.1
    assert bench.commissioner.ended == "a person has ended it"
    assert "0.195 rad and back, at 0.15 rad/s" in bench.asked[0]


def test_the_gate_is_not_armed_while_a_person_is_asked() -> None:
    bench = Bench(plan=Plan(joints=("elbow_joint", "wrist_1_joint")), replies="yy")
    states = []
    while bench.cycle():
        if len(bench.asked) > len(states):
            states.append(bench.gate.state)
    assert states == [State.DISARMED, State.DISARMED]


def test_an_interruption_stops_the_robot_at_once() -> None:
    bench = Bench(plan=ONE)
    until_moving(bench)
    place, moment_ns = bench.gate.reference.position[ELBOW], bench.now_ns
    bench.commissioner.interrupt()
    while bench.cycle():
        pass
    assert bench.gate.state is State.STOPPED
    assert bench.gate.machine.since_ns - moment_ns <= STEP_NS
    assert abs(bench.gate.reference.position[ELBOW] - place) < 0.02
    assert bench.commissioner.ended == "interrupted"
    assert bench.now_ns - moment_ns < 4e9


def test_an_interruption_while_nothing_is_armed_just_ends() -> None:
    bench = Bench(plan=Plan(joints=("elbow_joint",)))
    for _ in range(100):
        bench.cycle()
    bench.commissioner.interrupt()
    moment_ns = bench.now_ns
    while bench.cycle():
        pass
    assert bench.now_ns - moment_ns <= STEP_NS
    assert bench.gate.state is State.DISARMED


@pytest.mark.parametrize("state", ["holding", "stopped"])
def test_a_gate_that_is_in_use_is_left_alone(state: str) -> None:
    bench = Bench(plan=ONE)
    for _ in range(40):
        bench.cycle()
    if state == "holding":
        assert bench.gate.arm(bench.now_ns) is None
    else:
        bench.gate.stop(bench.now_ns)
    checks = bench.run()
    assert motions(checks) == [("elbow_joint", NOT_DONE)]
    assert bench.gate.state.value == state
    assert bench.gate.ownership.owner is None
    assert state in bench.commissioner.ended


def test_who_owned_the_gate_before_owns_it_afterwards() -> None:
    bench = Bench(plan=ONE)
    bench.gate.ownership.ask("brain", bench.now_ns)
    bench.run()
    for _ in range(5):
        bench.now_ns += 10_000_000
        bench.gate.step(bench.now_ns)
    assert bench.gate.ownership.owner == "brain"
    assert bench.gate.state is State.DISARMED


def test_a_gate_that_refuses_costs_the_joint_and_says_why() -> None:
    bench = Bench(plan=ONE, deadman=True)
    checks = bench.run()
    (found,) = [each for each in checks if each.what == "motion"]
    assert found.level == NOT_DONE
    assert "deadman" in found.words
    assert bench.fastest[ELBOW] < 1e-3


def test_joints_that_disagree_end_all_motion() -> None:
    plan = Plan(asks=False, share=0.25, joints=("elbow_joint", "wrist_1_joint"))
    bench = Bench(plan=plan, faults=Faults(pace=0.1))  # falls behind by the tolerance of the gate
    checks = bench.run()
    assert motions(checks)[-1] == ("wrist_1_joint", NOT_DONE)
    assert any(each.level == WRONG for each in checks)
    assert bench.gate.state is State.STOPPED


def test_without_a_gate_nothing_moves_and_it_says_so() -> None:
    bench = Bench(plan=ONE, gateless=True)
    checks = bench.run()
    assert motions(checks) == [("elbow_joint", NOT_DONE)]
    assert "start command_gate_node" in bench.commissioner.ended


def test_only_listening_moves_nothing() -> None:
    bench = Bench(plan=Plan(moves=False))
    checks = bench.run()
    assert {each.what for each in checks} == {"rate", "stamps", "age", "position", "limits"}
    assert not bench.fastest.any()
    assert bench.gate.ownership.asked is None


def test_limits_are_held_against_the_urdf_that_the_robot_publishes() -> None:
    bench = Bench(plan=Plan(moves=False))
    names = bench.contract.joint_names
    theirs = {name: UrdfLimit((-4.0, 4.0), 4.0, 100.0) for name in names[:-1]}
    theirs["elbow_joint"] = UrdfLimit((-2.0, 4.0), 1.0, 100.0)
    bench.commissioner.heard.hear_robot(theirs)
    found = {each.subject: each for each in bench.run() if each.what == "limits"}
    assert {name for name, each in found.items() if each.level == WRONG} == {"elbow_joint", "wrist_3_joint"}
    assert "velocity 3 of 1" in found["elbow_joint"].words
    assert "-2.9 to 2.9 of -2 to 4" in found["elbow_joint"].words
    assert found["wrist_1_joint"].level == OK


def test_a_number_that_is_none_is_counted_and_never_used() -> None:
    bench = Bench(plan=Plan(moves=False))
    for _ in range(50):
        bench.cycle()
    bench.commissioner.heard.hear_joints("arm", bench.now_ns, bench.now_ns, {"elbow_joint": float("nan")})
    checks = bench.run()
    assert [(each.what, each.level) for each in checks if each.level == WRONG] == [("content", WRONG)]
    assert np.isfinite(bench.commissioner.heard.joints["elbow_joint"].positions).all()


def test_ways_lead_away_from_limits_and_from_the_table() -> None:
    contract = load_contract("tabletop_arm")
    distances, limits = PairDistances(contract), contract.limits()
    ways = ways_for(contract, contract.rest, 0.05, distances)
    assert [each.hindered for each in ways] == [""] * 6
    for way in ways:  # the fingertip begins 3 cm over the table
        for share in np.linspace(0.0, 1.0, 11):
            place = contract.rest.copy()
            place[way.joint] += share * np.copysign(way.whole, way.speed)
            assert distances.at(place, 0.012).min() >= 0.012 - 1e-6
    high = contract.rest.copy()
    high[ELBOW] = limits.upper[ELBOW] - 0.01
    assert ways_for(contract, high, 0.05, None)[ELBOW].speed < 0.0


def test_a_joint_without_room_is_not_moved() -> None:
    plan = Plan(asks=False, share=0.25, joints=("finger_joint",))
    bench = Bench("gripper_arm", plan=plan, home=np.append(HIGH, 0.02))
    checks = bench.run()
    (found,) = [each for each in checks if each.what == "motion"]
    assert found.level == NOT_DONE
    assert "no room of 0.0731 m to either limit" in found.words
    assert not bench.fastest.any()


def test_commands_keep_the_rules_of_the_gate() -> None:
    limits = contract_of("tabletop_arm").limits()
    random = np.random.default_rng(3)
    for _ in range(500):
        held = random.uniform(limits.lower, limits.upper)
        joint = int(random.integers(6))
        end = float(random.uniform(limits.lower[joint], limits.upper[joint]))
        speed = float(random.uniform(0.01, 0.25) * limits.velocity[joint])
        command = lead(limits, held, joint, float(held[joint]), speed, end, 10**9)
        assert not isinstance(judge(command, limits, 10**9, 0.5, horizon_s=3.0), Refusal)
        assert np.abs(command.velocities).max() <= speed * (1 + 1e-9)
        assert not command.velocities[-1].any()
        others = np.arange(6) != joint
        np.testing.assert_array_equal(command.positions[:, others], np.tile(held[others], (len(command.times_s), 1)))


def test_the_report_has_every_check_with_figures_and_versions() -> None:
    bench = Bench(plan=ONE, faults=Faults(stuck=ELBOW))
    checks = bench.run()
    told = report(bench.commissioner, {"world_model_ros": "1.0", "rmw": None})
    assert len(told["checks"]) == len(checks)
    assert told["passed"] is False
    assert told["interface_hash"] == bench.contract.interface_hash
    text, table = page(told), lines(told)
    assert "elbow_joint" in next(line for line in table if "WRONG" in line)
    assert "1 WRONG" in table[-1]
    assert "| elbow_joint | moves | WRONG |" in text
    assert "ratio" in text
    assert "| rmw | not there |" in text
    assert told["limits"]["elbow_joint"]["velocity"] == 3.0
    good = Bench(plan=ONE)
    good.run()
    assert report(good.commissioner, {})["passed"] is True


def test_the_source_drives_as_the_contract_says() -> None:
    bench = Bench(plan=ONE)
    bench.run()
    assert bench.gate.ownership.counts["brain"] == {}
    assert bench.gate.ownership.counts[PERSON.name]["accepted"] > 50
