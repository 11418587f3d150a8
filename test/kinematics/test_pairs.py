"""Which parts of a robot are kept apart, against an enumeration by names that knows neither Pinocchio nor Coal."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import any_robot, gripper_on_a_lift

from world_model_ros.bench.checker import World
from world_model_ros.contract.contract import Contract
from world_model_ros.kinematics.distances import PairDistances


def named(pairs) -> set[frozenset[str]]:
    """Pairs of links: Pinocchio calls the first box of a link `link_0`."""
    return {
        frozenset(name if name.startswith("obstacle ") else name.removesuffix("_0") for name in pair) for pair in pairs
    }


def judged(contract: Contract) -> set[frozenset[str]]:
    """What the judge of `bench gate` measures."""
    boxes = [obstacle.name for obstacle in contract.deployment.gate.obstacles]
    pairs = World(contract, list(contract.joint_names)).pairs
    return named([tuple(f"obstacle {name}" if name in boxes else name for name in pair) for pair in pairs])


@pytest.mark.parametrize("seed", range(8))
def test_the_gate_and_its_judge_watch_the_pairs_that_can_meet_and_no_others(seed: int, tmp_path: Path) -> None:
    robot = any_robot(seed)
    contract, expected = robot.contract(tmp_path), robot.why_not()
    watched = {pair for pair, why in expected.items() if why is None}
    assert sum(why == "touch" for why in expected.values()) > 2, "or the test would see nothing"
    distances = PairDistances(contract)
    assert named(distances.pairs) == watched
    assert named(distances.touching) == {pair for pair, why in expected.items() if why == "touch"}
    assert judged(contract) == watched


def test_all_of_a_gripper_whose_parts_touch_each_other_is_kept_off_the_table(tmp_path: Path) -> None:
    robot = gripper_on_a_lift()
    contract, expected = robot.contract(tmp_path), robot.why_not()
    touching = {pair for pair, why in expected.items() if why == "touch"}
    assert len(touching) == 6
    watched = named(PairDistances(contract).pairs)
    assert {frozenset((block.name, "obstacle table")) for block in robot.blocks if block.size is not None} <= watched
    assert not touching & watched, "or the gripper could not move"
    assert watched == judged(contract) == {pair for pair, why in expected.items() if why is None}
