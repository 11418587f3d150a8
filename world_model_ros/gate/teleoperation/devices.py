"""Converts input of gamepads, SpaceMice, keyboards and leader arms into wishes: action rates or joint positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.checks import numbers
from world_model_ros.core.errors import UserError
from world_model_ros.gate.teleoperation.wish import Wish

HOLD, TAKE, GIVE = "hold", "take", "give"
# As joy's game_controller_node orders those of every controller: sticks, right shoulder, start, back, A and B.
GAMEPAD_AXES = "x=1, y=0, z=3, yaw=2"
GAMEPAD_BUTTONS = "hold=10, take=6, give=4, gripper-=0, gripper+=1"
_SILENT_NS, _JUMP = 300_000_000, 0.3  # of a leader arm, after which it has to be taken up anew
_TWIST = {"x": 0, "y": 1, "z": 2, "turn_x": 3, "turn_y": 4, "turn_z": 5, "yaw": 5}  # of linear x y z, angular x y z


def columns_by_name(contract: Contract) -> dict[str, int]:
    """The action's columns by their names, and by the ends of these that only one column has: ``x`` of ``tip_x``."""
    names = contract.interface.action.components
    found = {name: column for column, name in enumerate(names)}
    for short in _TWIST:
        ending = [column for column, name in enumerate(names) if name.endswith(f"_{short}")]
        if short == "yaw" or not short.startswith("turn"):
            ending = [column for column in ending if f"_turn_{short}" not in names[column]]
        if len(ending) == 1:
            found.setdefault(short, ending[0])
    return found


def most_rates(contract: Contract, speed: float) -> Float:
    """The action's largest rates (C,), in its unit a second, at a share ``speed`` of its bounds a tick.

    `UserError` of a speed that is not above 0 and at most 1.
    """
    if not 0.0 < speed <= 1.0:
        raise UserError("speed", speed, "above 0, at most 1: a share of the action's bounds")
    return np.array(contract.interface.action.bounds) * contract.interface.tick_hz * speed


def mapping_of(field: str, text: str) -> dict[str, tuple[int, float]]:
    """What a text as ``x=1, y=-0, gripper+=3`` maps names to: an index, and its sign. `UserError` of any other text."""
    found: dict[str, tuple[int, float]] = {}
    for each in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, index = (part.strip() for part in each.rpartition("="))
        digits = index.removeprefix("-")
        if not (equals and name and digits.isdecimal()) or name in found:
            raise UserError(field, each, "names, each once, with an index from 0 on, as x=1, or x=-1 for its negative")
        found[name] = int(digits), -1.0 if index.startswith("-") else 1.0
    return found


def buttons_of(text: str) -> dict[str, int]:
    """Buttons of a text as ``hold=10, take=6``. `UserError` of any other text, and without ``hold``."""
    found = mapping_of("buttons", text)
    negative = next((name for name, (_, sign) in found.items() if sign < 0.0), None)
    if negative is not None:
        raise UserError(f"buttons: {negative}", f"-{found[negative][0]}", "an index from 0 on")
    if HOLD not in found:
        raise UserError("buttons", text, f"{HOLD}=INDEX among them: nothing moves but while it is held")
    return {name: index for name, (index, _) in found.items()}


@dataclass(frozen=True)
class Pressed:
    """Buttons of a device, after a message: whether the switch is held, and what was pressed just now."""

    held: bool
    take: bool = False
    give: bool = False


class Buttons:
    """Reads whether the switch is held, and what was pressed just now.

    Args:
        indices: of ``hold``, and where there are any ``take`` and ``give``.
    """

    def __init__(self, indices: Mapping[str, int]) -> None:
        self._indices = dict(indices)
        self._before: dict[str, bool] = {}

    def read(self, buttons: Sequence[int]) -> Pressed:
        """Buttons of one message. `UserError` if it has too few."""
        down = {name: bool(_at("buttons", buttons, index)) for name, index in self._indices.items()}
        before, self._before = self._before, down
        new = {name for name, is_down in down.items() if is_down and not before.get(name, True)}
        return Pressed(down[HOLD], TAKE in new, GIVE in new)


class Gamepad:
    """A gamepad (sensor_msgs/Joy): axes and pairs of buttons give rates.

    Args:
        contract: of the robot. axes: column to axis, as text. buttons: ``hold``, ``take``, ``give``, and ``column-``
            and ``column+``, as text.
        speed: share of the action's bounds at the end of an axis. dead_zone: of an axis, around its middle.
        usual: leaves out columns that the robot does not have, in place of refusing them.

    Raises:
        UserError: names that are no column, or numbers that are not legal.
    """

    def __init__(
        self,
        contract: Contract,
        axes: str = GAMEPAD_AXES,
        buttons: str = GAMEPAD_BUTTONS,
        speed: float = 0.5,
        dead_zone: float = 0.1,
        usual: bool = False,
    ) -> None:
        if not 0.0 <= dead_zone < 1.0:
            raise UserError("dead_zone", dead_zone, "from 0 to less than 1")
        self._most, self._dead = most_rates(contract, speed), dead_zone
        columns = columns_by_name(contract)
        self._axes: list[tuple[int, int, float]] = []
        for name, (index, sign) in mapping_of("axes", axes).items():
            if name in columns:
                self._axes.append((columns[name], index, sign))
            elif not usual:
                raise UserError("axes", name, f"one of {sorted(columns)}")
        pressed, self._pushed = {}, []
        for name, index in buttons_of(buttons).items():
            column, way = name[:-1], {"+": 1.0, "-": -1.0}.get(name[-1])
            if name in (HOLD, TAKE, GIVE):
                pressed[name] = index
            elif way is not None and column in columns:
                self._pushed.append((columns[column], index, way))
            elif not usual:
                legal = f"{HOLD}, {TAKE}, {GIVE}, or one of {sorted(columns)} with + or -"
                raise UserError("buttons", name, legal)
        if not self._axes and not self._pushed:
            legal = (
                f"names of columns with their axes, of {sorted(columns)}: this robot has none of the usual ones alone"
            )
            raise UserError("axes", axes, legal)
        self._buttons = Buttons(pressed)

    def read(self, axes: Sequence[float], buttons: Sequence[int]) -> tuple[Wish, Pressed]:
        """What one message says. `UserError` if it has too few axes or buttons, or numbers that are not finite."""
        shares = np.zeros(len(self._most))
        for column, index, sign in self._axes:
            shares[column] += sign * self._share(_at("axes", axes, index))
        for column, index, sign in self._pushed:
            shares[column] += sign * bool(_at("buttons", buttons, index))
        pressed = self._buttons.read(buttons)
        return Wish(np.clip(shares, -1.0, 1.0) * self._most, held=pressed.held), pressed

    def _share(self, value: float) -> float:
        """0 within the dead zone, from there on up to 1 without a jump."""
        far = max(abs(value) - self._dead, 0.0) / (1.0 - self._dead)
        return float(np.copysign(min(far, 1.0), value))


