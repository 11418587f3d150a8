"""The tick is a pure function: perceives what is fresh, aims at the goal, holds still where it must."""

from dataclasses import fields, replace

import numpy as np
import pytest
from toy_bundle import HOME_XY, write_toy_bundle

from world_model_ros.brain.brain import NOT_FINITE, Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.brain.tick_inputs import TickInputs
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.kinematics.arm import ArmKinematics, tool_down

NEAR = np.array([0.0, -1.2, 1.6, -1.9, -1.57, 0.0])
TICK_NS = 100_000_000


@pytest.fixture(scope="module")
def brain(toy_bundle, contract):
    return Brain(load_bundle(toy_bundle, contract), contract, provider="cpu")


@pytest.fixture(scope="module")
def arm(contract):
    return ArmKinematics(contract)


@pytest.fixture
def home(arm):
    """Joint positions with the fingertip where the toy model first believes it."""
    return arm.solve(NEAR, np.array([*HOME_XY, 0.03]), tool_down())


def observe(contract, q, now_ns=TICK_NS, missing=(), camera=0):
    values = {each.name: np.zeros(each.shape, each.dtype) for each in contract.interface.streams}
    values["front"] = np.broadcast_to(np.asarray(camera, np.uint8), (64, 64, 3))
    values["arm"][:, 0] = q
    fresh = {name: name not in missing for name in values}
    return Observation(now_ns, {n: v for n, v in values.items() if fresh[n]}, dict.fromkeys(values, now_ns), fresh)


def pose_goal(x, y, z=0.03, target="fingertip", stamp_ns=1):
    return Goal("pose", stamp_ns, target=target, pose=np.array([x, y, z, 0, 0, 0, 1], np.float32))


def colour_of(x, y):
    """The uniform picture in which the toy model sees the fingertip at x, y."""
    return np.broadcast_to(
        np.array([(x - 0.3) / 0.4 * 255, (y + 0.3) / 0.6 * 255, 0]).round().astype(np.uint8), (64, 64, 3)
    )


def follow(brain, contract, arm, q, goal, ticks, camera=lambda tip: 0, missing=lambda index: ()):
    """Tick in closed loop with a robot that does exactly as commanded; returns decisions and the last joints."""
    memory, decisions, before = brain.start(), [], q
    for index in range(ticks):
        tip = arm.tip(q)[0]
        now_ns = (index + 1) * TICK_NS
        observation = observe(contract, q, now_ns, missing(index), camera(tip))
        applied = brain.applied_action(before, q)
        decision, memory = brain.decide(TickInputs(index, index, observation, applied, q, goal, memory))
        before = q
        if decision.trajectory is not None:
            q = decision.trajectory.sample(now_ns + TICK_NS)[0]
        decisions.append(decision)
    return decisions, q


