"""Subscribes to the gate's state: which rule a command broke, so that the next plan differs, and who owns the gate."""

from __future__ import annotations

import json
import threading
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String

from world_model_ros.brain.decision import PLAN_RULES
from world_model_ros.contract.topics import GATE_STATE
from world_model_ros.gate.conditions.ownership import NO_OWNER
from world_model_ros.nodes.qos import LATCHED


class GateNews:
    """The newest refusal that another plan can mend, and the owner.

    Messages that are no state of a gate are ignored: a brain needs no gate to think.

    Args:
        several: whether the gate has sources that it can be owned by.

    Attributes:
        owner: of the gate, `NO_OWNER` without one; None where it has no sources, or has not been heard.
    """

    def __init__(self, node: Node, several: bool = False) -> None:
        self._node, self._several = node, several
        self.owner: str | None = None
        self._seen: int | None = None  # how many commands the gate had refused
        self._rule: str | None = None
        self._lock = threading.Lock()
        self._subscription = node.create_subscription(String, GATE_STATE, self._store, LATCHED)

    def take(self) -> str | None:
        """The rule that a command broke since the last call; None if none did."""
        with self._lock:
            rule, self._rule = self._rule, None
        return rule

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def _store(self, message: Any) -> None:
        try:
            state = json.loads(message.data)
            sources = state.get("sources")  # what others were refused is not the brain's
            own = state if sources is None else next((each for each in sources if each["kind"] == "brain"), {})
            refused, rule, owner = int(own["refused"]), own["rule"], state.get("owner")
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        if self._seen is not None and refused > self._seen and rule in PLAN_RULES:
            with self._lock:
                self._rule = rule
        self._seen = refused
        if self._several:
            self.owner = owner or NO_OWNER
