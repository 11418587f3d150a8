"""Waits until subscribers have come before a bag is played, and until they acknowledge what was published."""

from __future__ import annotations

from typing import Any

from rclpy.duration import Duration
from rclpy.publisher import Publisher

_PATIENCE_S = 0.5


class Audience:
    """When to begin: once subscribers have come and no more do, or when patience ends. Time is an argument.

    Args:
        delay_s: since the last subscriber came. patience_s: since the first look.
    """

    def __init__(self, delay_s: float, patience_s: float) -> None:
        self._delay_ns, self._patience_ns = round(delay_s * 1e9), round(patience_s * 1e9)
        self._first_ns: int | None = None
        self._came_ns = 0
        self._most = 0
        self._begun = False

    def ready(self, steady_ns: int, subscribers: int) -> bool:
        """Whether to begin, at a time of a clock that never steps; once it is time, it stays so."""
        if self._first_ns is None:
            self._first_ns = steady_ns
        if subscribers > self._most:
            self._most, self._came_ns = subscribers, steady_ns
        if self._most and steady_ns - self._came_ns >= self._delay_ns:
            self._begun = True
        if steady_ns - self._first_ns >= self._patience_ns:
            self._begun = True
        return self._begun


class Acknowledged:
    """A publisher that never writes more than it can keep for those who have not heard it yet.

    Args:
        publisher: reliable, or it has nothing to wait for. depth: messages that it keeps.
    """

    def __init__(self, publisher: Publisher[Any], depth: int) -> None:
        self._publisher, self._depth = publisher, depth
        self._sent = 0

    @property
    def subscribers(self) -> int:
        return int(self._publisher.get_subscription_count())

    def publish(self, message: Any) -> bool:
        """Publish; False if messages before it have not arrived in time and one of them may be lost."""
        arrived = True
        if self._sent >= self._depth:
            arrived = self.arrived(_PATIENCE_S)
            self._sent = 0
        self._publisher.publish(message)
        self._sent += 1
        return arrived

    def arrived(self, within_s: float) -> bool:
        """Wait until all subscribers have what was published; False if they have not after so many s."""
        return bool(self._publisher.wait_for_all_acked(Duration(seconds=within_s)))
