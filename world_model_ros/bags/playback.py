"""Plays a bag: returns the messages due at a given time, with rate, pause, loop, and long gaps shortened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.core.errors import UserError

Message = tuple[str, str, int, bytes]
LONGEST_GAP_S = 10.0
_MOST_NS = 100_000_000  # a step plays no more: a machine that cannot keep up plays slower, it does not skip


class Playback:
    """Plays a bag.

    Args:
        bag: open.
        topics: those that are played; None takes all.
        rate: bag seconds a second.
        loop: begin again at the end; the time of the bag jumps back then.
        longest_gap_s: of the bag's time in which nothing is played; a longer gap is shortened to it.

    Attributes:
        gaps: how many were shortened. on_gap: is given each: bag time before it in ns, and its length in s.
        paused: time stands still. now_ns: time of the bag. ended: everything has been played.

    Raises:
        UserError: a rate or a gap that is not positive, or a bag without messages.
    """

    def __init__(
        self,
        bag: BagReader,
        topics: Collection[str] | None = None,
        rate: float = 1.0,
        loop: bool = False,
        longest_gap_s: float = LONGEST_GAP_S,
    ) -> None:
        for name, value in (("rate", rate), ("longest_gap", longest_gap_s)):
            if not 0.0 < value < float("inf"):
                raise UserError(name, value, "a number above 0")
        self._longest_gap_ns = round(longest_gap_s * 1e9)
        self.gaps = 0
        self.on_gap: Callable[[int, float], None] | None = None
        self._bag, self._topics, self._rate, self._loop = bag, topics, rate, loop
        self.paused = self.ended = False
        self._last_ns: int | None = None  # steady time of the last step
        self._messages: Iterator[Message] = iter(())
        self._next: Message | None = None
        self.now_ns = self._last_played_ns = 0
        self._rewind()
        if self._next is None:
            unread = [f"{topic}: {why}" for topic, why in bag.unreadable.items()]
            legal = "; ".join(["a bag with messages of the topics asked for", *unread])
            raise UserError("path", str(bag.path), legal)

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
            self._last_played_ns = self._next[2]
            self._next = next(self._messages, None)
        self._shorten()
        return due

    def _shorten(self) -> None:
        """Leave out all of a gap but the longest that is waited through."""
        if self._next is None or self._next[2] - self._last_played_ns <= self._longest_gap_ns:
            return
        gap_s = (self._next[2] - self._last_played_ns) * 1e-9
        before_ns, self._last_played_ns = self._last_played_ns, self._next[2] - self._longest_gap_ns
        self.now_ns = max(self.now_ns, self._last_played_ns)
        self.gaps += 1
        if self.on_gap is not None:
            self.on_gap(before_ns, gap_s)

    def _rewind(self) -> None:
        self._messages = self._bag.raw_messages(None if self._topics is None else self._bag.among(self._topics))
        self._next = next(self._messages, None)
        if self._next is not None:
            self.now_ns = self._last_played_ns = self._next[2]
