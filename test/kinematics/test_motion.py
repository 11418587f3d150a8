"""A robot that is only watched may go without kinematics, but not with wrong ones."""

from __future__ import annotations

import pytest
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import motion_for, motion_if_any

CONTRACT = load_contract("tabletop_arm")


def with_urdf(urdf: str | None) -> Contract:
    data = yaml.safe_load(CONTRACT.text)
    data["deployment"]["urdf"] = urdf
    return contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder)


def test_without_a_urdf_or_its_file_there_is_none() -> None:
    assert isinstance(motion_if_any(CONTRACT), ArmKinematics)
    lost = with_urdf("elsewhere/lost.urdf")
    assert motion_if_any(lost) is None
    with pytest.raises(UserError, match=r"deployment\.urdf"):
        motion_for(lost)


def test_a_urdf_that_cannot_be_used_is_said(tmp_path) -> None:
    broken = tmp_path / "broken.urdf"
    broken.write_text("<robot name='a'><link")
    with pytest.raises(UserError):
        motion_if_any(with_urdf(str(broken)))
