"""A contract is validated whole, and every mistake names its place and what would be right."""

import copy
import pickle
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from depth_arm import depth_arm
from hypothesis import given, settings
from hypothesis import strategies as st

from world_model_ros.contract import contract_text
from world_model_ros.contract.contract import contract_from_text, known_robots, load_contract
from world_model_ros.contract.contract_text import read_yaml
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder

TEXT = (share_folder("config") / "robots" / "tabletop_arm.yaml").read_text(encoding="utf-8")
DATA = yaml.safe_load(TEXT)
DUMPER = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper  # many texts are written here


def changed(path: list[Any], value: Any) -> str:
    """The contract's YAML with one value replaced, or added."""
    data = copy.deepcopy(DATA)
    place = data
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return yaml.dump(data, Dumper=DUMPER)


def without(path: list[Any]) -> str:
    data = copy.deepcopy(DATA)
    place = data
    for part in path[:-1]:
        place = place[part]
    del place[path[-1]]
    return yaml.dump(data, Dumper=DUMPER)


@pytest.mark.parametrize("robot", known_robots())
def test_every_robot_of_the_package_loads(robot: str):
    assert load_contract(robot).name == robot


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["interface", "streams", 0, "hight"], 64, ["interface.streams[0]", "hight", "height"]),
        (["interface", "streams", 0, "height"], 0, ["interface.streams[0]", "height", "greater than 0"]),
        (["interface", "streams", 0, "kind"], "lidar", ["interface.streams[0]", "lidar", "camera"]),
        (["interface", "tick_hz"], float("nan"), ["interface.tick_hz"]),
        (["interface", "tick_hz"], float("inf"), ["interface.tick_hz"]),
        (["interface", "tick_hz"], 1e-320, ["interface.tick_hz", "greater than or equal to 0.1"]),
        (["deployment", "streams", 0, "max_age_s"], 1e308, ["max_age_s", "1e-09 to 1e+09"]),
        (["interface", "streams", 4, "joints"], ["elbow"], ["elbow", "elbow_joint"]),
        (["interface", "action", "frame"], "map", ["base_link"]),
        (["interface", "action", "workspace_m"], [[0.7, 0.3], [0, 1], [0.03, 0.03]], ["workspace_m", "low end"]),
        (["interface", "labels", 0, "target"], "object_9", ["object_9", "object_0"]),
        (["interface", "labels"], [], ["targets", "['object_0']", "label"]),
        (["interface", "labels", 0, "target"], "fingertip", ["targets", "['object_0']"]),
        (["interface", "targets", 0, "link"], "tool0", ["targets", "['fingertip']", "the link of a fingertip"]),
        (["interface", "labels"], 2 * [{"name": "truth", "target": "object_0"}], ["labels", "truth", "more than once"]),
        (
            ["interface", "labels"],
            [{"name": "a", "target": "object_0"}, {"name": "b", "target": "object_0"}],
            ["labels: target", "a name stands twice"],
        ),
        (["interface", "action", "axes"], ["x", "x"], ["axes: got ['x', 'x']; expected each axis once"]),
        (["deployment", "targets", 0, "name"], "cup", ["deployment.targets", "cup", "object_0"]),
        (["deployment", "targets", 0, "workspace_m", 0], [0.5, 0.4], ["targets[0]", "workspace_m", "low end"]),
        (["deployment", "targets", 0, "workspace_m", 0], [0.5, float("nan")], ["targets[0]", "workspace_m"]),
        (
            ["deployment", "targets", 0],
            {"name": "fingertip", "workspace_m": [[0.8, 0.9], [0.0, 0.1], [0.0, 0.0]]},
            ["deployment.targets: fingertip", "must meet", "0.28 to 0.72"],
        ),
        (["deployment", "streams", 4, "required"], False, ["arm", "required"]),
        (["deployment", "streams", 0, "qos"], {"reliability": "sometimes"}, ["reliability", "best_effort"]),
        (["deployment", "limits", 0, "position"], [1.0, -1.0], ["limits[0]", "lower"]),
        (["deployment", "limits", 0, "name"], "pan", ["pan", "shoulder_pan_joint"]),
        (["deployment", "urdf"], None, ["urdf"]),
        (["deployment", "command", "rate_hz"], 5.0, ["rate_hz", "10"]),
        (["deployment", "gate", "silence_ticks"], 1.05, ["silence_ticks", "half a cycle"]),
        (["deployment", "gate", "collision"], {"stop_m": 0.02, "slow_m": 0.01}, ["collision", "below slow_m"]),
        (["deployment", "gate", "obstacles", 0, "size_m"], [1.0, 0.0, 1.0], ["obstacles[0].size_m"]),
        (["deployment", "gate", "surprise"], {"slow": 2.0, "stop": 1.0}, ["surprise", "below stop"]),
        (["deployment", "gate", "collision"], None, ["gate", "obstacles need collision"]),
        (["deployment", "command", "interface"], "effort", ["interface", "forward_position"]),
        (["format"], 2, ["format", "1"]),
        (["format"], True, ["format", "a number"]),
        (["interface", "tick_hz"], 1e-3, ["interface.tick_hz", "0.1"]),
        (["interface", "tick_hz"], 1e5, ["interface.tick_hz", "1000"]),
        (["interface", "streams", 0, "width"], 1_000_000, ["width", "16384"]),
        (["deployment", "streams", 0, "source_shape"], [480, 1_000_000], ["source_shape", "16384"]),
        (["deployment", "streams", 0, "qos"], {"depth": 10**10}, ["qos.depth", "1000000"]),
        (["deployment", "streams", 0, "type"], "sensor_msgs/Image", ["type", "sensor_msgs/msg/JointState"]),
        (["deployment", "gate", "silence_ticks"], 1e6, ["gate.silence_ticks", "100"]),
        (["deployment", "gate", "tracking_tolerance"], 1e6, ["gate.tracking_tolerance", "1"]),
        (["deployment", "gate", "command_max_age_s"], 1e6, ["gate.command_max_age_s", "60"]),
        (["deployment", "gate", "disarm_after_s"], 1e6, ["gate.disarm_after_s", "60"]),
        (["deployment", "gate", "deadman"], {"topic": "held", "max_age_s": 1e6}, ["gate.deadman.max_age_s", "10"]),
        (["deployment", "gate", "horizon_s"], 1e9, ["gate.horizon_s: got 1000000000.0", "60"]),
        (
            ["deployment", "gate", "obstacles", 0, "position_m"],
            [1e300, 0.0, 0.0],
            ["position_m[0]: got 1e+300", "1000"],
        ),
        (["interface", "action", "workspace_m", 0, 1], 1e300, ["workspace_m[0][1]: got 1e+300", "1000"]),
        (["deployment", "targets", 0, "workspace_m", 0, 0], -1e300, ["workspace_m[0][0]: got -1e+300", "-1000"]),
        (["deployment", "simulation", "objects_m", 0, 1], 1e300, ["objects_m[0][1]: got 1e+300", "1000"]),
        (["deployment", "simulation", "posts_m", 0, 1], 1e300, ["posts_m[0][1]: got 1e+300", "1000"]),
        (["deployment", "simulation", "table", "position_m", 2], -1e300, ["position_m[2]: got -1e+300", "-1000"]),
        (["deployment", "simulation", "cameras", 0, "target_m", 0], 1e4, ["target_m[0]: got 10000.0", "1000"]),
        (["deployment", "limits", 0, "rest"], 1e300, ["limits[0].rest: got 1e+300", "1000000000"]),
        (["deployment", "limits", 0, "position"], [3.0, -3.0], ["limits[0].position: got [3.0, -3.0]", "below"]),
        (["deployment", "urdf"], None, ["deployment.urdf: got 'nothing'", "needs a URDF"]),
        (
            ["interface", "streams", 4, "joints"],
            ["elbow"],
            ["interface.streams: arm.joints: got ['elbow']", "legal: ["],
        ),
        (["deployment", "gate", "surprise"], {"slow": 2.0, "stop": 1.0}, ["surprise: got {'slow': 2.0, 'stop': 1.0}"]),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_is_legal(path: list[Any], value: Any, named: list[str]):
    with pytest.raises(UserError) as error:
        contract_from_text(changed(path, value))
    for word in named:
        assert word in str(error.value)


