"""The gate's braking is counted once each, by its cause, and said in words."""

from __future__ import annotations

from world_model_ros.evaluate.tasks.braking import BrakingHeard, said_of_braking


def test_reports_that_say_the_same_again_are_one_braking() -> None:
    heard = BrakingHeard()
    for state, cause in (
        ("tracking", "command"),
        ("slowing", "silence"),
        ("slowing", "silence"),  # told again
        ("slowing", "joint_states_stale"),  # while it brakes
        ("tracking", "command"),
        ("slowing", "silence"),
        ("disarmed", "still"),
        ("holding", "arm"),
        ("stopped", "stop"),
    ):
        heard.hear({"state": state, "cause": cause})
    assert heard.causes == ["silence", "silence", "stop"]


def test_words_give_each_cause_its_count() -> None:
    assert said_of_braking([]) == ""
    assert said_of_braking(["force"]) == "; the gate braked 1 time (force 1)"
    words = said_of_braking(["silence", "force", "silence"])
    assert words == "; the gate braked 3 times (silence 2: the brain's plans came late, force 1)"
