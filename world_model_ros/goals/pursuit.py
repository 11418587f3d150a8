"""State of the pursued goal that is kept from tick to tick: following of a goal image, and progress of a push."""

from __future__ import annotations

from dataclasses import dataclass

from world_model_ros.core.arrays import Floats


@dataclass(frozen=True)
class Pursuit:
    """How far a goal image has been followed.

    Args:
        stamp_ns: of the goal that this is about.
        seen: (K, 3) positions read from the goal image, m, base frame.
        code: (V, D) of the goal image, by camera.
        target: index of the target that is moved now; None before that was decided.
        aim: (3,) where the target is to go, low-pass filtered; None until the camera was fresh once.
        blind_steps: of the model, since ``aim`` was last brought up to date.
    """

    stamp_ns: int
    seen: Floats
    code: Floats
    target: int | None = None
    aim: Floats | None = None
    blind_steps: float = 0.0


@dataclass(frozen=True)
class PushProgress:
    """How a push has gone.

    Args:
        stamp_ns: of the goal that this is about.
        left_m: the least way that was left since hands came to push.
        steps: of the model since that became less. looking: steps that hands still stay out of the way.
    """

    stamp_ns: int
    left_m: float
    steps: float = 0.0
    looking: float = 0.0