def numbers(data: Any, path: tuple[Any, ...] = ()) -> list[list[Any]]:
    """Where the contract has a number that is no version."""
    if isinstance(data, dict):
        return [found for key, value in data.items() for found in numbers(value, (*path, key))]
    if isinstance(data, list):
        return [found for i, value in enumerate(data) for found in numbers(value, (*path, i))]
    return [list(path)] if type(data) in (int, float) and path != ("format",) else []


@pytest.mark.parametrize("word", ["yes", "off"])
def test_a_switch_is_no_number(word: str):
    """``velocity: on`` is no limit of 1 rad/s, wherever a number is asked for."""
    assert len(numbers(DATA)) > 80
    for path in [*numbers(DATA), ["deployment", "streams", 0, "latency_s"], ["deployment", "gate", "transport_s"]]:
        with pytest.raises(UserError, match=f"{path[-1]}.* a number; YAML takes yes, no, on and off for"):
            contract_from_text(changed(path, yaml.safe_load(word)))


@pytest.mark.parametrize("topic", ["", " ", "a b", "a//b", "a/", "1st/image", "a/2nd", "caméra", "~/own", "a-b", "a\n"])
@pytest.mark.parametrize(
    "path",
    [
        ["deployment", "streams", 0, "topic"],
        ["deployment", "labels", 0, "topic"],
        ["deployment", "command", "topic"],
        ["deployment", "gate", "deadman"],
        ["deployment", "driver"],
    ],
)
def test_a_topic_that_ros_refuses_is_refused_here(path: list[Any], topic: str):
    """Not by every node with a traceback, after ``check`` called the contract complete."""
    value: Any = {
        "deadman": {"topic": topic},
        "driver": {"ready": [{"topic": topic, "type": "std_msgs/msg/Bool"}]},
    }.get(path[-1], topic)
    with pytest.raises(UserError, match=r"topic: got .* expected a topic's name: parts with / between"):
        contract_from_text(changed(path, value))


