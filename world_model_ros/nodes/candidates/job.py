"""State of a request to judge candidate motions that is being worked on, and the kinematics that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.imagination.candidates import Candidate
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.motion import Motion, motion_for
from world_model_ros.nodes.brain.ticked import Ticked
from world_model_ros.nodes.candidates.inbox import Request


@dataclass
class Job:
    """A request at work, all of it from one belief.

    Args:
        start: (J,) where motions start, rad or m. left: names that are not imagined yet.
        busy_ms: work so far. ticks: over how many. waited: ticks in a row without time.
    """

    request: Request
    ticked: Ticked
    start: Float | None
    left: list[str]
    done: list[Candidate] = field(default_factory=list)
    futures: list[Imagined] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    busy_ms: float = 0.0
    ticks: int = 1
    waited: int = 0


def motion_or_reason(contract: Contract) -> Motion | UserError:
    """A motion of our own, since kinematics hold scratch memory; or why there is none, for a robot that is watched."""
    try:
        return motion_for(contract)
    except UserError as error:
        return error
