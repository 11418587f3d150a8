"""Reads the JSON object that a ``std_msgs/String`` carries, as those of the gate do."""

from __future__ import annotations

import json
from typing import Any


def report_of(message: Any) -> dict[str, Any] | None:
    """The object; None where the text is none."""
    try:
        report = json.loads(message.data)
    except ValueError:
        return None
    return report if isinstance(report, dict) else None
