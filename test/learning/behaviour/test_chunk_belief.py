"""What a model of chunks believes of things that are reported now, were a while ago, or never."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml
from free_robot import TICK_NS, free_contract

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.signatures import UNKNOWN
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.goals.goal import Goal, ValueGoal
from world_model_ros.core.streams import Observation
from world_model_ros.learning.behaviour.chunk_belief import SEEN, ChunkBelief
from world_model_ros.learning.behaviour.chunk_calibration import calibrated_belief
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.chunk_run import BeamConfig, export_chunks
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.behaviour.state.state_reader import StateReader
from world_model_ros.view.outlook import outlook_of
from world_model_ros.view.pictures.strip import Badge

SIZES = ChunkSizes(chunk=2, flow=1, behaviour=16, dynamics=16, distance=16)
CUBE = np.array([0.45, 0.1, 0.02, 0, 0, 0, 1], np.float32)
MEAN_M = (0.4, 0.05, 0.1)


@pytest.fixture(scope="module")
def contract() -> Contract:
    """A cube and a drawer, both reported by streams."""
    told = yaml.safe_load(free_contract(drawer=True).text)
    interface, deployment = told["interface"], told["deployment"]
    for part in (interface["targets"], interface["labels"], deployment["labels"]):
        del part[0]
    interface["streams"].append({"kind": "value", "name": "drawer", "rate_hz": 20.0})
    source = {"name": "drawer", "topic": "drawer/opening", "type": "std_msgs/msg/Float32", "max_age_s": 0.12}
    deployment["streams"].append(source)
    return contract_from_text(yaml.safe_dump(told))


@pytest.fixture(scope="module")
def model(contract: Contract) -> ChunkModel:
    """One that has learned nothing but where the cube usually is."""
    torch.manual_seed(2)
    model = ChunkModel(StateLayout.of(contract.interface), contract.interface.action.size, SIZES).eval()
    begin = model.layout.columns(model.layout.things[0]).start
    model.mean[begin : begin + 3] = torch.tensor(MEAN_M)
    model.change_scale.fill_(0.001)
    return model


@pytest.fixture(scope="module")
def brain(model: ChunkModel, contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Brain:
    folder = tmp_path_factory.mktemp("models") / "untrained"
    beam = BeamConfig(samples=12, macro_steps=2, every=1)
    export_chunks(
        ChunkBelief(model), StateReader(contract), contract, folder, "untrained", beam, exporter="torchscript"
    )
    return Brain(load_bundle(folder, contract), contract, "cpu", 1)


def seen(tick: int, lost: tuple[str, ...] = ()) -> Observation:
    values = {
        "effector": np.array([0.3, 0, 0.2, 0, 0, 0, 1], np.float32),
        "opening": np.zeros(1, np.float32),
        "contact": np.zeros(1, np.float32),
        "cube_0": CUBE,
        "drawer": np.array([0.1], np.float32),
    }
    fresh = {name: name not in lost for name in values}
    return Observation(tick * TICK_NS, {n: v for n, v in values.items() if fresh[n]}, dict.fromkeys(values, 0), fresh)


def decisions(brain: Brain, lost: list[tuple[str, ...]], goal: Goal | None) -> list:
    session = BrainSession(brain, 0)
    return [
        session.step(session.inputs(seen(tick, away), None, goal, applied=np.zeros(5, np.float32))).decision
        for tick, away in enumerate(lost)
    ]


def cube_goal(*also: ValueGoal) -> Goal:
    return Goal("pose", 1, "cube_0", CUBE + np.array([0, 0.1, 0, 0, 0, 0, 0], np.float32), also=also)


def test_nothing_is_known_of_what_was_never_seen(brain: Brain):
    for one in decisions(brain, [("cube_0",)] * 3, None):
        assert (one.belief_sigma[0] >= UNKNOWN).all()
        assert (one.sigma[:, 0] >= UNKNOWN).all()
        assert (one.belief_sigma[1] < 0.01).all()
        np.testing.assert_allclose(one.belief_poses[0, :3], MEAN_M, atol=1e-6)
        assert (one.unknown(0), one.unknown(1)) == (True, False)


def test_what_is_nowhere_is_not_drawn(brain: Brain, contract: Contract):
    """Neither a thing that was never seen, nor one that is no place but a number."""
    for lost, ways in ((("cube_0",), set()), ((), {"cube_0"})):
        observation = seen(0, lost)
        decision = brain.tick(observation, None, None, brain.start(), None, 0)[0]
        assert set(outlook_of(contract, 2.5, observation, decision, None, Badge()).ways) == ways


def test_a_goal_for_what_was_never_seen_waits_and_others_go_on(brain: Brain):
    lost = [("cube_0",), ("cube_0",), (), ("cube_0",)]
    for goal in (cube_goal(), Goal("value", 1, "drawer", value=0.2, also=cube_goal().poses)):
        found = decisions(brain, lost, goal)
        assert [each.status for each in found] == ["never seen: cube_0"] * 2 + ["pursuing"] * 2
        assert [each.action is None for each in found] == [True, True, False, False]
    both = decisions(brain, [("cube_0", "drawer")], cube_goal(ValueGoal("drawer", 0.2)))
    assert both[0].status == "never seen: cube_0, drawer"
    assert [each.status for each in decisions(brain, lost, Goal("value", 1, "drawer", value=0.2))] == ["pursuing"] * 4


def test_the_first_sight_of_a_thing_is_neither_a_surprise_nor_a_motion(brain: Brain, model: ChunkModel):
    session = BrainSession(brain, 0)
    for tick in range(3):
        inputs = session.inputs(seen(tick, ("cube_0",)), None, applied=np.zeros(5, np.float32))
        usual = session.step(inputs).decision.surprise
    first = session.step(session.inputs(seen(3), None, applied=np.zeros(5, np.float32)))
    assert first.decision.surprise == pytest.approx(usual, abs=0.02)
    part = model.layout.columns(model.layout.things[0])
    now, before = first.memory.belief[: 2 * model.layout.size].reshape(2, -1)[:, part]
    np.testing.assert_array_equal(now, before)


def test_what_is_not_seen_for_a_while_is_known_worse_and_worse(brain: Brain):
    found = decisions(brain, [(), *[("cube_0",)] * 4, ()], None)
    sigma = np.array([each.belief_sigma[0, 0] for each in found])
    assert (np.diff(sigma[:5]) > 0).all()
    assert sigma[[0, 5]] == pytest.approx(SEEN)
    assert sigma.max() < UNKNOWN
    ahead = np.array([each.sigma[0, 0, 0] for each in found])
    assert (ahead[1:5] > sigma[1:5] - SEEN).all()
    assert ahead[4] > ahead[0]
    assert all(each.belief_sigma[1, 0] == pytest.approx(SEEN) for each in found)


def test_how_badly_it_is_known_fits_what_then_comes(model: ChunkModel):
    """Of walks that all begin at the same place, half tells how far they go and half is held against it."""
    generator = torch.Generator().manual_seed(5)
    walks = torch.cumsum(0.01 * torch.randn(80, 40, model.layout.size, generator=generator), 1)
    play = Play(model.layout, walks.flatten(0, 1), torch.zeros(3200, 5), torch.arange(0, 3201, 40))
    belief, told = calibrated_belief(model, play, torch.arange(80), 8)
    assert belief.unseen.shape == (8, len(model.layout.entries))
    for held in told["held_unseen"].values():
        assert len(held) == 8
        assert all(0.75 < share < 0.99 for share in held)
