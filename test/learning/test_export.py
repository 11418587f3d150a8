"""Bundles that the exporter writes."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from world_model_ros.bench.speed.made_up_senses import observation
from world_model_ros.bench.speed.plan import plan_inputs
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.signatures import signatures
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal
from world_model_ros.learning.export.bundle_writer import examples
from world_model_ros.learning.export.model_export import _modules, _sizes, export, free_sizes, load_checkpoint
from world_model_ros.learning.export.onnx_exporter import EXPORTERS, exporter_named, graph_of, onnx_graph
from world_model_ros.learning.export.restore import plan_config, restored_model
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.train import save
from world_model_ros.planning.planner import PlanConfig

CONFIG = PlanConfig().but(samples=32, iterations=2, horizon=5)  # each tick ahead is the same operators once more
ONNXSCRIPT = importlib.util.find_spec("onnxscript") is not None
pytestmark = pytest.mark.slow

# The exporter that stays takes ten times as long: it has its turn with one of the robots.
CASES = [("tabletop_arm", None), ("unitree_g1", "torchscript"), ("humanoid_upper_body", "torchscript")]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[0])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[WorldModel, Contract, Path]:
    robot, exporter = request.param
    contract = load_contract(robot)
    model = untrained(contract)
    out = tmp_path_factory.mktemp("models") / contract.name
    export(model, contract, out, contract.name, CONFIG, exporter=exporter)
    return model, contract, out


def untrained(contract: Contract) -> WorldModel:
    torch.manual_seed(0)
    model = WorldModel(contract.interface).eval()
    with torch.no_grad():  # as training does: statistics that are equal would be stored as one
        for stream in (each for each in model.streams if each.kind != "camera"):
            encoder = model.vector_encoder(stream.name)
            encoder.mean.uniform_(-0.1, 0.1)
            encoder.scale.uniform_(0.5, 1.5)
        if model.cameras:
            model.decoder.flow.bias.uniform_(-0.1, 0.1)
    return model


def test_an_export_says_which_graph_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = load_contract("unitree_g1")
    export(untrained(contract), contract, tmp_path, "any", CONFIG, exporter="torchscript")
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("writes")]
    graphs = sorted(path.stem for path in tmp_path.glob("*.onnx"))
    count = len(graphs)
    assert [line.rpartition(": ")[0] for line in said] == [f"writes graph {i + 1} of {count}" for i in range(count)]
    assert sorted(line.rpartition(": ")[2] for line in said) == graphs


def test_every_graph_computes_what_the_module_computes(exported: tuple[WorldModel, Contract, Path]) -> None:
    model, contract, out = exported
    kind = json.loads((out / "manifest.json").read_text())["kind"]
    torch.manual_seed(1)
    asked = signatures(contract.interface, load_bundle(out, contract).manifest.sizes, kind)
    for name, module in _modules(model, CONFIG, kind).items():
        example = tuple(examples(name, module, asked[name], free_sizes(model)).values())
        with torch.no_grad():
            expected = module(*example)
        expected = expected if isinstance(expected, tuple) else (expected,)
        session = onnxruntime.InferenceSession(out / f"{name}.onnx", providers=["CPUExecutionProvider"])
        used = {value.name for value in session.get_inputs()}
        feed = {key: value.numpy() for key, value in zip(module.inputs, example) if key in used}
        for key, want, got in zip(module.outputs, expected, session.run(None, feed)):
            scale = float(np.abs(want.numpy()).max()) + 1e-6
            tolerance = 1.0 if want.dtype == torch.uint8 else 1e-4 * scale  # a rounding of one grey level is the same
            assert np.abs(want.numpy().astype(np.float64) - got).max() <= tolerance, f"{name}: {key}"


def test_weights_of_another_version_are_refused_by_name(contract: Contract, tmp_path: Path) -> None:
    path, model = tmp_path / "model.pt", WorldModel(contract.interface)
    save(model, contract, path)
    assert load_checkpoint(path)[1].interface_hash == contract.interface_hash
    model.usual = model.usual[:-1].clone()
    save(model, contract, path)
    with pytest.raises(UserError, match=r"weights: got .*model\.pt.*size mismatch for usual") as raised:
        load_checkpoint(path)
    assert "\n" not in str(raised.value)


def test_weights_are_stored_once(exported: tuple[WorldModel, Contract, Path]) -> None:
    model, _, out = exported
    stored = (out / "weights.bin").stat().st_size
    needed = sum(4 * tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
    assert stored < 1.1 * needed
    assert all(path.stat().st_size < 500_000 for path in out.glob("*.onnx"))


def test_a_bundle_names_the_weights_that_its_module_is_restored_from(
    exported: tuple[WorldModel, Contract, Path],
) -> None:
    model, contract, out = exported
    wanted, found = model.state_dict(), restored_model(load_bundle(out, contract), contract).state_dict()
    for name, tensor in wanted.items():
        if not name.startswith(("seen_head.", "sigma_scale", "sensed", "reader.grid")):
            assert torch.equal(found[name], tensor), name
    if model.targets:
        assert torch.equal(found["sigma_scale"][1:13], wanted["sigma_scale"][1:13])


def test_the_bundle_loads_for_its_contract(exported: tuple[WorldModel, Contract, Path]) -> None:
    _, contract, out = exported
    bundle = load_bundle(out, contract)
    assert bundle.manifest.robot == contract.name
    assert bundle.manifest.kind == ("watch" if contract.deployment.command is None else "act")


def test_an_untrained_bundle_plans_for_every_fingertip_within_bounds(
    exported: tuple[WorldModel, Contract, Path],
) -> None:
    _, contract, out = exported
    tips = [target.name for target in contract.interface.targets if target.kind == "fingertip"]
    if contract.deployment.command is None:
        pytest.skip("it is watched, not commanded")
    brain = Brain(load_bundle(out, contract), contract, "cpu", 1)
    pose, *others = (
        np.array([*np.mean(tip.workspace_m, 1), 0, 0, 0, 1], np.float32) for tip in contract.interface.action.tips
    )
    for target, also in ((tips[0], tips[1:]), ("object_0", tips[1:])):
        goal = Goal("pose", 1, target, pose, also=tuple(map(PoseGoal, also, others)))
        decision, _ = brain.tick(observation(contract, 0), None, None, brain.start(), goal, 0)
        assert decision.chunk is not None
        assert decision.chunk.shape == (CONFIG.horizon, contract.interface.action.size)
        assert np.abs(decision.chunk).max() <= contract.interface.action.bounds[0] + 1e-6
        assert decision.chunk.any(0).all()
        assert decision.trajectory is not None


def test_the_planner_can_be_captured_without_running_it_on_numbers(contract: Contract) -> None:
    """By `torch.export`, upon which the exporter that stays is built; that needs no onnxscript."""
    model = untrained(contract)
    with model.settled(), torch.no_grad():
        module = _modules(model, CONFIG, "act")["plan"].eval()
        asked = signatures(contract.interface, _sizes(model, CONFIG), "act")["plan"]
        example = tuple(examples("plan", module, asked).values())
        captured = torch.export.export(module, example).module()
        for first, second in zip(captured(*example), module(*example)):
            torch.testing.assert_close(first, second)


@pytest.mark.skipif(not ONNXSCRIPT, reason="onnxscript is not installed (extra: train)")
def test_both_exporters_make_the_same_plan_in_the_same_time(contract: Contract) -> None:
    """Chunks within 1e-4, all else within 1e-5 (of what is larger than 1), time within 3 %."""
    bundle = load_bundle("tabletop_arm", contract)
    brain, model, config = Brain(bundle, contract, "cpu", 1), restored_model(bundle, contract), plan_config(bundle)
    options, sessions = onnxruntime.SessionOptions(), {}
    options.intra_op_num_threads = 1
    with model.settled():
        module = _modules(model, config, "act")["plan"]
        asked = signatures(contract.interface, bundle.manifest.sizes, "act")["plan"]
        example = tuple(examples("plan", module, asked).values())
        for exporter in EXPORTERS:
            graph = onnx_graph(module, example, exporter).SerializeToString()
            sessions[exporter] = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    used = {name: {each.name for each in session.get_inputs()} for name, session in sessions.items()}
    assert used["dynamo"] == used["torchscript"]
    for seed in range(6):
        given = {name: value for name, value in plan_inputs(brain, seed).items() if name in used["dynamo"]}
        one, two = (session.run(module.outputs, given) for session in sessions.values())
        for name, first, second in zip(module.outputs, one, two):
            within = (1e-4 if name == "chunk" else 1e-5) * max(1.0, float(np.abs(first).max()))
            assert np.abs(first - second).max() <= within, f"{name}, seed {seed}"
    # The quickest of many, by turns, is the graph's; what a busy machine adds goes away with more of them.
    best, rounds, deadline = dict.fromkeys(EXPORTERS, float("inf")), 0, time.monotonic() + 60.0
    while rounds < 10 or best["dynamo"] > 1.03 * best["torchscript"]:
        assert time.monotonic() < deadline, best
        rounds += 1
        for name, session in sessions.items():
            for _ in range(20):
                begin = time.perf_counter()
                session.run(None, given)
                best[name] = min(best[name], time.perf_counter() - begin)


@pytest.mark.skipif(not ONNXSCRIPT, reason="onnxscript is not installed (extra: train)")
def test_the_default_is_the_exporter_that_stays_and_its_graphs_say_nothing_of_this_machine(
    exported: tuple[WorldModel, Contract, Path],
) -> None:
    _, contract, out = exported
    if contract.name != CASES[0][0]:
        pytest.skip("exported by the other one")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["provenance"]["exporter"] == exporter_named(None) == "dynamo"
    here = str(Path(__file__).parents[2]).encode()
    for path in out.glob("*.onnx"):
        assert here not in path.read_bytes()
        kinds = {node.op_type for node in onnx.load(str(path), load_external_data=False).graph.node}
        assert not kinds & {"If", "Loop", "Scan"}  # CUDA graphs and buffers that stay on a GPU want none


def test_an_exporter_that_there_is_not_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"exporter: got 'magic'.*dynamo.*torchscript"):
        exporter_named("magic")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert exporter_named(None) == "torchscript"
    with pytest.raises(UserError, match="onnxscript"):
        exporter_named("dynamo")


class Constant(torch.nn.Module):
    """Has an output that depends on nothing, as the spread of a model that is equally sure of everything."""

    def forward(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return given + 1.0, torch.full((2, 3), 0.01)


@pytest.mark.skipif(not ONNXSCRIPT, reason="onnxscript is not installed")
def test_nothing_is_said_of_an_output_that_is_a_constant(caplog: pytest.LogCaptureFixture) -> None:
    graph = graph_of(Constant(), (torch.zeros(2),), "dynamo", ["given"], ["more", "sigma"])
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    more, sigma = session.run(None, {"given": np.zeros(2, np.float32)})
    assert (more == 1.0).all()
    assert sigma == pytest.approx(np.full((2, 3), 0.01))
    assert [record.getMessage() for record in caplog.records if record.name.startswith("onnx_ir")] == []
