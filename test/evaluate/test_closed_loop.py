"""The shipped model in closed loop, on a virtual clock. Seeds are neither training seeds nor those of reports."""

from __future__ import annotations

import pytest

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.evaluate.closed_loop import run_tasks
from world_model_ros.runtime.brain import Brain, Policy
from world_model_ros.runtime.bundle import load_bundle

SEEDS = (7001, 7002)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract("tabletop_arm")


def _brain(contract: Contract, policy: Policy = "model") -> Brain:
    return Brain(load_bundle("tabletop_arm", contract), contract, policy=policy)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fingertip_reaches_a_pose_and_a_picture(contract: Contract, seed: int) -> None:
    for result in run_tasks(contract, _brain(contract), seed, ["pose", "image"]):
        assert result.verdict.reached, f"{result.task}: {result.verdict}"


def test_random_actions_do_not(contract: Contract) -> None:
    assert not run_tasks(contract, _brain(contract, "random"), SEEDS[0], ["pose"])[0].verdict.reached


def test_a_picture_is_not_reached_with_the_camera_unplugged_but_a_pose_is(contract: Contract) -> None:
    pose, image = run_tasks(contract, _brain(contract), SEEDS[0], ["pose", "image"], unplugged=("front",))
    assert pose.verdict.reached
    assert not image.verdict.reached
