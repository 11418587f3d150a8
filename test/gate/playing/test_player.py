"""Goals that are played through a gate to a modelled controller, on exact time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_driver import HOME, LIMITS, assert_within_limits
from player_bench import JOINTS, Bench, asked, settings, swing

from world_model_ros.core.arrays import Float
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.playing.endings import Code, Ending
from world_model_ros.gate.playing.goal import read
from world_model_ros.gate.playing.player import Phase
from world_model_ros.gate.states import Event, State


def ready() -> Bench:
    return Bench().owned().armed()


def moved(by: float, joint: int = 0) -> Float:
    there = HOME.copy()
    there[joint] += by
    return there


def speed(bench: Bench) -> float:
    return float(np.abs(bench.references[-1][2]).max())


def test_a_trajectory_of_eight_seconds_ends_where_it_should() -> None:
    bench, goal = ready(), swing()
    assert bench.begin(goal) is None
    began_ns = bench.now_ns
    assert bench.until_ended() == Ending(Code.SUCCESSFUL, "")
    end = np.array(goal.positions[-1])
    assert np.abs(bench.position - end).max() < 5e-4
    assert (bench.now_ns - began_ns) * 1e-9 < 8.0 + 0.6
    told = [step.feedback for step in bench.steps if step.feedback is not None]
    assert max(np.abs(each.desired.position - each.actual.position).max() for each in told) < 1e-3
    indices = [each.index for each in told]
    assert indices == sorted(indices)
    assert indices[-1] == 81
    bench.run(3.0)  # what comes after a goal is the end of it, held: the gate stays armed
    assert bench.gate.state is State.TRACKING
    assert np.abs(bench.position - end).max() < 1e-5
    assert bench.gate.ownership.counts["planner"].keys() == {"accepted"}
    motions = [Motion(position, velocity, np.zeros(JOINTS)) for _, position, velocity in bench.references]
    assert np.all(np.abs([each.velocity for each in motions]) <= LIMITS.velocity)


def test_goals_follow_one_another_and_the_second_waits_for_nothing() -> None:
    bench = ready()
    for by in (0.2, -0.1):
        start = bench.position.copy()
        assert bench.begin(asked([start, moved(by)], [0.0, 2.0], np.zeros((2, JOINTS)))) is None
        assert bench.until_ended().code is Code.SUCCESSFUL
        assert np.abs(bench.position - moved(by)).max() < 1e-3


def test_straight_lines_and_cubics_are_played_too() -> None:
    bench = ready()
    assert bench.begin(asked([HOME, moved(0.3), moved(0.1)], [0.0, 1.5, 2.5])) is None
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert np.abs(bench.position - moved(0.1)).max() < 1e-3
    assert bench.begin(asked([moved(0.4, 3)], [2.0], np.zeros((1, JOINTS)))) is None
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert np.abs(bench.position - moved(0.4, 3)).max() < 1e-3


def test_one_that_is_to_begin_later_begins_then() -> None:
    bench = ready()
    goal = asked([HOME, moved(0.3)], [0.0, 1.0], np.zeros((2, JOINTS)), stamp_ns=bench.now_ns + 2_000_000_000)
    start_ns = bench.now_ns
    assert bench.begin(goal) is None
    bench.run(1.9)
    assert np.abs(bench.position - HOME).max() < 1e-9
    bench.run(0.6)  # its middle, but for what lies between the step that plays it and the arm
    assert bench.position[0] == pytest.approx(HOME[0] + 0.15, abs=5e-3)
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert (bench.now_ns - start_ns) * 1e-9 == pytest.approx(3.2, abs=0.25)


def test_canceled_it_brakes_on_its_way_and_the_gate_holds_it_there() -> None:
    bench, goal = ready(), swing()
    bench.begin(goal)
    bench.run(2.3)
    assert speed(bench) > 0.2
    asked_ns = bench.now_ns
    bench.player.cancel()
    ending = bench.until_ended()
    assert ending == Ending(Code.SUCCESSFUL, "canceled; the robot holds where it stopped", canceled=True)
    assert (bench.now_ns - asked_ns) * 1e-9 < 0.6
    assert speed(bench) < 0.01
    at = bench.position.copy()
    bench.run(2.0)
    assert bench.gate.state is State.TRACKING
    assert np.abs(bench.position - at).max() < 2e-3
    # where it stands is on the way, a little after where it was told to stop
    way = read(goal, LIMITS.names, False, bench.now_ns).sample(np.arange(0.0, 8.0, 0.001))[0]
    assert np.abs(way - bench.position).max(axis=1).min() < 1e-3
    of = [(p, v) for ns, p, v in bench.references if ns > asked_ns - 200_000_000]
    velocity = np.array([v for _, v in of])
    assert np.all(np.abs(np.diff(velocity, axis=0)) / 0.01 <= LIMITS.acceleration * 1.001)


def test_a_newer_goal_ends_the_one_before_and_goes_on_from_its_motion() -> None:
    bench = ready()
    bench.begin(swing())
    bench.run(2.0)
    assert speed(bench) > 0.2
    assert bench.begin(asked([moved(0.2)], [3.0], np.zeros((1, JOINTS)))) is None
    assert bench.ended == [Ending(Code.INVALID_GOAL, "replaced by a newer goal")]
    slowest = []
    for _ in range(10):
        bench.run(0.02)
        slowest.append(speed(bench))
    assert min(slowest) > 0.1  # it does not stop between them
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert np.abs(bench.position - moved(0.2)).max() < 1e-3


def test_a_goal_that_cannot_be_played_leaves_the_one_before_alone() -> None:
    bench, goal = ready(), swing()
    bench.begin(goal)
    bench.run(2.0)
    refused = bench.begin(asked([HOME, moved(0.3)], [0.0, 1.0]))
    assert refused is not None
    assert (refused.code, refused.words.split(":")[0]) == (Code.INVALID_GOAL, "start")
    assert bench.ended == []
    assert bench.until_ended().code is Code.SUCCESSFUL
    assert np.abs(bench.position - np.array(goal.positions[-1])).max() < 1e-3


@pytest.mark.parametrize("owner", ["", "brain"])
def test_while_another_source_owns_the_gate_nothing_is_played_or_sent(owner: str) -> None:
    bench = Bench()
    if owner:
        bench.owned(owner)
    bench.armed()
    ending = bench.begin(swing())
    assert ending is not None
    assert ending.code is Code.INVALID_GOAL
    assert ending.words == f"the gate is owned by {owner or 'no source'}; ask for 'planner' on command/owner"
    bench.run(1.0)
    assert all(step.command is None for step in bench.steps)
    assert bench.gate.ownership.counts["planner"] == {}


def test_before_the_gate_is_armed_a_goal_says_so() -> None:
    bench = Bench().owned()
    ending = bench.begin(swing())
    assert ending == Ending(Code.INVALID_GOAL, "the gate is disarmed (start); call gate/arm")
    bench.run(0.5)
    bench.gate.stop(bench.now_ns)
    bench.run(0.1)
    ending = bench.begin(swing())
    assert ending is not None
    assert ending.words == "the gate is stopped (stop); call gate/reset, then gate/arm"


def test_without_a_gate_or_joint_states_a_goal_says_so() -> None:
    bench = Bench()
    ending = bench.begin(swing())
    assert ending is not None
    assert "nothing is heard of a gate" in ending.words


def test_another_source_that_takes_over_ends_the_goal_and_nothing_more_is_sent() -> None:
    bench = ready()
    bench.begin(swing())
    bench.run(2.0)
    bench.gate.ownership.ask("brain", bench.now_ns)
    ending = bench.until_ended()
    assert ending.code is Code.PATH_TOLERANCE_VIOLATED
    assert ending.words.startswith("the gate is owned by brain")
    count = len(bench.steps)
    bench.run(3.0)
    assert all(step.command is None for step in bench.steps[count:])


@pytest.mark.parametrize("how", ["disarm", "stop", "joints"])
def test_a_gate_that_brakes_ends_the_goal_and_arming_it_again_moves_nothing(how: str) -> None:
    bench = ready()
    bench.begin(swing())
    bench.run(2.0)
    if how == "joints":
        bench.offset = np.full(JOINTS, 0.2)
    else:
        getattr(bench.gate, how)(bench.now_ns)
    ending = bench.until_ended()
    said = {
        "disarm": "the gate brakes (disarm)",
        "stop": "the gate is stopped (stop); call gate/reset, then gate/arm",
        "joints": "the gate brakes (joint_states_disagree)",
    }
    assert ending == Ending(Code.PATH_TOLERANCE_VIOLATED, said[how])
    bench.run(2.0)
    bench.offset = np.zeros(JOINTS)
    if how == "stop":
        assert bench.gate.reset(bench.now_ns) is None
    at, count = bench.position.copy(), len(bench.steps)
    bench.armed().run(2.0)
    assert np.abs(bench.position - at).max() < 1e-9
    assert all(step.command is None for step in bench.steps[count:])
    assert bench.gate.state is State.HOLDING


def test_a_command_that_the_gate_refuses_ends_the_goal_with_its_rule() -> None:
    bench = ready()
    bench.begin(swing())
    bench.run(2.0)
    upper = LIMITS.upper.copy()
    upper[0] = bench.position[0] + 0.05
    bench.gate.limits = replace(LIMITS, upper=upper)  # as if it had been given tighter limits
    ending = bench.until_ended()
    assert ending.code is Code.PATH_TOLERANCE_VIOLATED
    assert ending.words.startswith(f"the gate has refused a command: position of {LIMITS.names[0]}")
    bench.run(1.0)
    assert bench.gate.state is State.DISARMED
    assert bench.gate.cause is Event.SILENCE


def test_a_measured_joint_beyond_a_path_tolerance_ends_the_goal_and_the_gate_holds() -> None:
    bench = ready()
    bench.begin(swing())  # none
    bench.offset = np.array([0.0, 0.03, 0.0, 0.0, 0.0, 0.0])
    bench.run(1.0)
    assert bench.ended == []
    goal = asked(
        [bench.position, moved(0.4)], [1.0, 3.0], np.zeros((2, JOINTS)), path=[(LIMITS.names[1], 0.02, 0.0, 0.0)]
    )
    bench.begin(goal)
    ending = bench.until_ended()
    ending = bench.until_ended() if ending.words.startswith("replaced") else ending
    assert ending.code is Code.PATH_TOLERANCE_VIOLATED
    assert ending.words.startswith(f"position: {LIMITS.names[1]} is off by 0.0")
    assert ending.words.endswith("; legal: 0.02")
    bench.run(2.0)
    assert bench.gate.state is State.TRACKING
    assert speed(bench) < 1e-3


def test_measured_joints_that_do_not_get_there_in_time_end_the_goal() -> None:
    bench = ready()
    bench.offset = np.array([0.0, 0.03, 0.0, 0.0, 0.0, 0.0])
    goal = asked([HOME, moved(0.2)], [0.0, 1.0], np.zeros((2, JOINTS)), goal_time_s=0.7)
    bench.begin(goal)
    began_ns = bench.now_ns
    ending = bench.until_ended()
    assert ending.code is Code.GOAL_TOLERANCE_VIOLATED
    assert ending.words.startswith(f"position: {LIMITS.names[1]} is off by 0.0")
    assert 1.7 < (bench.now_ns - began_ns) * 1e-9 < 2.2
    loose = asked(
        [bench.position, moved(0.1)], [0.0, 1.0], np.zeros((2, JOINTS)), goal=[(LIMITS.names[1], 0.05, 0.0, 0.0)]
    )
    bench.begin(loose)
    assert bench.until_ended().code is Code.SUCCESSFUL


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_where_the_gate_is_slow_the_trajectory_takes_longer_and_the_robot_stays_on_it(share: float) -> None:
    bench = ready()
    bench.gate.speed_scale = share
    first, second = 0.4, 0.4  # one joint, then another: what cuts the corner is between them
    corner = moved(first)
    beyond = corner.copy()
    beyond[3] += second
    goal = asked([HOME, corner, beyond], [0.0, 0.5, 1.0], np.zeros((3, JOINTS)))
    began_ns = bench.now_ns
    bench.begin(goal)
    assert bench.until_ended(60.0).code is Code.SUCCESSFUL
    assert (bench.now_ns - began_ns) * 1e-9 > 1.0 / share
    way = np.array([position for _, position, _ in bench.references]) - HOME
    off = np.minimum(np.abs(way[:, 3]), np.abs(first - way[:, 0]))  # from the nearer of the two sides
    assert off.max() < 0.06
    assert np.abs(bench.position - beyond).max() < 1e-3


def test_a_gate_that_does_not_get_on_ends_the_goal() -> None:
    bench = ready()
    bench.begin(swing())
    bench.run(2.0)
    bench.gate._follow = lambda *_: None  # type: ignore[method-assign]  # as in front of an obstacle
    ending = bench.until_ended()
    assert ending.code is Code.PATH_TOLERANCE_VIOLATED
    assert ending.words.startswith("the gate has not followed for 2 s")


def test_a_gate_that_takes_no_command_ends_the_goal() -> None:
    bench = ready()
    bench.mute = True
    bench.begin(swing())
    assert bench.player.phase is Phase.PREPARING
    ending = bench.until_ended()
    assert ending.words.startswith("the gate has taken no command for 2.0")


def test_a_clock_that_jumps_ends_the_goal() -> None:
    bench = ready()
    bench.begin(swing())
    bench.run(2.0)
    step = bench.player.step(bench.now_ns - 3_600 * 10**9)
    assert step.ending == Ending(Code.PATH_TOLERANCE_VIOLATED, "the clock went on by -3599.97 s in one step")
    assert step.command is None


def test_whoever_takes_over_a_gate_that_stands_keeps_it_armed_and_where_it_is() -> None:
    bench = ready()
    bench.begin(asked([HOME, moved(0.2)], [0.0, 1.0], np.zeros((2, JOINTS))))
    bench.until_ended()
    bench.gate.ownership.ask("", bench.now_ns)
    bench.run(0.1)
    assert bench.gate.ownership.owner is None
    bench.owned().run(1.0)
    assert bench.gate.state is State.TRACKING
    assert np.abs(bench.position - moved(0.2)).max() < 1e-3


def test_joints_that_are_left_out_stay_where_they_are() -> None:
    bench = Bench(goal=settings(partial=True)).owned().armed()
    goal = asked([[0.5]], [2.0], names=[LIMITS.names[5]], velocities=np.zeros((1, 1)))
    assert bench.begin(goal) is None
    assert bench.until_ended().code is Code.SUCCESSFUL
    wanted = HOME.copy()
    wanted[5] = 0.5
    assert np.abs(bench.position - wanted).max() < 1e-3


def test_what_the_gate_is_led_through_keeps_its_limits() -> None:
    bench = ready()
    bench.begin(swing(by=1.2, span_s=3.0))
    bench.run(1.0)
    bench.player.cancel()
    bench.until_ended()
    motions = [Motion(p, v, np.zeros(JOINTS)) for _, p, v in bench.references]
    assert_within_limits(motions, 0.01)
