"""One list of processes serves the launch files and the demo."""

import pytest
from free_robot import YAML

from world_model_ros.bringup.arguments import BRINGUP, SIMULATION, processes_from
from world_model_ros.bringup.processes import bringup, own, simulation, streams_named
from world_model_ros.contract.share_folder import share_folder
from world_model_ros.core.errors import UserError


def by_executable(processes):
    return {process.executable: process for process in processes}


def test_a_simulation_is_the_bringup_of_a_robot_that_is_simulated():
    there = by_executable(simulation("tabletop_arm"))
    assert set(there) - set(by_executable(bringup("tabletop_arm"))) == {"sim_robot_node"}
    assert {"command_gate_node", "world_model_node", "future_view_node", "robot_state_publisher"} < set(there)


def test_all_processes_hear_of_the_same_robot_model_and_clock():
    processes = simulation("tabletop_arm", model="mine", provider="cpu", use_sim_time=True, record="bag")
    for process in processes:
        parameters = process.parameters
        assert parameters.get("robot", "tabletop_arm") == "tabletop_arm"
        assert parameters.get("model", "mine") == "mine"
        if process.executable == "sim_robot_node":  # it makes the time that the others follow
            assert parameters["clock"] is True
            assert "use_sim_time" not in parameters
        else:
            assert parameters["use_sim_time"] is True


def test_a_robot_of_free_parts_without_a_camera_has_neither_gate_nor_view():
    there = by_executable(bringup(str(YAML), record="bag"))
    assert set(there) == {"world_model_node", "recorder_node"}


def test_without_a_model_the_one_named_like_the_robot_is_taken(tmp_path):
    text = (share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8")
    path = tmp_path / "other.yaml"
    path.write_text(text.replace("name: tabletop_arm\n", "name: twin\n"), encoding="utf-8")
    assert by_executable(bringup(str(path)))["world_model_node"].parameters["model"] == "twin"


def test_a_robot_that_cannot_be_commanded_has_no_gate():
    assert "command_gate_node" not in by_executable(bringup("unitree_g1"))


def test_in_shadow_mode_nothing_can_command():
    there = by_executable(bringup("tabletop_arm", shadow=True))
    assert "command_gate_node" not in there
    assert there["world_model_node"].parameters["policy"] == "watch"
    assert by_executable(bringup("tabletop_arm"))["world_model_node"].parameters["policy"] == "model"


def test_a_dry_run_is_the_gates():
    assert by_executable(bringup("tabletop_arm", dry_run=True))["command_gate_node"].parameters["dry_run"] is True
    assert by_executable(simulation("tabletop_arm"))["command_gate_node"].parameters["dry_run"] is False


def test_a_robot_state_publisher_is_left_out_where_it_is_not_wanted():
    for make in (bringup, simulation):
        assert "robot_state_publisher" in by_executable(make("tabletop_arm"))
        assert "robot_state_publisher" in by_executable(make("tabletop_arm", robot_state_publisher="true"))
        assert "robot_state_publisher" not in by_executable(make("tabletop_arm", robot_state_publisher="false"))
    with pytest.raises(UserError, match=r"robot_state_publisher: got 'perhaps'.*auto"):
        bringup("tabletop_arm", robot_state_publisher="perhaps")


def test_recorder_and_rviz_run_only_when_asked_for():
    plain = by_executable(bringup("tabletop_arm"))
    assert "recorder_node" not in plain
    assert "rviz2" not in plain
    asked = by_executable(bringup("tabletop_arm", record="bag", rviz=True))
    assert asked["recorder_node"].parameters["path"] == "bag"
    assert asked["rviz2"].arguments[0] == "-d"


def test_only_processes_of_this_package_are_started_without_a_ros_installation():
    assert {process.package for process in own(simulation("tabletop_arm", rviz=True))} == {"world_model_ros"}


def test_streams_are_unplugged_by_name_or_kind():
    assert streams_named("tabletop_arm", "camera, table_mic") == ["front", "table_mic"]
    assert streams_named("tabletop_arm", "") == []
    with pytest.raises(UserError, match=r"smell.*camera"):
        streams_named("tabletop_arm", "smell")


def test_launch_arguments_are_the_keywords_of_the_lists():
    defaults = {argument.name: argument.default_text for argument in SIMULATION}
    assert processes_from(simulation, SIMULATION, defaults) == simulation("tabletop_arm")
    assert processes_from(bringup, BRINGUP, defaults) == bringup("tabletop_arm")


def test_the_rate_of_ticks_is_the_brains():
    texts = {argument.name: argument.default_text for argument in BRINGUP} | {"rate_hz": "20"}
    there = by_executable(processes_from(bringup, BRINGUP, texts))
    assert there["world_model_node"].parameters["rate_hz"] == 20.0
    assert by_executable(bringup("tabletop_arm"))["world_model_node"].parameters["rate_hz"] == 0.0


@pytest.mark.parametrize(
    ("name", "text"), [("rviz", "maybe"), ("seed", "one"), ("rate_hz", "fast"), ("robot", "nobody")]
)
def test_a_launch_argument_of_the_wrong_kind_is_refused_by_name(name: str, text: str):
    texts = {argument.name: argument.default_text for argument in SIMULATION} | {name: text}
    with pytest.raises(UserError, match=name):
        processes_from(simulation, SIMULATION, texts)
