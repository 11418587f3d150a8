"""Slow work is waited for in a bounded time, and said; a goal that the demo ended itself is no failure."""

from __future__ import annotations

import threading

import pytest

from world_model_ros.core.errors import UserError
from world_model_ros.nodes.robot.demo_node import said_of_goal
from world_model_ros.nodes.robot.waiting import waited


def test_what_is_waited_for_is_said_again_and_again_until_it_is_there() -> None:
    done, lines = threading.Event(), list[str]()

    def say(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            done.set()

    assert waited("a picture", lambda: done.wait(30.0) and 7, 60.0, say, every_s=0.01) == 7
    assert len(lines) >= 3
    assert all(line.startswith("  waiting for a picture, for ") for line in lines)


def test_what_takes_too_long_is_an_error_that_names_it() -> None:
    done = threading.Event()
    with pytest.raises(UserError, match=r"a picture: got 'nothing in 0\.05 s'"):
        waited("a picture", lambda: done.wait(30.0), 0.05, lambda line: None, every_s=0.01)
    done.set()


def test_an_error_of_the_work_is_raised_where_it_is_waited_for() -> None:
    def work() -> None:
        raise UserError("goal", 3, "4")

    with pytest.raises(UserError, match="goal: got 3"):
        waited("a picture", work, 10.0, print)


def test_a_goal_that_the_demo_ended_at_the_first_touch_does_not_read_like_a_failure() -> None:
    cancelled = {"reason": "cancelled", "why": "cancelled after 1.3 s"}
    assert "the demo ended it" in said_of_goal([cancelled], reached=True)
    assert "cancelled" not in said_of_goal([cancelled], reached=True)
    assert said_of_goal([cancelled], reached=False) == "the brain says of it: cancelled after 1.3 s"
    stuck = {"reason": "stuck", "why": "no progress for 2 s"}
    assert said_of_goal([stuck], reached=True) == "the brain says of it: stuck, no progress for 2 s"
    assert said_of_goal([], reached=True) == "the brain has not said that it ended"
