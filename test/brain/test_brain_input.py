"""What a program hands to a brain is checked where it comes in: an error names field, value and what is legal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_bundle import write_toy_bundle

import world_model_ros as wm
from world_model_ros.brain.imagination.candidates import candidate_of_actions
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.device import Resident
from world_model_ros.bundle.session import Graph

HOME = np.array([0.0, -1.2, 1.6, -1.9, -1.57, 0.0])
POSE = np.array([0.5, 0.1, 0.03, 0, 0, 0, 1], np.float32)
TICK_NS = 100_000_000


@pytest.fixture(scope="module")
def brain(toy_bundle, contract):
    return wm.Brain(wm.load_bundle(toy_bundle, contract), contract, provider="cpu")


@pytest.fixture(scope="module")
def seen(contract):
    values = {each.name: np.zeros(each.shape, each.dtype) for each in contract.interface.streams}
    values["arm"][:, 0] = HOME
    return wm.Observation(TICK_NS, values, dict.fromkeys(values, TICK_NS), dict.fromkeys(values, True))


def tick(brain, seen, **changed):
    given = {"observation": seen, "applied": None, "reference": HOME, "memory": brain.start(), "goal": None, "seed": 0}
    return brain.tick(**{**given, **changed})


def goal(**changed):
    return replace(wm.Goal("pose", 1, "fingertip", POSE), **changed)


FAR = np.array([50.0, 0, 0.03, 0, 0, 0, 1], np.float32)
NEAR = np.array([0.4, 0.1, 0.03, 0, 0, 0, 1], np.float32)
BAD_GOALS = [
    ("somewhere", r"goal: got 'somewhere'; expected a Goal"),
    (goal(kind="dance"), r"goal: kind: got 'dance'; expected one of \['pose'"),
    (goal(kind=["pose"]), r"goal: kind: got \['pose'\]"),
    (goal(pose=FAR), r"goal: position.x: got 50.0; expected from 0.28 to 0.72 m"),
    (goal(pose=np.full(7, np.nan)), r"goal: pose: got \[nan, .*7 finite numbers"),
    (goal(pose=np.array([np.inf, *POSE[1:]])), r"goal: pose: got \[inf, "),
    (goal(pose=np.array([*POSE[:6], 1e300])), r"goal: pose: got \[.*inf\]"),
    (goal(pose=POSE[:3]), r"goal: pose: got 'an array of shape \(3,\)'; expected 7 finite numbers"),
    (goal(pose=POSE + 1j), r"goal: pose: .*7 finite numbers"),
    (goal(pose=["0.5"] * 7), r"goal: pose: got \['0.5', "),
    (goal(pose=None), r"goal: pose: got None"),
    (goal(target="object_00"), r"goal: target: got 'object_00'.*the closest is 'object_0'"),
    (goal(target=5), r"goal: target: got 5; expected one of \['fingertip', 'object_0'\]"),
    (goal(target=["fingertip"]), r"goal: target: got \['fingertip'\]"),
    (goal(stamp_ns=0.5), r"goal: stamp_ns: got 0.5; expected whole nanoseconds"),
    (goal(also=5), r"goal: also: got 5"),
    (goal(also=(goal(),)), r"goal: also: got Goal.*a PoseGoal or a ValueGoal"),
    (goal(also=(wm.PoseGoal("object_0", FAR),)), r"goal: position.x: got 50.0"),
    (goal(also=(wm.PoseGoal("object_9", POSE),)), r"goal: target: got 'object_9'"),
    (goal(also=(wm.ValueGoal("object_0", "0.1"),)), r"goal: value: got '0.1'; expected a number"),
    (goal(also=(wm.ValueGoal("object_0", 0.1),)), r"goal: (object_0: got 'a value'|got 'value'; expected one of)"),
    (goal(also=(wm.PoseGoal("fingertip", NEAR),)), r"goal: also: got 'fingertip'; expected each target once"),
    (goal(target=None, also=(wm.PoseGoal("fingertip", NEAR),)), r"goal: also: got 'fingertip'; expected each target"),
    (goal(also=(wm.PoseGoal("object_0", POSE), wm.PoseGoal("object_0", NEAR))), r"goal: also: got 'object_0'"),
    (wm.Goal("value", 1), r"goal: target: got None"),
    (wm.Goal("value", 1, "object_0"), r"goal: value: got None"),
    (wm.Goal("joints", 1), r"goal: joints: got None; expected 6 numbers"),
    (wm.Goal("joints", 1, joints=HOME[:3]), r"goal: joints: got 'an array of shape \(3,\)'"),
    (wm.Goal("joints", 1, joints=np.full(6, 40.0)), r"goal: joints\[shoulder_pan_joint\]: got 40.0"),
    (wm.Goal("joints", 1, joints=["home"] * 6), r"goal: joints: got \['home', "),
    (wm.Goal("joints", 1, joints=HOME, also=(wm.PoseGoal("fingertip", POSE),)), r"goal: also: got \['fingertip'\]"),
    (wm.Goal("image", 1), r"goal: image: got None; expected an array \(64, 64, 3\) of uint8, as front would see"),
    (wm.Goal("image", 1, image=np.zeros((64, 64), np.uint8)), r"goal: image: got \(\(64, 64\), 'uint8'\)"),
    (wm.Goal("image", 1, image=np.zeros((64, 64, 3))), r"goal: image: got \(\(64, 64, 3\), 'float64'\)"),
]


@pytest.mark.parametrize(("bad", "said"), BAD_GOALS, ids=range(len(BAD_GOALS)))
def test_a_goal_that_cannot_be_is_refused(brain, seen, contract, bad, said) -> None:
    with pytest.raises(wm.UserError, match=said):
        tick(brain, seen, goal=bad)
    with pytest.raises(wm.UserError, match=said):
        wm.check_goal(bad, contract)
    tick(brain, seen, goal=goal())  # and nothing else stops


def test_a_goal_that_can_be_stays_what_it_is(contract) -> None:
    for good in (goal(), goal(also=(wm.PoseGoal("object_0", POSE),)), goal(target=None)):
        assert wm.check_goal(good, contract) == good
    exact = wm.check_goal(goal(pose=[0.5, 0.1, 0.03, 0, 0, 0, 1]), contract)
    assert exact.pose.dtype == np.float32


def test_a_goal_that_the_model_cannot_have_is_refused(seen, contract, tmp_path) -> None:
    bundle = wm.load_bundle(write_toy_bundle(tmp_path / "watch", contract, kind="watch"), contract)
    with pytest.raises(wm.UserError, match=r"goal: got 'pose'; expected none: the model watch only watches"):
        tick(wm.Brain(bundle, contract, "cpu"), seen, goal=goal())


NO_JOINTS = [HOME[:3], np.full(6, np.nan), HOME[None], HOME + 1j, ["0.0"] * 6, "home", 5, [[0.0], 1.0], object()]


@pytest.mark.parametrize("bad", NO_JOINTS, ids=range(len(NO_JOINTS)))
def test_commanded_joints_that_are_no_numbers_of_all_joints_are_refused(brain, seen, bad) -> None:
    said = r"^reference: got .*; expected 6 finite numbers"
    with pytest.raises(wm.UserError, match=said):
        tick(brain, seen, reference=bad)
    with pytest.raises(wm.UserError, match=said):
        brain.applied_action(bad, HOME)
    with pytest.raises(wm.UserError, match=said):
        brain.applied_action(HOME, bad)
    session = BrainSession(brain)
    with pytest.raises(wm.UserError, match=said):
        session.inputs(seen, bad, applied=np.zeros(2, np.float32))


@pytest.mark.parametrize("bad", [np.zeros(3), np.array([np.nan, 0.0]), ["0", "0"], 0.0, np.zeros((2, 1))])
def test_an_applied_action_that_is_none_is_refused(brain, seen, bad) -> None:
    with pytest.raises(wm.UserError, match=r"^applied: got .*; expected 2 finite numbers"):
        tick(brain, seen, applied=bad)
    session = BrainSession(brain)
    with pytest.raises(wm.UserError, match=r"^applied: got .*; expected 2 finite numbers"):
        session.inputs(seen, HOME, applied=bad)


def test_lists_and_other_floats_are_the_same_numbers(brain, seen) -> None:
    usual = tick(brain, seen, applied=np.zeros(2, np.float32), goal=goal())[0]
    same = tick(brain, seen, applied=[0, 0], reference=HOME.tolist(), goal=goal(pose=POSE.tolist()))[0]
    assert np.array_equal(usual.chunk, same.chunk)
    assert np.array_equal(usual.trajectory.positions, same.trajectory.positions)


@pytest.mark.parametrize(
    ("field", "bad"),
    [("observation", None), ("observation", {}), ("memory", None), ("memory", np.zeros(8))]
    + [("seed", bad) for bad in (-1, 0.5, "0", None)],
)
def test_what_is_of_another_type_is_refused(brain, seen, field, bad) -> None:
    with pytest.raises(wm.UserError, match=rf"^{field}: got"):
        tick(brain, seen, **{field: bad})


def test_an_observation_says_of_each_stream_whether_it_is_fresh(brain, seen) -> None:
    with pytest.raises(
        wm.UserError, match=r"observation: fresh: got \['arm'\]; expected an entry for each of \['front'"
    ):
        tick(brain, replace(seen, fresh={"arm": True}))
    with pytest.raises(wm.UserError, match=r"observation: values: got \['arm'\]; expected front too"):
        tick(brain, replace(seen, values={"arm": seen.values["arm"]}))


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        ("front", np.zeros((32, 32, 3), np.uint8), r"'uint8 \(32, 32, 3\)'; expected uint8 \(64, 64, 3\)"),
        ("front", np.zeros((64, 64, 3), np.float32), r"'float32 \(64, 64, 3\)'"),
        ("wrist_wrench", np.zeros(3, np.float32), r"'float32 \(3,\)'"),
        ("wrist_wrench", None, r"'object \(\)'"),
    ],
)
def test_a_sense_of_another_shape_or_type_is_refused_by_its_name(brain, seen, name, bad, said) -> None:
    with pytest.raises(wm.UserError, match=rf"perceive: {name}: got {said}"):
        tick(brain, replace(seen, values={**seen.values, name: bad}))


@pytest.mark.parametrize("resident", [None, Resident()], ids=["session", "device"])
@pytest.mark.parametrize("bad", [np.zeros(8), np.zeros(7, np.float32), np.zeros((1, 8), np.float32), None, "x"])
def test_a_memory_that_does_not_fit_a_graph_is_refused_by_its_name(toy_bundle, contract, bad, resident) -> None:
    graph = Graph(wm.load_bundle(toy_bundle, contract), "perceive", "cpu", 1, resident)
    with pytest.raises(wm.UserError, match=r"memory: got .*float32 \(8,\)"):
        graph.run(graph.neutral() | {"memory": bad})


def test_futures_of_another_shape_are_refused(brain) -> None:
    memory = brain.start()
    for bad in (np.zeros((0, 12, 2)), np.zeros((3, 11, 2)), np.zeros((12, 2)), [[[0.0]], [0.0]], "still", None, 5):
        with pytest.raises(wm.UserError, match=r"^candidates: got .*; expected numbers of shape \(any, 12, 2\)"):
            brain.imagine(memory, bad)
    for bad in (np.zeros((0, 8)), np.zeros(8), np.zeros((2, 7)), "state"):
        with pytest.raises(wm.UserError, match=r"^states: got .*; expected numbers of shape \(any, 8\)"):
            brain.decode(bad)
    for call in (lambda: brain.imagine(None, np.zeros((1, 12, 2))), lambda: brain.usual_future(None)):
        with pytest.raises(wm.UserError, match=r"^memory: got None"):
            call()
    with pytest.raises(wm.UserError, match=r"goal: front: got .*; expected uint8 \(64, 64, 3\)"):
        brain.read(np.zeros((8, 8, 3), np.uint8))


def test_a_bundle_for_another_robot_is_refused_with_both_names(toy_bundle, contract) -> None:
    bundle = wm.load_bundle(toy_bundle, contract)
    other = wm.load_contract("humanoid_upper_body")
    with pytest.raises(wm.UserError, match=r"made for robot 'tabletop_arm', .*robot 'humanoid_upper_body'"):
        wm.Brain(bundle, other, provider="cpu")
    for bad in ("tabletop_arm", None):
        with pytest.raises(wm.UserError, match=r"^contract: got .*load_contract"):
            wm.Brain(bundle, bad)
        with pytest.raises(wm.UserError, match=r"^contract: got .*load_contract"):
            wm.load_bundle(toy_bundle, bad)
        with pytest.raises(wm.UserError, match=r"^bundle: got .*load_bundle"):
            wm.Brain(bad, contract)


def with_value(seen, name, value):
    changed = np.array(seen.values[name], copy=True)
    changed.flat[0] = value
    return replace(seen, values={**seen.values, name: changed})


BIG = 10**30
OBSERVED = [
    *(("now_ns", bad) for bad in ("x", None, np.nan, {}, BIG, True)),
    *(("stamps_ns", bad) for bad in (None, 5, "x", {"arm": "x"}, {"arm": BIG})),
    *(("fresh", bad) for bad in (None, 5)),
    *(("values", bad) for bad in (None, 5)),
]


@pytest.mark.parametrize(("field", "bad"), OBSERVED, ids=range(len(OBSERVED)))
def test_an_observation_has_times_and_mappings(brain, seen, field, bad) -> None:
    with pytest.raises(wm.UserError, match=rf"^observation: {field}.*: got"):
        tick(brain, replace(seen, **{field: bad}))


@pytest.mark.parametrize("bad", ["no", 1, None])
def test_whether_a_stream_is_fresh_is_yes_or_no(brain, seen, bad) -> None:
    with pytest.raises(wm.UserError, match=r"^observation: fresh: arm: got .*True or False"):
        tick(brain, replace(seen, fresh={**seen.fresh, "arm": bad}))


@pytest.mark.parametrize("name", ["arm", "wrist_wrench"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_a_sense_that_was_never_measured_is_named(brain, seen, name, bad) -> None:
    with pytest.raises(wm.UserError, match=rf"^observation: values: {name}: got .*-1e\+09 to 1e\+09"):
        tick(brain, with_value(seen, name, bad))


def test_a_commanded_place_is_within_the_limits_of_its_joint(brain, seen, contract) -> None:
    limits = contract.limits()
    for bad in (1e30, float(limits.upper[1]) + 0.2):
        with pytest.raises(wm.UserError, match=rf"^reference: {limits.names[1]}: got .*a position from"):
            tick(brain, seen, reference=np.array([HOME[0], bad, *HOME[2:]]))
    assert tick(brain, seen, reference=np.array([HOME[0], limits.upper[1] + 1e-3, *HOME[2:]]))
    with pytest.raises(wm.UserError, match=r"^applied\[1\]: got 1e\+30; expected a number from"):
        tick(brain, seen, applied=np.array([0.0, 1e30]))


MEMORIES = [
    *(("warm", bad) for bad in (None, np.zeros(2), np.full((12, 2), np.nan), np.zeros((12, 2)))),
    *(("belief", bad) for bad in (None, np.zeros(7), np.full(8, np.inf), np.zeros(8), np.full(8, 1e30, np.float32))),
    *(("reach", bad) for bad in ("x", -1, np.nan, True, 2.0)),
    *(("since", bad) for bad in (None, -1, np.nan)),
    *(("past", bad) for bad in (None, 5, (5,), ((np.zeros(8),),), ((np.zeros(7), np.zeros(2)),))),
    *(("age", bad) for bad in (np.nan, -1, "x", 0.5)),
    *(("progress", bad) for bad in (5, "x")),
    *(("pursuit", bad) for bad in (5, "x")),
    *(("fresh_start", bad) for bad in (5, None)),
    *(("planned_for", bad) for bad in (0.5, None)),
]


@pytest.mark.parametrize(("field", "bad"), MEMORIES, ids=range(len(MEMORIES)))
def test_a_memory_is_what_a_tick_handed_on(brain, seen, field, bad) -> None:
    with pytest.raises(wm.UserError, match=rf"^memory: {field}.*: got"):
        tick(brain, seen, memory=replace(brain.start(), **{field: bad}))


def test_a_memory_of_a_tick_is_taken_by_the_next(brain, seen) -> None:
    after = tick(brain, seen, goal=goal())[1]
    assert tick(brain, seen, goal=goal(), memory=after)[0].status == tick(brain, seen, goal=goal())[0].status
    assert tick(brain, seen, memory=after.refused())


def test_futures_of_numbers_that_are_none_are_refused(brain) -> None:
    for bad in (np.nan, np.inf, 1e300, -1e30):
        with pytest.raises(wm.UserError, match=r"^candidates: got .*finite numbers"):
            brain.imagine(brain.start(), np.full((1, 12, 2), bad))
        with pytest.raises(wm.UserError, match=r"^states: got .*finite numbers"):
            brain.decode(np.full((1, 8), bad))


OTHERS = [
    ("image", goal(image=np.zeros((64, 64, 3), np.uint8)), "pose"),
    ("value", goal(value=0.1), "pose"),
    ("joints", goal(joints=HOME), "pose"),
    ("pose", wm.Goal("joints", 1, joints=HOME, pose=POSE), "joints"),
]


@pytest.mark.parametrize(("field", "bad", "kind"), OTHERS, ids=range(len(OTHERS)))
def test_a_goal_has_the_field_of_its_kind_alone(contract, field, bad, kind) -> None:
    with pytest.raises(wm.UserError, match=rf"^goal: {field}: got .*nothing, for a goal of {kind}"):
        wm.check_goal(bad, contract)


def test_a_goal_that_lacks_what_its_kind_needs_says_so(contract) -> None:
    for bad, field in (
        (wm.Goal("pose", 1), "pose"),
        (wm.Goal("value", 1, "a"), "value"),
        (wm.Goal("value", 1), "target"),
    ):
        with pytest.raises(wm.UserError, match=rf"^goal: {field}: got None"):
            _ = bad.wishes
    twice = [wm.PoseGoal("a", POSE), wm.ValueGoal("a", 0.1)]
    for wishes in ([], None, [5], [wm.PoseGoal("a", POSE), None], twice):
        with pytest.raises(wm.UserError, match=r"^goal: wishes: got"):
            wm.Goal.of(wishes, 1)
    with pytest.raises(wm.UserError, match=r"^manifest: got 'x'"):
        wm.check_goal(goal(), contract, "x")


def test_what_a_brain_is_made_of_is_named(brain, contract) -> None:
    with pytest.raises(wm.UserError, match=r"^runs: got None"):
        brain.warm_up(None)
    with pytest.raises(wm.UserError, match=r"^threads: got 1000000000; expected a number from 1 to 1024"):
        wm.Brain(brain.bundle, contract, "cpu", threads=10**9)
    with pytest.raises(wm.UserError, match=r"^bundle: got Bundle"):
        wm.Brain(wm.Bundle(None, None), contract)
    with pytest.raises(wm.UserError, match=r"^graph: got 'plans'; expected one of .*the closest is 'plan'"):
        brain.bundle.graph_path("plans")
    for call in (contract.stream, contract.source, contract.latency_ns):
        with pytest.raises(wm.UserError, match=r"got 'fron'; expected one of .*the closest is 'front'"):
            call("fron")


def at(seen, positions):
    arm = np.array(seen.values["arm"])
    arm[:, 0] = positions
    return replace(seen, values={**seen.values, "arm": arm})


def test_measured_joints_are_where_they_can_be(brain, seen, contract) -> None:
    with pytest.raises(
        wm.UserError, match=r"arm: shoulder_lift_joint: got -68\.7.*; expected a position from -3.25 to 0.35"
    ):
        tick(brain, at(seen, np.degrees(HOME)), goal=goal())
    limits, slack = contract.limits(), contract.deployment.gate.tracking_tolerance
    with pytest.raises(wm.UserError, match=rf"^observation: values: arm: {limits.names[0]}: got "):
        tick(brain, at(seen, [limits.lower[0] - 1.01 * slack, *HOME[1:]]))
    assert tick(brain, at(seen, [*HOME[:5], limits.upper[5] + 0.99 * slack]), goal=goal())[0].trajectory is not None


def test_actions_in_another_unit_are_not_imagined(brain, contract) -> None:
    bound = contract.interface.action.bounds[0]
    actions = np.zeros((1, 12, 2), np.float32)
    actions[0, 3, 0] = -99.0 * bound
    assert brain.imagine(brain.start(), actions).states.shape == (1, 12, 8)
    actions[0, 3, 0] = 101.0 * bound
    with pytest.raises(wm.UserError, match=r"^candidates\[0, 3, 0\]: got 3\.\d+; expected a number from -3 to 3$"):
        brain.imagine(brain.start(), actions)
    assert brain.imagine_executed(brain.start(), actions).states.shape == (1, 12, 8)
    with pytest.raises(wm.UserError, match=r"^candidate: actions\[3, 0\]: got 3\.\d+; expected a number from -3 to 3$"):
        candidate_of_actions("far", actions[0], contract, 12)


@pytest.mark.parametrize("field", ["values", "stamps_ns", "fresh"])
def test_a_stream_that_the_robot_lacks_is_named(brain, seen, field) -> None:
    more = {"values": np.zeros(3), "stamps_ns": 1, "fresh": True}[field]
    with pytest.raises(wm.UserError, match=rf"^observation: {field}: got 'lidar'; expected one of \['front'"):
        tick(brain, replace(seen, **{field: {**getattr(seen, field), "lidar": more}}))


def test_no_sample_is_from_after_its_tick(brain, seen) -> None:
    with pytest.raises(wm.UserError, match=r"^observation: stamps_ns: front: got 100000000; expected up to now_ns, 0"):
        tick(brain, replace(seen, now_ns=0))


def test_a_value_that_is_not_fresh_is_not_read(brain, seen) -> None:
    stale = replace(seen, fresh={**seen.fresh, "wrist_wrench": False})
    absent = replace(stale, values={name: value for name, value in seen.values.items() if name != "wrist_wrench"})
    odd = replace(stale, values={**seen.values, "wrist_wrench": np.full(6, 1e30)})
    expected = tick(brain, absent, goal=goal())[1].belief
    assert np.array_equal(tick(brain, odd, goal=goal())[1].belief, expected)


def test_frames_and_senses_are_checked_before_a_graph_runs(brain, capfd) -> None:
    for frame in (None, np.zeros((64, 64, 3)), "front"):
        with pytest.raises(wm.UserError, match=r"^goal: front: got .*expect.*uint8 \(64, 64, 3\)"):
            brain.read(frame)
    assert capfd.readouterr().err == ""


def test_actions_are_found_between_senses_of_numbers_alone(contract, capfd) -> None:
    brain = wm.Brain(wm.load_bundle("tabletop_arm", contract), contract, "cpu", policy="watch")
    good = np.zeros(brain.bundle.manifest.graphs["inverse"].inputs["sensed"].shape, np.float32)
    assert np.isfinite(brain.action_between(good, good)).all()
    for bad in (None, np.full_like(good, np.nan), good[:-1], good.astype(np.float64), np.full_like(good, 1e30)):
        with pytest.raises(wm.UserError, match=r"^inverse: sensed: got"):
            brain.action_between(bad, good)
        with pytest.raises(wm.UserError, match=r"^inverse: sensed_next: got"):
            brain.action_between(good, bad)
    assert capfd.readouterr().err == ""
