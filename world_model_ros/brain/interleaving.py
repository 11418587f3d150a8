"""Lets a brain tick at a multiple of its model's step rate: several beliefs, each updated by whole steps, alternate."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Memory
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError

Reference = NDArray[np.float64] | None
_MAX_TURNS = 8  # ticks a step


def turns_of(rate_hz: float, contract: Contract) -> int:
    """Ticks in a step of the model for a rate of ticks; 0 is the contract's own, one a step.

    Raises:
        UserError: the rate is not a small multiple of the contract's.
    """
    own_hz = contract.interface.tick_hz
    times = rate_hz / own_hz if rate_hz else 1.0
    turns = round(times) if 0.0 < times <= _MAX_TURNS + 1 else 0
    if not 1 <= turns <= _MAX_TURNS or (rate_hz and abs(turns * own_hz - rate_hz) > 1e-6 * rate_hz):
        legal = f"0, or 1 to {_MAX_TURNS} times the {own_hz:g} Hz of {contract.name}"
        raise UserError("rate_hz", rate_hz, legal)
    return turns


class Interleaving:
    """What a brain remembers from tick to tick, of each of the beliefs that take turns.

    A model was trained in steps of one length. At n ticks a step there are n beliefs, each of which goes on by whole
    steps: a tick takes the belief of a step ago, with what was sensed now and applied since. The plan, the pursuit of
    a goal image and caution go on from tick to tick.

    Args:
        start: makes a memory that knows nothing.
        count: ticks in a step.
        left: what the last ticks left, oldest first, with the commanded positions (J,) at each; of `left`.
    """

    def __init__(
        self, start: Callable[[], Memory], count: int = 1, left: Sequence[tuple[Memory, Reference]] = ()
    ) -> None:
        self._start, self.count = start, count
        self._left: deque[tuple[Memory, Reference]] = deque(left or [(start(), None)] * count, maxlen=count)

    @property
    def left(self) -> tuple[tuple[Memory, Reference], ...]:
        """Memory and reference after each of the last ticks, oldest first; all that the next ones need."""
        return tuple(self._left)

    def restart(self) -> None:
        """Forget everything."""
        self._left.extend([(self._start(), None)] * self.count)

    def follow(self, restarted: bool) -> None:
        """Start anew where a live brain did before its next tick, says that tick's record."""
        if restarted and not self._left[0][0].fresh_start:
            self.restart()

    def refused(self) -> None:
        """Take note that the gate has refused the last plan."""
        memory, reference = self._left[-1]
        self._left[-1] = (memory.refused(), reference)

    def next(self) -> tuple[Memory, Reference]:
        """The memory that the next tick goes on from, and what was commanded when its belief was made."""
        oldest, reference = self._left[0]
        if self.count == 1:
            return oldest, reference
        newest, _ = self._left[-1]
        since = 1.0 / self.count
        on = replace(newest, belief=oldest.belief, past=oldest.past, fresh_start=oldest.fresh_start, since=since)
        return on, reference

    def add(self, memory: Memory, reference: Reference) -> None:
        """Store the memory that a tick left, and the commanded positions (J,) at it."""
        self._left.append((memory, reference))