class Velocities:
    """A velocity (geometry_msgs/Twist) of the first fingertip, as of a SpaceMouse or a keyboard: m/s and rad/s.

    Args:
        contract: of the robot. speed: share of the action's bounds that is the most it may ask for.

    Raises:
        UserError: the action moves nothing along or about an axis.
    """

    def __init__(self, contract: Contract, speed: float = 0.5) -> None:
        self._most = most_rates(contract, speed)
        columns = columns_by_name(contract)
        self._columns = [(columns[name], index) for name, index in _TWIST.items() if name in columns]
        if not self._columns:
            names = list(contract.interface.action.components)
            raise UserError("device", "twist", f"an action that moves one fingertip; this one has {names}")

    def read(self, twist: Float) -> Wish:
        """What a velocity (6,) says, linear then angular. `UserError` of numbers that are not finite."""
        if not np.isfinite(twist).all():
            raise UserError("twist", twist.tolist(), "finite numbers")
        rates = np.zeros(len(self._most))
        for column, index in self._columns:
            rates[column] = twist[index]
        return Wish(np.clip(rates, -self._most, self._most))


class LeaderArm:
    """Another arm that a person moves by hand (its sensor_msgs/JointState): the robot does what it does.

    How far it has gone since the switch was last pressed counts, not where it is: so nothing jumps at the start, and
    letting go gives room to move the leader back. After 0.3 s without a message that can be read, or a jump of 0.3 rad
    (or m) from one to the next, the switch has to be let go of.

    Args:
        contract: of the robot. joints: of the robot to joints of the leader, as text ``elbow=leader_elbow`` or
            ``elbow=-leader_elbow`` for one that turns the other way; empty takes those of the same names.

    Raises:
        UserError: a joint that the robot does not have.
    """

    def __init__(self, contract: Contract, joints: str = "") -> None:
        self._names, self._size = contract.joint_names, contract.interface.action.size
        self._leads: dict[int, tuple[str, float]] = {}
        for each in filter(None, (piece.strip() for piece in joints.split(","))):
            name, equals, leader = (part.strip() for part in each.partition("="))
            if name not in self._names or not equals or not leader.strip("-"):
                raise UserError("joints", each, f"joint=leader_joint, with a joint of {list(self._names)}")
            self._leads[self._names.index(name)] = leader.lstrip("-"), -1.0 if leader.startswith("-") else 1.0
        if not joints.strip():
            self._leads = {index: (name, 1.0) for index, name in enumerate(self._names)}
        self._offset: Float | None = None
        self._before: tuple[int, Float] | None = None
        self._lost = False  # what it led to, until the switch is let go of

    def read(self, names: Sequence[str], positions: Sequence[float], held: bool, now: Float | None, at_ns: int) -> Wish:
        """What a message of the leader says.

        Args:
            names, positions: of the leader's joints.
            held: whether the switch is held.
            now: (J,) where the robot is led to, None if that is not known.
            at_ns: when it came, on a clock that goes on.

        Raises:
            UserError: it lacks joints, or has positions that are not finite.
        """
        found = numbers(positions)
        if found is None or found.shape != (len(names),) or not np.isfinite(found).all():
            raise UserError("leader: position", list(positions), f"{len(names)} finite numbers, one a joint")
        at = dict(zip(names, found.tolist()))
        lacking = sorted({leader for leader, _ in self._leads.values()} - set(at))
        if lacking:
            raise UserError("leader: name", list(names), f"also {lacking}")
        led = np.full(len(self._names), np.nan)
        for index, (leader, sign) in self._leads.items():
            led[index] = sign * at[leader]
        if self._before is not None:
            before_ns, before = self._before
            away = np.nanmax(np.abs(led - before), initial=0.0)
            self._lost = self._lost or not 0 <= at_ns - before_ns <= _SILENT_NS or away > _JUMP
        self._before = at_ns, led
        self._lost = self._lost and held
        if not held or now is None or self._lost:
            self._offset = None
        elif self._offset is None:
            self._offset = now - led
        if self._offset is None:
            return Wish(np.zeros(self._size), held=False)
        return Wish(np.zeros(self._size), led + self._offset)


def _at(field: str, values: Sequence[float], index: int) -> float:
    if index >= len(values):
        raise UserError(field, f"{len(values)} of them", f"more than {index}, which the mapping names")
    value = float(values[index])
    if not np.isfinite(value):
        raise UserError(f"{field}: {index}", value, "a finite number")
    return value
