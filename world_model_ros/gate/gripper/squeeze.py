"""Limits how hard a gripper squeezes, by a bound on how far its setpoint leads its measured position in closing.

A gripper that closes on something stays where that is, while its setpoint goes on; how far it is ahead is how hard a
position controller presses. So every plan of such a joint, its stop included, ends within the squeeze of where the
joint is measured: whatever its fingers meet, and even if nothing new is sent, the setpoint never leads by more. The
faster they close, the longer is their stop, so that a small squeeze closes slowly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.gate.motion.limiter import Motion

_CRUISE_CYCLES = 2.0  # for which the way that is left has to last at the speed of now, before the stop


class Squeeze:
    """Joints of grippers whose lead is bounded, of J.

    Args:
        limits: of J joints.
        most: by name of the joint, rad or m.
        closing: by name of the joint, 1 where it closes upward, -1 where downward.
        slack: (J,) what a lead may be over when the gate is armed, for the noise of what is measured.
        cycle_s: time between two plans.

    Attributes:
        joints: (J,) whether each is bounded.
    """

    def __init__(
        self,
        limits: JointLimits,
        most: Mapping[str, float],
        closing: Mapping[str, float],
        slack: Float,
        cycle_s: float,
    ) -> None:
        self._limits, self._slack = limits, slack
        self._bounded = [(index, closing[name], most[name]) for index, name in enumerate(limits.names) if name in most]
        self.joints = np.array([name in most for name in limits.names])
        self._cruise_s = _CRUISE_CYCLES * cycle_s
        self._leads: list[tuple[int, float, float, float, float]] = []  # joint, way, lead, start and most open place
        self._released: dict[int, float] = {}  # where joints are to be, that are to be more open than the fingers were

    def aim(self, now: Motion, aim: Float, measured: Float, share: float) -> tuple[Float, Float]:
        """The velocity (J,) to be aimed at, and where (J,) each of these joints is to have stopped at the latest.

        That is NaN for joints that only open, and for all others.

        Args:
            now: where a plan begins. aim: what it would have without a bound. measured: positions (J,).
            share: of the speed of everything, 0 to 1.
        """
        aim, ends = np.array(aim), np.full(len(aim), np.nan)
        for joint, way, most in self._bounded:
            bound = self._clipped(joint, measured[joint] + way * most)
            left, speed = way * (bound - now.position[joint]), way * aim[joint]
            fitting = share * math.copysign(self._speed(joint, abs(left)), left)
            lead = way * float(now.position[joint] - measured[joint])
            released = joint in self._released and lead > 0.0
            if released and speed < 0.0:
                speed = min(speed, -share * self._speed(joint, lead))
            if speed > min(fitting, 0.0):
                aim[joint], ends[joint] = way * min(speed, fitting), bound
            elif released:
                aim[joint], ends[joint] = way * speed, self._released[joint]
            elif self._closes(joint, way, now):
                ends[joint] = self._limits.lower[joint] if way > 0 else self._limits.upper[joint]
        return aim, ends

    def held(self, setpoint: Float, measured: Float) -> Float:
        """Where (J,) an armed gate holds: at the setpoint where that is within the squeeze, else where it is measured.

        A gripper that was moved by hand begins where it is, and one that holds something goes on holding it.
        """
        held = np.array(setpoint)
        for joint, way, most in self._bounded:
            lead = way * (setpoint[joint] - measured[joint])
            kept = measured[joint] + way * min(lead, most)
            held[joint] = self._clipped(joint, kept if abs(lead) <= most + self._slack[joint] else measured[joint])
        return held

    def opened(self, before: Float, after: Float) -> Float:
        """The second of two positions (J,), but no joint more closed than in the first."""
        after = np.array(after)
        for joint, way, _ in self._bounded:
            after[joint] = way * min(way * before[joint], way * after[joint])
        return after

    def hear(self, command: Trajectory, measured: Float | None) -> None:
        """Take how far the start of a new command is ahead of the measured joints (J,), if these are known."""
        self._leads = []
        for joint, way, most in self._bounded if measured is not None else ():
            assert measured is not None
            positions = way * command.positions[:, joint]
            lead = min(max(float(positions[0] - way * measured[joint]), 0.0), most)
            self._leads.append((joint, way, lead, float(positions[0]), float(positions.min())))

    def from_measured(self, position: Float, velocity: Float) -> tuple[Float, Float]:
        """What the newest command asks for, (J,) each, with what opens counted from where the joint is measured.

        The lead is given up twice as fast as the command says, and at once where that opens the fingers; what is opened
        farther counts from there. Nothing is led beyond where the command leads.
        """
        position, velocity = np.array(position), np.array(velocity)
        self._released.clear()
        for joint, way, lead, start, least in self._leads:
            place = way * position[joint]
            opens = start - place
            if lead > 0.0 and opens > 0.0:
                farther = max(place - min(opens, lead), least)
                velocity[joint] *= 0.0 if farther == least else 2.0 if opens < lead else 1.0
                position[joint] = way * farther
                if farther < start - lead:
                    self._released[joint] = float(position[joint])
        return position, velocity

    def _closes(self, joint: int, way: float, now: Motion) -> bool:
        """Whether it moves to closed, or will before its acceleration can be taken back."""
        gains = max(way * float(now.acceleration[joint]), 0.0) ** 2 / (2.0 * float(self._limits.jerk[joint]))
        return way * float(now.velocity[joint]) + gains > 0.0

    def _speed(self, joint: int, distance: float) -> float:
        """From which a joint stops within a distance, after it has gone on for a while."""
        acceleration = float(self._limits.acceleration[joint])
        while_s = self._cruise_s + 0.5 * acceleration / float(self._limits.jerk[joint])
        return acceleration * (math.sqrt(while_s**2 + 2.0 * distance / acceleration) - while_s)

    def _clipped(self, joint: int, position: float) -> float:
        return min(max(float(position), float(self._limits.lower[joint])), float(self._limits.upper[joint]))
