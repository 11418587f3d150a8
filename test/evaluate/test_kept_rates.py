"""What a run says of the rates that it kept."""

from __future__ import annotations

import pytest

from world_model_ros.evaluate.tasks.kept_rates import DRIVERS, SIMULATION, kept_rates

TICKS = {"asked_hz": 20.0, "tick_hz": 19.98}


def simulation(kept: float, late: float = 12.0, affordable: float = 30.0) -> tuple[str, dict[str, str]]:
    values = {"front_asked_hz": 30, "front_affordable_hz": affordable, "front_kept_hz": kept, "image_ms": 2.0}
    return SIMULATION, {
        key: str(value) for key, value in {**values, "behind_ms_p50": 6.0, "behind_ms_p99": late}.items()
    }


def drivers(late: float = 8.0, **more: str) -> tuple[str, dict[str, str]]:
    return DRIVERS, {
        "joint_states_late_ms_p95": str(late),
        "joint_states_gap_ms": "10.0",
        "real_time_priority": "20",
        **more,
    }


def test_a_run_that_keeps_its_rates_is_short_of_nothing() -> None:
    rates = kept_rates([simulation(30.0), drivers(), simulation(29.0), drivers()], TICKS)
    assert rates["ticks"] == {"asked_hz": 20.0, "kept_hz": 19.98}
    assert rates["cameras"]["front"] == {"asked_hz": 30.0, "affordable_hz": 30.0, "kept_hz": 29.5, "least_hz": 29.0}
    assert rates["physics"] == {"late_ms_p50": 6.0, "late_ms_p99": 12.0}
    assert rates["joint_states"] == {"late_ms_p95": 8.0, "gap_ms": 10.0}
    assert rates["real_time_priority"] == 20
    assert rates["short_of"] == []


def test_what_is_not_kept_is_said_with_numbers() -> None:
    said = [
        simulation(12.0, late=140.0, affordable=15.0),
        drivers(180.0),
        drivers(3.0, real_time_priority="0", real_time_given_back="drivers are starved"),
    ]
    rates = kept_rates(said, {"asked_hz": 20.0, "tick_hz": 15.0})
    assert rates["real_time_priority"] == 0
    assert rates["short_of"] == [
        "15.0 of 20 ticks a second",
        "12.0 of 30 images a second of camera front, 15 affordable",
        "physics up to 140 ms late",
        "joint states up to 180 ms late",
        "the brain gave its real-time priority back: drivers are starved",
    ]


@pytest.mark.parametrize("said", [[], [("other", {})]])
def test_a_robot_that_says_nothing_leaves_only_ticks(said: list) -> None:
    rates = kept_rates(said, TICKS)
    assert rates["cameras"] == {}
    assert rates["physics"]["late_ms_p99"] is None
    assert rates["short_of"] == []
