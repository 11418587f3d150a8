"""What of a sensor's points stands around a robot: not the robot itself where it was then, nor what it cannot reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.deployment.gate import Cloud
from world_model_ros.core.arrays import Float
from world_model_ros.core.voxels import Seen
from world_model_ros.kinematics.collision.cloud_filter import Around
from world_model_ros.kinematics.collision.outlines import Outline

HOME = np.array([-0.3, -1.5, 2.2, -2.2, -1.57, -1.87])
CLOUD = Cloud(name="front", topic="points", voxel_m=0.03, robot_margin_m=0.02)
PLAIN = load_contract("tabletop_arm")
CONTRACT = replace(
    PLAIN,
    deployment=PLAIN.deployment.model_copy(
        update={"gate": PLAIN.deployment.gate.model_copy(update={"clouds": [CLOUD]})}
    ),
)


@pytest.fixture(scope="module")
def around() -> Around:
    return Around(CONTRACT)


def away(around: Around, points: Float, position: Float) -> Float:
    """How far points are from the robot, one part after the other."""
    found = np.full(len(points), np.inf)
    for part, rotation, translation in around._distances.parts_at(position):
        found = np.minimum(found, Outline(part.geometry).distances((points - translation) @ rotation))
    return found


def near_robot(around: Around, position: Float, low_m: float, high_m: float) -> Float:
    """Points that are so far from the robot."""
    random = np.random.default_rng(3)
    points = random.uniform([-0.3, -0.5, -0.1], [0.8, 0.5, 1.0], (60_000, 3))
    found = away(around, points, position)
    return points[(found > low_m) & (found < high_m)]


def covered(seen: Seen, points: Float) -> np.ndarray:
    if not len(seen.points):
        return np.zeros(len(points), bool)
    return np.array([np.linalg.norm(seen.points - each, axis=1).min() <= seen.radius_m + 1e-9 for each in points])


def test_the_robot_itself_is_left_out_and_nothing_else(around: Around) -> None:
    own = near_robot(around, HOME, -0.01, 0.0199)
    others = near_robot(around, HOME, 0.0201, 0.06)
    assert min(len(own), len(others)) > 100
    assert not len(around.voxels(own, CLOUD, HOME).points)
    many = Cloud(**{**CLOUD.model_dump(), "most_voxels": 4000})
    seen = around.voxels(np.concatenate([own, others]), many, HOME)
    assert covered(seen, others).all()
    cells = {tuple(cell) for cell in np.floor(others / CLOUD.voxel_m).astype(int).tolist()}
    assert len(seen.points) == len(cells)  # none for the robot's own points


def test_the_robot_is_where_it_was_then(around: Around) -> None:
    own = near_robot(around, HOME, -0.01, 0.0199)
    turned = HOME + np.array([0.8, 0, 0, 0, 0, 0])
    assert len(around.voxels(own, CLOUD, turned).points) > 20


def test_what_the_robot_can_never_reach_does_not_make_it_coarse(around: Around) -> None:
    random, limits = np.random.default_rng(0), CONTRACT.limits()
    for _ in range(30):
        for part, rotation, translation in around._distances.parts_at(random.uniform(limits.lower, limits.upper)):
            outline = Outline(part.geometry)
            if part.parentJoint:
                middle = rotation @ outline.centre + translation
                assert any(np.linalg.norm(middle - centre) < radius for centre, radius in around._reach)
    wall = np.column_stack([np.full(40_000, 6.0), *random.uniform(-4, 4, (2, 40_000))])
    hand = np.array([[0.9, 0.0, 0.5]])
    seen = around.voxels(np.concatenate([wall, hand]), CLOUD, HOME)
    assert len(seen.points) == 1
    assert covered(seen, hand).all()
    assert seen.radius_m == pytest.approx(0.5 * np.sqrt(3) * CLOUD.voxel_m)


def test_points_out_of_the_box_of_the_contract_do_not_count(around: Around) -> None:
    box = Cloud(**{**CLOUD.model_dump(), "within_m": ((0.5, -0.5, 0.2), (1.0, 0.5, 1.0))})
    points = np.array([[0.7, 0.0, 0.5], [0.7, 0.0, 0.1], [0.7, 0.6, 0.5]])
    assert covered(around.voxels(points, box, HOME), points).tolist() == [True, False, False]


def test_nothing_is_nothing(around: Around) -> None:
    assert around.voxels(np.empty((0, 3)), CLOUD, HOME).points.shape == (0, 3)


def test_too_many_are_made_coarser_and_none_is_lost(around: Around) -> None:
    points = np.random.default_rng(5).uniform([0.5, -0.8, 0.3], [1.0, 0.8, 1.0], (5000, 3))
    points = points[away(around, points, HOME) > 0.05]
    few = Cloud(**{**CLOUD.model_dump(), "most_voxels": 64})
    seen = around.voxels(points, few, HOME)
    assert 8 < len(seen.points) <= 64
    assert covered(seen, points).all()
