"""Looking back: were the regions right about what came?"""

from __future__ import annotations

import numpy as np
import pytest
from free_robot import free_contract

from world_model_ros.brain.coverage_monitor import CoverageMonitor
from world_model_ros.brain.decision import Decision, Imagined, Memory
from world_model_ros.contract.contract import load_contract

HORIZON = 4


def imagine(memory: Memory, candidates: np.ndarray) -> Imagined:
    """The object goes where the actions, summed, take it from the believed place; sigma 1 cm."""
    n, h, _ = candidates.shape
    poses = np.zeros((n, h, 2, 7), np.float32)
    poses[:, :, 1, :2] = memory.belief[:2] + np.cumsum(candidates, 1)
    return Imagined(poses[..., 0, :], poses[..., 0, :1], None, poses, np.full((n, h, 2, 3), 0.01, np.float32))


def run(ticks: int, wrong_m: float = 0.0, sees: bool = True, turns: int = 1, free: bool = False) -> CoverageMonitor:
    """The object really moves 1 cm a step, and ``wrong_m`` more over each horizon."""
    contract, fresh = (free_contract(), "cube_0") if free else (load_contract("tabletop_arm"), "front")
    coverage = CoverageMonitor(contract, imagine, HORIZON, 2.5, turns)
    for tick in range(ticks):
        step = tick / turns
        place = np.array([0.01 * step + wrong_m * step / HORIZON, 0.0], np.float32)
        poses = np.zeros((2, 7), np.float32)
        poses[1, :2] = place
        decision = Decision("idle", 0.0, {}, belief_poses=poses)
        memory = Memory(place, np.zeros((HORIZON, 2), np.float32), fresh_start=False)
        coverage.add(memory, np.array([0.01, 0.0], np.float32), decision, {fresh: sees})
    return coverage


@pytest.mark.parametrize("turns", [1, 2])
def test_what_came_as_imagined_is_a_hit_and_what_did_not_is_none(turns: int) -> None:
    assert run(200, turns=turns).hit_rate == 1.0
    assert run(200, wrong_m=0.02, turns=turns).hit_rate == 1.0  # within 2.5 cm
    far = run(200, wrong_m=0.03, turns=turns)
    assert far.hit_rate == 0.0
    assert far.off


def test_a_few_looks_are_no_alarm_and_the_blind_do_not_look() -> None:
    assert not run(20, wrong_m=0.1).off
    assert run(200, sees=False).looked == 0
    assert run(200, sees=False, free=True).looked == 0
    assert run(200, free=True).hit_rate == 1.0  # by the cube's own stream
    assert np.isnan(run(200, sees=False).hit_rate)


@pytest.mark.parametrize("ticks", [HORIZON, 6])
def test_after_forgetting_a_whole_horizon_passes_before_the_next_look(ticks: int) -> None:
    coverage = run(60)
    before = coverage.looked
    coverage.forget()
    poses = np.zeros((2, 7), np.float32)
    for _ in range(ticks):
        memory = Memory(np.zeros(2, np.float32), np.zeros((HORIZON, 2), np.float32), fresh_start=False)
        coverage.add(memory, np.zeros(2, np.float32), Decision("idle", 0.0, {}, belief_poses=poses), {"front": True})
    assert coverage.looked - before == (1 if ticks > HORIZON else 0)
