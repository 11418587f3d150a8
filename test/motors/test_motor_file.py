"""Files of motors, and what of a contract has motors in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from arms_body import ARMS, ROBOTS, contract

from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.motors.description import LEGS, driven_by, known_motors, load_motors

G1 = (share_folder("config") / "motors" / "unitree_g1.yaml").read_text()


@pytest.mark.parametrize("name", known_motors())
def test_files_of_the_package_hold_two_arms_and_no_leg(name: str) -> None:
    motors = load_motors(name)
    arms = [each for each in motors.joints if each.name.startswith(("left_", "right_"))]
    assert len(arms) == 14
    assert min(each.motor for each in motors.joints) == LEGS
    assert motors.weight == max(each.motor for each in motors.joints) + 1


def test_motors_of_the_arms_are_where_the_maker_says() -> None:
    motors = {each.name: each.motor for each in load_motors("unitree_g1").joints}
    assert {name: motors[name] for name in ARMS} == ARMS
    assert load_motors("unitree_g1").weight == 29


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("motor: 15", "motor: 11", "joints[3].motor"),  # a leg's
        ("motor: 15", "motor: 35", "joints[3].motor"),
        ("motor: 15", "motor: 16", "motors"),  # twice
        ("motor: 15", "motor: 29", "motors"),  # the weight's
        ("weight: 29", "weight: 3", "weight"),
        ("kp: 60.0", "kp: .inf", "joints[0].kp"),
        ("kp: 60.0", "kp: .nan", "joints[0].kp"),
        ("kp: 60.0", "kp: yes", "joints[0].kp"),
        ("kd: 1.5", "kd: -1.5", "joints[0].kd"),
        ("kd: 1.5", "damping: 1.5", "joints[0].kd"),
        ("topic: rt/arm_sdk", "topic: 'rt arm'", "command.topic"),
    ],
)
def test_a_wrong_file_is_refused_by_its_key(tmp_path: Path, before: str, after: str, field: str) -> None:
    path = tmp_path / "motors.yaml"
    assert before in G1
    path.write_text(G1.replace(before, after, 1))
    with pytest.raises(UserError) as error:
        load_motors(str(path))
    assert error.value.field == f"{path}: {field}"


def test_a_file_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(UserError, match="closest is 'unitree_g1'"):
        load_motors("unitre_g1")


def test_two_controllers_of_arms_are_driven_and_that_of_a_hand_is_left_to_others() -> None:
    names = list(ARMS)

    def change(deployment: dict) -> None:
        right = {"interface": "joint_trajectory", "topic": "right/joint_trajectory", "joints": names[7:]}
        deployment["command"]["others"] = [right]

    found = driven_by(contract(change), load_motors("unitree_g1"))
    assert [(each.topic, each.joints) for each in found] == [
        ("arms/joint_trajectory", names[:7]),
        ("right/joint_trajectory", names[7:]),
    ]


def test_the_contract_of_the_page_is_taken() -> None:
    text = (ROBOTS.parents[1] / "docs" / "unitree.md").read_text()
    told = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0])["deployment"]
    assert set(told) == {"command", "driver", "gate"}

    def change(deployment: dict) -> None:
        deployment |= {"command": told["command"], "driver": told["driver"]}
        deployment["gate"] |= told["gate"]

    (found,) = driven_by(contract(change), load_motors("unitree_g1"))
    assert found.topic == "arms/joint_trajectory"


def renamed(tmp_path: Path, *names: str) -> str:
    """The G1's file, with joints of these names missing."""
    data = yaml.safe_load(G1)
    data["joints"] = [each for each in data["joints"] if each["name"] not in names]
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(data))
    return str(path)


def test_joints_without_a_motor_are_refused_by_their_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"interface.joints: got 'left_elbow_joint'"):
        driven_by(contract(), load_motors(renamed(tmp_path, "left_elbow_joint")))
    with pytest.raises(UserError, match=r"interface.joints: .*expected some of"):
        driven_by(contract(), load_motors(renamed(tmp_path, *ARMS)))

    def change(deployment: dict) -> None:
        right = {"interface": "joint_trajectory", "topic": "right/joint_trajectory", "joints": list(ARMS)[7:]}
        deployment["command"]["others"] = [right]

    with pytest.raises(UserError, match=r"deployment.command.others\[0\].joints: got 'right_elbow_joint'"):
        driven_by(contract(change), load_motors(renamed(tmp_path, "right_elbow_joint")))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda deployment: deployment.pop("driver"), "deployment.driver.speed_scaling"),
        (lambda deployment: deployment.update(driver={"ready": []}), "deployment.driver.speed_scaling"),
        (
            lambda deployment: deployment.update(
                driver={"speed_scaling": {"topic": "arms/pace", "type": "std_msgs/msg/Float64", "full": 100.0}}
            ),
            "deployment.driver.speed_scaling",
        ),
        (
            lambda deployment: deployment.update(
                driver={"speed_scaling": {"topic": "arms/pace", "type": "std_msgs/msg/Float64"}}
            ),
            "deployment.driver.ready",
        ),
        (lambda deployment: deployment.pop("command"), "deployment.command"),
        (
            lambda deployment: (
                deployment["command"].update(interface="forward_position"),
                deployment.update(driver=None),
            ),
            "deployment.command.interface",
        ),
    ],
)
def test_a_contract_by_which_the_gate_would_not_wait_for_the_arms_is_refused(change, field: str) -> None:
    with pytest.raises(UserError) as error:
        driven_by(contract(change), load_motors("unitree_g1"))
    assert error.value.field == field