@pytest.mark.parametrize("topic", ["a", "/a", "_a/_1", "/Left/camera_2/image_raw"])
def test_a_topic_that_ros_takes_is_taken(topic: str):
    assert contract_from_text(changed(["deployment", "streams", 0, "topic"], topic)).source("front").topic == topic


@pytest.mark.parametrize(
    "path",
    [["interface"], ["name"], ["interface", "joints"], ["deployment", "streams", 2]],
)
def test_a_missing_part_is_refused(path: list[Any]):
    with pytest.raises(UserError):
        contract_from_text(without(path))


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "null", "interface: 3"])
def test_text_that_is_no_contract_is_refused(text: str):
    with pytest.raises(UserError):
        contract_from_text(text)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            ["interface", "streams", 0, "height"],
            0,
            "streams[0].camera.height: got 0; expected greater than 0",
        ),
        (["format"], 2, "format: got 2; expected 1"),
        (
            ["interface", "streams", 0, "kind"],
            "cam",
            "streams[0].kind: got 'cam'; expected one of 'camera', ",
        ),
        (["interface", "streams", 0], {"name": "front"}, "interface.streams[0].kind: got 'nothing'; expected a value"),
    ],
)
def test_a_mistake_is_said_in_words_of_the_contract(path: list[Any], value: Any, said: str):
    with pytest.raises(UserError) as caught:
        contract_from_text(changed(path, value))
    assert said in str(caught.value)
    assert "Input" not in str(caught.value)


def test_a_part_that_is_missing_is_named():
    with pytest.raises(UserError, match=r"interface\.tick_hz: got 'nothing'; expected a value"):
        contract_from_text(without(["interface", "tick_hz"]))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("format: 1\n", "format: 1\nformat: 1\n", "got 'format'; expected each key once: it is in line "),
        ("  tick_hz:", "  tick_hz: 1.0\n  tick_hz:", "got 'tick_hz'; expected each key once: it is in line "),
        ("  limits:\n", "  limits: []\n  limits:\n", "got 'limits'; expected each key once: it is in line "),
        ("kind: camera,", "kind: camera, kind: camera,", "got 'kind'; expected each key once: it is in line "),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_both_lines(before: str, after: str, said: str):
    assert before in TEXT
    text = TEXT.replace(before, after, 1)
    with pytest.raises(UserError) as caught:
        contract_from_text(text, "mine.yaml")
    first = TEXT[: TEXT.index(before)].count("\n") + 1
    assert f"mine.yaml: line {first + after.count(chr(10)) - before.count(chr(10))}: {said}{first} too" in str(
        caught.value
    )


