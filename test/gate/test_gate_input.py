"""What a program hands to a gate is checked where it comes in: an error names field, value and what is legal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_driver import CONTRACT, JOINTS, LIMITS, START_NS, Driver

import world_model_ros as wm

NAN, INF = float("nan"), float("inf")
USUAL = {
    "limits": LIMITS,
    "settings": CONTRACT.deployment.gate,
    "tick_s": 0.1,
    "rate_hz": 50.0,
    "joints_max_age_s": 0.1,
}
TIMES = [None, "x", True, 0, -1.0, NAN, INF, 1e-300, 1e9]
BAD = {
    "tick_s": TIMES,
    "rate_hz": TIMES,
    "joints_max_age_s": TIMES,
    "limits": [None, "x", {}],
    "settings": [None, "x", {}],
    "collision": ["x", 5],
    "driver": ["x", 5, CONTRACT.deployment.driver or {"a": 1}],
    "squeeze": ["x", 5],
    "ownership": ["x", 5, [1]],
    "streaming": ["x", 1, None],
    "arm_tolerance": [0.1, np.ones(JOINTS - 1), np.full(JOINTS, NAN), -np.ones(JOINTS), ["0.1"] * JOINTS],
    "watched": [True, [True] * (JOINTS - 1), np.ones(JOINTS), "x", [[True], []]],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in BAD for value in BAD[field]])
def test_a_gate_is_made_of_what_it_can_use(field: str, value) -> None:
    with pytest.raises(wm.UserError, match=rf"^{field}: got"):
        wm.Gate(**{**USUAL, field: value})


def test_what_each_joint_is_told_may_be_a_list() -> None:
    gate = wm.Gate(**USUAL, arm_tolerance=[0.1] * JOINTS, watched=[True, False] * (JOINTS // 2))
    assert gate.watched.tolist() == [True, False] * (JOINTS // 2)


@pytest.mark.parametrize("now_ns", [None, NAN, "x", 0.5, True, 10**30])
def test_times_are_whole_nanoseconds(now_ns) -> None:
    gate = Driver().gate
    for call in (gate.arm, gate.disarm, gate.reset, gate.step):
        with pytest.raises(wm.UserError, match=r"^now_ns: got .*whole nanoseconds"):
            call(now_ns)
    assert gate.state is wm.State.DISARMED


@pytest.mark.parametrize("share", [True, np.True_, 0.0, 1.1, NAN, "1", None])
def test_the_speed_is_a_share(share) -> None:
    gate = Driver().gate
    with pytest.raises(wm.UserError, match=r"^speed_scale: got .*a number from 0.05 to 1"):
        gate.speed_scale = share


@pytest.mark.parametrize("heard", ["x", 1, None])
def test_a_controller_listens_or_does_not(heard) -> None:
    gate = Driver().gate
    with pytest.raises(wm.UserError, match=r"^heard: got .*bool"):
        gate.heard = heard
    assert gate.heard is True


@pytest.mark.parametrize("now_ns", [None, NAN, "x", 10**30])
def test_a_stop_at_a_time_that_is_none_stops_before_it_says_so(now_ns) -> None:
    gate = Driver().armed().gate
    with pytest.raises(wm.UserError, match=r"^now_ns: got .*whole nanoseconds"):
        gate.stop(now_ns)
    assert gate.state is wm.State.STOPPED


@pytest.mark.parametrize("cloud", ["x", None, ["front"]])
def test_a_gate_without_clouds_sees_none(cloud) -> None:
    with pytest.raises(wm.UserError, match=r"^cloud: got .*one of \[\]"):
        Driver().gate.see(cloud, 0, np.zeros((0, 3)), 0.01)


@pytest.mark.parametrize("accelerations", [np.full((3, JOINTS), NAN), np.zeros((2, JOINTS)), "x", [["0"] * JOINTS] * 3])
def test_accelerations_of_a_command_are_numbers(accelerations) -> None:
    driver = Driver().armed()
    command = replace(driver.move(0.1), accelerations=accelerations)
    assert driver.gate.command(driver.now_ns, command).rule == "form"
    assert driver.gate.command(driver.now_ns, replace(command, accelerations=np.zeros((3, JOINTS)))) is None
    assert driver.now_ns == START_NS


FIELDS = ("lower", "upper", "velocity", "acceleration", "jerk", "effort")


@pytest.mark.parametrize(
    ("field", "value"),
    [*((field, value) for field in FIELDS for value in (NAN, INF)), ("upper", -2.0), ("lower", 1.0)]
    + [(field, value) for field in FIELDS[2:] for value in (0.0, -1.0)],
)
def test_limits_bound_something(field: str, value: float) -> None:
    good = {name: np.array([-1.0 if name == "lower" else 1.0] * 2) for name in FIELDS}
    bad = good[field].copy()
    bad[1] = value
    wm.JointLimits(("a", "b"), **good)
    said = "upper" if field == "lower" and np.isfinite(value) else field
    with pytest.raises(wm.UserError, match=rf"^limits: {said}: b: got"):
        wm.JointLimits(("a", "b"), **{**good, field: bad})


@pytest.mark.parametrize("names", [None, "a", (), ("a", "a"), ("a", 5), ("", "a"), 5])
def test_limits_are_of_joints_by_name(names) -> None:
    ones = np.ones(2)
    with pytest.raises(wm.UserError, match=r"^limits: names: got"):
        wm.JointLimits(names, -ones, ones, ones, ones, ones, ones)


@pytest.mark.parametrize("now_ns", [None, NAN, "x", [1], 0.5])
def test_a_trajectory_is_sampled_at_whole_nanoseconds(now_ns) -> None:
    with pytest.raises(wm.UserError, match=r"^now_ns: got .*whole nanoseconds"):
        Driver().armed().move(0.1).sample(now_ns)


def test_a_trajectory_without_a_point_has_no_sample() -> None:
    empty = np.zeros((0, JOINTS))
    with pytest.raises(wm.UserError, match=r"^times_s: got .*one point at least"):
        wm.Trajectory(LIMITS.names, np.zeros(0), empty, empty, START_NS).sample(START_NS)


@pytest.mark.parametrize("name", [np.zeros(3), None, 5, ["brain"]])
def test_an_owner_is_asked_for_by_name(name) -> None:
    with pytest.raises(wm.UserError, match=r"^owner: got .*one of \['brain'\]"):
        Driver().gate.ownership.ask(name, START_NS)
