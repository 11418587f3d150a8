"""What was foreseen some ticks ago is compared with what came."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from world_model_ros.contract.contract import Contract
from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.export.graph_modules import Perceive
from world_model_ros.learning.model.filtering import filter_states
from world_model_ros.learning.model.surprise import LOOK_BACK, Ticks, shortfall, signals, surprise
from world_model_ros.learning.model.world_model import WorldModel

WINDOWS, LENGTH = 2, 10


@pytest.fixture(scope="module")
def model(contract: Contract) -> WorldModel:
    torch.manual_seed(3)
    model = WorldModel(contract.interface).eval().requires_grad_(False)
    model.usual[:-1] = 1e6  # only what was foreseen tells
    return model


@pytest.fixture(scope="module")
def values(model: WorldModel) -> dict[str, Tensor]:
    """Senses (windows * ticks, ...), of noise."""
    random, count = np.random.default_rng(1), WINDOWS * LENGTH
    drawn = {}
    for stream in model.streams:
        shape = [count, *stream.shape]
        if stream.kind == "camera":
            drawn[stream.name] = torch.from_numpy(random.integers(0, 255, shape, np.uint8))
        else:
            drawn[stream.name] = torch.from_numpy(random.normal(size=shape).astype(np.float32))
    return drawn


@pytest.fixture(scope="module")
def batch(model: WorldModel, values: dict[str, Tensor]) -> Batch:
    features = {name: each.unflatten(0, (WINDOWS, LENGTH)) for name, each in model.features(values).items()}
    fresh = torch.ones(WINDOWS, LENGTH, len(model.streams))
    generator = torch.Generator().manual_seed(2)
    applied = torch.randn(WINDOWS, LENGTH, len(model.action_scale), generator=generator) * model.action_scale
    return Batch(features, fresh, fresh, applied, torch.zeros(WINDOWS, LENGTH, model.targets, 3), None)


def test_a_tick_is_compared_with_the_belief_before_under_the_actions_since(model: WorldModel, batch: Batch) -> None:
    ticks = Ticks.settled(model, batch)
    _, posteriors = filter_states(model, batch)
    late = LENGTH - LOOK_BACK
    for window in range(WINDOWS):
        for tick in range(LOOK_BACK, LENGTH):
            i = window * late + tick - LOOK_BACK
            assert torch.equal(ticks.before[i], posteriors[window, tick - LOOK_BACK])
            assert torch.equal(ticks.since[i], batch.applied[window, tick - LOOK_BACK + 1 : tick + 1])
            assert torch.equal(ticks.posterior[i], posteriors[window, tick])


def test_only_what_moved_less_than_foreseen_falls_short(model: WorldModel, batch: Batch) -> None:
    ticks = Ticks.settled(model, batch)
    came = ticks.before
    for tick in range(LOOK_BACK):
        came = model.step(came, ticks.since[:, tick])
    cube = [target.name for target in model.interface.targets].index("object_0")
    way = (model.positions(came) - model.positions(ticks.before)) / model.sigma(came, LOOK_BACK)
    assert way[:, cube].norm(dim=-1).min() > 1e-2
    assert shortfall(model, ticks.before, ticks.since, came).max() < 1e-3
    stayed = shortfall(model, ticks.before, ticks.since, ticks.before)
    assert torch.allclose(stayed, way[:, cube].norm(dim=-1), rtol=1e-4)
    assert not shortfall(model, torch.zeros_like(came), ticks.since, ticks.before).any()
    beyond_it = ticks.before + 100.0 * (came - ticks.before)  # far beyond
    beyond = (model.positions(beyond_it) - model.positions(ticks.before)) / model.sigma(came, LOOK_BACK)
    further = beyond[:, cube].norm(dim=-1) > way[:, cube].norm(dim=-1)
    assert further.any()
    assert not shortfall(model, ticks.before, ticks.since, beyond_it)[further].any()


def test_the_graph_finds_tick_by_tick_what_windows_find(
    model: WorldModel, batch: Batch, values: dict[str, Tensor]
) -> None:
    ticks = Ticks.settled(model, batch)
    wanted = surprise(model, ticks)
    assert torch.allclose(wanted, signals(model, ticks)[:, -1], rtol=1e-5)
    _, posteriors = filter_states(model, batch)
    graph, tick = Perceive(model), LENGTH - 1
    given = {name: each[tick] for name, each in values.items()}  # of the first window
    given |= {"fresh": torch.ones(len(model.streams)), "applied": batch.applied[0, tick]}
    given |= {"memory": posteriors[0, tick - 1], "reset": torch.zeros(1), "before": posteriors[0, tick - LOOK_BACK]}
    given["since"] = batch.applied[0, tick - LOOK_BACK + 1 : tick]
    found = dict(zip(graph.outputs, graph(*(given[name] for name in graph.inputs))))
    index = graph.outputs.index("surprise")
    assert torch.allclose(found["memory_next"], posteriors[0, tick], rtol=1e-3, atol=1e-4)
    assert found["surprise"].item() == pytest.approx(wanted[LENGTH - LOOK_BACK - 1].item(), rel=1e-2)
    assert wanted[LENGTH - LOOK_BACK - 1] > 1e-3
    other = given | {"since": -given["since"]}
    assert graph(*(other[name] for name in graph.inputs))[index] != found["surprise"]


def test_after_a_reset_nothing_before_it_counts(model: WorldModel, values: dict[str, Tensor]) -> None:
    graph, generator = Perceive(model), torch.Generator().manual_seed(4)
    index = graph.outputs.index("surprise")
    senses = {name: each[0] for name, each in values.items()} | {"fresh": torch.ones(len(model.streams))}
    nothing = {name: torch.zeros(n) for name, n in (("memory", model.state_size), ("before", model.state_size))}
    nothing |= {"applied": torch.zeros(2), "since": torch.zeros(LOOK_BACK - 1, 2)}
    past = {name: 3.0 * torch.randn(each.shape, generator=generator) for name, each in nothing.items()}

    def told(*given: dict[str, Tensor], reset: float) -> float:
        each = senses | nothing | {"reset": torch.tensor([reset])}
        for more in given:
            each |= more
        return float(graph(*(each[name] for name in graph.inputs))[index])

    assert told(past, reset=0.0) > 1.1 * told(reset=0.0)
    assert told(past, reset=1.0) == pytest.approx(told(reset=0.0), rel=1e-5)
