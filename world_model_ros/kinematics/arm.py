"""Fingertip displacements to joint trajectories: forward and inverse kinematics of an arm (Pinocchio)."""

from __future__ import annotations

from math import sqrt

import eigenpy  # comes with Pinocchio
import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Float, Trajectory
from world_model_ros.kinematics.urdf_model import urdf_model
from world_model_ros.kinematics.waypoints import through

POSITION_TOLERANCE_M = 1e-4
ROTATION_TOLERANCE_RAD = 1e-3
_TURN_PER_TICK_RAD = 0.15  # the fastest the tool is brought to point down
_DAMPED = 1e-6 * np.eye(6)  # added to the squared singular values; small, because the warm start is always near
_PRECISION = np.repeat([POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD], 3) ** -2.0
_LONGEST_STEP = 0.5  # rad or m, of one iteration
_NEAR_ITERATIONS = 8  # from one tick to the next three are usual; at a joint's limit there may be no solution at all


def tool_down(yaw_rad: float = 0.0) -> Float:
    """Rotation (3, 3) of a tool whose z axis points down and whose x axis is ``yaw_rad`` from the base's x axis."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, -1.0]])


class ArmKinematics:
    """Kinematics of the link that the contract's action moves.

    Holds Pinocchio's scratch memory: use one object a thread.

    Args:
        contract: with action kind ``fingertip_displacement``. Its joints are found in the URDF by name;
            other joints of the URDF are held at their neutral position.
        yaw_rad: constant direction of the tool's x axis about the vertical.

    Raises:
        UserError: a joint, the link or the base frame is not in the URDF, or the frame moves.
    """

    def __init__(self, contract: Contract, yaw_rad: float = 0.0) -> None:
        action = contract.interface.action
        if action.kind != "fingertip_displacement":
            raise UserError("interface.action.kind", action.kind, "fingertip_displacement")
        self.names = contract.joint_names
        self.limits = contract.limits()
        self._bound = action.bound_m
        self._axes = ["xyz".index(axis) for axis in action.axes]
        self._low, self._high = np.array(action.workspace_m, dtype=np.float64).T  # (3,) each
        locked = [axis for axis in range(3) if axis not in self._axes]
        self._high[locked] = self._low[locked]  # their value
        self._down = tool_down(yaw_rad)

        full = urdf_model(contract)
        _require("interface.joints", self.names, [full.names[i] for i in range(1, full.njoints)])
        held = [i for i in range(1, full.njoints) if full.names[i] not in self.names]
        self._model = pin.buildReducedModel(full, held, pin.neutral(full))
        self._data = self._model.createData()
        joints = [self._model.joints[self._model.getJointId(name)] for name in self.names]
        for name, joint in zip(self.names, joints):
            if joint.nq != 1:
                raise UserError(
                    f"joint {name} of the URDF", joint.shortname(), "a revolute or prismatic joint with limits"
                )
        self._order = np.array([joint.idx_q for joint in joints])  # contract order -> Pinocchio order
        self._lowest, self._highest = self._to_model(self.limits.lower), self._to_model(self.limits.upper)

        frames = [frame.name for frame in self._model.frames]
        _require("interface.action.link", (action.link,), frames)
        _require("interface.base_frame", (action.frame,), frames)
        self._tip = self._model.getFrameId(action.link)
        base = self._model.getFrameId(action.frame)
        if self._model.frames[base].parentJoint != 0:
            raise UserError("interface.base_frame", action.frame, "a frame that no joint of the contract moves")
        pin.framesForwardKinematics(self._model, self._data, pin.neutral(self._model))
        self._base = pin.SE3(self._data.oMf[base])
        self._factors = eigenpy.PartialPivLU(np.eye(6))  # a sixth of the time of np.linalg.solve

    def tip(self, q: Float) -> tuple[Float, Float]:
        """Position (3,) in m and rotation (3, 3) of the link in the base frame, at joint positions (J,)."""
        pose = self._base.actInv(self._pose(self._to_model(q)))
        return pose.translation.copy(), pose.rotation.copy()

    def solve(self, q0: Float, position: Float, rotation: Float, iterations: int = 100) -> Float | None:
        """Joint positions (J,) inside their limits that bring the link to a pose in the base frame.

        Damped least squares from ``q0`` (J,) (Buss, 2004): finds the solution near it.
        None if the pose is not met within 0.1 mm and 1 mrad after ``iterations``.
        """
        target = self._base * pin.SE3(rotation, position)
        q = _within(self._to_model(q0), self._lowest, self._highest)
        for _ in range(iterations):
            pose = self._pose(q)
            error = pin.log6(pose.actInv(target)).vector
            if error @ (_PRECISION * error) < 1.0:
                return np.array(q[self._order])
            jacobian = pin.computeFrameJacobian(self._model, self._data, q, self._tip, pin.LOCAL)
            self._factors.compute(jacobian @ jacobian.T + _DAMPED)
            step = jacobian.T @ self._factors.solve(error)
            length = sqrt(step @ step)
            if length > _LONGEST_STEP:
                step *= _LONGEST_STEP / length
            q = _within(q + step, self._lowest, self._highest)
        return None

    def chunk_trajectory(self, q_ref: Float, chunk: Float, stamp_ns: int, tick_s: float) -> Trajectory:
        """Joint trajectory of a chunk of fingertip displacements.

        The commanded fingertip starts where ``q_ref`` has it. Each displacement is clipped to the bound and the
        workspace; locked axes go to their value by at most the bound a tick, and the tool turns to point down.
        A step that would break a joint's velocity limit is shortened; one without a solution is left out.

        Args:
            q_ref: (J,) commanded joint positions now.
            chunk: (H, C) displacements in m along the contract's axes, one a tick.
            stamp_ns: time of ``q_ref``.

        Returns:
            H + 1 points one tick apart, one more if the stop needs it; the last velocity is zero.
        """
        position, rotation = self.tip(q_ref)
        q = _within(q_ref, self.limits.lower, self.limits.upper)
        moves = np.zeros((len(chunk), 3))
        moves[:, self._axes] = _within(chunk, -self._bound, self._bound)
        points = [q]
        for move in moves:
            inside = _within(position + move, self._low, self._high)
            # From outside of the box the way back is no faster than the bound.
            goal = position + _within(inside - position, -self._bound, self._bound)
            q, position, rotation = self._step(q, position, rotation, goal, tick_s)
            points.append(q)
        return through(self.names, np.array(points), stamp_ns, tick_s, self.limits.acceleration)

    def applied_action(self, q_prev: Float, q_now: Float) -> Float:
        """Displacement (C,) in m of the fingertip between two commanded configurations (J,), on the action's axes."""
        return (self.tip(q_now)[0] - self.tip(q_prev)[0])[self._axes]

    def _step(
        self, q: Float, position: Float, rotation: Float, goal: Float, tick_s: float
    ) -> tuple[Float, Float, Float]:
        """One tick toward ``goal`` and pointing down, within joint velocities: q, position, rotation after it."""
        turn = pin.log3(rotation.T @ self._down) if rotation is not self._down else np.zeros(3)
        angle = sqrt(turn @ turn)
        upright = angle <= _TURN_PER_TICK_RAD  # after it
        if not upright:
            turn *= _TURN_PER_TICK_RAD / angle
        longest = self.limits.velocity * tick_s
        share = 1.0
        for _ in range(3):
            there = position + share * (goal - position)
            turned = self._down if upright and share == 1.0 else rotation @ pin.exp3(share * turn)
            solution = self.solve(q, there, turned, _NEAR_ITERATIONS)
            if solution is None:
                share *= 0.5
                continue
            ratio = float((np.abs(solution - q) / longest).max())
            if ratio <= 1.0:
                return solution, there, turned
            share *= 0.95 / ratio
        return q, position, rotation

    def _pose(self, q: Float) -> pin.SE3:
        pin.forwardKinematics(self._model, self._data, q)
        return pin.updateFramePlacement(self._model, self._data, self._tip)

    def _to_model(self, q: Float) -> Float:
        ordered = np.empty(len(self._order))
        ordered[self._order] = q
        return ordered


def _within(values: Float, low: Float | float, high: Float | float) -> Float:
    """``np.clip``, at a third of its cost for short arrays, many times a tick."""
    return np.minimum(np.maximum(values, low), high)


def _require(field: str, names: tuple[str, ...], legal: list[str]) -> None:
    for name in names:
        if name not in legal:
            raise UserError(field, name, f"a name in the URDF: {legal}")