def test_two_mappings_that_are_merged_may_not_both_state_a_key():
    with pytest.raises(UserError, match="mine: line 2: got 'velocity'; expected each key once: it is in line 1 too"):
        read_yaml("<<: [{name: a, velocity: 1.0},\n {velocity: 2.0}]", "mine")
    with pytest.raises(UserError, match="mine: line 3: got 'b'; expected each key once: it is in line 2 too"):
        read_yaml("a:\n - &x {b: 1}\n - &y {b: 2}\nc: {<<: [*x, *y]}", "mine")
    assert read_yaml("<<: [{name: a}, {velocity: 2.0}]\nname: b", "mine") == {"name": "b", "velocity": 2.0}


def test_what_a_merge_brings_may_be_stated_anew():
    merged = "{<<: &base {name: a, velocity: 1.0}, velocity: 2.0}"
    assert read_yaml(merged, "x") == {"name": "a", "velocity": 2.0}
    again = "a: &a {b: &b {x: 1}}\nc: {b: {<<: *b, x: 2}, <<: *a}"
    assert read_yaml(again, "x") == {"a": {"b": {"x": 1}}, "c": {"b": {"x": 2}}}
    assert read_yaml(TEXT, "x") == DATA


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: 1\n b: 2\n", "x: line 2: "), ("a: [1,\n", "x: line 2: "), ("a: *b\n", "x: line 1: "), ("a: \a", "x: got ")],
)
def test_a_mistake_of_yaml_is_said_with_its_line(text: str, said: str):
    with pytest.raises(UserError, match=r"expected valid YAML$") as caught:
        read_yaml(text, "x")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("value", [1e308, -1e308, 1e-320, 10**400])
def test_a_number_that_no_machine_has_is_refused_or_does_no_harm(value: float):
    for path in numbers(DATA):
        with suppress(UserError):
            contract = contract_from_text(changed(path, value), folder=share_folder("config") / "robots")
            assert contract.tick_ns > 0
            assert contract.stream_rules()
            assert contract.joint_ages_s()
            assert all(contract.latency_ns(stream.name) >= 0 for stream in contract.interface.streams)


@pytest.mark.parametrize("robot", known_robots())
def test_every_loader_reads_the_same_and_the_quick_one_reads_it_alone(robot: str, monkeypatch: pytest.MonkeyPatch):
    text, read = load_contract(robot).text, []
    for loader in contract_text._LOADERS:
        monkeypatch.setattr(contract_text, "_LOADERS", [loader])
        read.append(read_yaml(text, "x"))
    assert len(read) == 1 + yaml.__with_libyaml__
    assert all(each == yaml.safe_load(text) for each in read)


@pytest.mark.parametrize(
    "text",
    [
        "a: 2001-99-99",
        f"a: {'1' * 6000}",
        f"a: 0x{'f' * 20_000}",
        "[" * 5000,
        "a: !!int ''",
        "a: !!bool perhaps",
        "a: !!timestamp soon",
    ],
)
def test_what_a_parser_chokes_on_is_one_line(text: str):
    with pytest.raises(UserError, match="contract"):
        contract_from_text(text)


@pytest.mark.parametrize("name", ["a" * 300, f"{'a' * 300}.yaml", None, 1])
def test_a_name_that_no_file_can_have_is_refused_as_any_other(name: Any):
    with pytest.raises(UserError, match=r"robot: got .*tabletop_arm"):
        load_contract(name)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"format: 1\nname: caf\xe9\n")
    with pytest.raises(UserError, match=r"mine\.yaml: got 'byte 0xe9 in line 2'; expected UTF-8"):
        load_contract(path)


def test_a_mark_of_byte_order_does_not_matter(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load_contract(path).name == "tabletop_arm"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=6,
    )
)
def test_nothing_that_stands_in_a_contract_raises_anything_but_a_user_error(value: Any):
    for path in (["interface"], ["interface", "streams", 1], ["deployment", "gate"], ["interface", "action"]):
        with pytest.raises(UserError):
            contract_from_text(changed(path, value if path != ["deployment", "gate"] else [value]))


