"""Outlook: what is sensed at one tick and what is expected to follow, as plain data for all views."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Decision
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import Target
from world_model_ros.core.arrays import Floats, Frame
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.view.pictures.strip import Badge
from world_model_ros.view.pictures.touch import touching_way


@dataclass(frozen=True)
class TargetPath:
    """Where a target is, and is expected to go; m, base frame.

    Args:
        now: (3,) believed or measured; None if not known.
        ahead: (H, 3), entry i is i + 1 ticks later.
        semi_axes: (H, 3) of the region that holds it with 90 % probability.
    """

    now: Floats | None
    ahead: Floats
    semi_axes: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Outlook:
    """What is sensed at one tick, and what is expected to follow.

    Args:
        now_ns: its time. seconds: (H,) how far ahead each imagined step is.
        senses: stream name -> value as in an observation; streams that were not fresh are not there.
        camera: name of the first camera among them, if the robot has one.
        joints: (J,) measured, in contract order. joints_ahead: (H, J).
        states: (H, S) imagined, to be decoded. contact: (H,) N.
        ways: target -> where it goes. candidates: (n, H, 3) m, futures of the first target that lost.
        goal: target and (3,) m where it is to go. goal_image: the picture that is to come true.
        badge: gate, tick time, surprise. status: what the brain says it does.
    """

    now_ns: int
    seconds: NDArray[np.float64]
    senses: Mapping[str, NDArray[Any]]
    camera: str | None = None
    joints: NDArray[np.float64] | None = None
    joints_ahead: Floats | None = None
    states: Floats | None = None
    contact: Floats | None = None
    ways: Mapping[str, TargetPath] = field(default_factory=dict)
    candidates: Floats | None = None
    goal: tuple[str, Floats] | None = None
    goal_image: Frame | None = None
    badge: Badge = field(default_factory=Badge)
    status: str = ""

    @property
    def frame(self) -> Frame | None:
        """What the first camera shows, (H, W, 3) uint8 RGB; None if it was not fresh."""
        value = None if self.camera is None else self.senses.get(self.camera)
        return None if value is None else np.asarray(value, np.uint8)


def touching(outlook: Outlook, contract: Contract) -> Floats | None:
    """Way (H, 3) along which contacts are drawn; None if no fingertip is imagined."""
    known = [target for target in contract.interface.targets if target.name in outlook.ways]
    tips, things = (
        [outlook.ways[target.name].ahead for target in known if target.kind == kind] for kind in ("fingertip", "object")
    )
    return touching_way(tips, things)


def outlook_of(
    contract: Contract,
    region_scale: float,
    observation: Observation,
    decision: Decision,
    goal: Goal | None,
    badge: Badge,
) -> Outlook:
    """The outlook of a tick.

    Args:
        contract: of the robot.
        region_scale: semi-axes of the 90 % region in sigmas, from the bundle's calibration.
        observation, decision: of the tick. goal: pursued.
        badge: gate and tick time; the surprise is filled in.
    """
    camera, targets = first_camera(contract.interface), contract.interface.targets
    unknown = [k for k in range(len(targets)) if decision.unknown(k)]
    steps = 0 if decision.states is None else len(decision.states)
    aim = None
    if decision.aim_target is not None and decision.aim is not None:
        aim = decision.aim_target, decision.aim[:3]
    elif goal is not None and goal.target is not None and goal.pose is not None:
        aim = goal.target, goal.pose[:3]
    return Outlook(
        now_ns=observation.now_ns,
        seconds=np.arange(1, steps + 1, dtype=np.float64) * contract.tick_s,
        senses={name: observation.values[name] for name, fresh in observation.fresh.items() if fresh},
        camera=None if camera is None else camera.name,
        joints=measured_positions(observation, contract),
        joints_ahead=decision.joints,
        states=decision.states,
        contact=None if decision.contact is None else decision.contact[:, 0],
        ways=target_paths(targets, decision.belief_poses, decision.poses, decision.sigma, region_scale, unknown),
        candidates=decision.candidates if decision.chunk is not None and decision.chunk.any() else None,
        goal=aim,
        goal_image=None if goal is None else goal.image,
        badge=Badge(badge.gate, badge.tick_ms, decision.surprise),
        status=decision.status,
    )


def target_paths(
    targets: Sequence[Target],
    now: Floats | None,
    poses: Floats | None,
    sigma: Floats | None,
    region_scale: float,
    unknown: Collection[int] = (),
) -> dict[str, TargetPath]:
    """Ways of the targets that have a place; none without poses.

    Args:
        targets: K of the contract. now: (K, 7) believed poses. poses: (H, K, 7) imagined ones. sigma: (H, K, 3) m.
        region_scale: semi-axes of the 90 % region in sigmas. unknown: indices of those to leave out.
    """
    if poses is None or sigma is None:
        return {}
    return {
        target.name: TargetPath(None if now is None else now[k, :3], poses[:, k, :3], sigma[:, k] * region_scale)
        for k, target in enumerate(targets)
        if target.kind != "articulated" and k not in unknown
    }
