"""A node without a middleware: callbacks are called as rclpy calls them."""

from __future__ import annotations

from typing import Any

import rclpy.logging
from rclpy.clock import Clock


class QuietNode:
    """Keeps the callbacks of subscriptions, and what is published.

    Attributes:
        heard: callback and quality of service of each subscription, by topic. asked: every topic subscribed to, in
            order. closed: subscriptions that were destroyed. said: messages by topic.
    """

    def __init__(self) -> None:
        self.heard: dict[str, tuple[Any, Any]] = {}
        self.asked: list[str] = []
        self.closed: list[str] = []
        self.said: dict[str, list[Any]] = {}

    def create_subscription(self, kind: Any, topic: str, callback: Any, qos: Any) -> str:
        self.heard[topic] = (callback, qos)
        self.asked.append(topic)
        return topic

    def destroy_subscription(self, topic: str) -> None:
        self.closed.append(topic)

    def create_publisher(self, kind: Any, topic: str, qos: Any) -> QuietPublisher:
        return QuietPublisher(self.said.setdefault(topic, []))

    def get_clock(self) -> Clock:
        return Clock()

    def get_logger(self) -> Any:
        return rclpy.logging.get_logger("test")

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)


class QuietPublisher:
    """Keeps what is published."""

    def __init__(self, said: list[Any]) -> None:
        self._said = said

    def publish(self, message: Any) -> None:
        self._said.append(message)
