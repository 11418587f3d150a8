"""A robot that does what its contract says passes, whatever its delays, and the figures are true."""

from __future__ import annotations

import numpy as np
import pytest
from robot_bench import HIGH, Bench

from world_model_ros.commissioning.commissioner import Plan
from world_model_ros.commissioning.findings import NOTE, OK, Check

ALWAYS = {"moves", "direction", "right joint", "units", "speed", "lag", "gate/stop", "silence"}


def figures(checks: list[Check], subject: str, what: str) -> dict[str, float]:
    return dict(next(each.figures for each in checks if (each.subject, each.what) == (subject, what)))


@pytest.mark.parametrize(
    ("seed", "delay_s", "lag_s"), [(0, 0.0, 0.0), (1, 0.005, 0.01), (2, 0.015, 0.02), (3, 0.015, 0.03), (4, 0.0, 0.04)]
)
def test_no_false_alarm(seed: int, delay_s: float, lag_s: float) -> None:
    joints = ("shoulder_lift_joint", "wrist_3_joint") if seed % 2 else ("shoulder_pan_joint", "wrist_2_joint")
    bench = Bench(plan=Plan(asks=False, joints=joints), seed=seed, delay_s=delay_s, lag_s=lag_s)
    checks = bench.run()
    assert [each for each in checks if each.level not in (OK, NOTE)] == []
    for joint in joints:
        assert {each.what for each in checks if each.subject == joint} == ALWAYS | {"position"}
    assert bench.refused == []
    assert bench.gate.state.value == "disarmed"
    assert bench.gate.ownership.owner is None  # as before
    # Measured, not assumed: the lag of this arm, and what it went through.
    measured = figures(checks, joints[0], "lag")["lag_s"]
    assert lag_s - 0.005 <= measured <= lag_s + delay_s + 0.012
    assert figures(checks, joints[0], "units")["ratio"] == pytest.approx(1.0, abs=0.02)


def test_nothing_goes_faster_than_the_share_and_all_comes_back() -> None:
    plan = Plan(asks=False, share=0.1, joints=("elbow_joint",))
    bench = Bench(plan=plan)
    checks = bench.run()
    assert [each for each in checks if each.level not in (OK, NOTE)] == []
    limit = bench.contract.limits().velocity
    assert bench.fastest[2] <= 0.1 * limit[2] * 1.01
    assert bench.fastest[2] >= 0.1 * limit[2] * 0.95
    np.testing.assert_array_less(np.delete(bench.fastest, 2), 0.001)
    np.testing.assert_allclose(bench.arm.position, HIGH, atol=0.03)


@pytest.mark.parametrize("scale", [0.5, 0.05])
def test_a_gate_with_a_speed_scale_is_asked_for_that_much_more(scale: float) -> None:
    plan = Plan(asks=False, joints=("elbow_joint",))
    bench = Bench(plan=plan)
    bench.gate.speed_scale = scale
    checks = bench.run()
    assert [each for each in checks if each.level not in (OK, NOTE)] == []
    assert bench.fastest[2] == pytest.approx(0.05 * 3.0, rel=0.05)


def test_an_arm_that_hangs_below_its_command_lags_by_none_of_that() -> None:
    plan = Plan(asks=False, joints=("shoulder_lift_joint",))
    bench = Bench(plan=plan)
    hanging = np.array([0.0, -0.004, 0.0, 0.0, 0.0, 0.0])
    bench.arm.home, bench.arm.position = bench.arm.home + hanging, bench.arm.position + hanging
    bench.arm._aside = hanging
    checks = bench.run()
    assert [each for each in checks if each.level not in (OK, NOTE)] == []
    assert figures(checks, "shoulder_lift_joint", "lag")["lag_s"] == pytest.approx(0.03, abs=0.012)


def test_a_gripper_passes_whichever_way_it_has_room() -> None:
    for place in (0.004, 0.038):
        plan = Plan(asks=False, joints=("finger_joint",))
        bench = Bench("gripper_arm", plan=plan, home=np.append(HIGH, place))
        checks = bench.run()
        assert [each for each in checks if each.level not in (OK, NOTE)] == []
        (seen,) = [each for each in checks if each.what == "gripper"]
        assert seen.level == NOTE
        assert ("opened, then closed" in seen.words) == (place < 0.02)


def test_a_lag_that_the_gate_would_brake_for_at_full_speed_is_told_in_time() -> None:
    plan = Plan(asks=False, joints=("elbow_joint",))
    checks = Bench(plan=plan, lag_s=0.06).run()  # 3 rad/s times 60 ms and more is over 0.15 rad
    (lag,) = [each for each in checks if each.what == "lag"]
    assert lag.level == "WRONG"
    assert lag.figures["following_error_at_full_speed"] > lag.figures["tracking_tolerance"]
