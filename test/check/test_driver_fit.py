"""Topics of a driver that a contract does not hear are noted, live and in bags."""

from __future__ import annotations

from dataclasses import replace

import pytest

from world_model_ros.check.driver_fit import unheard_driver
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.deployment.driver import Driver, Ready, SpeedScaling

CONTRACT = load_contract("tabletop_arm")
SLIDER, RUNS = "/speed_scaling_state_broadcaster/speed_scaling", "/io_and_status_controller/robot_program_running"
TOPICS = {
    SLIDER: ["std_msgs/msg/Float64"],
    RUNS: ["std_msgs/msg/Bool"],
    "/joint_states": ["sensor_msgs/msg/JointState"],
}
HEARD = Driver(
    speed_scaling=SpeedScaling(topic=SLIDER[1:], type="std_msgs/msg/Float64", full=100.0),
    ready=[Ready(topic=RUNS[1:], type="std_msgs/msg/Bool")],
)


def test_a_slider_and_a_program_that_the_contract_does_not_hear_are_noted_with_the_line_that_it_lacks() -> None:
    runs, slider = unheard_driver(CONTRACT, TOPICS)
    assert (runs.level, slider.level) == ("note", "note")
    assert slider.change.startswith(
        f"deployment.driver: speed_scaling: {{topic: {SLIDER}, type: std_msgs/msg/Float64, full:"
    )
    assert runs.change == f"deployment.driver: ready: [{{topic: {RUNS}, type: std_msgs/msg/Bool}}]"


@pytest.mark.parametrize("prefix", ["", "/left"])
def test_what_it_hears_is_not_noted_also_in_a_namespace(prefix: str) -> None:
    heard = replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"driver": HEARD}))
    topics = {prefix + topic: types for topic, types in TOPICS.items()}
    assert unheard_driver(heard, topics, lambda topic: f"{prefix}/{topic}") == []
    assert len(unheard_driver(heard, {f"/other{SLIDER}": ["std_msgs/msg/Float64"]})) == 1


def test_other_types_and_robots_that_nothing_is_sent_to_are_not_noted() -> None:
    assert unheard_driver(CONTRACT, {SLIDER: ["std_msgs/msg/String"], RUNS: ["std_msgs/msg/Float64"]}) == []
    watching = replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"command": None}))
    assert unheard_driver(watching, TOPICS) == []
