"""What the gate said reaches a tick, whenever it is said."""

from __future__ import annotations

import json
import threading

from quiet_node import QuietNode
from std_msgs.msg import String

from world_model_ros.nodes.brain.topics.gate_news import GateNews


def said(refused: int) -> String:
    return String(data=json.dumps({"refused": refused, "rule": "velocity"}))


class SaidInBetween(GateNews):
    """The gate says something while a tick asks for what it said."""

    def __init__(self, node: QuietNode) -> None:
        self.speaker: threading.Thread | None = None
        self.rule: str | None = None
        super().__init__(node)

    @property
    def _rule(self) -> str | None:
        rule = self.rule
        if self.speaker is not None and self.speaker.ident is None:
            self.speaker.start()
            self.speaker.join(0.2)
        return rule

    @_rule.setter
    def _rule(self, rule: str | None) -> None:
        self.rule = rule


def test_what_is_said_while_a_tick_asks_is_for_the_next_one() -> None:
    node = QuietNode()
    news = SaidInBetween(node)
    hear = node.heard["gate/state"][0]
    for refused in (0, 1):
        hear(said(refused))
    news.speaker = threading.Thread(target=hear, args=(said(2),))
    assert news.take() == "velocity"
    news.speaker.join()
    assert news.take() == "velocity"
    assert news.take() is None
