"""Folds diagnostics over time: of each part its last words and values, and how often it was at which level."""

from __future__ import annotations

from collections import Counter
from typing import Any

_LEVELS = {0: "ok", 1: "warn", 2: "error", 3: "stale"}
_MOST_WORDS = 20  # different sentences of a part


class DiagnosticsLog:
    """Takes `diagnostic_msgs/DiagnosticArray` messages, of rclpy or of a bag. Hardware ids are left out."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, Any]] = {}

    def add(self, message: Any) -> None:
        """Take a message."""
        for status in message.status:
            part = self._parts.setdefault(status.name, {"levels": Counter(), "said": Counter(), "values": {}})
            level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
            part["levels"][_LEVELS.get(level, str(level))] += 1
            if status.message in part["said"] or len(part["said"]) < _MOST_WORDS:
                part["said"][status.message] += 1
            part["values"] = {pair.key: pair.value for pair in status.values}

    def report(self) -> dict[str, Any]:
        """By part: ``levels`` and sentences (``said``) with how often, and the last ``values``."""
        return {
            name: {"levels": dict(part["levels"]), "said": dict(part["said"]), "values": part["values"]}
            for name, part in sorted(self._parts.items())
        }
