"""Where a record has its goal."""

from __future__ import annotations

from typing import Any

import pytest

from world_model_ros.core.errors import UserError
from world_model_ros.nodes.view.predicted import goal_place


@pytest.mark.parametrize(
    ("goal", "place"),
    [
        (None, None),
        ({"kind": "image", "aim": None}, None),
        ({"aim": [1, 2, 3], "pose": [4, 5, 6, 0, 0, 0, 1]}, [1.0, 2.0, 3.0]),
        ({"aim": None, "pose": [4, 5, 6, 0, 0, 0, 1]}, [4.0, 5.0, 6.0]),
    ],
)
def test_it_is_what_is_aimed_at_else_what_was_asked_for(goal: Any, place: list[float] | None) -> None:
    assert goal_place({"goal": goal}) == place


@pytest.mark.parametrize("goal", [{"aim": [1, None, 3]}, {"pose": [1, 2]}, {"pose": "here"}, [1, 2, 3]])
def test_what_is_no_place_is_refused(goal: Any) -> None:
    with pytest.raises(UserError):
        goal_place({"goal": goal})
