"""The output of one gate step: state, commanded motion, what to send; and the check that its numbers are finite."""

from __future__ import annotations

import math
from dataclasses import dataclass

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.states import Event, State, Transition


@dataclass(frozen=True)
class GateOutput:
    """What one step says.

    Args:
        state: of the state machine.
        cause: what led to that state.
        reference: the commanded motion now; while disarmed the measured one, None if nothing is known.
        outgoing: trajectory for the controller, from a little before now to a stop, or from later on; None if there is
            nothing to say.
        setpoint: the same for a controller that is sent one each step; None while disarmed.
        transitions: changes of state since the step before.
    """

    state: State
    cause: Event
    reference: Motion | None
    outgoing: Trajectory | None
    setpoint: Motion | None
    transitions: tuple[Transition, ...]


def require_finite(output: GateOutput) -> None:
    """The last line: a number that is not finite is a bug here, and dying stops the arm."""
    arrays: list[Float] = []
    if output.reference is not None:
        arrays += [output.reference.position, output.reference.velocity, output.reference.acceleration]
    if output.setpoint is not None:
        arrays += [output.setpoint.position, output.setpoint.velocity]
    if output.outgoing is not None:
        sent = output.outgoing
        arrays += [sent.times_s, sent.positions, sent.velocities]
        arrays += [] if sent.accelerations is None else [sent.accelerations]
    if not all(math.isfinite(array.sum()) for array in arrays):  # one NaN or infinity is in the sum too
        raise FloatingPointError(f"the gate computed a number that is not finite in state {output.state.value}")
