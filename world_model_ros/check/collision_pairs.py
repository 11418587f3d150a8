"""Reports which pairs of robot parts and obstacles the gate watches for collision, which not, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.collision.distances import PairDistances
from world_model_ros.kinematics.collision.pairs import contract_name, is_obstacle

_INDENT = "  "


def collision_report(contract: Contract) -> dict[str, Any] | None:
    """What the gate keeps apart and what not; None where the contract asks for no collision, or where its geometry
    cannot be read (`check_contract` says why).

    Returns:
        ``watched``: ``first``, ``second`` and ``at_zero_m``, their distance when every joint is at 0 or at its limit
        nearest to it; ``left_out``: ``first``, ``second`` and ``why``; ``too_near``: watched pairs that are then nearer
        than ``stop_m``; ``without_geometry``: links that move and are never watched; ``hulls``: meshes that count as
        their convex hulls.
    """
    settings = contract.deployment.gate.collision
    if settings is None or contract.deployment.command is None:
        return None
    try:
        distances, limits = PairDistances(contract), contract.limits()
    except UserError:
        return None
    reference = np.clip(np.zeros(len(limits.names)), limits.lower, limits.upper)
    at_zero = distances.measure(reference, np.arange(len(distances.pairs)))
    watched = [
        {"first": first, "second": second, "at_zero_m": round(float(distance), 6)}
        for (first, second), distance in zip(distances.pairs, at_zero)
    ]
    return {
        "stop_m": settings.stop_m,
        "watched": watched,
        "left_out": [{"first": pair.first, "second": pair.second, "why": pair.why} for pair in distances.left_out],
        "too_near": [pair for pair in watched if pair["at_zero_m"] < settings.stop_m],
        "without_geometry": list(distances.bare),
        "hulls": list(distances.hulls),
    }


def collision_lines(report: dict[str, Any] | None) -> list[str]:
    """The report in words, by links: each with all that it is kept away from."""
    if report is None:
        return ["collision is not watched: deployment.gate.collision"]
    partners: dict[str, dict[str, None]] = {}
    for pair in report["watched"]:
        partners.setdefault(_link(pair["first"]), {})[_link(pair["second"])] = None
    reasons: dict[str, dict[str, None]] = {}
    for pair in report["left_out"]:
        first, second = _link(pair["first"]), _link(pair["second"])
        if first != second:
            reasons.setdefault(pair["why"], {})[f"{first} and {second}"] = None
    lines = [f"collision: {len(report['watched'])} pairs of parts are watched, {len(report['left_out'])} are not"]
    lines += [f"{_INDENT}watched: {first} with {', '.join(others)}" for first, others in partners.items()]
    lines += [f"{_INDENT}not watched ({why}): {'; '.join(pairs)}" for why, pairs in reasons.items()]
    nearest: dict[tuple[str, str], dict[str, Any]] = {}
    for pair in sorted(report["too_near"], key=lambda pair: float(pair["at_zero_m"])):
        nearest.setdefault((_link(pair["first"]), _link(pair["second"])), pair)
    if len(nearest) > 1 and len(report["too_near"]) == len(report["watched"]):
        lines.append(f"{_INDENT}all of them are nearer than stop_m, {report['stop_m']:g} m, when every joint is at 0")
    else:
        lines += [_INDENT + _too_near(pair, report["stop_m"]) for pair in nearest.values()]
    if report["without_geometry"]:
        lines.append(f"{_INDENT}no collision geometry, never watched: {', '.join(report['without_geometry'])}")
    if report["hulls"]:
        hulls = dict.fromkeys(_link(name) for name in report["hulls"])
        lines.append(f"{_INDENT}meshes, taken as their convex hulls: {', '.join(hulls)}")
    return lines


def _too_near(pair: dict[str, Any], stop_m: float) -> str:
    first, second = pair["first"], pair["second"]
    names = f"[{contract_name(first)}, {contract_name(second)}]"
    return (
        f"{_link(first)} and {_link(second)} are {pair['at_zero_m'] * 1e3:.1f} mm apart when every joint is at 0, and "
        f"may then only go apart (stop_m is {stop_m * 1e3:g} mm): exclude: {names} if that is how they are built"
    )


def _link(geometry: str) -> str:
    """Geometries are called by their link and a number, obstacles by their name."""
    return geometry if is_obstacle(geometry) else geometry.rpartition("_")[0]
