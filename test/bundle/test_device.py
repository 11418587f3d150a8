"""Buffers that stay on a device: tested on the CPU, where binding is the same but for the place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bench.speed.made_up_senses import observation
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.device import DeviceRun, Resident
from world_model_ros.bundle.provider import available_providers
from world_model_ros.bundle.session import Graph
from world_model_ros.contract.contract import Contract


@pytest.fixture
def graphs(contract: Contract, toy_bundle: Path) -> tuple[Graph, Graph]:
    """Perceive as it is, and with buffers on a device."""
    bundle = load_bundle(toy_bundle, contract)
    return Graph(bundle, "perceive"), Graph(bundle, "perceive", resident=Resident())


def _inputs(graph: Graph, seed: int, memory: np.ndarray) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    applied = random.standard_normal(2).astype(np.float32)
    return graph.neutral() | {"memory": memory, "applied": applied, "fresh": np.ones(5, np.float32)}


def test_a_belief_goes_from_run_to_run_on_the_device_and_is_the_same(graphs: tuple[Graph, Graph]) -> None:
    plain, bound = graphs
    here = there = np.zeros(8, np.float32)
    for seed in range(5):
        here = plain.run(_inputs(plain, seed, here))["memory_next"]
        there = bound.run(_inputs(bound, seed, there))["memory_next"]
        np.testing.assert_array_equal(here, there)
    assert len(bound._bound._bindings) == 3  # from the host, and each buffer from the other one


def test_an_old_belief_and_a_belief_from_elsewhere_are_read_rightly(graphs: tuple[Graph, Graph]) -> None:
    plain, bound = graphs
    beliefs = [np.zeros(8, np.float32)]
    for seed in range(4):
        beliefs.append(bound.run(_inputs(bound, seed, beliefs[-1]))["memory_next"])
    for belief in (*beliefs, beliefs[2].copy(), *reversed(beliefs)):
        want = plain.run(_inputs(plain, 9, np.array(belief)))["memory_next"]
        np.testing.assert_array_equal(bound.run(_inputs(bound, 9, belief))["memory_next"], want)


def test_an_array_that_was_changed_in_place_is_copied_again(graphs: tuple[Graph, Graph]) -> None:
    _, bound = graphs
    memory = np.zeros(8, np.float32)
    first = bound.run(_inputs(bound, 0, memory))["memory_next"]
    memory[:2] = 1.0
    second = bound.run(_inputs(bound, 0, memory))["memory_next"]
    np.testing.assert_allclose(second[:2], first[:2] + 1.0)


def test_what_is_handed_out_stays_as_it_was(graphs: tuple[Graph, Graph]) -> None:
    _, bound = graphs
    first = bound.run(_inputs(bound, 0, np.zeros(8, np.float32)))
    kept = {name: value.copy() for name, value in first.items()}
    bound.run(_inputs(bound, 1, first["memory_next"]))
    for name, value in kept.items():
        np.testing.assert_array_equal(first[name], value)
        assert not first[name].flags.writeable


@pytest.mark.skipif("cuda" not in available_providers(), reason="onnxruntime is installed without CUDA")
@pytest.mark.parametrize("provider", ["cuda", "cuda:graph"])
def test_a_gpu_decides_as_the_cpu_does(contract: Contract, provider: str) -> None:
    bundle = load_bundle("tabletop_arm", contract)
    here, there = Brain(bundle, contract, "cpu"), Brain(bundle, contract, provider)
    memories = [here.start(), there.start()]
    for tick in range(12):
        senses = observation(contract, tick * contract.tick_ns, tick)
        outcomes = [
            brain.tick(senses, None, None, memory, None, tick) for brain, memory in zip((here, there), memories)
        ]
        memories = [memory for _, memory in outcomes]
        (one, _), (other, _) = outcomes
        for name in ("chunk", "states", "poses", "sigma", "joints"):
            want, got = getattr(one, name), getattr(other, name)
            assert np.abs(want - got).max() <= 1e-3 * np.abs(want).max() + 1e-6, f"{name}, tick {tick}"


def test_a_run_binds_no_input_that_its_graph_does_not_read(graphs: tuple[Graph, Graph]) -> None:
    _, bound = graphs
    assert isinstance(bound._bound, DeviceRun)
    assert set(bound._bound._inputs) == {each.name for each in bound._session.get_inputs()}
