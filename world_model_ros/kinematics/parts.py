"""Converts actions of parts (fingertips that move and turn, grippers, joints) to joint trajectories and back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from world_model_ros.contract.actions import Gripper, JointDisplacement, Parts, TipDisplacement, TipRotation
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import AnyFloat, Float
from world_model_ros.core.errors import UserError
from world_model_ros.core.orientation import x_axis_yaw
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.kinematics.chain import Chain, require, within
from world_model_ros.kinematics.urdf_model import urdf_model
from world_model_ros.kinematics.waypoints import lead_aside, through

_TOLERANCE = 1e-6  # of poses, m and rad: what a trajectory does has to be read back as the action it was made of
_BACK_RAD = 0.15  # the fastest a tool that was turned by something else is brought to point down, a tick


@dataclass(frozen=True)
class _Tool:
    """A fingertip that moves, and how it turns.

    Args:
        moves: columns of its displacement. bound_m: of them.
        turns: columns of its rotation; none where it only moves. axes: of it. bound_rad: of them.
    """

    chain: Chain
    moves: slice
    bound_m: float
    turns: slice
    axes: tuple[str, ...] = ()
    bound_rad: float = 0.0

    def wanted(self, rotation: Float, turn: Float) -> Float:
        """The rotation (3, 3) after a turn (n,)."""
        turn = within(turn, -self.bound_rad, self.bound_rad)
        if not self.axes:
            return tool_down()
        if self.axes == ("yaw",):
            return tool_down(x_axis_yaw(rotation) + float(turn[0]))
        about = np.zeros(3)
        about[["xyz".index(axis) for axis in self.axes]] = turn
        return np.asarray(pin.exp3(about) @ rotation)

    def turned(self, before: Float, after: Float) -> Float:
        """The turn (n,) between two rotations (3, 3)."""
        if self.axes == ("yaw",):
            step = x_axis_yaw(after) - x_axis_yaw(before)
            return np.array([(step + np.pi) % (2.0 * np.pi) - np.pi])
        about = pin.log3(after @ before.T)
        return np.array([about["xyz".index(axis)] for axis in self.axes])


@dataclass(frozen=True)
class _Group:
    """Joints that go together: each by ``gains`` a unit of the action, from ``zero`` on, between places that are ends.

    Args:
        joints: (n,) indices. at: columns; of a gripper one, else one a joint. bound: of each of them.
        zero, gains: (n,) of a gripper its closed joints, and the way to where they are open; else 0 and 1.
        ends: (2, n) places. limits: (2, n) positions.
        longest: (n,) the farthest a place moves in a second.
    """

    joints: NDArray[np.intp]
    at: slice
    bound: Float
    zero: Float
    gains: Float
    ends: Float
    limits: Float
    longest: Float

    def move(self, points: Float, chunk: Float, tick_s: float) -> None:
        """Put positions into ``points`` (H + 1, J). A joint that is beyond an end goes no farther."""
        place = (points[0, self.joints] - self.zero) / self.gains  # how far a gripper's joints are open, or positions
        least, most = np.minimum(place, self.ends[0]), np.maximum(place, self.ends[1])
        longest = np.minimum(self.bound, self.longest * tick_s)
        for row, action in zip(points[1:], chunk):
            place = within(place + within(action[self.at], -longest, longest), least, most)
            row[self.joints] = within(self.zero + place * self.gains, *self.limits)  # rounding may lead out of them

    def moved(self, before: Float, now: Float) -> Float:
        """The action's numbers between two configurations (J,)."""
        way = (now[self.joints] - before[self.joints]) / self.gains
        return way if len(way) == self.at.stop - self.at.start else np.array([way.mean()])


