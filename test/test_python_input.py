"""Bags, replays, gates and trainings refuse what a program hands in by mistake, by its field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import world_model_ros as wm

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def brain(toy_bundle, contract):
    return wm.Brain(wm.load_bundle(toy_bundle, contract), contract, provider="cpu")


@pytest.mark.parametrize("names", [5, "abc", [("a", "b")], {"a": 5}, {5: "a"}, {"a": None}])
def test_topics_of_a_bag_are_mapped_by_texts(arm_bag: Path, names) -> None:
    with pytest.raises(wm.UserError, match=r"^map: got .*as texts"):
        wm.BagReader(arm_bag, names)


def test_a_bag_is_read_by_a_list_of_topics_that_it_has(arm_bag: Path) -> None:
    with wm.BagReader(arm_bag) as bag:
        for topics in ("/joint_states", 5):  # of a text, each part of it would be a topic
            with pytest.raises(wm.UserError, match=r"^topics: got .*a list of names"):
                list(bag.raw_messages(topics))
        assert list(bag.messages(["/joint_states"]))
        whole = [each[2:] for each in bag.raw_messages(["/joint_states"])]
        assert [each[2:] for each in bag.raw_messages(["joint_states"])] == whole  # as contracts name it
        for read in (bag.messages, bag.raw_messages):
            with pytest.raises(wm.UserError, match=r"topic: got '/joint_state'.*the closest is '/joint_states'"):
                list(read(["/gate/applied", "/joint_state"]))
        for call in (bag.connection, lambda topic: bag.decode(topic, b"")):
            with pytest.raises(wm.UserError, match=r"topic: got '/joint_state'.*the closest is '/joint_states'"):
                call("/joint_state")
        for topic in (None, 5):
            with pytest.raises(wm.UserError, match=r"topic: got .*one of \["):
                bag.require(topic)


def test_a_closed_bag_has_no_messages_to_be_taken_for_all(arm_bag: Path, contract) -> None:
    with wm.BagReader(arm_bag) as bag:
        ticks = wm.BagTicks(bag, contract)
    for call in (lambda: list(bag.messages()), lambda: list(ticks)):
        with pytest.raises(wm.UserError, match=r"^bag: got .*closed before it was read"):
            call()


@pytest.mark.parametrize("read", [lambda bag, _: bag.raw_messages(), lambda bag, _: bag.messages(), wm.BagTicks])
def test_a_bag_that_is_closed_while_it_is_read_does_not_end_as_one_that_is_through(
    arm_bag: Path, contract, read
) -> None:
    with wm.BagReader(arm_bag) as bag:
        rest = iter(read(bag, contract))
        next(rest)
    with pytest.raises(wm.UserError, match=r"^bag: got .*closed before it was read to its end"):
        list(rest)
    assert not bag.damage


def test_ticks_are_those_of_an_open_bag(arm_bag: Path, contract) -> None:
    with pytest.raises(wm.UserError, match=r"^bag: got .*an open BagReader"):
        wm.BagTicks(arm_bag, contract)


@pytest.mark.parametrize("robot", ["tabletop_arm", None, 5])
def test_the_name_of_a_robot_is_no_contract(arm_bag: Path, brain, tmp_path: Path, robot) -> None:
    goal = wm.Goal("pose", 1, "fingertip", np.array([0.5, 0.1, 0.03, 0, 0, 0, 1], np.float32))
    with wm.BagReader(arm_bag) as bag:
        for call in (
            lambda: wm.gate_for(robot),
            lambda: wm.BagTicks(bag, robot),
            lambda: wm.replay(arm_bag, robot, brain, tmp_path / "out"),
            lambda: wm.check_goal(goal, robot),
        ):
            with pytest.raises(wm.UserError, match=r"^contract: got .*a Contract, of load_contract"):
                call()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("seed", (None, -1, 1.5, "0", True)),
        ("moments", (None, -1, 2.5, "4")),
        ("until", ("1", NAN, INF, 0, -1.0, True, [1.0])),
        ("rate", ("1", NAN, INF, 0, -1.0, True)),
        ("resume", (5, ["memory.npz"])),
    ],
)
def test_a_replay_is_told_numbers_and_paths(field: str, values) -> None:
    for value in values:
        with pytest.raises(wm.UserError, match=rf"^{field}: got"):
            wm.ReplayOptions(**{"until_s" if field == "until" else field: value})


def test_a_replay_needs_a_brain_of_the_same_robot_and_leaves_nothing(arm_bag: Path, contract, brain, tmp_path) -> None:
    humanoid, out = wm.load_contract("humanoid_upper_body"), tmp_path / "out"
    for said, bag, robot, runs, folder, options in (
        (r"brain: got None; expected a Brain", arm_bag, contract, None, out, wm.ReplayOptions()),
        (r"made for robot 'tabletop_arm'.*'humanoid_upper_body'", arm_bag, humanoid, brain, out, wm.ReplayOptions()),
        (r"out: got None; expected a path", arm_bag, contract, brain, None, wm.ReplayOptions()),
        (r"options: got \{'seed': 1\}; expected a ReplayOptions", arm_bag, contract, brain, out, {"seed": 1}),
        (r"bag: got None; expected a path", None, contract, brain, out, wm.ReplayOptions()),
    ):
        with pytest.raises(wm.UserError, match=said):
            wm.replay(bag, robot, runs, folder, options)
    assert not out.exists()


def test_limits_are_numbers_one_a_joint() -> None:
    ones = np.ones(2)
    for bad in ("x", None, 1.0, np.ones(3), ["1", "1"]):
        with pytest.raises(wm.UserError, match=r"^limits: velocity: got .*2 numbers, one a joint"):
            wm.JointLimits(("a", "b"), -ones, ones, bad, ones, ones, ones)


def test_a_training_is_told_what_it_can_use_before_it_reads_bags(arm_bag: Path, contract, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    out = tmp_path / "run"
    for said, call in (
        (r"^contract: got 'tabletop_arm'", lambda: wm.train("tabletop_arm", arm_bag, out)),
        (r"^bags: got None; expected a path", lambda: wm.train(contract, None, out)),
        (r"^out: got None; expected a path", lambda: wm.train(contract, arm_bag, None)),
        (r"^config: got \{\}; expected a TrainConfig", lambda: wm.train(contract, arm_bag, out, {})),
        (r"^workers: got 0; expected a whole number, 1 or more", lambda: wm.train(contract, arm_bag, out, workers=0)),
        (r"^source: got None; expected a path", lambda: wm.export(None, out)),
        (r"^out: got None; expected a path", lambda: wm.export("tabletop_arm", None)),
        (r"^contract: got 'a'", lambda: wm.export("tabletop_arm", out, contract="a")),
        (r"^graphs: got None", lambda: wm.write_bundle(out, contract, None, None, name="x")),
        (r"^sizes: got None", lambda: wm.write_bundle(out, contract, {}, None, name="x")),
    ):
        with pytest.raises(wm.UserError, match=said):
            call()
    assert not out.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("steps", value) for value in (-1, (1, -1), (1,), (1.5, 2))),
        *(("held_out", 0), ("threads", 0), ("seed", -1), ("seed", "0"), ("device", None)),
        *(("rate", (8e-4, NAN)), ("windows", (0, 1)), ("far_share", "x"), ("rate", (8e-4, -1e-3)), ("far_share", 1.5)),
        *(("objective", "dreams"), ("device", "tpu"), ("device", "cuda:x"), ("length", (14, 52)), ("far", 0)),
    ],
)
def test_settings_of_a_training_are_of_the_kind_of_their_usual_values(field: str, value) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    with pytest.raises(wm.UserError, match=rf"^{field}: got"):
        wm.TrainConfig(**{field: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("samples", value) for value in (-1, 0, "many", None)),
        *(("horizon", 0), ("risk_weight", NAN), ("elites", 1.5), ("solver", 5), ("objective", None)),
        *(("spread", (0.5,)), ("spread", 1.0)),
    ],
)
def test_settings_of_a_planner_are_of_the_kind_of_their_usual_values(name: str, value) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    with pytest.raises(wm.UserError, match=rf"{name}: got"):
        wm.PlanConfig().but(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("horizon", "x"),
        ("horizon", 0),
        ("solver", None),
        ("search", None),
        ("objective", 5),
        ("cost", {}),
        ("proposals", 1),
    ],
)
def test_a_planner_is_made_of_settings_of_its_parts(name: str, value) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    with pytest.raises(wm.UserError, match=rf"{name}: got"):
        wm.PlanConfig(**{name: value})
    told = wm.PlanConfig().as_dict()
    assert wm.PlanConfig.of(told) == wm.PlanConfig()
    del told[name]
    for bad in (told, None, "icem"):
        with pytest.raises(wm.UserError, match=r"^planner: got .*settings of each of \['horizon', 'solver', "):
            wm.PlanConfig.of(bad)


def test_what_was_planned_draws_and_reports_are_of_their_kinds(arm_bag: Path, contract, brain, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with wm.BagReader(arm_bag) as bag:
        for said, call in (
            (r"^plan: got 'x'; expected a PlannedTick for each tick", lambda: wm.BagTicks(bag, contract, "x")),
            (r"^plan: got 5; expected a PlannedTick", lambda: wm.BagTicks(bag, contract, 5)),
            (r"got None; expected the bytes of a whole message", lambda: bag.decode("/joint_states", None)),
            (r"^draw: got 5; expected a function", lambda: wm.replay(arm_bag, contract, brain, out, draw=5)),
            (r"^progress: got 5; expected a function", lambda: wm.replay(arm_bag, contract, brain, out, progress=5)),
            (r"^inputs: got None; expected TickInputs", lambda: brain.decide(None)),
            (r"^decision: got None; expected a Decision", lambda: brain.planned_path(None)),
            (r"^unplug: got 5; expected names or kinds", lambda: contract.streams_named(5, "unplug")),
        ):
            with pytest.raises(wm.UserError, match=said):
                call()
    assert not out.exists()


TIMES, ZEROS = np.array([0.0, 0.1]), np.zeros((2, 6))
ODD_TRAJECTORIES = [
    (None, None, None, None, None),
    (5, TIMES, ZEROS, ZEROS, 0),
    ("abcdef", TIMES, ZEROS, ZEROS, 0),
    ((1, 2, 3, 4, 5, 6), TIMES, ZEROS, ZEROS, 0),
    (None, "x", ZEROS, ZEROS, 0),
    (None, TIMES, ZEROS, None, 0),
    (None, TIMES, ZEROS[:1], ZEROS, 0),
    (None, TIMES[::-1], ZEROS, ZEROS, 0),
    (None, TIMES, ZEROS * NAN, ZEROS, 0),
    (None, TIMES, ZEROS, ZEROS, "now"),
    (None, TIMES, ZEROS, ZEROS, None),
]


@pytest.mark.parametrize("parts", ODD_TRAJECTORIES)
def test_a_gate_refuses_a_trajectory_of_other_types_and_goes_on(contract, parts) -> None:
    gate = wm.gate_for(contract)
    names = contract.joint_names if parts[0] is None and parts[1] is not None else parts[0]
    refusal = gate.command(10**9, wm.Trajectory(names, *parts[1:]))
    assert refusal is not None
    assert refusal.rule in ("form", "joint_names", "lengths", "finite", "times")
    assert gate.state is wm.State.DISARMED


@pytest.mark.parametrize(
    "goal",
    [
        wm.Goal(None, 0),
        wm.Goal("nothing", 0),
        wm.Goal("pose", None, "fingertip", np.zeros(7)),
        wm.Goal("pose", 1.5, "fingertip", np.zeros(7)),
        wm.Goal("pose", 0, 5, np.zeros(7)),
        wm.Goal("pose", 0, "fingertip", "x"),
        wm.Goal("pose", 0, "fingertip", np.zeros(3)),
        wm.Goal("joints", 0, joints="x"),
        wm.Goal("image", 0, image=None),
        wm.Goal("image", 0, image=np.zeros((2, 2))),
        wm.Goal("value", 0, "fingertip", value="x"),
        wm.Goal.of([wm.PoseGoal(None, np.zeros(7))], 0),
        wm.Goal.of([wm.PoseGoal("fingertip", "x")], 0),
        wm.Goal.of([wm.ValueGoal("fingertip", "x")], 0),
        "go",
    ],
)
def test_a_goal_of_other_types_is_refused_where_it_is_asked_for(arm_bag: Path, contract, brain, goal) -> None:
    with wm.BagReader(arm_bag) as bag:
        tick = next(iter(wm.BagTicks(bag, contract)))
    for call in (
        lambda: wm.check_goal(goal, contract),
        lambda: brain.tick(tick.observation, None, None, brain.start(), goal, 0),
    ):
        with pytest.raises(wm.UserError, match=r"^goal"):
            call()
