"""One list of processes serves the launch files and the demo."""

import pytest
from free_robot import YAML

from world_model_ros.bringup.demonstration import late_starters
from world_model_ros.bringup.options import BringupOptions, SimulationOptions, launch_arguments
from world_model_ros.bringup.processes import brain_of, bringup, own, simulation
from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder


def by_executable(processes):
    return {process.executable: process for process in processes}


def brought_up(**options):
    return by_executable(bringup(BringupOptions("tabletop_arm", **options)))


def simulated(**options):
    return simulation(SimulationOptions("tabletop_arm", **options))


def default_texts(options):
    return {argument.name: argument.default_text for argument in launch_arguments(options)}


def test_a_simulation_is_the_bringup_of_a_robot_that_is_simulated():
    there = by_executable(simulated())
    assert set(there) - set(brought_up()) == {"sim_robot_node"}
    assert {"command_gate_node", "world_model_node", "future_view_node", "robot_state_publisher"} < set(there)


def test_all_processes_hear_of_the_same_robot_model_and_clock():
    processes = simulated(model="mine", provider="cpu", use_sim_time=True, record="bag")
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
    there = by_executable(bringup(BringupOptions(str(YAML), record="bag")))
    assert set(there) == {"world_model_node", "recorder_node"}


def test_without_a_model_the_one_named_like_the_robot_is_taken(tmp_path):
    text = (share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8")
    path = tmp_path / "other.yaml"
    path.write_text(text.replace("name: tabletop_arm\n", "name: twin\n"), encoding="utf-8")
    assert by_executable(bringup(BringupOptions(str(path))))["world_model_node"].parameters["model"] == "twin"


def test_a_robot_that_cannot_be_commanded_has_no_gate():
    assert "command_gate_node" not in by_executable(bringup(BringupOptions("unitree_g1")))


def test_in_shadow_mode_nothing_can_command():
    there = brought_up(shadow=True)
    assert "command_gate_node" not in there
    assert there["world_model_node"].parameters["policy"] == "watch"
    assert brought_up()["world_model_node"].parameters["policy"] == "model"


def test_a_dry_run_is_the_gates():
    assert brought_up(dry_run=True)["command_gate_node"].parameters["dry_run"] is True
    assert by_executable(simulated())["command_gate_node"].parameters["dry_run"] is False


def test_a_robot_state_publisher_is_left_out_where_it_is_not_wanted():
    for make, options in ((bringup, BringupOptions), (simulation, SimulationOptions)):
        for wanted, there in (("auto", True), ("true", True), ("false", False)):
            processes = by_executable(make(options("tabletop_arm", robot_state_publisher=wanted)))
            assert ("robot_state_publisher" in processes) is there
    with pytest.raises(UserError, match=r"robot_state_publisher: got 'perhaps'.*auto"):
        bringup(BringupOptions("tabletop_arm", robot_state_publisher="perhaps"))


def test_recorder_and_rviz_run_only_when_asked_for():
    plain = brought_up()
    assert "recorder_node" not in plain
    assert "rviz2" not in plain
    asked = brought_up(record="bag", rviz=True)
    assert asked["recorder_node"].parameters["path"] == "bag"
    assert asked["rviz2"].arguments[0] == "-d"


def test_only_processes_of_this_package_are_started_without_a_ros_installation():
    assert {process.package for process in own(simulated(rviz=True))} == {"world_model_ros"}


def test_streams_are_unplugged_by_name_or_kind():
    contract = load_contract("tabletop_arm")
    assert contract.streams_named("camera, table_mic", "unplug") == ["front", "table_mic"]
    assert contract.streams_named("", "unplug") == []
    with pytest.raises(UserError, match=r"smell.*camera"):
        contract.streams_named("smell", "unplug")


def test_launch_arguments_are_options_with_their_defaults():
    defaults = default_texts(SimulationOptions)
    assert simulation(SimulationOptions.from_texts(defaults)) == simulated()
    assert bringup(BringupOptions.from_texts(defaults)) == bringup(BringupOptions("tabletop_arm"))


def test_a_launch_file_for_a_robot_that_is_not_there_says_so():
    with pytest.raises(UserError, match="robot"):
        bringup(BringupOptions("no_such_robot"))


def test_the_rate_of_ticks_is_the_brains():
    texts = default_texts(BringupOptions) | {"rate_hz": "20"}
    there = by_executable(bringup(BringupOptions.from_texts(texts)))
    assert there["world_model_node"].parameters["rate_hz"] == 20.0
    assert brought_up()["world_model_node"].parameters["rate_hz"] == 0.0


@pytest.mark.parametrize(("name", "text"), [("rviz", "maybe"), ("seed", "one"), ("rate_hz", "fast")])
def test_a_launch_argument_of_the_wrong_kind_is_refused_by_name(name: str, text: str):
    texts = default_texts(SimulationOptions) | {name: text}
    with pytest.raises(UserError, match=name):
        SimulationOptions.from_texts(texts)


SOURCES = """
  sources:
    - {name: mind, kind: brain}
    - {name: person, kind: person, topic: person/command}
    - {name: trial, kind: policy, topic: trial/command, moves: false}
"""


def sourced(folder, sources=SOURCES):
    text = (share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8")
    assert "\n  gate:\n" in text
    path = folder / "sourced.yaml"
    path.write_text(text.replace("\n  gate:\n", f"{sources}\n  gate:\n", 1), encoding="utf-8")
    return str(path)


def gate_of(robot, owner):
    options = BringupOptions.from_texts(default_texts(BringupOptions) | {"robot": robot, "owner": owner})
    return by_executable(bringup(options))["command_gate_node"]


def test_the_gate_asks_at_the_start_for_who_the_launch_names(tmp_path):
    robot = sourced(tmp_path)
    assert gate_of(robot, "person").parameters["owner"] == "person"
    assert gate_of(robot, "").parameters["owner"] == ""
    for wrong in ("trial", "Person"):
        with pytest.raises(UserError, match=f"owner: got '{wrong}'.*mind or person"):
            gate_of(robot, wrong)
    assert gate_of("tabletop_arm", "brain").parameters["owner"] == "brain"  # who owns it anyway
    with pytest.raises(UserError, match=r"owner: got 'person'.*brain"):
        gate_of("tabletop_arm", "person")
    for options in ({"robot": "unitree_g1", "owner": "brain"}, {"shadow": True, "owner": "brain"}):
        with pytest.raises(UserError, match=r"owner: got 'brain'.*no gate"):
            bringup(BringupOptions(**options))


def test_what_plays_trajectories_runs_where_it_is_asked_for_and_has_a_source(tmp_path):
    planner = "    - {name: planner, kind: moveit, topic: moveit/command}\n"
    robot = sourced(tmp_path, SOURCES + planner)
    asked = default_texts(BringupOptions) | {"robot": robot, "trajectory_player": "true", "owner": "planner"}
    made = by_executable(bringup(BringupOptions.from_texts(asked)))
    told = made["trajectory_player_node"]
    assert (told.name, told.parameters["robot"], told.parameters["source"]) == ("trajectory_player", robot, "planner")
    assert "trajectory_player_node" not in by_executable(bringup(BringupOptions(robot)))
    with pytest.raises(UserError, match=r"deployment.sources: got \['mind', 'person', 'trial'\].*kind moveit"):
        bringup(BringupOptions(sourced(tmp_path), trajectory_player=True))
    with pytest.raises(UserError, match=r"trajectory_player.*no gate"):
        bringup(BringupOptions("tabletop_arm", shadow=True, trajectory_player=True))
    many = sourced(tmp_path, SOURCES + planner + planner.replace("planner", "other").replace("moveit/", "other/"))
    with pytest.raises(UserError, match=r"source: got ''.*\['planner', 'other'\]"):
        bringup(BringupOptions(many, trajectory_player=True))


def test_a_person_may_drive_where_it_is_asked_for_and_has_a_source(tmp_path):
    robot = sourced(tmp_path)
    asked = default_texts(BringupOptions) | {"robot": robot, "teleop": "gamepad"}
    told = by_executable(bringup(BringupOptions.from_texts(asked)))["teleop_node"]
    assert (told.name, told.parameters["source"], told.parameters["device"]) == ("teleop", "person", "gamepad")
    assert "teleop_node" not in by_executable(bringup(BringupOptions(robot)))
    with pytest.raises(UserError, match=r"teleop: got 'mouse'; expected gamepad or twist"):
        bringup(BringupOptions(robot, teleop="mouse"))
    with pytest.raises(UserError, match=r"deployment.sources: got \[\].*kind person"):
        bringup(BringupOptions("tabletop_arm", teleop="gamepad"))
    with pytest.raises(UserError, match=r"teleop: got 'twist'.*no gate"):
        bringup(BringupOptions(robot, shadow=True, teleop="twist"))


def test_what_makes_voxels_of_clouds_runs_where_there_are_clouds_and_a_gate(tmp_path):
    assert "clouds_node" not in brought_up()
    text = (share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8")
    path = tmp_path / "seeing.yaml"
    clouds = "    clouds: [{name: front, topic: points}]\n    obstacles:"
    path.write_text(text.replace("    obstacles:", clouds, 1), encoding="utf-8")
    assert by_executable(bringup(BringupOptions(str(path))))["clouds_node"].parameters["robot"] == str(path)
    assert "clouds_node" not in by_executable(bringup(BringupOptions(str(path), shadow=True)))


def test_a_demo_asks_for_the_brain_and_refuses_a_contract_in_which_it_may_not_move_the_robot(tmp_path):
    assert brain_of(load_contract("tabletop_arm")) == "brain"
    assert brain_of(load_contract(sourced(tmp_path))) == "mind"
    for sources in (
        SOURCES.replace("kind: brain}", "kind: brain, moves: false}"),
        SOURCES.replace(SOURCES.splitlines()[2], ""),
    ):
        with pytest.raises(UserError, match=r"deployment.sources: got \['.*person.*kind brain that may move"):
            brain_of(load_contract(sourced(tmp_path, sources)))


def test_a_demo_waits_for_view_and_recorder_whose_start_would_take_the_arms_core() -> None:
    recorded = simulation(SimulationOptions("tabletop_arm", record="bag"))
    assert late_starters(recorded) == "future_view,recorder"
    assert late_starters(simulation(SimulationOptions("tabletop_arm"))) == "future_view"
