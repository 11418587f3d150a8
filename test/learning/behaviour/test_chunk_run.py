"""Bags of a robot whose things are reported, to a model that plans by chunks, to a bundle that a brain runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
import yaml
from free_robot import TICK_NS, cube_pose, effector_at, free_contract, opening_at, write_free_bag

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.learning.behaviour.chunk_belief import ChunkBelief
from world_model_ros.learning.behaviour.chunk_graphs import ChunkPlan, ChunkRollout
from world_model_ros.learning.behaviour.chunk_model import ChunkSizes
from world_model_ros.learning.behaviour.chunk_run import load_chunks
from world_model_ros.learning.behaviour.chunk_training import ChunkConfig
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.export.onnx_exporter import EXPORTERS, Exporter, onnx_graph
from world_model_ros.learning.export.publish import check_planner, export
from world_model_ros.learning.training.train_on_bags import train, usual_config
from world_model_ros.planning.chunk_beam import ChunkBeam

pytestmark = pytest.mark.slow
SIZES = ChunkSizes(chunk=3, behaviour=32, dynamics=32, distance=32)
PLAN = {"samples": 16, "macro_steps": 2, "every": 2}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return without_effector(free_contract().text)


def without_effector(text: str) -> Contract:
    """The hand is a stream alone: a model of chunks takes no goal for it."""
    told = yaml.safe_load(text)
    for part in (told["interface"]["targets"], told["interface"]["labels"], told["deployment"]["labels"]):
        del part[0]
    return contract_from_text(yaml.safe_dump(told))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    folder = tmp_path_factory.mktemp("play")
    for number in range(4):
        write_free_bag(folder / f"bag_{number}", contract, 80 + number)
    assert isinstance(usual_config(contract), ChunkConfig)
    config = ChunkConfig(steps=150, batch=32, rate=3e-3, sizes=SIZES, held_out=4)
    told = train(contract, folder, folder / "run", config, workers=1, despite_faults=True)
    assert told["bags"] == 4
    return folder / "run"


@pytest.fixture(scope="module")
def brain(run: Path, contract: Contract) -> Brain:
    manifest = export(run, run / "bundle", **PLAN)
    assert manifest.kind == "act"
    assert manifest.sizes.horizon == 6
    assert manifest.planner is not None
    assert manifest.planner.every == 2
    return Brain(load_bundle(run / "bundle", contract), contract, "cpu", 1)


def seen(tick: int, lost: tuple[str, ...] = (), moved_m: float = 0.0) -> Observation:
    cube = cube_pose()
    cube[0] += moved_m
    values = {
        "effector": effector_at(tick).astype(np.float32),
        "opening": np.array([opening_at(tick)], np.float32),
        "contact": np.zeros(1, np.float32),
        "cube_0": cube.astype(np.float32),
    }
    fresh = {name: name not in lost for name in values}
    return Observation(tick * TICK_NS, {n: v for n, v in values.items() if fresh[n]}, dict.fromkeys(values, 0), fresh)


def goal() -> Goal:
    pose = cube_pose()
    pose[1] -= 0.2
    return Goal("pose", 1, "cube_0", pose.astype(np.float32))


def test_an_action_is_decided_and_the_same_for_the_same_seed(brain: Brain, contract: Contract):
    def decisions(seed: int) -> list:
        session, found = BrainSession(brain, seed), []
        for tick in range(4):
            inputs = session.inputs(seen(tick), None, goal(), applied=np.zeros(5, np.float32))
            found.append(session.step(inputs).decision)
        return found

    first, again, other = decisions(3), decisions(3), decisions(4)
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one.chunk, two.chunk)
    assert not np.array_equal(first[0].chunk, other[0].chunk)
    assert [each.cost is not None for each in first] == [True, False, True, False]
    assert all((np.abs(each.action) <= np.array(contract.interface.action.bounds) + 1e-6).all() for each in first)
    assert first[0].poses.shape == (6, 1, 7)
    assert first[0].sigma.shape == (6, 1, 3)
    assert (first[0].sigma > 0).all()


def test_between_plans_the_chunk_goes_on_and_its_future_is_what_is_then_done(brain: Brain):
    session, before = BrainSession(brain, 3), None
    for tick in range(6):
        done = session.step(session.inputs(seen(tick), None, goal(), applied=np.zeros(5, np.float32)))
        decision = done.decision
        assert decision.plan == (None if tick % 2 else "plan")
        if before is not None and decision.plan is None:
            np.testing.assert_allclose(decision.chunk[:-1], before.chunk[1:], atol=1e-6)
            np.testing.assert_array_equal(decision.chunk[-1], before.chunk[-1])
        np.testing.assert_array_equal(decision.action, decision.chunk[0])
        ahead = brain.imagine(done.memory, decision.chunk[None])
        np.testing.assert_allclose(decision.states, ahead.states[0], atol=1e-4)
        np.testing.assert_allclose(decision.poses, ahead.poses[0], atol=1e-4)
        np.testing.assert_allclose(decision.sigma, ahead.sigma[0], rtol=1e-3, atol=1e-5)
        before = decision


def test_a_thing_that_is_not_reported_is_believed_where_the_model_expects_it(brain: Brain):
    session = BrainSession(brain, 0)
    for tick in range(3):
        session.step(session.inputs(seen(tick), None, applied=np.zeros(5, np.float32)))
    lost = session.step(session.inputs(seen(3, lost=("cube_0",)), None, applied=np.zeros(5, np.float32))).decision
    np.testing.assert_allclose(lost.belief_poses[0, :3], cube_pose()[:3], atol=0.02)


def test_what_jumps_surprises(brain: Brain):
    def surprise(moved_m: float) -> float:
        session = BrainSession(brain, 0)
        for tick in range(3):
            session.step(session.inputs(seen(tick), None, applied=np.zeros(5, np.float32)))
        return session.step(
            session.inputs(seen(3, moved_m=moved_m), None, applied=np.zeros(5, np.float32))
        ).decision.surprise

    assert surprise(0.15) > 1.0
    assert surprise(0.15) > 3.0 * surprise(0.0)


def test_graphs_are_what_the_module_is(run: Path, brain: Brain, contract: Contract):
    model, _, _ = load_chunks(run / "model.pt")
    held = json.loads((run / "bundle" / "manifest.json").read_text())["calibration"]["held"]
    assert set(held) == {"effector", "opening", "contact", "cube_0"}
    random = torch.Generator().manual_seed(7)
    for name, module in {
        "plan": ChunkPlan(ChunkBelief(model), contract.interface, ChunkBeam(model, 16, 2)),
        "rollout": ChunkRollout(ChunkBelief(model), contract.interface),
    }.items():
        graph = brain._graphs[name]
        given = {key: torch.rand(spec.shape, generator=random) for key, spec in graph.spec.inputs.items()}
        if name == "plan":
            given |= {"bounds_low": -torch.ones(6, 5), "bounds_high": torch.ones(6, 5)}
            given["goal_position_weights"] = torch.ones(
                1
            )  # to stay costs all futures alike, and ties are decided by bits
        with torch.no_grad():
            wanted = dict(zip(module.outputs, module(*(given[key] for key in module.inputs))))
        found = graph.run({key: value.numpy() for key, value in given.items()})
        for key in found:
            if key != "sigma":  # of a model that is not calibrated
                np.testing.assert_allclose(found[key], wanted[key], atol=2e-4, err_msg=f"{name} {key}")


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_one_macro_step_is_imagined_as_the_module_does(run: Path, contract: Contract, exporter: Exporter):
    model, _, _ = load_chunks(run / "model.pt")
    module = ChunkRollout(ChunkBelief(model), contract.interface)
    example = torch.rand(ChunkBelief(model).size), torch.rand(4, model.chunk_ticks, 5)
    graph = onnx_graph(module, example, exporter).SerializeToString()
    found = ort.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(
        None, {name: value.numpy() for name, value in zip(module.inputs, example)}
    )
    with torch.no_grad():
        for mine, wanted in zip(found, module(*example)):
            np.testing.assert_allclose(mine, wanted, rtol=1e-3, atol=2e-4)


# The exporter that stays takes ten times as long. It has the beam, with all operators of behaviour, in `brain`, and
# icem in test_export.py; here other solvers meet the model.
@pytest.mark.parametrize("solver", ["behaviour", "icem"])
def test_other_solvers_plan_with_the_same_model(run: Path, tmp_path: Path, contract: Contract, solver: str):
    manifest = export(run, tmp_path / "bundle", solver=solver, exporter="torchscript", **PLAN)
    assert getattr(manifest.planner, "solver", "") == solver
    other = Brain(load_bundle(tmp_path / "bundle", contract), contract, "cpu", 1)
    goal = Goal("pose", 0, "cube_0", np.array([0.4, 0.1, 0.02, 0, 0, 0, 1], np.float32))
    session = BrainSession(other, 7)
    for tick in range(4):
        done = session.step(session.inputs(seen(tick), None, goal))
    assert done.decision.chunk is not None
    assert done.decision.chunk.shape == (6, contract.interface.action.size)
    assert np.abs(done.decision.chunk).max() > 0


def test_settings_that_there_are_not_are_refused(run: Path):
    wrong = (
        ({"solver": "none"}, "behaviour"),
        ({"horizon": 3}, "planner"),
        ({"noise": -1}, "noise"),
        ({"samples": 10}, "samples"),
        ({"every": 4}, "every"),
    )
    for planner, field in (*wrong, ({"spread": 0}, "spread"), ({"macro_steps": 30}, "macro_steps")):
        with pytest.raises(UserError, match=field):
            export(run, run / "no", **planner)
        with pytest.raises(UserError, match=field):
            check_planner(run, planner)  # before anything takes long


def test_a_bag_that_is_too_short_for_a_chunk_costs_itself_alone(tmp_path: Path, contract: Contract):
    for number, ticks in enumerate((60, 61, 62, 4)):
        write_free_bag(tmp_path / f"bag_{number}", contract, ticks)
    config = ChunkConfig(steps=2, batch=8, sizes=SIZES, held_out=4)
    told = train(contract, tmp_path, tmp_path / "run", config, workers=1, despite_faults=True)
    assert told["bags"] >= 3


def test_things_that_are_not_alike_are_said_before_bags_are_read(tmp_path: Path, contract: Contract):
    with pytest.raises(UserError, match="alike"):
        train(contract, tmp_path / "none", tmp_path / "run", ChunkConfig(alike=(("cube_0", "effector"),)))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("effector", 0.01, r"tolerances.*effector.*cube_0"), ("cube_0", 0.0, "tolerances: cube_0.*over 0")],
)
def test_a_tolerance_that_makes_no_sense_is_said_before_bags_are_read(
    tmp_path: Path, contract: Contract, name: str, value: float, said: str
):
    with pytest.raises(UserError, match=said):
        train(contract, tmp_path / "none", tmp_path / "run", ChunkConfig(tolerances=((name, value),)))


def test_what_cannot_be_trained_is_said_before_bags_are_read(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
):
    write_free_bag(tmp_path / "bag", contract, 60)
    with pytest.raises(UserError, match="of a model of chunks"):
        train(load_contract("tabletop_arm"), tmp_path, tmp_path / "run", ChunkConfig(steps=1))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="WORLD_SIZE"):
        train(contract, tmp_path, tmp_path / "run", ChunkConfig(steps=1))
    assert not (tmp_path / "run").exists()


def test_a_bag_that_lacks_a_stream_is_named(tmp_path: Path, contract: Contract):
    for number in range(3):
        left_out = ("gripper/opening",) if number == 1 else ()
        write_free_bag(tmp_path / f"bag_{number}", contract, 60 + number, left_out)
    config = ChunkConfig(steps=2, batch=8, sizes=SIZES, held_out=3)
    with pytest.raises(UserError, match=r"opening.*never fresh in 1 of 3"):
        train(contract, tmp_path, tmp_path / "run", config, workers=1, despite_faults=True)


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("value_every", 0), ("batch", -1)])
def test_settings_of_a_training_that_make_no_sense_are_refused(field: str, value: int):
    with pytest.raises(UserError, match=field):
        ChunkConfig(**{field: value})


def test_what_a_state_does_not_hold_is_refused_before_anything_is_trained(contract: Contract):
    with pytest.raises(UserError, match="no fingertip"):
        StateLayout.of(free_contract().interface)
    with pytest.raises(UserError, match="of a model of chunks"):
        StateLayout.of(load_contract("tabletop_arm").interface)
    assert [entry.name for entry in StateLayout.of(contract.interface).things] == ["cube_0"]


def test_a_bundle_is_not_exported_anew(run: Path, brain: Brain, contract: Contract):
    with pytest.raises(UserError, match="folder of its training"):
        export(run / "bundle", run / "anew", contract=contract)


def test_a_robot_with_cameras_has_the_other_kind_of_model():
    assert not isinstance(usual_config(load_contract("tabletop_arm")), ChunkConfig)
