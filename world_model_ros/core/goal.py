"""Goals: poses of targets, a picture, or joint positions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

GoalKind = Literal["pose", "image", "joints"]


@dataclass(frozen=True)
class PoseGoal:
    """Where one target shall be: its name, and (7,) x y z in m and quaternion x y z w in the base frame."""

    target: str
    pose: NDArray[np.float32]


def image_digest(image: NDArray[np.uint8]) -> str:
    """What tells goal images apart, however often they are sent and recorded: of (H, W, 3) uint8 RGB, 16 hex digits."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Goal:
    """One goal; exactly the field of its kind is set.

    Args:
        kind: ``pose``, ``image`` or ``joints``.
        stamp_ns: when it was given; a new stamp is a new goal.
        target: name of the target that shall reach the pose (``fingertip``, ``object_0``).
        pose: (7,) x y z in m and quaternion x y z w in the base frame. Orientation is not yet a cost.
        image: (H, W, 3) uint8 RGB, as the first camera of the contract would see the goal.
        joints: (J,) positions in contract order, rad or m; NaN for those that shall stay as they are.
        also: of a pose goal, other targets that shall be at poses of their own at the same time.
    """

    kind: GoalKind
    stamp_ns: int
    target: str | None = None
    pose: NDArray[np.float32] | None = None
    image: NDArray[np.uint8] | None = None
    joints: NDArray[np.float32] | None = None
    also: tuple[PoseGoal, ...] = ()
