"""A long imagination keeps its fingertip where the arm holds it, and its picture of what was moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("world_model_ros.sim.scenes.scene", reason="mujoco is not installed (extra 'sim')")

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.imagination.steering import Steered, Steering
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Floats
from world_model_ros.evaluate.imagination.reference_simulator import Simulated
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.collection.policies import push_step

pytestmark = pytest.mark.slow


@pytest.fixture
def brain(contract: Contract) -> Brain:
    return Brain(load_bundle(contract.name, contract), contract, "cpu", policy="watch")


def begin(contract: Contract, brain: Brain) -> Steering:
    """At the home of the simulated arm, from a second of looking."""
    simulated = Simulated(contract, brain, 9001)
    try:
        return simulated.steering(brain)
    finally:
        simulated.close()


@pytest.fixture
def begun(contract: Contract, brain: Brain) -> Steering:
    return begin(contract, brain)


def test_the_imagined_fingertip_never_comes_away_from_the_commanded_one(begun: Steering, contract: Contract):
    arm = ArmKinematics(contract)
    for tick in range(150):  # fifteen seconds round and round
        angle = 0.15 * tick
        steered = begun.step([0.02 * np.cos(angle), 0.02 * np.sin(angle)])
        commanded = arm.tip(begun.joints)[0]
        assert np.linalg.norm(steered.positions[0] - commanded) < 0.015


def test_what_was_pushed_is_pictured_where_it_is_believed_and_what_nobody_touched_where_it_was_seen(
    begun: Steering, contract: Contract, brain: Brain
):
    steered = begun.step([0.0, 0.0])
    start, goal = steered.positions[1], steered.positions[1][:2] + np.array([0.0, 0.12])
    for _ in range(40):
        tip, item = steered.positions[0, :2].astype(float), steered.positions[1, :2].astype(float)
        steered = begun.step(push_step(tip, item, goal, 0.02))
    assert np.linalg.norm(steered.positions[1] - start) > 0.05
    assert np.linalg.norm(read(begun, brain, steered) - steered.positions[1]) < 0.04
    untouched = begin(contract, brain)
    for tick in range(30):  # to and fro, and nothing near
        untouched.step([-0.01 if tick % 20 < 10 else 0.01, 0.0])
    assert np.linalg.norm(read(untouched, brain, steered) - start) < 0.02  # whatever such a belief says


def test_a_touch_counts_where_an_object_was_seen_and_not_where_its_belief_has_drifted_to(begun: Steering):
    steered = begun.step([0.0, 0.0])
    assert steered.ahead.poses is not None
    seen, contact = steered.positions[1].copy(), np.full((1, steered.ahead.poses.shape[1], 1), 2.0, np.float32)
    aside = np.array([0.0, 0.2, 0.0])
    for tip, still in ((seen + aside, 1.0), (seen + 0.25 * aside, 0.0)):
        poses = steered.ahead.poses.copy()
        poses[..., 0, :3], poses[..., 1, :3] = tip, seen + aside  # the belief is 20 cm away
        begun._feel(replace(steered, ahead=replace(steered.ahead, poses=poses, contact=contact)))
        assert begun._still[1] == still


def read(begun: Steering, brain: Brain, steered: Steered) -> Floats:
    """Where the decoded frame shows the object, (3,) m."""
    frames = begun.senses(steered.state[None]).frames
    assert frames is not None
    place: Floats = brain.read(frames[0])[1]
    return place
