"""An error is one line, whatever was wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

from world_model_ros.core.errors import UserError


def test_an_error_names_field_value_and_what_is_legal_in_one_line() -> None:
    error = UserError(
        "message type", "a\nb", "a definition that parses (line 1:\n\tstring fram(_id\x00\x1b[31m\u2028end)"
    )
    assert str(error) == (
        "message type: got 'a\\nb'; expected a definition that parses (line 1: string fram(_id??[31m end)"
    )
    assert len(str(error).splitlines()) == 1


def test_a_value_that_python_does_not_write_is_no_error_of_its_own() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("says nothing")

    assert str(UserError("bound", 10**6000, "less")) == "bound: got int that cannot be shown; expected less"
    assert str(UserError("bound", Mute(), "less")) == "bound: got Mute that cannot be shown; expected less"


JOINTS = [f"joint_{number}" for number in range(400)]


def test_a_long_list_is_shown_by_its_first_names_and_their_number() -> None:
    first = "['joint_0', 'joint_1', 'joint_2', 'joint_3', 'joint_4', 'joint_5', ... 400 in all]"
    assert (
        str(UserError("joints", 5, f"some of {JOINTS}, or none")) == f"joints: got 5; expected some of {first}, or none"
    )
    assert str(UserError("joints", JOINTS, "fewer")) == f"joints: got {first}; expected fewer"
    assert UserError("joints", 5, f"some of {JOINTS}").legal == f"some of {JOINTS}"


def test_a_list_that_can_be_read_stays_whole() -> None:
    for some in (JOINTS[:20], [1, 2, 3], [], ["it's", 'a "name"', "with, commas [0]"]):
        assert str(UserError("joints[0]", some[:4], f"one of {some}")).endswith(f"{some[:4]}; expected one of {some}")


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    assert str(UserError("joint", "jiont_377", f"one of {JOINTS}")).endswith("; the closest is 'joint_377'")
    topics = ["/joint_states (sensor_msgs/msg/JointState, 500)", "/rosout (rcl_interfaces/msg/Log, 3)"]
    assert str(UserError("topic", "/joint_state", f"one of {topics}")).endswith("; the closest is '/joint_states'")
    assert str(UserError("kind", "pos", "'pose', 'value' or 'image'")).endswith("'image'; the closest is 'pose'")
    for value, legal in (
        ("elbow", f"one of {JOINTS}"),
        ("joint_1", f"one of {JOINTS}, once"),
        ("modl", "a folder with 'model'"),
        ("joint_1" * 100_000, f"one of {JOINTS}"),
        (1.0, "one of ['1', '1.1']"),
    ):
        assert "closest" not in str(UserError("name", value, legal))


def test_a_path_is_said_as_a_person_writes_it() -> None:
    assert str(UserError("bag", Path("a/b"), "less")) == "bag: got 'a/b'; expected less"


def test_a_long_value_is_cut_and_an_error_survives_its_way_from_another_process() -> None:
    error = UserError("bag", "x" * 1000, "less")
    assert len(str(error)) < 300
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
