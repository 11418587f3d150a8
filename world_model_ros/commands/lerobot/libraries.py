"""Check of the libraries that both LeRobot commands need."""

from __future__ import annotations

from importlib.util import find_spec

from world_model_ros.core.errors import UserError


def need_lerobot() -> None:
    """Raise `UserError` unless the libraries of the extra ``lerobot`` are installed."""
    missing = [name for name in ("pyarrow", "av") if find_spec(name) is None]
    if missing:
        raise UserError("LeRobot", f"{missing} not installed", "pip install '.[lerobot]'")
