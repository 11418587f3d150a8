"""Parameters of the brain's node, and their legal values."""

from __future__ import annotations

from typing import Any

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.interleaving import turns_of
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot

PARAMETERS = {
    "robot": default_robot(),
    "model": "",  # empty takes the one named like the robot
    "provider": "auto",
    "policy": "model",  # or random, a control; or watch: commands nothing, and reports how well it predicts
    "seed": 0,
    "rate_hz": 0.0,  # of ticks; 0 is the contract's, else a multiple of it, with as many beliefs in turn
    "threads": 1,  # of the planner on a CPU; more finish sooner on an idle machine and later on a busy one
    "thread_priority": 20,  # of SCHED_FIFO, where that is allowed; after the gate's 50; 0 for none
    "lock_memory": True,  # keep the process in memory, where that is allowed
    "autostart": True,
    "recorded": False,  # a recorder runs alongside: autostart waits until it has all that the first tick sees
}


def turns_asked(rate_hz: float, contract: Contract, brain: Brain) -> int:
    """Ticks in a step of the model; `UserError` for a rate that this brain cannot have."""
    turns = turns_of(rate_hz, contract)
    if turns > 1 and not brain.acts:
        raise UserError("rate_hz", rate_hz, "0 for a brain that only watches")
    if turns > 1 and contract.interface.action.free:
        raise UserError("rate_hz", rate_hz, "0 where all parts of the action are free: each action is of a whole step")
    return turns


def check_parameters(given: dict[str, Any]) -> None:
    """`UserError` that names the parameter, the value and what is legal."""
    if given["policy"] not in ("model", "random", "watch"):
        raise UserError("policy", given["policy"], "'model', 'random' or 'watch'")
    for name, least in (("seed", 0), ("threads", 1)):
        if given[name] < least:
            raise UserError(name, given[name], f"{least} or more")
    if not 0 <= given["thread_priority"] <= 99:
        raise UserError("thread_priority", given["thread_priority"], "0 to 99")
