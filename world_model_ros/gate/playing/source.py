"""Which source of a contract plays trajectories."""

from __future__ import annotations

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.errors import UserError


def source_of(contract: Contract, name: str = "") -> CommandSource:
    """The source of this name, or the one of kind moveit without a name; it has to be one that may move the robot.

    Raises:
        UserError: there is none, or more than one of kind moveit.
    """
    sources = contract.deployment.sources or []
    legal = [each for each in sources if each.moves and each.kind != "brain"]
    named = [each for each in legal if (each.name == name if name else each.kind == "moveit")]
    if len(named) == 1:
        return named[0]
    if name or named:
        raise UserError("source", name, f"one of {[each.name for each in named or legal]}")
    words = "one of kind moveit, as {name: planner, kind: moveit, topic: moveit/command}"
    raise UserError("deployment.sources", [each.name for each in sources], words)
