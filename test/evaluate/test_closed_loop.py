"""The shipped model in closed loop, on a virtual clock. Seeds are neither training seeds nor those of reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from world_model_ros.brain.brain import Brain, Policy
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.goals.goal import Goal
from world_model_ros.evaluate.tasks.closed_loop import Blackout, ClosedLoop, TaskResult
from world_model_ros.evaluate.tasks.success import Conditions, run_episodes, task_scores
from world_model_ros.evaluate.tasks.task import TaskKind

pytestmark = pytest.mark.slow

SEEDS = (7001, 7002)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract("tabletop_arm")


def _brain(contract: Contract, policy: Policy = "model") -> Brain:
    return Brain(load_bundle("tabletop_arm", contract), contract, policy=policy)


def _run_tasks(
    contract: Contract, brain: Brain, seed: int, kinds: Sequence[TaskKind], unplugged: tuple[str, ...] = ()
) -> list[TaskResult]:
    """All kinds of tasks one after the other in the scene of a seed."""
    loop = ClosedLoop(contract, brain, seed, unplugged)
    try:
        return [loop.run(kind) for kind in kinds]
    finally:
        loop.rig.robot.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fingertip_reaches_a_pose_and_a_picture(contract: Contract, seed: int) -> None:
    for result in _run_tasks(contract, _brain(contract), seed, ["pose", "image"]):
        assert result.verdict.reached, f"{result.task}: {result.verdict}"
        assert 0.1 < result.jerk_m_s3 < 100.0


def test_at_twice_the_rate_it_reaches_them_too(contract: Contract) -> None:
    loop = ClosedLoop(contract, _brain(contract), SEEDS[0], turns=2)
    before_ns, ticks = loop.rig.now_ns, loop.ticks
    for kind in ("pose", "image"):
        result = loop.run(kind)
        assert result.verdict.reached, f"{result.task}: {result.verdict}"
    assert (loop.ticks - ticks) * 50_000_000 == loop.rig.now_ns - before_ns


def test_random_actions_do_not(contract: Contract) -> None:
    assert not _run_tasks(contract, _brain(contract, "random"), SEEDS[0], ["pose"])[0].verdict.reached


def test_a_picture_is_not_reached_with_the_camera_unplugged_but_a_pose_is(contract: Contract) -> None:
    pose, image = _run_tasks(contract, _brain(contract), SEEDS[0], ["pose", "image"], unplugged=("front",))
    assert pose.verdict.reached
    assert not image.verdict.reached


def test_a_picture_of_a_moved_object_is_a_push_and_the_oracle_does_it_too(contract: Contract) -> None:
    bundle = load_bundle("tabletop_arm", contract)
    for control in (None, "oracle"):
        results = run_episodes(
            "push_image", (7003, 7004, 7005), contract, bundle, conditions=Conditions(control=control)
        )
        scores = task_scores(results, 7003)
        assert scores["success"] >= 2 / 3, f"{control}: {scores}"
        assert all(result.task.tolerance_m == 0.035 for result in results)


def test_a_blackout_takes_a_stream_away_for_its_time_only_and_scores_say_how_far_the_object_was_off(
    contract: Contract,
) -> None:
    loop = ClosedLoop(contract, _brain(contract), SEEDS[0])
    seen: list[bool] = []
    tick = loop.tick

    def watched(goal: Goal | None) -> None:
        tick(goal)
        assert loop.last is not None
        seen.append(loop.last.seen is not None)

    loop.tick = watched  # type: ignore[method-assign]
    try:
        result = loop.run("push", blackout=Blackout(("front",), 0.3, 0.8))  # the object is not there so soon
    finally:
        loop.rig.robot.close()
    dark = [i for i, fresh in enumerate(seen) if not fresh]
    assert 1 <= dark[0] <= 6
    assert 6 <= len(dark) <= 10
    assert dark == list(range(dark[0], dark[-1] + 1))
    assert seen[-1], "it ends in the light"
    assert result.dark_error_m is not None
    assert 0.0 < result.dark_error_m < 0.05
    lit = replace(result, dark_error_m=None)
    assert task_scores([result, lit], SEEDS[0])["dark_error_m"] == round(result.dark_error_m, 4)
    assert task_scores([lit], SEEDS[0])["dark_error_m"] is None
