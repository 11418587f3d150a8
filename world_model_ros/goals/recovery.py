"""Detects that a push makes no progress, and times how long the hands then stay out of the camera's view.

`Aiming.out_of_the_way` moves them.

An arm over an object hides it, and what is believed of it then may be wrong for good, because nothing is done that
would show it. Navigation calls this a recovery behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from world_model_ros.contract.schema import Target
from world_model_ros.goals.pursuit import PushProgress
from world_model_ros.goals.subgoal import Subgoal

LOOKING = "looking again"
_PATIENCE_STEPS = 25.0  # of the model without progress
_PROGRESS_M = 0.005
_NEAR_M = 0.015  # of its goal an object is where it should be, as well as that is known
_LOOK_STEPS = 12.0  # time to get back from anywhere in the workspace, and to look


def push_progress(
    aim: Subgoal, stamp_ns: int, progress: PushProgress | None, targets: Sequence[Target], since: float = 1.0
) -> PushProgress | None:
    """What a tick adds to a progress; None where the aim pushes nothing.

    Args:
        aim: of this tick. stamp_ns: of its goal.
        progress: so far; None at first.
        targets: of the contract. since: steps of the model since the last tick.
    """
    pushed = [way for way in aim.ways if targets[way.target].kind == "object"]
    if not aim.moves or not pushed:
        return None
    left_m = max(hypot(*(way.position - way.now)[:2].tolist()) for way in pushed)
    if progress is None or progress.stamp_ns != stamp_ns:
        return PushProgress(stamp_ns, left_m)
    if progress.looking > 0.0:
        looking = max(progress.looking - since, 0.0)
        return PushProgress(stamp_ns, left_m, 0.0, looking)
    if left_m < max(progress.left_m - _PROGRESS_M, _NEAR_M):
        return PushProgress(stamp_ns, left_m)
    steps = progress.steps + since
    if steps < _PATIENCE_STEPS:
        return replace(progress, steps=steps)
    return PushProgress(stamp_ns, left_m, 0.0, _LOOK_STEPS)
