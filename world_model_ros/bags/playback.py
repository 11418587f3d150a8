"""When each message of a bag is due: rate, pause and loop, with time as an argument."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from world_model_ros.bags.reader import BagReader
from world_model_ros.core.errors import UserError

Message = tuple[str, str, int, bytes]
_MOST_NS = 100_000_000  # a step plays no more: a machine that cannot keep up plays slower, it does not skip


class Playback:
    """Plays a bag.

    Args:
        bag: open.
        topics: those that are played; None takes all.
        rate: bag seconds a second.
        loop: begin again at the end; the time of the bag jumps back then.

    Attributes:
        paused: time stands still. now_ns: time of the bag. ended: everything has been played.

    Raises:
        UserError: a rate that is not positive, or a bag without messages.
    """

    def __init__(
        self, bag: BagReader, topics: Collection[str] | None = None, rate: float = 1.0, loop: bool = False
    ) -> None:
        if not 0.0 < rate < float("inf"):
            raise UserError("rate", rate, "a number above 0")
        self._bag, self._topics, self._rate, self._loop = bag, topics, rate, loop
        self.paused = self.ended = False
        self._last_ns: int | None = None  # steady time of the last step
        self._messages: Iterator[Message] = iter(())
        self._next: Message | None = None
        self.now_ns = 0
        self._rewind()
        if self._next is None:
            raise UserError("path", str(bag.path), "a bag with messages of the topics asked for")

    def step(self, steady_ns: int) -> list[Message]:
        """What is due: topic, type, bag time in ns, bytes. ``steady_ns`` is of a clock that never steps."""
        last_ns, self._last_ns = self._last_ns, steady_ns
        if self.paused or self.ended or last_ns is None:
            return []
        if self._next is None:
            if not self._loop:
                self.ended = True
                return []
            self._rewind()
        self.now_ns += min(round((steady_ns - last_ns) * self._rate), round(_MOST_NS * max(1.0, self._rate)))
        due = []
        while self._next is not None and self._next[2] <= self.now_ns:
            due.append(self._next)
            self._next = next(self._messages, None)
        return due

    def _rewind(self) -> None:
        self._messages = self._bag.raw_messages(self._topics)
        self._next = next(self._messages, None)
        if self._next is not None:
            self.now_ns = self._next[2]
