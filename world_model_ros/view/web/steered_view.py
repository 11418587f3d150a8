"""Interface between the page of ``world-model imagine`` and the imagination that it steers and shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.arrays import Float, Frame
from world_model_ros.view.outlook import Outlook
from world_model_ros.view.pictures.steered_picture import Inside


@dataclass(frozen=True)
class SteeredView:
    """One imagined tick to be shown.

    Args:
        frames: (H, W, 3) uint8 each, evenly spread over the tick; empty without a camera. real: of the simulator.
        inside: senses. ahead: (H, B) sound ahead.
        outlook: in space. truth: target -> (3,) m where the simulator has it.
    """

    frames: tuple[Frame, ...]
    real: Frame | None
    inside: Inside
    ahead: NDArray[np.float64] | None
    outlook: Outlook
    truth: Mapping[str, Float]


class Steerable(Protocol):
    """What is steered.

    Attributes:
        axes: names of the action's dimensions. bounds: (C,) the largest action a tick, m or rad.
        can_compare: whether there is a simulator to run alongside.
    """

    @property
    def axes(self) -> Sequence[str]: ...

    @property
    def bounds(self) -> Float: ...

    @property
    def can_compare(self) -> bool: ...

    def tick(self, action: Float) -> SteeredView:
        """Go on by a tick under an action (C,)."""

    def compare(self, on: bool) -> None:
        """Run the simulator alongside from now on, or no more."""

    def restart(self) -> None:
        """Begin anew."""

    def close(self) -> None:
        """Free what only the thread that used it can free: the simulator's renderer."""
