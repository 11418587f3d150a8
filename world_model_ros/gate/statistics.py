"""Counts what a gate says of itself over time: its states, why they changed, and what it refused."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

_TOTALS = ("accepted", "refused", "unarmed", "not_owner")
_MOST = 200  # changes that are kept


class GateStatistics:
    """Takes messages of ``gate/state`` in order.

    Attributes:
        messages: that could be read; unreadable: that could not.
    """

    def __init__(self) -> None:
        self.messages = self.unreadable = 0
        self._newest: dict[str, Any] = {}
        self._first: dict[str, Any] = {}
        self._changes: list[dict[str, Any]] = []
        self._causes: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._near: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Take a message."""
        try:
            report = json.loads(text)
            state, cause, since_ns = str(report["state"]), str(report["cause"]), int(report["since_ns"])
        except (ValueError, KeyError, TypeError):
            self.unreadable += 1
            return
        self.messages += 1
        before, self._newest = self._newest, report
        self._first = self._first or report
        if before.get("since_ns") != since_ns or before.get("state") != state:
            self._causes[f"{state} ({cause})"] += 1
            if len(self._changes) < _MOST:
                self._changes.append({"state": state, "cause": cause, "since_ns": since_ns})
        refusal = report.get("last_refusal")
        if refusal and refusal != before.get("last_refusal"):
            self._rules[str(refusal.get("rule"))] += 1
        if report.get("near") and report.get("near") != before.get("near"):
            self._near[str(report["near"])] += 1

    def report(self) -> dict[str, Any]:
        """States with how often each was entered, last refusals that differed by rule, and totals of commands."""
        counts = {name: self._newest.get(name) for name in _TOTALS} if self._newest else {}
        return {
            "messages": self.messages,
            "unreadable": self.unreadable,
            "entered": dict(self._causes),
            "changes": self._changes,
            "commands": counts,
            "refusals_seen": dict(self._rules),
            "near": dict(self._near),
            "last": self._newest,
        }
