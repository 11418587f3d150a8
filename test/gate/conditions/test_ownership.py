"""One of several sources owns the gate; another one takes over at rest, or in motion where its command joins it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_driver import CONTRACT, CYCLE_NS, HOME, LIMITS, TICK_NS, Driver, assert_within_limits

from world_model_ros.bench.gate.gate_robot import Robot, require_no_companions
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.conditions.ownership import NO_OWNER, Ownership
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.report import owner_report, state_report
from world_model_ros.gate.states import State

SOURCES = (
    CommandSource(name="brain", kind="brain"),
    CommandSource(name="person", kind="person", topic="person/command", rate_hz=20.0),
    CommandSource(name="arm_planner", kind="moveit", topic="arm_planner/command"),
    CommandSource(name="trial", kind="policy", topic="trial/command", moves=False),
)
SETTINGS = CONTRACT.deployment.gate


def driver(owner: str | None = "brain") -> Driver:
    gate = Gate(LIMITS, SETTINGS, TICK_NS * 1e-9, 1e9 / CYCLE_NS, joints_max_age_s=0.1, ownership=Ownership(SOURCES))
    made = Driver(gate=gate).rest()
    if owner is not None:
        assert gate.ownership.ask(owner, made.now_ns) is None
    made.armed().step()
    assert gate.ownership.owner == owner
    return made


def going_on(made: Driver, velocity: float | None = None, offset: float = 0.0) -> Trajectory:
    """From where the arm is, at its velocity; the first joint at another, or so far off."""
    reference = made.gate.reference
    assert reference is not None
    start, speed = reference.position.copy(), np.array(reference.velocity)
    start[0] += offset
    if velocity is not None:
        speed[0] = velocity
    times = np.array([0.0, 0.3, 0.6])
    positions = np.array([start, start + 0.3 * speed, start + 0.45 * speed])
    return Trajectory(LIMITS.names, times, positions, np.array([speed, speed, 0.0 * speed]), made.now_ns)


def speed(made: Driver) -> float:
    reference = made.gate.reference
    assert reference is not None
    return float(np.abs(reference.velocity).max())


def test_what_nobody_owns_does_not_move_and_says_who_may_be_asked_for() -> None:
    made = driver(owner=None)
    for source in ("brain", "person", "arm_planner"):
        refusal = made.gate.command(made.now_ns, made.move(0.5), source)
        assert refusal is not None
        assert str(refusal) == f"owner: {source}; legal: no source; command/owner asks for another"
    made.step(10)
    assert made.gate.state is State.HOLDING
    assert speed(made) == 0.0
    assert made.sent is None
    assert owner_report(made.gate.ownership)["legal"] == ["brain", "person", "arm_planner"]


@pytest.mark.parametrize(
    ("asked", "told"), [("arm_planner", "brain, and arm_planner next"), ("", "brain, and no source next")]
)
def test_who_is_refused_hears_who_owns_the_gate_and_who_is_next(asked: str, told: str) -> None:
    made = driver().track(0.4)
    assert made.gate.ownership.ask(asked, made.now_ns) is None
    refusal = made.gate.command(made.now_ns, made.move(0.5), "person")
    assert str(refusal) == f"owner: person; legal: {told}; command/owner asks for another"


def test_without_sources_the_brain_owns_the_gate_and_nobody_else_can_be_asked_for() -> None:
    made = Driver().rest().armed()
    assert made.gate.ownership.owner == "brain"
    refusal = made.gate.ownership.ask("person", made.now_ns)
    assert str(refusal) == "owner: person; legal: brain, or an empty text for no owner"
    made.track(0.4)
    assert made.gate.state is State.TRACKING


def test_a_gate_of_a_contract_has_its_sources_and_where_only_the_brain_is_played_the_brain_owns_it() -> None:
    changed = replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"sources": list(SOURCES)}))
    gate = gate_for(changed)
    assert (list(gate.ownership.sources), gate.ownership.owner) == ([each.name for each in SOURCES], None)
    alone = gate_for(changed, brain_alone=True)
    assert (list(alone.ownership.sources), alone.ownership.owner) == (["brain"], "brain")
    assert Robot(changed, HOME).gate.ownership.owner == "brain"
    with pytest.raises(UserError, match=r"deployment\.sources"):
        require_no_companions(changed)


@pytest.mark.parametrize("name", ["nobody", "trial", " brain"])
def test_a_request_for_who_may_not_move_the_robot_changes_nothing_and_is_told(name: str) -> None:
    made = driver().track(0.4)
    refusal = made.gate.ownership.ask(name, made.now_ns)
    assert str(refusal) == f"owner: {name}; legal: brain or person or arm_planner, or an empty text for no owner"
    assert owner_report(made.gate.ownership)["refused"] == str(refusal)
    made.track(0.4)
    assert (made.gate.ownership.owner, made.gate.state) == ("brain", State.TRACKING)
    made.gate.ownership.ask("brain", made.now_ns)
    assert owner_report(made.gate.ownership)["refused"] is None


def test_a_command_of_another_source_costs_that_command_alone_and_is_counted_by_its_rule() -> None:
    made = driver().track(0.4)
    before = speed(made)
    for source in ("person", "arm_planner", "person"):
        refusal = made.gate.command(made.now_ns, made.move(-0.8), source)
        assert refusal is not None
        assert (refusal.rule, refusal.value) == ("owner", source)
    made.track(0.4)
    assert speed(made) == pytest.approx(before, rel=0.05)
    report = state_report(made.gate)
    assert (report["owner"], report["not_owner"], report["refused"], report["rule"]) == ("brain", 3, 0, None)
    told = {each["name"]: each for each in report["sources"]}
    assert (told["person"]["not_owner"], told["arm_planner"]["not_owner"], told["brain"]["not_owner"]) == (2, 1, 0)
    assert told["brain"]["accepted"] == report["accepted"] > 0
    assert told["person"]["accepted"] == 0


def test_what_breaks_a_rule_is_told_of_its_source_alone() -> None:
    made = driver()
    bad = made.move(0.4)
    bad.positions[1, 2] = np.nan
    refusal = made.gate.command(made.now_ns, bad, "trial")
    assert refusal is not None
    assert refusal.rule == "finite"
    told = {each["name"]: each for each in state_report(made.gate)["sources"]}
    assert (told["trial"]["rule"], told["trial"]["refused"]) == ("finite", 1)
    assert (told["brain"]["rule"], told["brain"]["refused"]) == (None, 0)


def test_a_source_that_does_not_move_the_robot_is_judged_and_never_followed() -> None:
    made = driver()
    refusal = made.gate.command(made.now_ns, made.move(0.4), "trial")
    assert str(refusal) == "owner: trial; legal: a source that may move the robot (moves: true)"
    made.step(10)
    assert speed(made) == 0.0


def test_at_rest_another_source_takes_over_at_once_and_a_late_command_of_the_first_moves_nothing() -> None:
    made = driver()
    made.gate.ownership.ask("person", made.now_ns)
    made.step()
    assert made.gate.ownership.owner == "person"
    assert made.gate.command(made.now_ns, made.move(0.4), "brain").rule == "owner"
    assert made.gate.command(made.now_ns, made.move(0.0), "person") is None


def test_in_motion_a_command_that_joins_takes_over_without_a_stop() -> None:
    made = driver().track(0.4, ticks=8)
    made.gate.ownership.ask("person", made.now_ns)
    assert made.gate.command(made.now_ns, made.move(0.4), "brain") is None  # it drives on until then
    made.step()
    before = speed(made)
    assert made.gate.command(made.now_ns, going_on(made, 0.45), "person") is None
    assert made.gate.ownership.owner == "person"
    made.step(4)
    assert speed(made) == pytest.approx(0.45, abs=0.03)
    assert before == pytest.approx(0.4, abs=0.05)
    assert made.gate.command(made.now_ns, made.move(0.4), "brain").rule == "owner"
    assert "hand_over" not in " ".join(made.transitions)


@pytest.mark.parametrize(
    ("velocity", "offset"), [(-0.4, 0.0), (None, 0.2), (None, -0.2), (1.5 * LIMITS.velocity[0], 0.0)]
)
def test_a_first_command_that_does_not_join_brakes_first_and_is_followed_from_a_standstill(
    velocity: float | None, offset: float
) -> None:
    made = driver().track(0.4, ticks=8)
    made.gate.ownership.ask("person", made.now_ns)
    refusal = made.gate.command(made.now_ns, going_on(made, velocity, offset), "person")
    assert refusal is not None
    assert (refusal.rule, refusal.joint) == ("join", "shoulder_pan_joint")
    assert made.gate.ownership.owner == "brain"
    assert made.gate.command(made.now_ns, made.move(0.4), "brain").rule == "owner"
    for _ in range(100):
        made.step()
        if made.gate.ownership.owner == "person":
            break
        assert made.gate.state is State.SLOWING
        assert made.gate.command(made.now_ns, going_on(made), "person").rule == "join"
    assert made.gate.ownership.owner == "person"
    assert speed(made) == 0.0
    for _ in range(4):
        assert made.gate.command(made.now_ns, going_on(made, -0.4), "person") is None
        made.step(2)
    assert made.gate.state is State.TRACKING
    assert made.gate.reference.velocity[0] < -0.2
    moved = [each.reference for each in made.outputs]
    assert_within_limits(moved, CYCLE_NS * 1e-9)
    assert "tracking -> slowing (hand_over)" in made.transitions


def test_a_command_that_breaks_a_rule_neither_takes_over_nor_brakes() -> None:
    made = driver().track(0.4, ticks=8)
    made.gate.ownership.ask("person", made.now_ns)
    bad = going_on(made)
    bad.positions[0, 0] = np.nan
    assert made.gate.command(made.now_ns, bad, "person").rule == "finite"
    assert made.gate.command(made.now_ns, made.move(0.4), "brain") is None
    made.step()
    assert (made.gate.ownership.owner, made.gate.state) == ("brain", State.TRACKING)
    assert made.gate.command(made.now_ns, going_on(made), "person") is None
    assert made.gate.ownership.owner == "person"


def test_who_is_asked_for_and_stays_silent_gets_a_robot_at_rest_which_is_disarmed_then() -> None:
    made = driver().track(0.4, ticks=8)
    made.gate.ownership.ask("person", made.now_ns)
    asked_ns, owners = made.now_ns, []
    while made.gate.state is not State.DISARMED:
        if (made.now_ns - asked_ns) % TICK_NS == 0:
            made.gate.command(made.now_ns, made.move(0.4), "brain")
        made.step()
        owners.append((made.gate.ownership.owner, speed(made)))
        assert made.now_ns - asked_ns < 3e9
    assert made.gate.ownership.owner == "person"
    assert all(owner == "brain" or moving == 0.0 for owner, moving in owners)
    assert made.gate.cause.value == "hand_over"
    told = "tracking -> slowing (hand_over)"
    begun = next(each for output in made.outputs for each in output.transitions if str(each) == told)
    assert (begun.now_ns - asked_ns) * 1e-9 <= SETTINGS.silence_ticks / 20.0 + CYCLE_NS * 1e-9


def test_an_owner_that_falls_silent_is_lost_by_its_own_rate() -> None:
    made = driver("person")
    while not made.gate.led_in:
        made.gate.command(made.now_ns, made.move(0.0), "person")
        made.step()
    for _ in range(20):
        assert made.gate.command(made.now_ns, going_on(made, 0.4), "person") is None
        made.step(2)
    last_ns = made.now_ns - 2 * CYCLE_NS
    while made.gate.state is State.TRACKING:
        assert made.gate.command(made.now_ns, made.move(0.4), "brain").rule == "owner"  # which saves nothing
        made.step()
    assert (made.now_ns - last_ns) * 1e-9 == pytest.approx(SETTINGS.silence_ticks / 20.0, abs=CYCLE_NS * 1e-9)
    made.step(100)
    assert made.transitions[-2:] == ["tracking -> slowing (silence)", "slowing -> disarmed (silence)"]
    assert made.gate.ownership.owner == "person"


def test_a_lost_owner_is_replaced_at_rest_before_the_gate_disarms() -> None:
    made = driver().track(0.4, ticks=8)
    while made.gate.state is not State.SLOWING:
        made.step()
    made.gate.ownership.ask("arm_planner", made.now_ns)
    while speed(made) > 0.0:
        assert made.gate.ownership.owner == "brain"
        made.step()
    assert (made.gate.ownership.owner, made.gate.state) == ("arm_planner", State.SLOWING)
    assert made.gate.command(made.now_ns, going_on(made, 0.3), "arm_planner") is None
    made.step(5)
    assert made.gate.state is State.TRACKING
    assert speed(made) > 0.1


def test_a_new_owner_has_as_long_to_command_as_one_that_fell_silent() -> None:
    made = driver().track(0.4, ticks=8)
    silent_ns = made.now_ns - TICK_NS
    while (made.now_ns - silent_ns) * 1e-9 < SETTINGS.disarm_after_s - 2 * CYCLE_NS * 1e-9:
        made.step()
    assert made.gate.state is State.SLOWING
    made.gate.ownership.ask("person", made.now_ns)
    made.step(round(0.9 * SETTINGS.disarm_after_s * 1e9 / CYCLE_NS))
    assert made.gate.state is State.SLOWING
    assert made.gate.command(made.now_ns, made.move(0.0), "person") is None


def test_what_the_owner_before_commanded_for_later_does_not_come() -> None:
    made = driver().led()
    start = made.position.copy()
    later = made.move(1.0)
    later = replace(later, times_s=later.times_s + 0.15)
    assert made.gate.command(made.now_ns, later) is None
    made.gate.ownership.ask("person", made.now_ns)
    made.step()
    assert made.gate.ownership.owner == "person"
    made.step(20)
    assert made.position == pytest.approx(start, abs=1e-9)


def test_what_would_have_to_be_faster_than_the_limit_does_not_join() -> None:
    made = driver().track(1.9, ticks=4)
    made.gate.ownership.ask("person", made.now_ns)
    assert speed(made) > 1.75
    assert made.gate.command(made.now_ns, going_on(made, 2.05), "person").rule == "join"


def test_nobody_owns_the_gate_only_once_it_stands() -> None:
    made = driver().track(0.4, ticks=8)
    made.gate.ownership.ask(NO_OWNER, made.now_ns)
    while made.gate.ownership.owner is not None:
        assert made.gate.command(made.now_ns, made.move(0.4), "brain") is None or made.gate.state is State.SLOWING
        made.step()
    assert speed(made) == 0.0
    made.step(100)
    assert made.gate.state is State.DISARMED


def test_a_slow_motion_too_ends_before_nobody_owns_the_gate() -> None:
    made = driver().track(0.0015, ticks=12)
    assert 0.0 < speed(made) < 1e-3 * LIMITS.velocity[0]
    made.gate.ownership.ask(NO_OWNER, made.now_ns)
    while made.gate.ownership.owner is not None:
        made.step()
    assert speed(made) == 0.0


def test_the_owner_takes_back_a_request_and_drives_on() -> None:
    made = driver().track(0.4, ticks=8)
    made.gate.ownership.ask("person", made.now_ns)
    made.gate.command(made.now_ns, going_on(made, -0.4), "person")
    made.step(2)
    assert made.gate.state is State.SLOWING
    made.gate.ownership.ask("brain", made.now_ns)
    assert made.gate.command(made.now_ns, made.move(0.4), "brain") is None
    made.track(0.4, ticks=3)
    assert (made.gate.ownership.owner, made.gate.state) == ("brain", State.TRACKING)
    assert owner_report(made.gate.ownership)["asked"] == "brain"


def test_a_hand_over_waits_for_the_end_of_a_fault() -> None:
    made = driver().track(0.4, ticks=8)
    made.offset = 2.0 * SETTINGS.tracking_tolerance
    made.step()
    assert made.gate.cause.value == "joint_states_disagree"
    made.gate.ownership.ask("person", made.now_ns)
    while made.gate.state is not State.DISARMED:
        assert made.gate.ownership.owner == "brain"
        assert made.gate.command(made.now_ns, going_on(made), "person").rule == "state"
        made.step()
    made.step()
    assert made.gate.ownership.owner == "person"


def test_stamps_of_one_source_do_not_count_for_another() -> None:
    made = driver()
    made.gate.command(made.now_ns, made.move(0.0), "brain")
    made.step()
    made.gate.ownership.ask("person", made.now_ns)
    earlier = replace(made.move(0.0), stamp_ns=made.now_ns - 3 * CYCLE_NS)
    assert made.gate.command(made.now_ns, earlier, "person") is None


def test_a_source_that_the_contract_does_not_have_is_refused_and_counted() -> None:
    made = driver()
    refusal = made.gate.command(made.now_ns, going_on(made), "stranger")
    assert refusal is not None
    assert (refusal.rule, refusal.value) == ("owner", "stranger")
    assert made.gate.ownership.counts["stranger"] == {"owner": 1}
    assert made.gate.ownership.owner == "brain"
