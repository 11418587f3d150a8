"""Checks that the libraries which both LeRobot commands need are installed."""

from __future__ import annotations

from world_model_ros.core.installation.missing import imported


def need_lerobot() -> None:
    """Raise `UserError` unless the libraries of the extra ``lerobot`` are installed."""
    for name in ("pyarrow", "av"):
        imported(name)