def same(one, other):
    """All fields but the times are equal to the last bit."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("stages_ms", "runtime_ms"):
            continue
        if isinstance(a, np.ndarray):
            assert a.tobytes() == b.tobytes(), field.name
        elif field.name == "wants" and a:
            assert {name: each.tobytes() for name, each in a.items()} == {name: e.tobytes() for name, e in b.items()}
        elif field.name == "trajectory":
            assert a.positions.tobytes() == b.positions.tobytes()
            assert a.velocities.tobytes() == b.velocities.tobytes()
        else:
            assert a == b, field.name


def test_the_same_inputs_give_the_same_bytes(brain, contract, home):
    results = [
        brain.tick(observe(contract, home), None, home, brain.start(), pose_goal(0.5, 0.1), seed=7) for _ in range(2)
    ]
    same(results[0][0], results[1][0])
    same(results[0][1], results[1][1])
    other, _ = brain.tick(observe(contract, home), None, home, brain.start(), pose_goal(0.5, 0.1), seed=8)
    assert other.chunk.tobytes() != results[0][0].chunk.tobytes()
    brain.prepare(8)  # for another tick than the one that comes
    again, _ = brain.tick(observe(contract, home), None, home, brain.start(), pose_goal(0.5, 0.1), seed=7)
    same(again, results[0][0])
    prepared, _ = brain.tick(observe(contract, home), None, home, brain.start(), pose_goal(0.5, 0.1), seed=8)
    same(prepared, other)


def test_without_a_goal_it_holds_still_and_still_imagines(brain, contract, home):
    decision, memory = brain.tick(observe(contract, home), None, home, brain.start(), None, 0)
    assert decision.status == "idle"
    assert not decision.chunk.any()
    np.testing.assert_allclose(decision.trajectory.positions, np.tile(home, (13, 1)), atol=2e-3)
    assert decision.states.shape == (12, 8)
    assert not memory.fresh_start


def test_it_brings_the_fingertip_to_a_pose_and_then_holds(brain, contract, arm, home):
    decisions, q = follow(brain, contract, arm, home, pose_goal(0.55, 0.12, z=0.4), 20)
    np.testing.assert_allclose(arm.tip(q)[0], [0.55, 0.12, 0.03], atol=0.004)
    assert [decisions[0].status, decisions[-1].status] == ["pursuing", "reached"]
    assert not decisions[-1].chunk.any()


def test_a_belief_that_is_wrong_by_a_constant_does_not_mislead_it(brain, contract, arm):
    elsewhere = arm.solve(NEAR, np.array([0.5, -0.1, 0.03]), tool_down())  # the toy believes to start at home
    _, q = follow(brain, contract, arm, elsewhere, pose_goal(0.6, 0.1), 20)
    np.testing.assert_allclose(arm.tip(q)[0][:2], [0.6, 0.1], atol=0.004)


def test_no_step_leaves_the_workspace(brain, contract, arm):
    edge = arm.solve(NEAR, np.array([0.3, 0.0, 0.03]), tool_down())
    decisions, q = follow(brain, contract, arm, edge, pose_goal(0.2, 0.0), 4)
    assert arm.tip(q)[0][0] >= 0.28 - 1e-3
    assert decisions[0].chunk[0, 0] >= -0.02 - 1e-6


def test_a_joint_goal_within_reach_counts_as_reached(brain, contract, home):
    goal = Goal("joints", 1, joints=home.astype(np.float32))
    decision, _ = brain.tick(observe(contract, home), None, home, brain.start(), goal, 0)
    assert decision.status == "reached"


def test_a_joint_that_no_action_moves_is_led_to_its_goal_and_stays_there(tmp_path, contract, home):
    """As a gripper: here the last joint, of a contract whose action moves the link before it."""
    text = contract.text.replace("link: fingertip", "link: wrist_2_link")
    split = contract_from_text(text, folder=contract.folder)
    brain = Brain(load_bundle(write_toy_bundle(tmp_path / "toy", split), split), split, provider="cpu")
    arm = ArmKinematics(split)
    assert arm.aside.tolist() == [5]
    wanted = home[5] + 0.6
    only = np.full(6, np.nan, np.float32)
    only[5] = wanted
    decisions, q = follow(brain, split, arm, home, Goal("joints", 1, joints=only), 8)
    assert [decisions[0].status, decisions[-1].status] == ["pursuing", "reached"]
    assert not any(decision.chunk.any() for decision in decisions)  # nothing is planned for it
    assert decisions[0].trajectory.positions[1, 5] == pytest.approx(home[5] + 0.15)  # half of 3 rad/s
    assert q[5] == pytest.approx(wanted, abs=1e-6)
    # What was measured lags, as of a gripper that holds something: it is kept where it was commanded.
    measured = q.copy()
    measured[5] -= 0.2
    others = Goal("joints", 2, joints=np.array([*home[:5] + 0.1, np.nan], np.float32))
    for goal in (None, others):
        decision, _ = brain.tick(observe(split, measured), None, q, brain.start(), goal, 0)
        np.testing.assert_allclose(decision.trajectory.positions[:, 5], wanted, atol=1e-6)


def test_it_follows_a_goal_image_by_what_it_sees(brain, contract, arm, home):
    goal = Goal("image", 1, image=colour_of(0.58, -0.1))
    seen_offset = np.array([0.02, -0.03])  # the camera is off by this, in both pictures
    decisions, q = follow(brain, contract, arm, home, goal, 40, camera=lambda tip: colour_of(*(tip[:2] + seen_offset)))
    np.testing.assert_allclose(arm.tip(q)[0][:2] + seen_offset, [0.58, -0.1], atol=0.008)
    assert decisions[0].aim_target == "fingertip"


def test_a_goal_image_without_the_camera_is_not_pursued(brain, contract, arm, home):
    goal = Goal("image", 1, image=colour_of(0.58, -0.1))
    decisions, q = follow(brain, contract, arm, home, goal, 5, missing=lambda index: ("front",))
    assert {decision.status for decision in decisions} == {"image goal needs camera front"}
    np.testing.assert_allclose(arm.tip(q)[0][:2], HOME_XY, atol=1e-3)


def test_a_goal_image_is_followed_for_ten_blind_ticks_and_no_longer(brain, contract, arm, home):
    goal = Goal("image", 1, image=colour_of(0.68, 0.3))
    hidden = lambda index: ("front",) if index > 0 else ()  # noqa: E731
    camera = lambda tip: colour_of(0.35, -0.2)  # noqa: E731
    decisions, _ = follow(brain, contract, arm, home, goal, 13, camera, hidden)
    moving = [bool(decision.chunk.any()) for decision in decisions]
    assert moving == [True] * 11 + [False] * 2
    assert decisions[-1].status == "image goal needs camera front"


def test_two_ticks_in_a_step_follow_a_picture_no_faster_and_no_longer_than_one(brain, contract, arm, home):
    goal = Goal("image", 9, image=colour_of(0.5, 0.1))
    seen = observe(contract, home, camera=colour_of(*HOME_XY))
    decision, memory = brain.tick(seen, None, home, brain.start(), goal, 0)
    elsewhere = observe(contract, home, camera=colour_of(HOME_XY[0] + 0.05, HOME_XY[1]))
    _, whole = brain.tick(elsewhere, None, home, memory, goal, 0)
    _, half = brain.tick(elsewhere, None, home, replace(memory, since=0.5), goal, 0)
    moved = [after.pursuit.aim - memory.pursuit.aim for after in (whole, half)]
    np.testing.assert_allclose(moved[1], 0.5 * moved[0], atol=1e-5)
    assert np.abs(moved[0]).max() > 0.005
    blind, ticks = replace(half, since=0.5), 0
    while decision.status != "image goal needs camera front":
        decision, blind = brain.tick(observe(contract, home, missing=("front",)), None, home, blind, goal, 0)
        ticks += 1
    assert ticks == 21


def test_a_new_goal_image_is_read_anew(brain, contract, home):
    observation = observe(contract, home, camera=colour_of(*HOME_XY))
    first, memory = brain.tick(observation, None, home, brain.start(), Goal("image", 1, image=colour_of(0.6, 0.2)), 0)
    second, _ = brain.tick(observation, None, home, memory, Goal("image", 2, image=colour_of(0.3, -0.2)), 0)
    assert first.aim[0] > HOME_XY[0] > second.aim[0]


def test_without_joint_states_nothing_is_commanded_but_it_perceives(brain, contract, home):
    observation = observe(contract, home, missing=("arm",))
    decision, memory = brain.tick(
        observation, np.array([0.01, 0.0], np.float32), home, brain.start(), pose_goal(0.5, 0.1), 0
    )
    assert decision.status == "joint_states stale"
    assert decision.trajectory is None
    assert memory.belief[0] == pytest.approx(0.01)


def test_a_stale_camera_is_masked_not_seen_as_black(brain, contract, home):
    def believe(**kwargs):
        decision, memory = brain.tick(observe(contract, home, **kwargs), None, home, brain.start(), None, 0)
        return decision, memory.belief[3]

    assert believe(camera=200)[1] == pytest.approx(200 / 255, abs=1e-4)
    decision, felt = believe(camera=200, missing=("front",))
    assert felt == 0.0
    assert decision.seen is None


def test_a_plan_that_is_not_finite_commands_nothing(tmp_path, contract, home):
    broken = Brain(load_bundle(write_toy_bundle(tmp_path / "broken", contract, broken=True), contract), contract, "cpu")
    decision, memory = broken.tick(observe(contract, home), None, home, broken.start(), pose_goal(0.5, 0.1), 0)
    assert decision.status == NOT_FINITE
    assert decision.trajectory is None
    assert np.isfinite(memory.warm).all()


def test_a_watching_model_perceives_and_commands_nothing(tmp_path, contract, home):
    watcher = Brain(
        load_bundle(write_toy_bundle(tmp_path / "watch", contract, kind="watch"), contract), contract, "cpu"
    )
    decision, _ = watcher.decide(
        TickInputs(0, 0, observe(contract, home), np.zeros(2, np.float32), home, pose_goal(0.5, 0.1), watcher.start())
    )
    assert decision.status == "watching"
    assert decision.trajectory is None
    assert decision.belief_poses.shape == (2, 7)


def test_the_random_policy_wanders_without_a_goal_and_repeats_with_its_seed(toy_bundle, contract, arm, home):
    bundle = load_bundle(toy_bundle, contract)
    wanderer = Brain(bundle, contract, "cpu", policy="random")
    ways = [np.array([d.chunk for d in follow(wanderer, contract, arm, home, None, 15)[0]]) for _ in range(2)]
    assert ways[0].tobytes() == ways[1].tobytes()
    steps = ways[0][:, 0]
    assert np.abs(steps).max() > 0.01
    assert np.abs(steps).max() <= 0.03 + 1e-6
    assert np.mean(steps[1:] * steps[:-1]) > 0.25 * np.mean(steps**2)


def test_imagining_takes_any_number_of_candidates(brain):
    memory = replace(brain.start(), fresh_start=False)
    candidates = np.random.default_rng(0).uniform(-0.03, 0.03, (7, 12, 2)).astype(np.float32)
    imagined = brain.imagine(memory, candidates)
    assert imagined.poses.shape == (7, 12, 2, 7)
    np.testing.assert_allclose(imagined.poses[:, -1, 0, :2], candidates.sum(1) + HOME_XY, atol=1e-6)


def test_decoding_takes_any_number_of_states(brain):
    reference = np.full((64, 64, 3), 9, np.uint8)
    decoded = brain.decode(np.zeros((6, 8), np.float32), reference)
    assert decoded.frames is not None
    assert decoded.frames.shape == (6, 64, 64, 3)
    assert (decoded.frames == 9).all()


def test_after_a_refusal_it_plans_half_as_far_and_then_ever_farther_again(brain, contract, home):
    goal = pose_goal(0.6, -0.25)
    _, memory = brain.tick(observe(contract, home), None, home, brain.start(), goal, 1)
    usual = np.abs(brain.tick(observe(contract, home), None, home, memory, goal, 1)[0].chunk).max()
    refused = memory.refused()
    assert not refused.warm.any()
    reached = []
    for _ in range(5):
        decision, refused = brain.tick(observe(contract, home), None, home, refused, goal, 1)
        reached.append(np.abs(decision.chunk).max())
    assert reached[0] <= 0.5 * contract.interface.action.bound_m + 1e-9 < usual
    assert reached == sorted(reached)
    assert refused.reach == 1.0
    assert memory.refused().refused().refused().refused().refused().reach == 0.125  # it never gives up for good


def test_perceive_is_handed_what_was_believed_some_steps_ago_and_what_was_done_since(brain, contract, home):
    def ticked(memory, index):
        applied = np.array([0.01 * index, -0.02], np.float32)
        return brain.tick(observe(contract, home, (index + 1) * TICK_NS), applied, home, memory, None, index)

    memory = brain.start()
    for index in range(8):
        decision, memory = ticked(memory, index)
        assert len(memory.past) == min(index, 4)
        # The toy goes where actions lead, so its past leads to where it is; its senses rest after the first tick.
        assert index == 0 or decision.surprise < 1e-6
    (belief, action), *rest = memory.past
    elsewhere = replace(memory, past=((belief, action + np.float32(0.25)), *rest))
    assert ticked(elsewhere, 8)[0].surprise == pytest.approx(0.5, abs=1e-5)
    assert ticked(replace(elsewhere, past=tuple(rest)), 8)[0].surprise < 1e-6  # a step that was not, is not made up


class TestPlansEveryThirdTick:
    """A bundle that says so: between two plans the last one goes on, and its future is imagined anew."""

    @pytest.fixture(scope="class")
    @classmethod
    def slow(cls, tmp_path_factory, contract):
        folder = write_toy_bundle(tmp_path_factory.mktemp("every") / "third", contract, every=3)
        return Brain(load_bundle(folder, contract), contract, provider="cpu")

    def ticks(self, brain, contract, home, goals, refused=()):
        memory, found = brain.start(), []
        for index, goal in enumerate(goals):
            if index in refused:
                memory = memory.refused()
            decision, memory = brain.tick(observe(contract, home), None, home, memory, goal, index)
            found.append(decision)
        return found

    def test_and_goes_on_in_between(self, slow, contract, home):
        found = self.ticks(slow, contract, home, [pose_goal(0.55, 0.1)] * 7)
        assert [each.cost is not None for each in found] == [True, False, False, True, False, False, True]
        first, second = found[0].chunk, found[1].chunk
        np.testing.assert_array_equal(second, np.concatenate([first[1:], first[-1:]]))
        assert all(each.poses is not None and each.trajectory is not None for each in found)

    def test_a_new_goal_a_refusal_and_no_goal_are_planned_for_at_once(self, slow, contract, home):
        goals = [pose_goal(0.55, 0.1)] * 2 + [pose_goal(0.4, -0.1, stamp_ns=2)] * 2
        assert [each.cost is not None for each in self.ticks(slow, contract, home, goals)] == [True, False, True, False]
        refused = self.ticks(slow, contract, home, [pose_goal(0.55, 0.1)] * 3, refused=(1,))
        assert [each.cost is not None for each in refused] == [True, True, False]
        idle = self.ticks(slow, contract, home, [pose_goal(0.55, 0.1), None, None])
        assert all(each.cost is not None for each in idle)
        assert not idle[1].chunk.any()


@pytest.mark.parametrize(("given", "said"), [({"policy": "wacth"}, "policy.*'watch'"), ({"threads": 0}, "threads.*1")])
def test_a_policy_or_a_count_of_threads_that_there_is_not_is_refused(toy_bundle, contract, given, said):
    with pytest.raises(UserError, match=said):
        Brain(load_bundle(toy_bundle, contract), contract, provider="cpu", **given)


@pytest.mark.parametrize(("turns", "every", "apart"), [(2, 1, 1), (6, 1, 1), (3, 2, 6), (5, 2, 10)])
def test_ticks_from_plan_to_plan_are_whole_steps_or_one(toy_bundle, contract, home, turns, every, apart):
    bundle = load_bundle(toy_bundle, contract)
    planner = bundle.manifest.planner.model_copy(update={"every": every})
    manifest = bundle.manifest.model_copy(update={"planner": planner})
    session = BrainSession(Brain(replace(bundle, manifest=manifest), contract, provider="cpu"), turns=turns)
    for tick in range(2 * apart + 1):
        inputs = session.inputs(observe(contract, home), home, pose_goal(0.55, 0.1))
        assert (session.step(inputs).decision.plan == "plan") == (tick % apart == 0), tick
