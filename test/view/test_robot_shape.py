"""The robot's looks, where its meshes are and where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.view.markers.robot_shape import RobotShape

MESH = '<{kind}><geometry><mesh filename="package://robots/{name}"/></geometry></{kind}>'
TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def arm_with(tmp_path: Path, **meshes: str) -> Contract:
    """The simulated arm, its URDF deep in a package, with a mesh on its base for ``visual`` or ``collision``."""
    folder = tmp_path / "robots" / "one" / "description" / "urdf"
    folder.mkdir(parents=True)
    arm = load_contract("tabletop_arm")
    more = "".join(MESH.format(kind=kind, name=name) for kind, name in meshes.items())
    text = arm.urdf_path.read_text(encoding="utf-8").replace(
        '<link name="base_link"/>', f'<link name="base_link">{more}</link>'
    )
    (folder / "tabletop_arm.urdf").write_text(text, encoding="utf-8")
    return contract_from_text(arm.text, folder=folder)


def test_a_mesh_is_found_from_the_folder_that_its_package_lies_in(tmp_path: Path):
    contract = arm_with(tmp_path, visual="tip.obj")
    (tmp_path / "robots" / "tip.obj").write_text(TETRAHEDRON, encoding="utf-8")
    plain = RobotShape(load_contract("tabletop_arm"))
    parts = RobotShape(contract).parts
    assert len(parts) == len(plain.parts) + 1
    assert 12 in [part.vertices.size for part in parts]


def test_where_a_visual_is_missing_what_collides_is_shown(tmp_path: Path):
    parts = RobotShape(arm_with(tmp_path, visual="gone.obj")).parts
    assert len(parts) > 5
    assert all(part.primitive is not None for part in parts)


def test_where_both_are_missing_the_visual_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"gone\.obj.*visual meshes"):
        RobotShape(arm_with(tmp_path, visual="gone.obj", collision="lost.obj"))
