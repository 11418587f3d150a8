"""When a push gets nowhere: the hands go out of the camera's way, and it is begun anew from what is seen then.

An arm over an object hides it, and what is believed of it then may be wrong for good, because nothing is done that
would show it. Navigation calls this a recovery behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from world_model_ros.brain.decision import Effort
from world_model_ros.contract.schema import Target
from world_model_ros.goals.subgoal import Aim

LOOKING = "looking again"
_PATIENCE_STEPS = 25.0  # of the model without progress
_PROGRESS_M = 0.005
_NEAR_M = 0.015  # of its goal an object is where it should be, as well as that is known
_LOOK_STEPS = 12.0  # time to get back from anywhere in the workspace, and to look


def effort_of(
    aim: Aim, stamp_ns: int, effort: Effort | None, targets: Sequence[Target], since: float = 1.0
) -> Effort | None:
    """What a tick adds to an effort; None where the aim pushes nothing.

    Args:
        aim: of this tick. stamp_ns: of its goal.
        effort: so far; None at first.
        targets: of the contract. since: steps of the model since the last tick.
    """
    pushed = [way for way in aim.ways if targets[way.target].kind == "object"]
    if not aim.moves or not pushed:
        return None
    left_m = max(hypot(*(way.position - way.now)[:2].tolist()) for way in pushed)
    if effort is None or effort.stamp_ns != stamp_ns:
        return Effort(stamp_ns, left_m)
    if effort.looking > 0.0:
        looking = max(effort.looking - since, 0.0)
        return Effort(stamp_ns, left_m, 0.0, looking)
    if left_m < max(effort.left_m - _PROGRESS_M, _NEAR_M):
        return Effort(stamp_ns, left_m)
    steps = effort.steps + since
    if steps < _PATIENCE_STEPS:
        return replace(effort, steps=steps)
    return Effort(stamp_ns, left_m, 0.0, _LOOK_STEPS)
