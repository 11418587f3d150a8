"""A long imagination keeps its fingertip where the arm holds it, and its picture of what was moved."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("world_model_ros.sim.scene", reason="mujoco is not installed (extra 'sim')")

from world_model_ros.contract.contract import Contract
from world_model_ros.evaluate.beside import Simulated
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.bundle import load_bundle
from world_model_ros.runtime.steering import Steered, Steering
from world_model_ros.sim.policies import push_step

DARK = np.full((64, 64, 3), 30, np.uint8)


@pytest.fixture
def brain(contract: Contract) -> Brain:
    return Brain(load_bundle(contract.name, contract), contract, "cpu", policy="watch")


@pytest.fixture
def begun(contract: Contract, brain: Brain) -> Steering:
    """At the home of the simulated arm, from a second of looking."""
    simulated = Simulated(contract, brain, 9001)
    try:
        return simulated.steering(brain)
    finally:
        simulated.close()


def test_the_imagined_fingertip_never_comes_away_from_the_commanded_one(begun: Steering, contract: Contract):
    arm = ArmKinematics(contract)
    for tick in range(150):  # fifteen seconds round and round
        angle = 0.15 * tick
        steered = begun.step([0.02 * np.cos(angle), 0.02 * np.sin(angle)])
        commanded = arm.tip(begun.joints)[0]
        assert np.linalg.norm(steered.positions[0] - commanded) < 0.015


def test_coming_frames_are_made_from_an_imagined_one_once_an_object_has_moved_and_not_before(begun: Steering):
    steered = begun.step([0.0, 0.0])
    for _ in range(12):
        steered = begun.step([0.0, 0.0])
        begun.keep(steered, DARK)
    assert table(begun, steered) > 90  # as the real frame has it
    start, goal = steered.positions[1], steered.positions[1][:2] + np.array([0.0, 0.12])
    for _ in range(60):
        tip, item = steered.positions[0, :2].astype(float), steered.positions[1, :2].astype(float)
        steered = begun.step(push_step(tip, item, goal, 0.02))
        begun.keep(steered, DARK)
    assert np.linalg.norm(steered.positions[1] - start) > 0.05
    assert table(begun, steered) < 60


def table(begun: Steering, steered: Steered) -> float:
    """Mean grey of a corner of the decoded frame, where the arm never is."""
    frames = begun.senses(steered.state[None]).frames
    assert frames is not None
    return float(frames[0, -6:, :6].mean())