def test_a_model_binds_to_the_interface_and_not_to_the_deployment():
    original = contract_from_text(TEXT)
    moved = contract_from_text(changed(["deployment", "streams", 0, "topic"], "another/topic"))
    resized = contract_from_text(changed(["interface", "streams", 0, "height"], 32))
    assert moved.interface_hash == original.interface_hash
    assert resized.interface_hash != original.interface_hash


def test_a_contract_goes_through_its_own_text_unchanged():
    original = load_contract("tabletop_arm")
    again = contract_from_text(original.text)
    assert again.interface == original.interface
    assert again.deployment == original.deployment


def test_the_microphone_is_buffered_long_enough_for_its_window():
    rule = next(rule for rule in load_contract("tabletop_arm").stream_rules() if rule.name == "table_mic")
    assert rule.window == 1600
    assert rule.capacity * 0.001 * rule.rate_hz >= rule.window


def test_an_unknown_robot_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UserError, match="tabletop_arm"):
        load_contract("no_such_robot")


def test_an_action_of_joints_does_not_say_where_a_fingertip_is():
    names = [each["name"] for each in DATA["interface"]["joints"]]
    text = changed(["interface", "action"], {"kind": "joint_displacement", "joints": names, "bound": 0.1})
    with pytest.raises(UserError, match=r"targets: nothing ever says where \['fingertip'\] are"):
        contract_from_text(text)
    data = yaml.safe_load(text)
    data["interface"]["labels"].append({"name": "tip_truth", "target": "fingertip"})
    data["deployment"]["labels"].append({"name": "tip_truth", "topic": "labels/fingertip/pose"})
    assert len(contract_from_text(yaml.safe_dump(data)).interface.labels) == 2


def test_only_a_trajectory_controller_scales_its_time():
    data = copy.deepcopy(DATA)
    data["deployment"]["command"] |= {"interface": "forward_position", "topic": "position_controller/commands"}
    scaling = {"topic": "scaling", "type": "std_msgs/msg/Float64"}
    data["deployment"]["driver"] = {"speed_scaling": scaling}
    with pytest.raises(UserError, match="scales_controller: must be false"):
        contract_from_text(yaml.safe_dump(data))
    scaling["scales_controller"] = False
    assert contract_from_text(yaml.safe_dump(data)).deployment.driver is not None


def test_a_depth_camera_is_a_stream_of_its_own():
    contract = depth_arm()
    stream = contract.stream("above")
    assert (stream.shape, stream.dtype, stream.is_picture) == ((32, 48, 1), "float32", True)
    assert contract.interface_hash != load_contract("tabletop_arm").interface_hash
    with pytest.raises(UserError, match=r"max_m: must be over min_m"):
        depth_arm(min_m=2.0)
    with pytest.raises(UserError, match=r"depth\.max_m.*required"):
        contract_from_text(contract.text.replace("max_m: 1.5\n", "\n", 1))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    source_shape:\n    - 64\n    - 96\n", "", "above: source_shape is for cameras and depth"),
        ("    - name: above\n      position_m", "    - name: below\n      position_m", "deployment.simulation.cameras"),
    ],
)
def test_a_depth_camera_needs_what_every_picture_needs(old: str, new: str, words: str):
    text = depth_arm().text
    assert old in text
    with pytest.raises(UserError, match=words):
        contract_from_text(text.replace(old, new, 1))


def test_a_contract_travels_to_another_process_as_it_is_and_without_what_was_found_out_since():
    contract = load_contract("tabletop_arm")
    fresh = len(pickle.dumps(contract))
    assert contract.description.links
    assert contract.rest.shape == (6,)
    assert len(pickle.dumps(contract)) == fresh
    slow = contract.deployment.command.model_copy(update={"rate_hz": 20.0})
    changed = replace(contract, deployment=contract.deployment.model_copy(update={"command": slow}))
    there = pickle.loads(pickle.dumps(changed))
    assert (there, hash(there), there.interface_hash) == (changed, hash(changed), contract.interface_hash)
    assert there != contract
    assert there.description.links == contract.description.links


def test_a_large_file_is_no_contract(tmp_path: Path):
    file = tmp_path / "large.yaml"
    file.write_text("# " + "a" * 2**20)
    with pytest.raises(UserError, match=r"large.yaml: got '1048578 bytes'; expected a contract of 1048576 bytes"):
        load_contract(file)
