"""The PyTorch module of a bundle computes what the bundle computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

import torch

from world_model_ros.bench.speed.plan import plan_inputs
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.session import Graph
from world_model_ros.contract.contract import Contract
from world_model_ros.learning.export.graph_modules import Plan
from world_model_ros.learning.export.publish import republish
from world_model_ros.learning.export.restore import plan_config, restored_model
from world_model_ros.planning.objective import Futures, Goals, Objective


@pytest.mark.slow
def test_the_shipped_planner_chooses_the_same_chunk_in_onnx_runtime_and_in_pytorch(contract: Contract) -> None:
    bundle = load_bundle("tabletop_arm", contract)
    graph, brain = Graph(bundle, "plan"), Brain(bundle, contract, "cpu", 1)
    module = Plan(restored_model(bundle, contract), plan_config(bundle))
    for seed in range(6):
        given = plan_inputs(brain, seed)
        there = graph.run(given)
        with torch.no_grad():
            here = dict(zip(module.outputs, module(*(torch.from_numpy(given[name]) for name in module.inputs))))
        for name, value in there.items():
            scale = float(np.abs(value).max()) + 1e-6
            assert np.abs(value - here[name].numpy()).max() <= 1e-4 * scale, f"{name}, seed {seed}"


@pytest.mark.slow
def test_a_bundle_exported_anew_computes_what_it_did_and_plans_as_it_is_told(
    contract: Contract, tmp_path: Path
) -> None:
    bundle = load_bundle("tabletop_arm", contract)
    republish(bundle, contract, tmp_path, "anew", {"samples": 24}, "torchscript")  # sooner done
    anew = load_bundle(tmp_path, contract)
    assert anew.manifest.planner is not None
    assert anew.manifest.planner.search["samples"] == anew.manifest.sizes.candidates == 24
    assert anew.manifest.calibration == bundle.manifest.calibration
    random = np.random.default_rng(0)
    for name in sorted(set(bundle.manifest.graphs) - {"plan"}):
        before, after = Graph(bundle, name), Graph(anew, name)
        given = {
            key: random.integers(0, 255, value.shape).astype(value.dtype)
            if value.dtype == np.uint8
            else random.uniform(0.0, 0.03, value.shape).astype(value.dtype)
            for key, value in before.neutral().items()
        }
        for key, value in before.run(given).items():
            scale = float(np.abs(value).max()) + 1e-6
            assert np.abs(value - after.run(given)[key]).max() <= 1e-4 * scale, f"{name}: {key}"


@pytest.mark.slow
def test_another_solver_and_another_objective_are_exported_and_plan_within_the_bounds(
    contract: Contract, tmp_path: Path
) -> None:
    bundle = load_bundle("tabletop_arm", contract)
    told = {"solver": "mppi", "objective": f"{__name__}:Stillness"}
    manifest = republish(bundle, contract, tmp_path, "still", told, "torchscript")
    assert manifest.planner is not None
    assert (manifest.planner.solver, manifest.planner.objective) == ("mppi", f"{__name__}:Stillness")
    assert plan_config(load_bundle(tmp_path, contract)).search.temperature == 0.1
    still = load_bundle(tmp_path, contract)
    given = plan_inputs(Brain(still, contract, "cpu", 1))
    given["warm"] = np.zeros_like(given["warm"])
    plan = Graph(still, "plan").run(given)
    assert np.abs(plan["chunk"]).max() == plan["cost"][0] == 0.0  # it would rather do nothing than go to the goal


class Stillness(Objective):
    """Every metre of motion costs."""

    def forward(self, futures: Futures, goals: Goals) -> torch.Tensor:
        return futures.actions.abs().sum((1, 2))
