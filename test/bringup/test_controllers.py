"""The example for ros2_control fits the robot and what the gate sends."""

from __future__ import annotations

import yaml

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.share import share_folder

PATH = share_folder("config") / "ros2_control" / "tabletop_arm_controllers.yaml"


def test_every_controller_has_the_joints_of_the_contract_and_what_streaming_needs(contract: Contract) -> None:
    settings = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    kinds = settings["controller_manager"]["ros__parameters"]
    commanding = [name for name in kinds if "trajectory" in name or "forward" in name]
    assert len(commanding) == 3
    for name in commanding:
        assert settings[name]["ros__parameters"]["joints"] == list(contract.joint_names)
    trajectories = settings["joint_trajectory_controller"]["ros__parameters"]
    assert trajectories["interpolate_from_desired_state"] is True
    assert trajectories["allow_nonzero_velocity_at_trajectory_end"] is False
    assert contract.deployment.command.topic == "joint_trajectory_controller/joint_trajectory"
    assert kinds["update_rate"] >= contract.deployment.command.rate_hz
