"""Distances between the parts of a robot, against arithmetic that knows nothing of Coal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.collision.distances import PairDistances

TABLE_X_M = 1.0

URDF = """<robot name="made">
<link name="base_link"/>
<joint name="mount" type="fixed"><parent link="base_link"/><child link="foot"/></joint>
<link name="foot"/>
<joint name="slide" type="prismatic"><parent link="foot"/><child link="tool"/><axis xyz="1 0 0"/>
<limit lower="-1" upper="2" velocity="1" effort="1"/></joint>
<link name="tool"/>
<joint name="turn" type="revolute"><parent link="tool"/><child link="hand"/><axis xyz="0 0 1"/>
<limit lower="-3" upper="3" velocity="1" effort="1"/></joint>
<link name="hand"><collision><geometry><mesh filename="hand.obj"/></geometry></collision></link>
</robot>"""
CONTRACT = """format: 1
name: made
interface:
  tick_hz: 10.0
  base_frame: base_link
  joints: [{name: slide, unit: m}, {name: turn}]
  streams: [{kind: joints, name: body, joints: [slide, turn], fields: [position, velocity], rate_hz: 100.0}]
  action: {kind: joint_displacement, joints: [slide, turn], bound: 0.2}
deployment:
  urdf: robot.urdf
  streams: [{name: body, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.2, required: true}]
  command: {interface: joint_trajectory, topic: controller/joint_trajectory}
  gate:
    collision: {stop_m: 0.01, slow_m: 0.05}
    obstacles: [{name: wall, size_m: [0.2, 4.0, 4.0], position_m: [1.1, 0.0, 0.0]}]
"""
LIMITS = """  limits: [{name: turn, position: [-3, 3], velocity: 1.0, effort: 1.0}]
"""


def contract_with_mesh(folder: Path, vertices: np.ndarray, faces: np.ndarray) -> Contract:
    lines = [f"v {x} {y} {z}" for x, y, z in vertices] + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces]
    (folder / "hand.obj").write_text("\n".join(lines) + "\n")
    (folder / "robot.urdf").write_text(URDF.replace("hand.obj", str(folder / "hand.obj")))
    (folder / "robot.yaml").write_text(CONTRACT)
    return load_contract(folder / "robot.yaml")


def ball_with_dents(random: np.random.Generator, rings: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface around the origin, as far from convex as the links of real robots."""
    latitudes, around = np.linspace(0, np.pi, rings), np.arange(2 * rings) * np.pi / rings
    grid = np.array([[np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)] for a in latitudes for b in around])
    vertices = grid * random.uniform(0.05, 0.2, len(grid))[:, None]
    faces = []
    for row in range(rings - 1):
        for column in range(2 * rings):
            here, beside = row * 2 * rings + column, row * 2 * rings + (column + 1) % (2 * rings)
            faces += [[here, here + 2 * rings, beside], [beside, here + 2 * rings, beside + 2 * rings]]
    return vertices, np.array(faces)


def test_a_mesh_is_as_near_as_its_hull(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vertices, faces = ball_with_dents(random)
    distances = PairDistances(contract_with_mesh(tmp_path, vertices, faces))
    assert distances.pairs == (("hand_0", "obstacle wall"),)
    for slide, turn in random.uniform([0.0, -3.0], [0.7, 3.0], (50, 2)):
        _, now = distances.now(np.array([[slide, turn]]), 9.0, 8.0)
        x = slide + np.cos(turn) * vertices[:, 0] - np.sin(turn) * vertices[:, 1]
        assert now[0] == pytest.approx(TABLE_X_M - x.max(), abs=1e-5)


def test_a_joint_without_end_turns_and_one_with_more_ways_to_move_is_refused(tmp_path: Path) -> None:
    vertices, faces = ball_with_dents(np.random.default_rng(1))
    contract = contract_with_mesh(tmp_path, vertices, faces)
    endless = URDF.replace('name="turn" type="revolute"', 'name="turn" type="continuous"')
    (tmp_path / "robot.urdf").write_text(endless.replace("hand.obj", str(tmp_path / "hand.obj")))
    (tmp_path / "robot.yaml").write_text(CONTRACT.replace("  command:", LIMITS + "  command:"))
    distances = PairDistances(load_contract(tmp_path / "robot.yaml"))
    x = 0.5 + np.cos(2.0) * vertices[:, 0] - np.sin(2.0) * vertices[:, 1]
    assert distances.now(np.array([[0.5, 2.0]]), 9.0, 8.0)[1][0] == pytest.approx(TABLE_X_M - x.max(), abs=1e-5)
    floating = URDF.replace('name="turn" type="revolute"', 'name="turn" type="floating"')
    (tmp_path / "robot.urdf").write_text(floating.replace("hand.obj", str(tmp_path / "hand.obj")))
    with pytest.raises(UserError, match="turn"):
        PairDistances(load_contract(tmp_path / "robot.yaml"))
    assert contract.joint_names == ("slide", "turn")


def test_a_flat_mesh_is_refused_by_name(tmp_path: Path) -> None:
    vertices = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0.1, 0.1, 0], [0.2, 0.3, 0]])
    contract = contract_with_mesh(tmp_path, vertices, np.array([[0, 1, 2], [1, 3, 2], [3, 4, 2]]))
    with pytest.raises(UserError, match="hand_0"):
        PairDistances(contract)


def prism(sides: int, tip: bool) -> tuple[np.ndarray, np.ndarray]:
    """A round column of 10 cm along z, or a cone; with ends whose every corner may become one corner's neighbour."""
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = 0.1 * np.array([np.cos(turn), np.sin(turn), np.zeros(sides)]).T
    top = [[0.0, 0.0, 0.1]] if tip else ring + np.array([0.0, 0.0, 0.1])
    faces = [[i, (i + 1) % sides, sides + (0 if tip else i)] for i in range(sides)]
    return np.concatenate([ring, top]), np.array(faces)


@pytest.mark.parametrize("tip", [False, True])
def test_a_round_mesh_of_very_many_sides_has_a_hull_too(tip: bool, tmp_path: Path) -> None:
    vertices, faces = prism(600 if not tip else 300, tip)
    distances = PairDistances(contract_with_mesh(tmp_path, vertices, faces))
    _, now = distances.now(np.array([[0.3, 0.0]]), 9.0, 8.0)
    assert now[0] == pytest.approx(TABLE_X_M - 0.3 - 0.1, abs=2e-5)
    assert now[0] <= TABLE_X_M - 0.3 - 0.1 + 1e-6, "no smaller than it is"


def test_a_mesh_that_no_hull_can_be_made_of_is_refused_by_name_with_what_to_do(tmp_path: Path) -> None:
    vertices, faces = prism(3000, tip=True)
    with pytest.raises(UserError, match=r"hand_0.*Too many neighbors.*simplify"):
        PairDistances(contract_with_mesh(tmp_path, vertices, faces))


def test_an_array_of_joints_that_is_moved_on_is_measured_anew(contract: Contract) -> None:
    distances, position = PairDistances(contract), np.zeros(6)
    before = np.minimum(distances.at(position, 0.1), 0.1)  # beyond that they are bounds
    position[1] = -1.2
    after, anew = (np.minimum(each.at(position, 0.1), 0.1) for each in (distances, PairDistances(contract)))
    np.testing.assert_allclose(after, anew, atol=1e-6)
    assert np.abs(after - before).max() > 0.01
