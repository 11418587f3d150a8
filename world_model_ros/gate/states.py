"""The gate's state machine: states, events, and the table of transitions.

    disarmed --arm--> holding --command--> tracking --silence--> slowing --still--> disarmed
                                               ^------command------'
    tracking --hand over--> slowing --command (of the next owner)--> tracking
    holding, tracking, slowing --disarm or a fault--> slowing --still--> disarmed
    any --stop--> stopped --reset--> disarmed

Braking because of silence, or before another source takes over, may be taken back by a new command; braking for any
other reason may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """What the gate is doing."""

    DISARMED = "disarmed"  # sends nothing
    HOLDING = "holding"  # armed, has not been commanded yet
    TRACKING = "tracking"  # follows accepted commands
    SLOWING = "slowing"  # brakes, then stands still until disarmed
    STOPPED = "stopped"  # brakes, then stays so until reset


class Event(str, Enum):
    """Why a state is left."""

    START = "start"
    ARM = "arm"
    DISARM = "disarm"
    STOP = "stop"
    RESET = "reset"
    COMMAND = "command"
    SILENCE = "silence"
    HAND_OVER = "hand_over"
    STILL = "still"
    JOINTS_STALE = "joint_states_stale"
    JOINTS_DISAGREE = "joint_states_disagree"
    CLOCK_JUMP = "clock_jump"
    DEADMAN = "deadman"
    FORCE = "force"
    SURPRISE = "surprise"
    PREDICTED_FORCE = "predicted_force"
    DRIVER_NOT_READY = "driver_not_ready"
    CLOUD_STALE = "cloud_stale"


FAULTS = (
    Event.JOINTS_STALE,
    Event.JOINTS_DISAGREE,
    Event.CLOCK_JUMP,
    Event.DEADMAN,
    Event.FORCE,
    Event.SURPRISE,
    Event.PREDICTED_FORCE,
    Event.DRIVER_NOT_READY,
    Event.CLOUD_STALE,
)
ARMED = (State.HOLDING, State.TRACKING, State.SLOWING)


TABLE: dict[tuple[State, Event], State] = {
    (State.DISARMED, Event.ARM): State.HOLDING,
    (State.HOLDING, Event.COMMAND): State.TRACKING,
    (State.TRACKING, Event.SILENCE): State.SLOWING,
    (State.TRACKING, Event.HAND_OVER): State.SLOWING,
    (State.SLOWING, Event.HAND_OVER): State.SLOWING,
    (State.SLOWING, Event.COMMAND): State.TRACKING,
    (State.SLOWING, Event.STILL): State.DISARMED,
    (State.STOPPED, Event.RESET): State.DISARMED,
    **{(state, event): State.SLOWING for state in ARMED for event in (Event.DISARM, *FAULTS)},
    **{(state, Event.STOP): State.STOPPED for state in (State.DISARMED, *ARMED)},
}


@dataclass(frozen=True)
class Transition:
    """One change of state; ``cause`` is what began it (a disarmed gate still says why it had to brake)."""

    before: State
    after: State
    cause: Event
    now_ns: int

    def __str__(self) -> str:
        return f"{self.before.value} -> {self.after.value} ({self.cause.value})"


class Machine:
    """The state, the event that led to it, and when that was (ns; 0 before the first one)."""

    def __init__(self) -> None:
        self.state = State.DISARMED
        self.cause = Event.START
        self.since_ns = 0

    @property
    def resumable(self) -> bool:
        """Whether a command can end the braking."""
        return self.state is State.SLOWING and self.cause in (Event.SILENCE, Event.HAND_OVER)

    @property
    def handing_over(self) -> bool:
        """Whether it brakes before another source takes over."""
        return self.state is State.SLOWING and self.cause is Event.HAND_OVER

    def fire(self, event: Event, now_ns: int) -> Transition | None:
        """Apply an event; None if it changes nothing in this state."""
        after = TABLE.get((self.state, event))
        if after is None:
            return None
        if self.state is State.SLOWING and not self.resumable and event not in (Event.STILL, Event.STOP):
            return None
        cause = self.cause if event is Event.STILL else event
        transition = Transition(self.state, after, cause, now_ns)
        self.state, self.cause, self.since_ns = after, cause, now_ns
        return transition
