"""A push that gets nowhere is interrupted, so that the camera sees what the hands hid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from world_model_ros.contract.contract import load_contract
from world_model_ros.goals.pursuit import PushProgress
from world_model_ros.goals.recovery import LOOKING, push_progress
from world_model_ros.goals.subgoal import Subgoal, TargetError
from world_model_ros.goals.subgoals import Aiming
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import ArmKinematics

CONTRACT = load_contract("humanoid_upper_body")
TARGETS = CONTRACT.interface.targets
ARMS = ArmKinematics(CONTRACT)


def pushing(left_m: float, moves: bool = True) -> Subgoal:
    now = np.array([0.4, 0.0, 0.08], np.float32)
    return Subgoal("pursuing", moves, (TargetError(2, now + np.array([left_m, 0, 0], np.float32), now),))


def after(ways_m: list[float], progress: PushProgress | None = None, since: float = 1.0) -> PushProgress | None:
    for left_m in ways_m:
        progress = push_progress(pushing(left_m), 7, progress, TARGETS, since)
    return progress


def test_a_push_that_goes_on_is_left_alone() -> None:
    progress = after(np.linspace(0.2, 0.02, 80).tolist())
    assert progress is not None
    assert progress.looking == 0.0


def test_a_push_without_progress_is_interrupted_for_a_while_and_then_judged_anew() -> None:
    progress = after([0.1] * 25)
    assert progress is not None
    assert progress.looking == 0.0
    progress = after([0.1], progress)
    assert progress is not None
    assert progress.looking > 0.0
    seen = after([0.16] * 12, progress)  # it is farther away than was believed
    assert seen == PushProgress(7, seen.left_m)
    assert round(seen.left_m, 6) == 0.16
    assert after([0.15] * 10, seen).looking == 0.0


def test_patience_is_counted_in_steps_of_the_model_at_any_rate_of_ticks() -> None:
    assert after([0.1] * 50, since=0.5).looking == 0.0
    assert after([0.1] * 52, since=0.5).looking > 0.0


def test_another_goal_or_nothing_to_push_is_another_effort() -> None:
    tired = after([0.1] * 20)
    assert push_progress(pushing(0.1), 8, tired, TARGETS) == replace(tired, stamp_ns=8, steps=0.0)
    assert push_progress(pushing(0.1, moves=False), 7, tired, TARGETS) is None
    tip = TargetError(0, np.zeros(3, np.float32), np.ones(3, np.float32))
    assert push_progress(Subgoal("pursuing", True, (tip,)), 7, tired, TARGETS) is None


def test_an_object_as_near_as_it_can_be_known_is_not_looked_for_again() -> None:
    assert after([0.1, *[0.01] * 60]).looking == 0.0


def test_looking_again_brings_all_hands_to_rest_and_leaves_the_object_where_it_is() -> None:
    aiming = Aiming(CONTRACT, ARMS, Workspace.of(CONTRACT), None)
    away = ARMS.solve(CONTRACT.rest, np.array([[0.5, 0.1, 0.08], [0.5, -0.1, 0.08]]), np.diag([1.0, -1.0, -1.0]))
    assert away is not None
    aim = aiming.out_of_the_way(pushing(0.1), away)
    assert (aim.status, aim.moves) == (LOOKING, True)
    goals = {way.target: way.position for way in aim.ways}
    np.testing.assert_allclose([goals[0], goals[1]], ARMS.tips(CONTRACT.rest), atol=0.01)
    np.testing.assert_allclose(goals[2], [0.4, 0.0, 0.08], atol=1e-6)
    assert not aiming.out_of_the_way(pushing(0.1), np.array(CONTRACT.rest)).moves
