"""Workspace limits: where each target may be sent (box or range of values), how far actions go; checks of goals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import Target
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.errors import UserError

TOLERANCE_M = 1e-4  # a goal may be so far outside; float32, in which it comes, rounds 0.02 to less than that


@dataclass(frozen=True)
class Reach:
    """Where one target may be sent.

    Args:
        free, locked: which of x, y, z the action moves, and which not.
        box: (2, 3) legal positions; None where there are none (joint displacements).
        fixes: whether locked axes have a value of their own, as for a fingertip; an object keeps its height.
        stated: where the contract has the box.
    """

    free: tuple[int, ...] = (0, 1, 2)
    locked: tuple[int, ...] = ()
    box: Float | None = None
    fixes: bool = True
    stated: str = "interface.action: workspace_m"

    def inside(self, position: Floats, now: Floats) -> Floats:
        """Move a position (3,) into the box on free axes, and to where the target at ``now`` can be on locked ones."""
        inside = np.array(position, np.float32)
        if self.box is not None:
            inside = np.minimum(np.maximum(inside, self.box[0]), self.box[1], dtype=np.float32)
            for axis in self.locked:
                inside[axis] = self.box[0, axis] if self.fixes else now[axis]
        return inside

    def check(self, pose: Floats) -> None:
        """`UserError` if a pose (7,) is outside on a free axis, by more than `TOLERANCE_M`."""
        if self.box is None:
            return
        for axis in self.free:
            value, (low, high) = float(pose[axis]), self.box[:, axis].tolist()
            if not low - TOLERANCE_M <= value <= high + TOLERANCE_M:
                raise UserError(f"goal: position.{'xyz'[axis]}", value, f"from {low} to {high} m ({self.stated})")


@dataclass(frozen=True)
class Workspace:
    """Where each target of a contract may be sent, and how far its action may go in a tick.

    Args:
        limits: (C,) largest action a tick, m or rad.
        tips: of each fingertip that the action moves, by its link, in the action's order.
        columns: of the action, that displace each of these fingertips.
        areas: (2, 3) boxes of targets that the contract narrows or widens, by their names.
        ranges: lowest and highest value of targets that are articulated, by their names.
    """

    limits: tuple[float, ...]
    tips: dict[str, Reach]
    columns: tuple[slice, ...] = ()
    areas: dict[str, Float] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, contract: Contract) -> Workspace:
        hands = contract.interface.hands
        tips = {str(hand.link): Reach(hand.axes, _locked(hand.axes), hand.box) for hand in hands}
        stated = {area.name: area.workspace_m for area in contract.deployment.targets}
        areas = {name: np.array(box, np.float64).T for name, box in stated.items() if box is not None}
        ranges = {area.name: area.range for area in contract.deployment.targets if area.range is not None}
        columns = tuple(hand.columns for hand in hands)
        return cls(contract.interface.action.bounds, tips, columns, areas, ranges)

    def for_target(self, target: Target) -> Reach:
        """Where a target may be sent: a fingertip in its own box; an object in the one that the contract says, or else
        wherever some fingertip reaches."""
        area, stated = self.areas.get(target.name), f"deployment.targets: {target.name}: workspace_m"
        if target.link in self.tips:
            own = self.tips[target.link]
            if area is None or own.box is None:
                return own
            low, high = np.maximum(own.box[0], area[0]), np.minimum(own.box[1], area[1])
            for axis in own.locked:
                low[axis], high[axis] = own.box[:, axis]
            return replace(own, box=np.stack([low, high]), stated=stated)
        boxes = [tip.box for tip in self.tips.values() if tip.box is not None]
        if not boxes:
            return Reach() if area is None else Reach(box=area, fixes=False, stated=stated)
        free = tuple(sorted({axis for tip in self.tips.values() for axis in tip.free}))
        locked = _locked(free)
        if area is not None:
            return Reach(free, locked, area, fixes=False, stated=stated)
        whole = np.stack([np.min([box[0] for box in boxes], 0), np.max([box[1] for box in boxes], 0)])
        return Reach(free, locked, whole, fixes=False)

    def check_value(self, target: Target, value: float) -> None:
        """`UserError` if a value is not finite, or outside of the target's range by more than `TOLERANCE_M`."""
        low, high = self.ranges.get(target.name, (-np.inf, np.inf))
        if not np.isfinite(value) or not low - TOLERANCE_M <= value <= high + TOLERANCE_M:
            stated = f"from {low} to {high} (deployment.targets: {target.name}: range)"
            raise UserError(f"goal: value of {target.name}", value, stated if target.name in self.ranges else "finite")

    def value_inside(self, target: Target, value: float) -> float:
        """A value, moved to the nearer end of the target's range if it is outside."""
        low, high = self.ranges.get(target.name, (-np.inf, np.inf))
        return float(np.clip(value, low, high))

    def bounds(self, horizon: int, tips: Float | None) -> tuple[Floats, Floats]:
        """Lowest and highest action a step, (H, C); the first keeps fingertips at ``tips`` (T, 3) in their boxes."""
        high = np.tile(np.array(self.limits, np.float32), (horizon, 1))
        low = -high
        if tips is not None:
            for reach, part, place in zip(self.tips.values(), self.columns, np.reshape(tips, (-1, 3))):
                free = list(reach.free)
                most = np.array(self.limits[part])
                assert reach.box is not None  # of a fingertip
                low[0, part] = np.clip(reach.box[0, free] - place[free], -most, most)
                high[0, part] = np.clip(reach.box[1, free] - place[free], -most, most)
        return low, high


def _locked(free: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis for axis in range(3) if axis not in free)
