"""Reads ``gate/state`` for one source of commands: state, owner, speed, and the refusals of its commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from world_model_ros.gate.states import Event, State


@dataclass(frozen=True)
class GateNews:
    """A message of ``gate/state``, as far as one source of commands is concerned.

    Args:
        state, cause: of the gate, and why.
        since_ns: of the state, on the ROS clock.
        owner: a source, or None.
        speed_scale: share of the speed of all that is commanded.
        led_in: whether the controller has been led to where motion begins.
        heard: whether a controller listens.
        near: what slows or stops the motion, or None.
        refused: how many commands of this source broke a rule.
        refusal: the last one that the gate refused, in words.
    """

    state: State
    cause: Event
    since_ns: int
    owner: str | None
    speed_scale: float
    led_in: bool
    heard: bool
    near: str | None
    refused: int
    refusal: str

    @property
    def handing_over(self) -> bool:
        """Whether it has braked for the owner, whose command ends that."""
        return self.state is State.SLOWING and self.cause is Event.HAND_OVER

    @property
    def words(self) -> str:
        """The state, for a person."""
        state, cause = self.state.value, self.cause.value
        told = {
            State.DISARMED: f"is disarmed ({cause}); call gate/arm",
            State.SLOWING: f"brakes ({cause})",
            State.STOPPED: f"is stopped ({cause}); call gate/reset, then gate/arm",
        }
        return f"the gate {told.get(self.state, f'is {state} ({cause})')}"


def news_of(report: Mapping[str, Any], source: str) -> GateNews | None:
    """The news in a report of a gate; None where it is none, or of a gate that does not know the source."""
    try:
        own = next(each for each in report["sources"] if each["name"] == source)
        last = report["last_refusal"]
        about = "" if last is None else f" of {last['joint']}" if last["joint"] else ""
        refusal = "" if last is None else f"{last['rule']}{about}: {last['value']}; legal: {last['limit']}"
        return GateNews(
            State(report["state"]),
            Event(report["cause"]),
            int(report["since_ns"]),
            report["owner"],
            float(report["speed_scale"]),
            bool(report["led_in"]),
            bool(report["heard"]),
            report["near"],
            int(own["refused"]),
            refusal,
        )
    except (KeyError, TypeError, ValueError, OverflowError, StopIteration):
        return None
