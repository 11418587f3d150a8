"""What gate and nodes say of themselves in a bag; nothing else of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.check.diagnostics_log import DiagnosticsLog
from world_model_ros.contract.topics import DIAGNOSTICS, GATE_STATE, absolute
from world_model_ros.gate.statistics import GateStatistics


def bag_health(path: Path) -> dict[str, Any]:
    """``topics`` with types and counts, ``seconds``, ``damage``, ``gate`` and ``diagnostics`` of a bag."""
    gate, health = GateStatistics(), DiagnosticsLog()
    state, diagnostics = absolute(GATE_STATE), absolute(DIAGNOSTICS)
    with BagReader(path) as bag:
        topics = bag.topics()
        wanted = [name for name in (state, diagnostics) if name in topics]
        for topic, _, _, message in bag.messages(wanted) if wanted else ():
            if topic == state:
                gate.add(message.data)
            else:
                health.add(message)
        return {
            "topics": {each.name: {"type": each.type, "count": each.count} for each in topics.values()},
            "unreadable": bag.unreadable,
            "seconds": (bag.end_ns - bag.start_ns) * 1e-9,
            "damage": bag.damage,
            "gate": gate.report(),
            "diagnostics": health.report(),
        }
