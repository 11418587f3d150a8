"""A bag of another robot is refused with the names of both, before its messages are read."""

from pathlib import Path

import pytest

from world_model_ros.bags.align.ticks import BagTicks
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError


def test_ticks_of_a_bag_of_another_robot_are_refused(arm_bag: Path):
    with BagReader(arm_bag) as bag, pytest.raises(UserError) as caught:
        BagTicks(bag, load_contract("unitree_g1"))
    assert str(caught.value) == (
        "bag arm: got 'of the robot tabletop_arm'; expected one of the robot unitree_g1, of whose joints it has none"
    )


def test_another_contract_of_the_same_robot_will_do(arm_bag: Path, contract: Contract):
    renamed = contract_from_text(contract.text.replace("name: tabletop_arm", "name: my_arm", 1), folder=contract.folder)
    assert renamed.name == "my_arm"
    with BagReader(arm_bag) as bag:
        assert len(list(BagTicks(bag, renamed))) > 5


def test_a_training_and_a_replay_name_both_robots(arm_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    robot = ["--robot", "unitree_g1", "--out", str(tmp_path / "out")]
    for command in (["replay", str(arm_bag), *robot], ["train", str(arm_bag), *robot, "--threads", "1"]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert "of the robot tabletop_arm" in said
        assert "one of the robot unitree_g1" in said
