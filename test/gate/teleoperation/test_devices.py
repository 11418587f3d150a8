"""Numbers of gamepads, mice, keyboards and leader arms become wishes; what makes no sense is named."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.gate.teleoperation.devices import (
    Gamepad,
    LeaderArm,
    Velocities,
    columns_by_name,
    mapping_of,
)

ARM, GRIPPER = load_contract("tabletop_arm"), load_contract("gripper_arm_tracked")
HUMANOID = load_contract("humanoid_upper_body")
AXES, BUTTONS = [0.0] * 6, [0] * 21


def pushed(**axes: float) -> list[float]:
    values = AXES.copy()
    for name, value in axes.items():
        values[int(name.removeprefix("axis"))] = value
    return values


def down(*indices: int) -> list[int]:
    return [int(index in indices) for index in range(len(BUTTONS))]


def test_columns_have_short_names_where_only_one_has_them() -> None:
    assert columns_by_name(ARM) == {"x": 0, "y": 1}
    found = columns_by_name(GRIPPER)
    assert [found[name] for name in ("x", "y", "z", "yaw", "gripper", "grasp_point_x")] == [0, 1, 2, 3, 4, 0]
    assert "x" not in columns_by_name(HUMANOID)  # it has two hands


def test_an_axis_at_its_end_asks_for_the_share_of_the_bound() -> None:
    gamepad = Gamepad(GRIPPER, speed=0.5)
    wish, pressed = gamepad.read(pushed(axis1=1.0, axis2=-1.0), down(10))
    assert wish.rates == pytest.approx([0.15, 0.0, 0.0, -1.25, 0.0])  # 0.03 m and 0.25 rad a tick, ten ticks a second
    assert wish.held
    assert pressed.held
    assert not wish.neutral


def test_an_axis_near_its_middle_asks_for_nothing_and_from_there_on_without_a_jump() -> None:
    gamepad = Gamepad(GRIPPER, speed=0.5, dead_zone=0.2)
    assert not gamepad.read(pushed(axis1=0.2), down(10))[0].rates.any()
    assert 0.0 < gamepad.read(pushed(axis1=0.21), down(10))[0].rates[0] < 0.003
    assert gamepad.read(pushed(axis1=0.6), down(10))[0].rates[0] == pytest.approx(0.075)


def test_nothing_moves_while_the_switch_is_not_held() -> None:
    assert Gamepad(GRIPPER).read(pushed(axis1=1.0), down())[0].neutral


def test_buttons_open_and_close_the_gripper() -> None:
    gamepad = Gamepad(GRIPPER, speed=1.0)
    assert gamepad.read(AXES, down(10, 1))[0].rates[4] == pytest.approx(3.0)
    assert gamepad.read(AXES, down(10, 0))[0].rates[4] == pytest.approx(-3.0)
    assert gamepad.read(AXES, down(10, 0, 1))[0].rates[4] == 0.0


def test_a_button_counts_once_while_it_is_pressed_and_not_if_it_was_down_at_the_start() -> None:
    gamepad = Gamepad(GRIPPER)
    assert not gamepad.read(AXES, down(6))[1].take
    assert not gamepad.read(AXES, down())[1].take
    assert gamepad.read(AXES, down(6))[1].take
    assert not gamepad.read(AXES, down(6))[1].take
    assert gamepad.read(AXES, down(4))[1].give


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"axes": "q=1"}, r"axes: got 'q'; expected one of \["),
        ({"axes": "x"}, "axes: got 'x'; expected names"),
        ({"axes": "x=1, x=2"}, "axes: got 'x=2'; expected names, each once"),
        ({"axes": "x=one"}, "axes: got 'x=one'"),
        ({"buttons": "hold=1, jump=1"}, "buttons: got 'jump'; expected hold, take, give"),
        ({"buttons": "take=6"}, "buttons: got 'take=6'; expected hold=INDEX among them"),
        ({"buttons": "hold=-5"}, "buttons: hold: got '-5'; expected an index"),
        ({"speed": 0.0}, "speed: got 0.0; expected above 0"),
        ({"speed": float("nan")}, "speed: got nan"),
        ({"dead_zone": 1.0}, "dead_zone: got 1.0"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_by_name(given: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Gamepad(GRIPPER, **given)  # type: ignore[arg-type]


def test_the_usual_mapping_leaves_out_what_a_robot_does_not_have() -> None:
    assert Gamepad(ARM, usual=True).read(pushed(axis1=1.0, axis3=1.0), down(10))[0].rates[0] > 0.0
    with pytest.raises(UserError, match="axes: got 'z'"):
        Gamepad(ARM)
    with pytest.raises(UserError, match="names of columns with their axes"):
        Gamepad(HUMANOID, usual=True)  # two hands: which of them is meant?


@pytest.mark.parametrize(
    ("axes", "buttons", "words"),
    [
        (AXES[:2], BUTTONS, "axes: got '2 of them'; expected more than 3"),
        (AXES, BUTTONS[:3], "buttons: got '3 of them'"),
        (pushed(axis1=float("nan")), BUTTONS, "axes: 1: got nan; expected a finite number"),
    ],
)
def test_a_message_of_another_device_is_named(axes: list[float], buttons: list[int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Gamepad(GRIPPER).read(axes, buttons)


def test_a_sign_turns_an_axis_round() -> None:
    assert mapping_of("axes", "x=-1, y=-0") == {"x": (1, -1.0), "y": (0, -1.0)}
    assert Gamepad(GRIPPER, axes="x=-1").read(pushed(axis1=1.0), down(10))[0].rates[0] < 0.0


def test_velocities_are_what_they_say_up_to_the_share_of_the_bounds() -> None:
    twist = Velocities(GRIPPER, speed=0.5)
    wish = twist.read(np.array([0.05, -0.02, 9.0, 0.0, 0.0, 0.3]))
    assert wish.rates == pytest.approx([0.05, -0.02, 0.15, 0.3, 0.0])
    with pytest.raises(UserError, match="twist"):
        twist.read(np.array([np.inf, 0, 0, 0, 0, 0]))
    with pytest.raises(UserError, match="device: got 'twist'; expected an action that moves one fingertip"):
        Velocities(HUMANOID)


def test_a_leader_leads_by_how_far_it_has_gone_since_the_switch_was_pressed() -> None:
    leader = LeaderArm(ARM, "shoulder_pan_joint=base, elbow_joint=-elbow")
    now = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert leader.read(["base", "elbow"], [1.0, 2.0], False, now, 0).neutral
    first = leader.read(["elbow", "base"], [2.0, 1.0], True, now, 10**8)
    assert first.places is not None
    assert first.places[[0, 2]] == pytest.approx([0.1, 0.3])  # where the robot is: nothing jumps
    assert np.isnan(first.places[[1, 3, 4, 5]]).all()
    then = leader.read(["base", "elbow"], [1.2, 2.3], True, now + 9.0, 2 * 10**8)
    assert then.places is not None
    assert then.places[[0, 2]] == pytest.approx([0.3, 0.0])
    leader.read(["base", "elbow"], [1.2, 2.3], False, now, 3 * 10**8)
    leader.read(["base", "elbow"], [-1.0, -1.0], False, now, 4 * 10**8)
    again = leader.read(["base", "elbow"], [-1.0, -1.0], True, now, 5 * 10**8)
    assert again.places is not None
    assert again.places[[0, 2]] == pytest.approx([0.1, 0.3])
    assert leader.read(["base", "elbow"], [-0.9, -1.0], True, None, 6 * 10**8).neutral


@pytest.mark.parametrize(("angle", "after_ns"), [(1.0, 10**9), (1.5, 2 * 10**7)], ids=["silence", "a jump"])
def test_after_silence_or_a_jump_the_switch_has_to_be_let_go_of(angle: float, after_ns: int) -> None:
    leader, now = LeaderArm(ARM, "shoulder_pan_joint=base"), np.zeros(6)
    leader.read(["base"], [1.0], False, now, 0)
    assert not leader.read(["base"], [1.0], True, now, 10**8).neutral
    at_ns = 10**8 + after_ns
    assert leader.read(["base"], [angle], True, now, at_ns).neutral
    assert leader.read(["base"], [angle], True, now, at_ns + 10**7).neutral
    assert leader.read(["base"], [angle], False, now, at_ns + 2 * 10**7).neutral
    taken_up = leader.read(["base"], [angle], True, now, at_ns + 3 * 10**7)
    assert taken_up.places is not None
    assert taken_up.places[0] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("joints", "names", "positions", "words"),
    [
        ("nose=base", [], [], "joints: got 'nose=base'; expected joint=leader_joint"),
        ("shoulder_pan_joint", [], [], "joints: got 'shoulder_pan_joint'"),
        ("shoulder_pan_joint=base", ["other"], [0.0], r"leader: name: got \['other'\]; expected also \['base'\]"),
        ("shoulder_pan_joint=base", ["base"], [float("nan")], "leader: position"),
        ("shoulder_pan_joint=base", ["base"], [], "leader: position"),
    ],
)
def test_a_leader_that_cannot_be_read_is_named(
    joints: str, names: list[str], positions: list[float], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        LeaderArm(ARM, joints).read(names, positions, True, np.zeros(6), 0)
