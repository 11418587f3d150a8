"""Arms behind the gate: from what it sends their controller, and from its state, to messages for their motors.

The controller is the model of joint_trajectory_controller on which the gate's promises are made, so these hold at what
is commanded here too. Time comes in as arguments, and nothing goes out but return values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from world_model_ros.contract.deployment.gate import Controller
from world_model_ros.convert.finite import finite
from world_model_ros.convert.trajectory import trajectory_from
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.states import ARMED, State
from world_model_ros.motors.description import Motors
from world_model_ros.motors.messages import Record, checksum, empty_command
from world_model_ros.motors.share import Phase, Share
from world_model_ros.sim.controller import JointTrajectoryController

ENABLED = 1  # mode of a motor
_LONGEST_S = 0.02  # that counts as passed between two steps: a process that was held up goes on gently
_BRISK = 1.1  # times a velocity limit, that the gate may exceed by 1.3 %
_JUMP_NS = 500_000_000


@dataclass(frozen=True)
class Times:
    """How long the share rises and falls, the gate may be silent, and what is measured counts, s."""

    take_s: float = 2.0
    release_s: float = 1.0
    silence_s: float = 0.5
    state_max_age_s: float = 0.1


@dataclass(frozen=True)
class Measured:
    """What the motors of ``names`` measure: rad, rad/s, N m, degrees Celsius, codes (0 is none); each (J,)."""

    names: tuple[str, ...]
    position: Float
    velocity: Float
    effort: Float
    temperature: Float
    fault: Float


class Arms:
    """Motors of the joints of some controllers.

    Args:
        controllers: of trajectories, as the contract has them; their joints all have motors.
        motors: the robot's. limits: of the contract, of its joints and others.
        rate_hz: steps per second. times: how long things take.
    """

    def __init__(
        self, controllers: Sequence[Controller], motors: Motors, limits: JointLimits, rate_hz: float, times: Times
    ) -> None:
        self.names = tuple(name for each in controllers for name in each.joints)
        found = motors.of(self.names)
        self._motor = np.array([each.motor for each in found])
        self._kp, self._kd = np.array([each.kp for each in found]), np.array([each.kd for each in found])
        self._weight, self._times = motors.weight, times
        self._fastest = _BRISK * limits.velocity[[limits.names.index(name) for name in self.names]]
        self._controllers = [
            JointTrajectoryController(each.joints, np.zeros(len(each.joints)), 0, rate_hz, "4.17")
            for each in controllers
        ]
        self.share = Share(times.take_s, times.release_s)
        self._sent = np.zeros(len(self.names))
        self._gate: State | None = None
        self._gate_s = self._state_s = -np.inf
        self._state: Record | None = None
        self._told: str | None = None  # why to let go
        self._for_good = False
        self._last: tuple[int, float] | None = None

    def hear_gate(self, state: State | None, now_s: float) -> None:
        """A gate is there; its state, where the message says it."""
        self._gate_s, self._gate = now_s, self._gate if state is None else state

    def hear_motors(self, state: Record, now_s: float) -> None:
        """Take what the motors measure; `UserError`, and nothing taken, where one of ours is not a number."""
        motors = state["motor_state"][0][self._motor]
        for field in ("q", "dq", "tau_est"):
            finite(motors[field], f"motor_state: {field}", self.names)
        self._state, self._state_s = state, now_s

    def hear_trajectory(self, index: int, message: Any, now_ns: int, where: str = "trajectory") -> None:
        """Follow a JointTrajectory from the next step on; ``index`` is of its controller.

        Raises:
            UserError: other joints, a wrong form, a number that is not finite, or a trajectory that has ended: that one
                is not followed.
        """
        controller = self._controllers[index]
        refused = controller.receive(_with_accelerations(message, controller.names, where), now_ns)
        if refused is not None:
            raise UserError(where, refused, "a trajectory as the gate sends it")

    def release(self, why: str, for_good: bool = False) -> None:
        """Let go, whatever the gate says, until it has been disarmed, or for good."""
        self._told, self._for_good = why, self._for_good or for_good

    @property
    def ready(self) -> bool:
        """Whether the gate may be armed, and stay so."""
        return self._told is None and self.share.phase in (Phase.APART, Phase.TAKING, Phase.HELD)

    @property
    def pace(self) -> float:
        """Share of the clock's speed at which the gate's time is to pass: none, until the arms are ours."""
        return 0.0 if self.share.phase in (Phase.APART, Phase.TAKING) else 1.0

    def measured(self) -> Measured | None:
        """What is measured of our joints; None before a state has come."""
        if self._state is None:
            return None
        motors = self._state["motor_state"][0][self._motor]
        position, velocity, effort = (motors[field].astype(np.float64) for field in ("q", "dq", "tau_est"))
        hottest = motors["temperature"].max(axis=1).astype(np.float64)
        return Measured(self.names, position, velocity, effort, hottest, motors["motorstate"].astype(np.float64))

    def fresh(self, now_s: float) -> bool:
        """Whether what is measured still counts."""
        return now_s - self._state_s <= self._times.state_max_age_s

    def step(self, now_ns: int, now_s: float) -> Record | None:
        """The message to send now, or None.

        Args:
            now_ns: on the clock of the trajectories' stamps. now_s: on one that never steps.
        """
        passed_s = 0.0 if self._last is None else min(max(now_s - self._last[1], 0.0), _LONGEST_S)
        before, disarmed = self.share.phase, not self._silent(now_s) and self._gate not in (None, *ARMED)
        self.share.step(passed_s, self._reason(now_s), disarmed and self.fresh(now_s))
        if self.share.phase is Phase.APART and not self._for_good:
            self._told = None
        if self._last is None or not 0 <= now_ns - self._last[0] <= _JUMP_NS:
            for controller in self._controllers:
                controller.set_clock(now_ns)
        self._last = now_ns, now_s
        if before is Phase.APART and self.share.phase is Phase.TAKING:
            self._begin()
        for controller in self._controllers:
            controller.run(now_ns + 1)
        if not self.share.sends:
            return None
        most = self._fastest * passed_s
        wanted = np.concatenate([each.held[0] for each in self._controllers])
        self._sent = self._sent + np.clip(wanted - self._sent, -most, most)
        return self._message()

    def _begin(self) -> None:
        """Hold what is measured."""
        measured = self.measured()
        assert measured is not None  # or there would be a reason against it
        self._sent, at = measured.position, 0
        for controller in self._controllers:
            controller.hold(measured.position[at : at + len(controller.names)])
            at += len(controller.names)

    def _message(self) -> Record:
        assert self._state is not None  # or nothing would have been taken
        message = empty_command()
        message["mode_machine"] = self._state["mode_machine"]
        motors = message["motor_cmd"][0]
        motors["mode"][self._motor] = ENABLED
        motors["q"][self._motor] = self._sent
        motors["kp"][self._motor], motors["kd"][self._motor] = self._kp, self._kd
        motors["q"][self._weight] = self.share.weight
        message["crc"] = checksum(message)
        return message

    def _silent(self, now_s: float) -> bool:
        return now_s - self._gate_s > self._times.silence_s

    def _reason(self, now_s: float) -> str | None:
        """Why the arms may not be ours; None if they are to be. A gate that is stopped holds what it has."""
        if self._told is not None:
            return self._told
        if self._gate is None or self._silent(now_s):
            return "the gate is silent"
        holds = self._gate is State.STOPPED and self.share.phase in (Phase.TAKING, Phase.HELD)
        if not (self._gate in ARMED or holds):
            return f"the gate is {self._gate.value}"
        return None if self.fresh(now_s) else "the motors are silent"


def _with_accelerations(message: Any, names: tuple[str, ...], where: str) -> Trajectory:
    """A JointTrajectory in the order of ``names``, with accelerations where every point has them."""
    trajectory = trajectory_from(message, names, where)
    lengths = {len(point.accelerations) for point in message.points}
    if lengths == {0}:
        return trajectory
    if lengths != {len(names)}:
        raise UserError(f"{where}: length of accelerations", sorted(lengths), f"{len(names)} at every point, or none")
    rows = np.array([point.accelerations for point in message.points], np.float64)
    finite(rows, f"{where}: accelerations")
    order = [list(message.joint_names).index(name) for name in names]
    return replace(trajectory, accelerations=rows[:, order])
