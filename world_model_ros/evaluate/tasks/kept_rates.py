"""Compares requested and achieved rates of ticks and cameras in a run; reports late physics and joint states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SIMULATION, DRIVERS = "sim_robot: simulation", "world_model: drivers"
_KEPT = 0.9  # of an asked rate; less is said
_LATE_MS = 100.0  # half of the age at which a gate stops


def kept_rates(statuses: Sequence[tuple[str, Mapping[str, str]]], ticks: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, what this machine affords, and what was kept.

    Args:
        statuses: name and values of each status of the run. ticks: of `tick_summary`, with ``asked_hz``.

    Returns:
        - ``ticks``: ``asked_hz``, ``kept_hz``.
        - ``cameras``: by name, ``asked_hz``, ``affordable_hz``, ``kept_hz`` (mean), ``least_hz``.
        - ``physics``: ``late_ms_p50`` and ``late_ms_p99``, of the worst seconds.
        - ``joint_states``, as they came to the brain: ``late_ms_p95`` of the worst second, ``gap_ms``, the longest.
        - ``real_time_priority`` of the brain (0: none), and ``real_time_given_back``: why it was, or None.
        - ``short_of``: what was not kept, in words.
    """
    simulation = [values for name, values in statuses if name == SIMULATION]
    drivers = [values for name, values in statuses if name == DRIVERS]
    found: dict[str, Any] = {
        "ticks": {"asked_hz": ticks["asked_hz"], "kept_hz": round(ticks["tick_hz"], 2)},
        "cameras": _cameras(simulation),
        "physics": {
            "late_ms_p50": _worst(simulation, "behind_ms_p50"),
            "late_ms_p99": _worst(simulation, "behind_ms_p99"),
        },
        "joint_states": {
            "late_ms_p95": _worst(drivers, "joint_states_late_ms_p95"),
            "gap_ms": _worst(drivers, "joint_states_gap_ms"),
        },
        "real_time_priority": int(drivers[-1]["real_time_priority"]) if drivers else 0,
        "real_time_given_back": drivers[-1].get("real_time_given_back") if drivers else None,
    }
    return found | {"short_of": _short_of(found)}


def _cameras(simulation: Sequence[Mapping[str, str]]) -> dict[str, dict[str, float]]:
    last = simulation[-1] if simulation else {}
    names = [key.removesuffix("_kept_hz") for key in last if key.endswith("_kept_hz")]
    found = {}
    for name in names:
        kept = [float(values[f"{name}_kept_hz"]) for values in simulation if f"{name}_kept_hz" in values]
        found[name] = {
            "asked_hz": float(last[f"{name}_asked_hz"]),
            "affordable_hz": float(last[f"{name}_affordable_hz"]),
            "kept_hz": round(sum(kept) / len(kept), 2),
            "least_hz": round(min(kept), 2),
        }
    return found


def _worst(statuses: Sequence[Mapping[str, str]], key: str) -> float | None:
    found = [float(values[key]) for values in statuses if key in values]
    return round(max(found), 1) if found else None


def _short_of(found: Mapping[str, Any]) -> list[str]:
    ticks, said = found["ticks"], []
    if ticks["kept_hz"] < _KEPT * ticks["asked_hz"]:
        said.append(f"{ticks['kept_hz']:.1f} of {ticks['asked_hz']:g} ticks a second")
    for name, camera in found["cameras"].items():
        if camera["kept_hz"] < _KEPT * camera["asked_hz"]:
            affords = (
                f", {camera['affordable_hz']:g} affordable" if camera["affordable_hz"] < camera["asked_hz"] else ""
            )
            said.append(f"{camera['kept_hz']:.1f} of {camera['asked_hz']:g} images a second of camera {name}{affords}")
    for what, late_ms in (
        ("physics", found["physics"]["late_ms_p99"]),
        ("joint states", found["joint_states"]["late_ms_p95"]),
    ):
        if late_ms is not None and late_ms > _LATE_MS:
            said.append(f"{what} up to {late_ms:.0f} ms late")
    if found["real_time_given_back"]:
        said.append(f"the brain gave its real-time priority back: {found['real_time_given_back']}")
    return said
