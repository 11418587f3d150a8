"""An arm with a tracker: from its bags to a model that plans by chunks, and to a brain that moves its joints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tracked_robot import PLACE, tracked, tracked_text, write_tracked_bag

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.learning.behaviour.chunk_belief import ChunkBelief
from world_model_ros.learning.behaviour.chunk_graphs import ChunkPlan
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.chunk_run import goals_of, load_chunks, play_of, tolerances
from world_model_ros.learning.behaviour.chunk_training import ChunkConfig
from world_model_ros.learning.behaviour.play_data import GoalMix
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.data.cache import open_cache
from world_model_ros.learning.export.publish import export
from world_model_ros.learning.training.train_on_bags import train, usual_config
from world_model_ros.planning.chunk_beam import ChunkBeam

pytestmark = pytest.mark.slow
SIZES = ChunkSizes(chunk=3, behaviour=32, dynamics=32, distance=32)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return tracked()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    folder = tmp_path_factory.mktemp("play")
    for number in range(4):
        write_tracked_bag(folder / f"bag_{number}", contract, 6.0, shift=1.7 * number)
    assert isinstance(usual_config(contract), ChunkConfig)
    config = ChunkConfig(steps=150, batch=32, rate=3e-3, sizes=SIZES, held_out=4)
    assert train(contract, folder, folder / "run", config, workers=1, despite_faults=True)["bags"] == 4
    return folder / "run"


@pytest.fixture(scope="module")
def brain(run: Path, contract: Contract) -> Brain:
    manifest = export(run, run / "bundle", samples=16, macro_steps=2, every=2, exporter="torchscript")  # sooner done
    assert manifest.kind == "act"
    return Brain(load_bundle(run / "bundle", contract), contract, "cpu", 1)


def seen(contract: Contract, tick: int) -> Observation:
    joints = np.zeros((len(contract.joint_names), 2), np.float32)
    joints[:, 0] = contract.rest
    values = {"arm": joints, "object_0": np.array([*PLACE, 0, 0, 0, 1], np.float32)}
    return Observation(tick * contract.tick_ns, values, dict.fromkeys(values, 0), dict.fromkeys(values, True))


def pose_goal(target: str, place: np.ndarray) -> Goal:
    return Goal("pose", 1, target, np.array([*place, 0, 0, 0, 1], np.float32))


def test_a_brain_moves_joints_towards_goals_for_the_object_and_for_its_fingertip(brain: Brain, contract: Contract):
    motion = motion_for(contract)
    assert isinstance(motion, ArmKinematics)
    tip = motion.tips(contract.rest)[0]
    assert brain.bundle.manifest.goals == {"fingertip": ("position",), "object_0": ("position",)}
    left = np.array([0.0, -0.1, 0.0])
    for goal in (pose_goal("object_0", PLACE + left), pose_goal("fingertip", tip - left)):
        session = BrainSession(brain, 3)
        for tick in range(3):
            decision = session.step(session.inputs(seen(contract, tick), contract.rest, goal)).decision
            assert decision.status == "pursuing"
            assert decision.belief_poses is not None
            np.testing.assert_allclose(decision.belief_poses[0, :3], tip, atol=1e-5)
            np.testing.assert_allclose(decision.belief_poses[1, :3], PLACE, atol=1e-5)
            assert decision.trajectory is not None
            assert decision.chunk is not None
            assert np.abs(decision.chunk).max() <= 0.03 + 1e-6
            assert decision.poses is not None
            assert decision.poses.shape == (6, 2, 7)
            assert decision.joints is None
            assert decision.plan == (None if tick % 2 else "plan")


def test_nothing_looks_on_that_a_hand_which_gets_nowhere_could_be_in_the_way_of(brain: Brain, contract: Contract):
    session, goal = BrainSession(brain, 3), pose_goal("object_0", PLACE + np.array([0.0, -0.1, 0.0]))
    said = set()
    for tick in range(30):
        inputs = session.inputs(seen(contract, tick), contract.rest, goal)
        said.add(session.step(inputs).decision.status)
    assert said == {"pursuing"}


def test_imagined_fingertips_go_where_the_bags_say_that_actions_lead(run: Path):
    scores = json.loads((run / "train.json").read_text(encoding="utf-8"))["scores"]
    assert scores["fingertip_chunk_moved"] < 0.01  # of about 0.02 in three ticks
    assert "object_0_chunk_moved" not in scores


def test_a_goal_that_hardly_counts_leaves_the_hand_free_and_the_object_where_it_is(run: Path, contract: Contract):
    model, _, _ = load_chunks(run / "model.pt")
    plan = ChunkPlan(ChunkBelief(model), contract.interface, ChunkBeam(model, 16, 2))
    memory = torch.arange(2.0 * model.layout.size)

    def goals(*weights: float) -> torch.Tensor:
        poses = torch.full((2, 7), 7.0)
        return plan._goals({"goal_poses": poses, "goal_position_weights": torch.tensor(weights)}, memory)

    hand, cube = (memory[model.layout.place(entry)] for entry in model.layout.things)
    wanted, counts = goals(0.1, 1.0).chunk(2)
    torch.testing.assert_close(wanted, torch.cat([hand, torch.full((3,), 7.0)]))
    assert counts.tolist() == [0, 0, 0, 1, 1, 1]
    wanted, counts = goals(1.0, 0.0).chunk(2)
    torch.testing.assert_close(wanted, torch.cat([torch.full((3,), 7.0), cube]))
    assert counts.tolist() == [1, 1, 1, 1, 1, 1]


def test_goals_of_hands_count_half_of_the_time_in_training(run: Path, contract: Contract):
    _, reader, _ = load_chunks(run / "model.pt")
    play = play_of(reader, open_cache(contract, run / "cache", 4))
    at = play.starts(torch.arange(4), 3)
    counts = play.goals(at, GoalMix(0.1, 0.1, 10.0), torch.Generator().manual_seed(0)).chunk(2, -1)[1]
    assert 0.3 < counts[:, 0].mean() < 0.7
    assert torch.equal(counts[:, :1].expand(-1, 3), counts[:, :3])
    assert (counts[:, 3:] == 1).all()


def test_a_plan_reads_yaws_where_goals_may_ask_for_them(contract: Contract):
    layout = StateLayout.of(contract.interface, yaw_goals=True)
    assert [entry.name for entry in layout.entries if entry.yaw_goals] == ["object_0"]
    model = ChunkModel(layout, 2, SIZES)
    plan = ChunkPlan(ChunkBelief(model), contract.interface, ChunkBeam(model, 16, 2))
    assert "goal_rotation_weights" in plan.inputs
    memory, half = torch.arange(2.0 * layout.size), 0.3 / 2
    poses = torch.tensor([[0.0] * 7, [7.0, 7.0, 7.0, 0.0, 0.0, np.sin(half), np.cos(half)]], dtype=torch.float32)
    given = {"goal_poses": poses, "goal_position_weights": torch.tensor([0.0, 1.0])}
    turn = memory[layout.columns(layout.things[1])][3:]
    for weight, asked, expected in ((0.0, 0.0, turn), (1.0, 1.0, torch.tensor([np.cos(0.3), np.sin(0.3)]))):
        goal = plan._goals(given | {"goal_rotation_weights": torch.tensor([0.0, weight])}, memory)
        wanted, counts = goal.chunk(2)
        np.testing.assert_allclose(wanted[6:], expected, atol=1e-6)
        assert counts.tolist() == [0, 0, 0, 1, 1, 1, asked, asked]


def test_a_fingertip_has_to_come_nearer_to_its_goal_than_an_object(contract: Contract):
    layout = StateLayout.of(contract.interface, yaw_goals=True)
    parts = [(entry.name, yaw) for entry, _, yaw in layout.goal_parts()]
    usual = dict(zip(parts, tolerances(contract.interface, layout, ChunkConfig()).tolist()))
    assert usual == pytest.approx(
        {("fingertip", False): 0.01, ("object_0", False): 0.02, ("object_0", True): 0.1499}, abs=1e-4
    )
    own = ChunkConfig(tolerances=(("object_0", 0.015),))
    found = dict(zip(parts, tolerances(contract.interface, layout, own).tolist()))
    assert found == pytest.approx(usual | {("object_0", False): 0.015}, abs=1e-6)


def test_yaws_that_no_target_has_cannot_be_asked_for():
    data = tracked_text()
    for target in data["interface"]["targets"]:
        target.pop("orientation", None)
    with pytest.raises(UserError, match="one at least whose orientation is yaw"):
        StateLayout.of(contract_from_text(yaml.safe_dump(data)).interface, yaw_goals=True)


def test_orientations_are_taken_of_those_targets_alone_whose_yaw_was_trained():
    data = tracked_text()
    other = {"kind": "pose", "name": "cup", "frame": "base_link", "rate_hz": 50.0}
    data["interface"]["streams"].append(other)
    data["interface"]["targets"].append({"name": "cup", "kind": "object", "orientation": "full"})
    data["interface"]["labels"].append({"name": "cup", "target": "cup"})
    source = {"name": "cup", "topic": "cup/pose", "type": "geometry_msgs/msg/PoseStamped"}
    data["deployment"]["streams"].append(source | {"max_age_s": 0.2})
    data["deployment"]["labels"].append(source)
    interface = contract_from_text(yaml.safe_dump(data)).interface
    taken = goals_of(interface, StateLayout.of(interface, yaw_goals=True))
    assert taken == {"fingertip": ["position"], "object_0": ["position", "orientation"], "cup": ["position"]}
