"""A brain of a robot without kinematics: its first action is what is sent."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from free_robot import HOME, SIZES, cube_pose, effector_at, free_contract, write_free_bundle

from world_model_ros.bench.speed.made_up_senses import Senses
from world_model_ros.bench.speed.plan import plan_inputs
from world_model_ros.brain.applied_actions import AppliedActions
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.core.streams import Observation
from world_model_ros.goals.life.asked_types import Request, Wish
from world_model_ros.goals.subgoal import check_goal

BOUNDS = [0.05, 0.05, 0.05, 0.3, 1.0]


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Brain:
    contract = free_contract(drawer=True)
    folder = write_free_bundle(tmp_path_factory.mktemp("models") / "free", contract)
    return Brain(load_bundle(folder, contract), contract, "cpu", 1)


def seen(tick: int = 0, without: str | None = None) -> Observation:
    values = {
        "effector": effector_at(0).astype(np.float32),
        "opening": np.zeros(1, np.float32),
        "contact": np.zeros(1, np.float32),
        "cube_0": cube_pose().astype(np.float32),
    }
    fresh = {name: name != without for name in values}
    values = {name: value for name, value in values.items() if fresh[name]}
    return Observation(tick * 50_000_000, values, dict.fromkeys(values, 0), fresh)


def pose(x: float, y: float = 0.0, z: float = 0.2, turn: float = 0.0) -> np.ndarray:
    return np.array([x, y, z, 0, 0, np.sin(0.5 * turn), np.cos(0.5 * turn)], np.float32)


def id_of(number: int) -> str:
    return str(UUID(int=number))


def decided(brain: Brain, goal: Goal | None, observation: Observation | None = None):
    if goal is not None:
        check_goal(goal, brain.contract, brain.bundle.manifest)
    return brain.tick(observation or seen(), None, None, brain.start(), goal, 0)[0]


def test_action_is_the_first_of_the_chunk_within_the_bounds_of_each_column(brain):
    goal = Goal("pose", 1, "effector", pose(0.8), also=(PoseGoal("cube_0", pose(0.3, 0.1, 0.1, 0.7)),))
    decision = decided(brain, goal)
    assert decision.status == "pursuing"
    assert decision.trajectory is None
    assert decision.action == pytest.approx([0.05, 0.0, 0.0, 0.3, 0.0])
    assert decision.chunk is not None
    assert np.array_equal(decision.action, decision.chunk[0])
    assert decision.chunk.shape == (SIZES.horizon, 5)
    assert decision.chunk.sum(0) == pytest.approx([0.3, 0, 0, 0.7, 0], abs=1e-5)
    assert decision.joints is None


def test_values_reach_the_plan_and_come_back_as_belief(brain):
    decision = decided(brain, Goal("value", 1, "drawer", value=0.2))
    assert decision.action == pytest.approx([0, 0, 0, 0, 0.2])
    assert (decision.aim_target, decision.aim) == ("drawer", None)
    assert decision.belief_values == pytest.approx([0, 0, 0])
    assert decision.values is not None
    assert decision.values.shape == (SIZES.horizon, 3)
    both = decided(brain, Goal("pose", 1, "effector", pose(0.31), also=(ValueGoal("drawer", 0.1),)))
    assert both.action == pytest.approx([0.01, 0, 0, 0, 0.1], abs=1e-6)


@pytest.mark.parametrize(
    ("goal", "status"),
    [
        (None, "idle"),
        (Goal("pose", 1, "effector", pose(*HOME)), "reached"),
        (Goal("value", 1, "drawer", value=0.0), "reached"),
    ],
)
def test_nothing_is_sent_where_there_is_nothing_to_do(brain, goal, status):
    decision = decided(brain, goal)
    assert decision.status == status
    assert decision.action is None
    assert decision.chunk is not None
    assert not decision.chunk.any()


def test_nothing_is_sent_without_a_required_stream(brain):
    decision = decided(brain, Goal("pose", 1, "effector", pose(0.8)), seen(without="effector"))
    assert (decision.status, decision.action) == ("effector/pose stale", None)
    assert decided(brain, Goal("pose", 1, "effector", pose(0.8)), seen(without="cube_0")).action is not None


def test_a_long_push_is_no_reason_to_stand_still(brain):
    session = BrainSession(brain)
    goal = Goal("pose", 1, "cube_0", pose(0.3, 0.1, 0.1))
    for tick in range(40):
        inputs = session.inputs(seen(tick), None, goal, applied=np.zeros(5, np.float32))
        assert session.step(inputs).decision.status == "pursuing"


def test_a_goal_that_is_asked_and_one_that_is_said_at_each_tick_are_the_same_ticks_with_the_same_end(brain):
    """The first is how it is live, the second how it is in evaluation."""
    asked, said, still = BrainSession(brain, 3), BrainSession(brain, 3), np.zeros(5, np.float32)
    goal, there = Goal("pose", 1, "effector", pose(0.8)), Goal("pose", 2, "effector", pose(*HOME))
    wishes = {0: (Wish(id_of(1), goal),), 5: (Wish(id_of(2), there),)}
    ends = []
    for tick in range(30):
        first = asked.step(asked.inputs_asked(seen(tick), None, wishes.get(tick, ()), applied=still))
        now = goal if tick < 5 else there
        second = said.step(said.inputs(seen(tick), None, now, applied=still))
        assert now.same_as(first.inputs.goal)
        assert first.decision.status == second.decision.status
        assert first.decision.chunk.tobytes() == second.decision.chunk.tobytes()
        assert [(each.reason, each.why) for each in first.ended] == [(each.reason, each.why) for each in second.ended]
        ends += [(tick, each.id, each.reason) for each in first.ended]
        (error,) = first.decision.errors
        assert (error.name, error.kind) == ("effector", "place")
    assert ends == [(5, id_of(1), "preempted"), (15, id_of(2), "reached")]  # after half a second of 20 Hz


def test_a_tick_that_fails_takes_time_of_its_goal_and_its_end_is_said(brain):
    session, still = BrainSession(brain), np.zeros(5, np.float32)
    asked = (Request(id_of(1), (Goal("pose", 0, "effector", pose(0.8)),), timeout_s=0.1),)
    reasons = []
    for tick in range(3):
        inputs = session.inputs_asked(seen(tick), None, asked if tick == 0 else (), applied=still)
        with pytest.raises(ValueError, match="non-negative"):
            session.step(replace(inputs, seed=-1))
        session.restart()
        reasons += [each.reason for each in session.ended]
    assert reasons == ["timeout"]


def test_belief_follows_what_was_sent(brain):
    session = BrainSession(brain)
    for tick in range(4):
        inputs = session.inputs(seen(tick), None, applied=np.array([0.01, 0, 0, 0, 0], np.float32))
        decision = session.step(inputs).decision
    assert decision.belief_poses is not None
    assert decision.belief_poses[0, :3] == pytest.approx([HOME[0] + 0.04, 0, 0.2])


def test_random_actions_fill_the_bounds_of_each_column(brain):
    random = Brain(brain.bundle, brain.contract, "cpu", 1, policy="random")
    drawn = np.array([random.tick(seen(), None, None, random.start(), None, seed)[0].action for seed in range(60)])
    assert (np.abs(drawn).max(0) <= np.array(BOUNDS) * (1 + 1e-6)).all()
    assert (np.abs(drawn).max(0) > 0.5 * np.array(BOUNDS)).all()


def test_what_is_timed_needs_no_joints(brain):
    inputs = plan_inputs(brain)
    assert inputs["goal_position_weights"].tolist() == [0, 1, 0]  # the last one that is a place
    found = brain._graphs["plan"].run(inputs)
    assert np.isfinite(found["chunk"]).all()
    senses = Senses(brain.contract, ros_class)
    for stream in brain.contract.interface.streams:
        made = converter_for(stream, brain.contract.source(stream.name))(senses.message(stream.name, 7))[1]
        assert made.shape == stream.shape


def test_the_newest_action_of_the_tick_is_what_was_applied():
    actions = AppliedActions(2)
    assert not actions.between(0, 100).any()
    for stamp_ns in (10, 20, 30):
        actions.push(stamp_ns, np.full(2, stamp_ns, np.float32))
    assert actions.between(10, 25).tolist() == [20, 20]
    assert actions.between(10, 30).tolist() == [30, 30]
    assert not actions.between(30, 100).any()
    assert not actions.between(0, 9).any()
    actions.flush()
    assert not actions.between(0, 30).any()