class PartsKinematics(ArmKinematics):
    """Kinematics of an action of parts, of which none is free. As `ArmKinematics`, with or without fingertips.

    Args:
        contract: with an action of kind ``parts``.

    Raises:
        UserError: as `ArmKinematics`, or two parts move one joint.
    """

    def __init__(self, contract: Contract) -> None:
        action = contract.interface.action
        if not isinstance(action, Parts) or action.free:
            raise UserError("interface.action", action.kind, "parts with kinematics")
        self.names, self.limits = contract.joint_names, contract.limits()
        parts = list(zip(action.parts, action.columns()))
        turns = {part.link: (part, at) for part, at in parts if isinstance(part, TipRotation)}
        self._chains, self._tools, self._groups = [], [], []
        full = urdf_model(contract) if action.tips else None
        hands = {hand.link: hand for hand in contract.interface.hands}
        for part, at in parts:
            if isinstance(part, TipDisplacement):
                assert full is not None
                require("interface.joints", self.names, [full.names[i] for i in range(1, full.njoints)])
                chain = Chain(contract, full, hands[part.link], tool_down(), _TOLERANCE)
                self._chains.append(chain)
                turn, where = turns.get(part.link, (None, slice(0, 0)))
                about = () if turn is None else (tuple(turn.axes), turn.bound_rad)
                self._tools.append(_Tool(chain, at, part.bound_m, where, *about))
            elif isinstance(part, (Gripper, JointDisplacement)):
                self._groups.append(self._group(part, at))
        self.links = tuple(tip.link for tip in action.tips)
        moved = [each.joints for each in self._chains] + [each.joints for each in self._groups]
        counts = Counter(int(joint) for joints in moved for joint in joints)
        shared = [self.names[joint] for joint, count in counts.items() if count > 1]
        if shared:
            raise UserError("interface.action: parts", shared, "joints that one part moves each")
        self.aside = np.array([i for i in range(len(self.names)) if i not in counts], np.intp)

    def _group(self, part: Gripper | JointDisplacement, at: slice) -> _Group:
        named = [joint.name for joint in part.joints] if isinstance(part, Gripper) else part.joints
        joints = np.array([self.names.index(name) for name in named], np.intp)
        limits = np.array([self.limits.lower[joints], self.limits.upper[joints]])
        bound, fastest, nought = np.array(part.bounds), self.limits.velocity[joints], np.zeros(len(joints))
        if isinstance(part, JointDisplacement):
            return _Group(joints, at, bound, nought, nought + 1, limits, limits, fastest)
        for joint, (lower, upper) in zip(part.joints, limits.T):
            if not (lower <= joint.closed <= upper and lower <= joint.open <= upper):
                legal = f"positions from {lower:g} to {upper:g}"
                raise UserError(f"interface.action: {part.name}: {joint.name}", (joint.closed, joint.open), legal)
        closed = np.array([joint.closed for joint in part.joints])
        gains = np.array([joint.open for joint in part.joints]) - closed
        ends, together = np.array([nought, nought + 1]), nought + (fastest / np.abs(gains)).min()
        return _Group(joints, at, bound, closed, gains, ends, limits, together)

    def chunk_trajectory(
        self, q_ref: Float, chunk: Float, stamp_ns: int, tick_s: float, lead: AnyFloat | None = None
    ) -> Trajectory:
        """As `ArmKinematics.chunk_trajectory`; turns, grippers and joints are clipped to bounds and limits too."""
        start = within(np.asarray(q_ref, np.float64), self.limits.lower, self.limits.upper)
        points = np.tile(start, (len(chunk) + 1, 1))
        for tool in self._tools:
            position, rotation = tool.chain.pose(np.asarray(q_ref)[tool.chain.joints])
            q = start[tool.chain.joints]
            most_rad = max(_BACK_RAD, 2.0 * tool.bound_rad)
            for row, action in zip(points[1:], chunk):
                goal = tool.chain.goal(position, action[tool.moves], tool.bound_m)
                wanted = tool.wanted(rotation, action[tool.turns])
                q, position, rotation = tool.chain.toward(q, position, rotation, goal, tick_s, wanted, most_rad)
                row[tool.chain.joints] = q
        for group in self._groups:
            group.move(points, chunk, tick_s)
        if lead is not None:
            lead_aside(points, self.aside, lead, self.limits, tick_s)
        return through(self.names, points, stamp_ns, tick_s, self.limits)

    def applied_action(self, q_prev: Float, q_now: Float) -> Float:
        """Action (C,) that leads from one commanded configuration (J,) to another."""
        before, now = np.asarray(q_prev, np.float64), np.asarray(q_now, np.float64)
        found: list[tuple[slice, Float]] = []
        for tool in self._tools:
            (p0, r0), (p1, r1) = (tool.chain.pose(q[tool.chain.joints]) for q in (before, now))
            found.append((tool.moves, (p1 - p0)[tool.chain.axes]))
            if tool.axes:
                found.append((tool.turns, tool.turned(r0, r1)))
        found += [(group.at, group.moved(before, now)) for group in self._groups]
        action = np.zeros(max(at.stop for at, _ in found))
        for at, numbers in found:
            action[at] = numbers
        return action
