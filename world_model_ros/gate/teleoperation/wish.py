"""A teleoperation wish, from any device: action rates or joint positions, and whether the enable switch is held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world_model_ros.core.arrays import ByValue, Float


@dataclass(frozen=True, eq=False)
class Wish(ByValue):
    """What a person wants now.

    Args:
        rates: (C,) of the action's numbers, in their unit a second.
        places: (J,) joint positions to go to, NaN for joints that stay; None where rates are meant.
        held: whether the person holds the switch without which nothing moves.
    """

    rates: Float
    places: Float | None = None
    held: bool = True

    @property
    def neutral(self) -> bool:
        """Whether nothing is to move."""
        return not self.held or (self.places is None and not self.rates.any())


def nothing(size: int) -> Wish:
    """The wish that nothing moves, of C numbers."""
    return Wish(np.zeros(size), held=False)
