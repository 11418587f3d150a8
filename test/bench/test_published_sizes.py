"""Planners of published sizes, and the arithmetic that a module needs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

import torch

from world_model_ros.bench.speed.exported import ExportedModule
from world_model_ros.bench.speed.plan_compared import PlanComparison
from world_model_ros.bench.speed.published_sizes import LeWmSize, TdMpc2Size
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.learning.export.onnx_exporter import EXPORTERS


@pytest.mark.slow
def test_the_search_of_tdmpc2s_size_stays_within_its_bounds() -> None:
    torch.manual_seed(0)
    search = TdMpc2Size(2)
    search.samples, search.guided, search.elites, search.iterations = 40, 24, 8, 2
    drawn = search.samples - search.guided
    with torch.no_grad():
        noise = torch.randn(2, 3, drawn, 2), torch.randn(4, 24, 2)
        actions = search(torch.randn(512).softmax(0), torch.zeros(3, 2), *noise)
    assert actions.shape == (3, 2)
    assert actions.abs().max() <= 1.0


@pytest.mark.slow
def test_the_search_of_lewms_size_has_its_parameters_and_heeds_the_goal() -> None:
    torch.manual_seed(0)
    search = LeWmSize(2)
    predictor = sum(each.numel() for each in (*search.blocks.parameters(), *search.norm.parameters()))
    assert 10e6 < predictor < 11.5e6
    search.samples, search.elites = 30, 6
    code, goal = torch.randn(192), 0.1 * torch.randn(192)
    drawn = torch.zeros(5, 2), torch.ones(5, 2), torch.randn(30, 5, 2)
    with torch.no_grad():
        mean, std = search(code, goal, *drawn)
        other, _ = search(code, -goal, *drawn)
    assert mean.shape == std.shape == (5, 2)
    assert not torch.allclose(mean, other)


@pytest.mark.slow
@pytest.mark.parametrize("bound", [False, True])
def test_a_module_in_onnx_runtime_computes_the_same_and_says_how_much(bound: bool) -> None:
    torch.manual_seed(0)
    module, x = torch.nn.Linear(8, 4), np.ones((3, 8), np.float32)
    exported = ExportedModule(module, {"x": x}, ["y"], bound=bound)
    np.testing.assert_allclose(exported.run()[0], module(torch.from_numpy(x)).detach().numpy(), rtol=1e-5)
    assert exported.products == 2 * 3 * 8 * 4


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS)
def test_it_is_exported_as_bundles_are(exporter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if exporter == "dynamo":
        pytest.importorskip("onnxscript", reason="dynamo needs onnxscript (extra: train)")
    asked: list[str | None] = []

    def chosen(name: str | None) -> str:
        asked.append(name)
        return exporter

    monkeypatch.setattr("world_model_ros.learning.export.onnx_exporter.exporter_named", chosen)
    module, x = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Tanh()), np.ones((3, 8), np.float32)
    exported = ExportedModule(module, {"x": x}, [])
    assert asked == [None]
    np.testing.assert_allclose(exported.run()[0], module(torch.from_numpy(x)).detach().numpy(), rtol=1e-5)


@pytest.mark.slow
def test_the_plan_that_others_are_compared_with_can_be_exported(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `torch.export`, upon which the exporter of bundles is built; that needs no onnxscript."""
    captured: list[object] = []

    def capture(module: torch.nn.Module, inputs: dict[str, np.ndarray], *_: object) -> None:
        example = tuple(torch.from_numpy(value) for value in inputs.values())
        captured.append(torch.export.export(module.eval(), example))

    monkeypatch.setattr("world_model_ros.bench.speed.plan_compared.ExportedModule", capture)
    comparison = PlanComparison(Brain(load_bundle("tabletop_arm", contract), contract, "cpu", 1), "cpu", 1, 1)
    assert not captured  # it is made where it is measured
    _ = comparison._plan
    assert len(captured) == 1
