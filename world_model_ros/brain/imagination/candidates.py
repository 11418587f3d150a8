"""Converts candidates (motions that other programs propose) to model actions, and ranks them by imagined outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.imagination.candidate_cost import candidate_costs, is_cost_of
from world_model_ros.brain.tick_checks import check_actions
from world_model_ros.bundle.manifest import Manifest, PlannerSpec
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import Motion

_BEYOND = 1.25  # actions larger than the largest in training by more than this are not to be trusted
_LACKS = {"m": 0.01, "": 0.05}  # motion that the action cannot express, m of the fingertip or units of a joint


@dataclass(frozen=True)
class Candidate:
    """A proposed motion.

    Args:
        name: what its sender calls it.
        actions: (H, C), the first from now to the next tick.
        seconds: how much of the motion lies within the horizon.
        lacks: why what is imagined is not that motion; None if it is.
        refused: why the gate would refuse it; None if it would not.
    """

    name: str
    actions: Floats
    seconds: float
    lacks: str | None = None
    refused: str | None = None


def whole_trajectory(trajectory: Trajectory, contract: Contract, start: Float, now_ns: int) -> Trajectory:
    """A proposed trajectory for all joints of the contract, from now on; those that it does not name stay.

    Args:
        trajectory: stamp 0 means that it starts now. Without a point at 0 it starts from ``start``.
        start: (J,) commanded positions now.

    Raises:
        UserError: a joint that the contract lacks, or a start elsewhere.
    """
    names, tolerance = contract.joint_names, contract.deployment.gate.tracking_tolerance
    unknown = [name for name in trajectory.names if name not in names]
    if unknown:
        raise UserError("candidate: joint_names", unknown, f"joints of {list(names)}")
    columns = [names.index(name) for name in trajectory.names]
    times_s, positions, velocities = trajectory.times_s, trajectory.positions, trajectory.velocities
    if times_s[0] > 0:
        times_s = np.concatenate([[0.0], times_s])
        positions = np.vstack([start[columns], positions])
        velocities = np.vstack([np.zeros(len(columns)), velocities])
    whole = np.tile(start, (len(times_s), 1))
    whole[:, columns] = positions
    speeds = np.zeros_like(whole)
    speeds[:, columns] = velocities
    moved = Trajectory(names, times_s, whole, speeds, trajectory.stamp_ns or now_ns)
    away = np.abs(moved.sample(now_ns)[0] - start)
    if away.max() > tolerance:
        joint = int(away.argmax())
        legal = f"a motion that is within {tolerance:g} of the commanded position now, {start[joint]:.4g}"
        raise UserError(
            f"candidate: {names[joint]} at its start", round(float(moved.sample(now_ns)[0][joint]), 4), legal
        )
    return moved


def candidate_from(
    name: str, trajectory: Trajectory, contract: Contract, motion: Motion, now_ns: int, horizon: int
) -> Candidate:
    """A trajectory of all joints as the actions that the model was trained with, one a tick; then it stands still."""
    tick_ns = contract.tick_ns
    points = [trajectory.sample(now_ns + h * tick_ns)[0] for h in range(horizon + 1)]
    actions = np.array([motion.applied_action(*pair) for pair in pairwise(points)])
    lacks = _lacking(np.array(points), actions, contract, motion) or _too_large(actions, contract)
    left_s = float(trajectory.times_s[-1]) - (now_ns - trajectory.stamp_ns) * 1e-9
    return Candidate(name, actions.astype(np.float32), min(max(left_s, 0.0), horizon * tick_ns * 1e-9), lacks)


def candidate_of_actions(name: str, actions: Floats, contract: Contract, horizon: int) -> Candidate:
    """Actions (any number, C) cut, or filled with standing still, to the horizon; `UserError` as of `Brain.imagine`."""
    check_actions("candidate: actions", actions, contract)
    chunk = np.zeros((horizon, actions.shape[1]), np.float32)
    count = min(len(actions), horizon)
    chunk[:count] = actions[:count]
    return Candidate(name, chunk, count * contract.tick_ns * 1e-9, _too_large(chunk, contract))


def joined(pieces: Sequence[Imagined]) -> Imagined:
    """The futures of several batches, joined to those of one."""

    def join(name: str) -> Any:
        parts = [getattr(piece, name) for piece in pieces]
        return None if parts[0] is None else np.concatenate(parts)

    return Imagined(**{field.name: join(field.name) for field in fields(Imagined)})


def verdicts(
    candidates: Sequence[Candidate],
    imagined: Imagined,
    wants: Mapping[str, Floats],
    contract: Contract,
    manifest: Manifest,
) -> list[dict[str, Any]]:
    """What becomes of N candidates, best first, for JSON.

    Before all others come those that the gate would take and the model can imagine; among them the cheaper. Without
    a goal, or with a planner whose objective is another, costs are None, and the one whose outcome is better known
    comes first.
    """
    spec = manifest.planner or PlannerSpec()
    weighed = bool(wants) and is_cost_of(spec)
    goal, risk = candidate_costs(imagined, wants if weighed else {}, contract.interface, spec)
    scale = manifest.calibration.region_scale
    found: list[dict[str, Any]] = []
    for i, each in enumerate(candidates):
        positions, radius = {}, {}
        for k, target in enumerate(contract.interface.targets):
            if (way := imagined.way(k, target)) is not None:
                positions[target.name] = _rounded(way[0][i])
                radius[target.name] = _rounded(scale * way[1][i].mean(-1))
        joints = None if imagined.joints is None else _rounded(imagined.joints[i])
        found.append(
            {
                "name": each.name,
                "index": i,
                "cost": round(float(goal[i] + risk[i]), 6) if weighed else None,
                "risk": {
                    "cost": round(float(risk[i]), 6) if weighed else None,
                    "contact_n": None if imagined.contact is None else round(float(imagined.contact[i].max()), 4),
                    "gate": each.refused,
                },
                "uncertainty_m": {name: way[-1] for name, way in radius.items()},
                "imagined_s": round(each.seconds, 3),
                "lacks": each.lacks,
                "positions": positions,
                "radius_m": radius,
                "joints": joints,
            }
        )
    found.sort(key=lambda each: (each["risk"]["gate"] is not None, each["lacks"] is not None, _order(each)))
    return [{"rank": rank, **each} for rank, each in enumerate(found, 1)]


def _order(verdict: Mapping[str, Any]) -> float:
    return float(verdict["cost"] if verdict["cost"] is not None else sum(verdict["uncertainty_m"].values()))


def _lacking(points: Float, actions: Float, contract: Contract, motion: Motion) -> str | None:
    """Motion along ``points`` (H + 1, J) that the actions (H, C) do not say."""
    action = contract.interface.action
    if isinstance(motion, ArmKinematics) and motion.links:
        ways = np.array([motion.tips(point) for point in points])  # (H + 1, T, 3)
        told = np.zeros_like(ways)
        for t, hand in enumerate(contract.interface.hands):
            told[1:, t, hand.axes] = np.cumsum(actions[:, hand.columns], 0)
        offs = np.linalg.norm(ways - ways[0] - told, axis=2).max(0)
        off, unit, farthest = float(offs.max()), "m", action.tips[int(offs.argmax())]
        what = f"{farthest.link} leaves the axes {', '.join(farthest.axes)}"
    else:
        moved = action.joints if action.kind in ("joint_displacement", "parts") else []
        rest = [i for i, name in enumerate(contract.joint_names) if name not in moved]
        off, unit = float(np.abs(points[:, rest] - points[0, rest]).max(initial=0.0)), ""
        what = "joints move that the action does not have"
    return f"{what} by {off:.2g} {unit}".rstrip() if off > _LACKS[unit] else None


def _too_large(actions: Floats | Float, contract: Contract) -> str | None:
    bounds = np.array(contract.interface.action.bounds)
    ratios = np.abs(actions).max(0) / bounds
    worst = int(ratios.argmax())
    if ratios[worst] <= _BEYOND:
        return None
    return f"{ratios[worst]:.2g} times the largest action, {bounds[worst]:g} a tick"


def _rounded(values: Floats) -> Any:
    return np.round(np.asarray(values, np.float64), 5).tolist()
