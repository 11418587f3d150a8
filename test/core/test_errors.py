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


def test_a_number_that_python_does_not_write_is_no_error_of_its_own() -> None:
    assert str(UserError("bound", 10**6000, "less")) == "bound: got int that is too long to show; expected less"


def test_a_path_is_said_as_a_person_writes_it() -> None:
    assert str(UserError("bag", Path("a/b"), "less")) == "bag: got 'a/b'; expected less"


def test_a_long_value_is_cut_and_an_error_survives_its_way_from_another_process() -> None:
    error = UserError("bag", "x" * 1000, "less")
    assert len(str(error)) < 300
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
