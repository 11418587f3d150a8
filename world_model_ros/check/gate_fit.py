"""Finds gate settings of a contract that are legal but implausible: ages, obstacles, distances and workspaces.

By such settings the gate stops everything, watches what is never near, or takes for alive what has stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import Obstacle
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.collision.distances import PairDistances
from world_model_ros.kinematics.collision.pairs import contract_name, obstacle_geometry

_AGE_S = 1.0  # what is older is no sign of life
_POSTURES = 100
_MM = 1e-3

Fit = tuple[str, UserError | None, str | None]  # what was looked at, what is wrong, a note
Ball = tuple[Float, float]  # centre and radius, m


def gate_fit(contract: Contract) -> Iterator[Fit]:
    """What is wrong, or worth a note, of ages, obstacles, distances and workspaces.

    Args:
        contract: of a robot that its gate can command.
    """
    for what, note in _ages(contract):
        yield what, None, note
    if contract.deployment.gate.collision is None:
        return
    distances = PairDistances(contract)
    if not distances.pairs:
        return
    lost = dict(_out_of_reach(contract, distances.reach()))
    for (what, name), note in lost.items():
        yield f"deployment.gate.{what}: {name}", None, note
    yield from _stops_and_slows(contract, distances, [name for _, name in lost])
    for what, note in _filled(contract, distances):
        yield what, None, note


def _ages(contract: Contract) -> Iterator[tuple[str, str]]:
    """How long the gate takes for alive what has fallen silent, where that is long."""
    gate = contract.deployment.gate
    ages = [
        (f"deployment.streams: {each.name}", contract.source(each.name).max_age_s, "the driver")
        for each in contract.interface.of(JointStream)
    ]
    ages += [(f"deployment.gate.clouds: {each.name}", each.max_age_s, "the sensor") for each in gate.clouds]
    if gate.deadman is not None:
        ages.append(("deployment.gate.deadman", gate.deadman.max_age_s, "the switch"))
    for what, age_s, who in ages:
        if age_s > _AGE_S:
            yield what, f"max_age_s {age_s:g}: the robot moves on for up to {age_s:g} s after {who} has fallen silent"


def _out_of_reach(contract: Contract, reach: Sequence[Ball]) -> Iterator[tuple[tuple[str, str], str]]:
    """(kind, name) and a note of each obstacle, and box of a cloud, that no part of the robot ever comes near."""
    gate = contract.deployment.gate
    boxes = [("obstacles", each.name, "position_m", np.array(each.position_m), _box(each)) for each in gate.obstacles]
    for each in gate.clouds:
        if each.within_m is not None:
            boxes.append(("clouds", each.name, "within_m", np.array(each.within_m), np.array(each.within_m)))
    near_m = gate.collision.slow_m if gate.collision is not None else 0.0
    for kind, name, field, value, box in boxes:
        away_m, at, radius_m = min(((_away(box, ball), *ball) for ball in reach), key=lambda found: found[0])
        if away_m <= near_m:
            continue
        words = f"{field} {value.tolist()} is {away_m:.3g} m out of the robot's reach, at most {radius_m:.2f} m around "
        words += f"{_rounded(at)}, so that it stops nothing; m in {contract.interface.base_frame} are meant"
        if any(_away(box * _MM, ball) <= near_m for ball in reach):
            words += f": {_rounded(value * _MM)} where these are mm"
        yield (kind, name), words


def _stops_and_slows(contract: Contract, distances: PairDistances, lost: Sequence[str]) -> Iterator[Fit]:
    """Whether ``stop_m`` leaves any posture to be in, and ``slow_m`` any in which something is not slowed."""
    settings, limits = contract.deployment.gate.collision, contract.limits()
    never = {obstacle_geometry(name) for name in [*lost, *(each.name for each in contract.deployment.gate.clouds)]}
    pairs = np.flatnonzero([second not in never for _, second in distances.pairs])
    if settings is None or not len(pairs):  # all that it has is out of reach
        return
    most, free = np.zeros(len(pairs)), False
    for posture in np.random.default_rng(0).uniform(limits.lower, limits.upper, (_POSTURES, len(limits.names))):
        apart = distances.measure(posture, pairs)
        most, free = np.maximum(most, apart), free or bool(apart.min() >= settings.stop_m)
        if free and most.max() >= settings.slow_m:
            return
    far_m, what = float(most.max()), "deployment.gate.collision"
    tried = f"in {_POSTURES} random postures"
    if far_m < settings.stop_m:
        legal = f"less than {far_m:.3g} m, the most that two watched parts are apart {tried}, or nothing moves"
        yield what, UserError("stop_m", settings.stop_m, legal), None
        return
    if not free:
        first, second = map(contract_name, distances.pairs[pairs[int(most.argmin())]])
        words = f"stop_m {settings.stop_m:g}: {tried} something was always nearer, and what is may only go apart"
        yield what, None, f"{words} ({first} and {second} were at most {most.min():.3g} m apart)"
    if far_m < settings.slow_m:
        words = f"slow_m {settings.slow_m:g}: {tried} all watched parts were nearer, at most {far_m:.3g} m apart"
        yield what, None, f"{words}, so that every motion is slowed"


def _filled(contract: Contract, distances: PairDistances) -> Iterator[tuple[str, str]]:
    """Each workspace that lies in an obstacle which the gate keeps all that would work there out of."""
    workspace, base = Workspace.of(contract), contract.interface.base_frame
    boxes: list[tuple[str, list[str | None], Float | None]] = [
        (f"workspace of {link}", [link], each.box) for link, each in workspace.tips.items()
    ]
    stated = {area.name for area in contract.deployment.targets if area.workspace_m is not None}
    for target in contract.interface.targets:
        if target.name in stated:
            own: list[str | None] = [target.link] if target.link in workspace.tips else [*workspace.tips]
            boxes.append((f"workspace of target {target.name}", own, workspace.for_target(target).box))
    for obstacle in contract.deployment.gate.obstacles:
        name, (low, high) = obstacle_geometry(obstacle.name), _box(obstacle)
        kept = {contract_name(first) for first, second in distances.pairs if second == name}
        for what, links, box in boxes:
            if box is None or not ((low < box[0]).all() and (box[1] < high).all()):
                continue
            if kept and all(kept & _body(contract, str(link)) for link in links):
                words = f"workspace_m {_rounded(box.T)} lies inside the obstacle {obstacle.name}, {_rounded(low)} to "
                yield what, f"{words}{_rounded(high)} m in {base}: the gate keeps the robot out of all of it"


def _body(contract: Contract, link: str) -> set[str]:
    """The links that move as one with ``link``."""
    moved = set(contract.joint_names)

    def mover(each: str) -> str | None:
        above = contract.description.above(each)
        return next((joint.name for joint in above if {joint.name, joint.mimics} & moved), None)

    return {each for each in contract.description.links if mover(each) == mover(link)}


def _box(obstacle: Obstacle) -> Float:
    """Lowest and highest corner, (2, 3) m."""
    centre, half = np.array(obstacle.position_m), 0.5 * np.array(obstacle.size_m)
    return np.stack([centre - half, centre + half])


def _away(box: Float, ball: Ball) -> float:
    """How far a box (2, 3) is from a ball; less than 0 where they meet."""
    centre, radius_m = ball
    return float(np.linalg.norm(centre - np.clip(centre, box[0], box[1]))) - radius_m


def _rounded(values: Float) -> list[float]:
    found: list[float] = np.round(values, 3).tolist()
    return found
