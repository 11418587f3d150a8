"""Picks the contract's source of commands that a program sends as (MoveIt or a person), by name or by kind."""

from __future__ import annotations

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.core.errors import UserError

_EXAMPLES = {
    "moveit": "{name: planner, kind: moveit, topic: moveit/command}",
    "person": "{name: person, kind: person, topic: person/command, rate_hz: 20}",
}


def source_of(contract: Contract, name: str = "", kind: str = "moveit") -> CommandSource:
    """The source of this name, or the one of a kind without a name; it has to be one that may move the robot.

    Args:
        kind: ``moveit`` or ``person``.

    Raises:
        UserError: there is none, or more than one of that kind.
    """
    sources = contract.deployment.sources or []
    legal = [each for each in sources if each.moves and each.kind != "brain"]
    named = [each for each in legal if (each.name == name if name else each.kind == kind)]
    if len(named) == 1:
        return named[0]
    if name or named:
        raise UserError("source", name, f"one of {[each.name for each in named or legal]}")
    words = f"one of kind {kind}, as {_EXAMPLES[kind]}"
    raise UserError("deployment.sources", [each.name for each in sources], words)
