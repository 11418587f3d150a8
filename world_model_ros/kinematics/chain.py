"""Kinematics of one fingertip: its pose at joint positions, and joint positions that move it toward a goal."""

from __future__ import annotations

from math import sqrt

import eigenpy  # comes with Pinocchio
import numpy as np
import pinocchio as pin

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import Hand
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.urdf_model import followers, link_frame, reduced_model

POSITION_TOLERANCE_M = 1e-4
ROTATION_TOLERANCE_RAD = 1e-3
_TURN_PER_TICK_RAD = 0.15  # the fastest the tool is brought to point down
_DAMPED = 1e-6 * np.eye(6)  # added to the squared singular values; small, because the warm start is always near
_PRECISION = np.repeat([POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD], 3) ** -2.0
_LONGEST_STEP = 0.5  # rad or m, of one iteration
_NEAR_ITERATIONS = 8  # from one tick to the next three are usual; at a joint's limit there may be no solution at all
_POSE = 6  # numbers that a pose takes; joints beyond that are free to be where they like
_HOMEWARD, _HOMEWARD_MOST = 0.1, 0.02  # share of the way to rest a tick where they are, and the most of it, rad or m


class Chain:
    """Kinematics of one fingertip, pointing down. Holds Pinocchio's scratch memory: use one object a thread.

    Args:
        contract: of the robot. full: Pinocchio's model of its URDF.
        hand: link, free axes and workspace.
        down: (3, 3) rotation of a fingertip that points down.
        tolerance: of solutions, m and rad; None takes the usual ones.

    Attributes:
        joints: (n,) indices of its joints in the contract's order, also of those that are only mimicked on the way.

    Raises:
        UserError: the link or the base frame is not in the URDF, no joint of the contract moves the link, or one moves
            the base frame.
    """

    def __init__(
        self, contract: Contract, full: pin.Model, hand: Hand, down: Float, tolerance: float | None = None
    ) -> None:
        self.link = str(hand.link)
        self.axes, self.box = list(hand.axes), hand.box
        self._down = down
        self._precision = _PRECISION if tolerance is None else np.full(6, tolerance**-2.0)
        frame, link = contract.interface.base_frame, link_frame(full, self.link, "interface.action.link")
        link_frame(full, frame, "interface.base_frame")
        carrying = [i for i in full.supports[full.frames[link].parentJoint] if i > 0]
        for joint in (full.joints[i] for i in carrying if full.names[i] in contract.joint_names):
            if joint.nq != 1:
                name, legal = full.names[joint.id], "a revolute or prismatic joint with limits"
                raise UserError(f"joint {name} of the URDF", joint.shortname(), legal)
        moves, shift = followers(contract, full)
        kept = [i for i in carrying if moves[full.joints[i].idx_q].any()]
        if not kept:
            raise UserError("interface.action.link", self.link, "a link that joints of the contract move")
        self.joints = np.flatnonzero(moves[[full.joints[i].idx_q for i in kept]].any(axis=0))
        held = [i for i in range(1, full.njoints) if i not in kept]
        self._model, _ = reduced_model(full, [], held, pin.neutral(full))
        self._data = self._model.createData()
        rows = [full.joints[full.getJointId(name)].idx_q for name in list(self._model.names)[1:]]
        self._moves, self._shift = moves[np.ix_(rows, self.joints)], shift[rows]
        self._plain = np.array_equal(self._moves, np.eye(len(rows))) and not self._shift.any()
        limits = contract.limits()
        self._fastest = limits.velocity[self.joints]
        self._lowest, self._highest = limits.lower[self.joints], limits.upper[self.joints]
        self._rest = contract.rest[self.joints] if len(self.joints) > _POSE else None
        self._frame = link_frame(self._model, self.link, "interface.action.link")
        base = link_frame(self._model, frame, "interface.base_frame")
        if self._model.frames[base].parentJoint != 0:
            raise UserError("interface.base_frame", frame, "a frame that no joint of the contract moves")
        pin.framesForwardKinematics(self._model, self._data, pin.neutral(self._model))
        self._base = pin.SE3(self._data.oMf[base])
        self._factors = eigenpy.PartialPivLU(np.eye(6))  # a sixth of the time of np.linalg.solve

    def pose(self, q: Float) -> tuple[Float, Float]:
        """Position (3,) in m and rotation (3, 3) of the link in the base frame, at its joints' positions (n,)."""
        pose = self._base.actInv(self._pose(self._to_model(np.asarray(q, np.float64))))
        return pose.translation.copy(), pose.rotation.copy()

    def solve(self, q0: Float, position: Float, rotation: Float, iterations: int = 100) -> Float | None:
        """Joint positions (n,) inside their limits that bring the link to a pose in the base frame.

        Damped least squares from ``q0`` (n,) (Buss, 2004): finds the solution near it. With joints to spare, it is
        drawn a little to where they rest, which leaves the link where it is (Liegeois, 1977).
        None if the pose is not met within 0.1 mm and 1 mrad after ``iterations``.
        """
        target = self._base * pin.SE3(rotation, position)
        q = within(q0, self._lowest, self._highest)
        for iteration in range(iterations):
            full = self._to_model(q)
            pose = self._pose(full)
            error = pin.log6(pose.actInv(target)).vector
            if error @ (self._precision * error) < 1.0:
                return q
            jacobian = pin.computeFrameJacobian(self._model, self._data, full, self._frame, pin.LOCAL)
            jacobian = jacobian if self._plain else jacobian @ self._moves
            self._factors.compute(jacobian @ jacobian.T + _DAMPED)
            step = jacobian.T @ self._factors.solve(error)
            length = sqrt(step @ step)
            if length > _LONGEST_STEP:
                step *= _LONGEST_STEP / length
            if iteration == 0 and self._rest is not None:
                home = within(_HOMEWARD * (self._rest - q), -_HOMEWARD_MOST, _HOMEWARD_MOST)
                step += home - jacobian.T @ self._factors.solve(jacobian @ home)
            q = within(q + step, self._lowest, self._highest)
        return None

    def step(
        self, q: Float, position: Float, rotation: Float, displacement: Float, bound_m: float, tick_s: float
    ) -> tuple[Float, Float, Float]:
        """Step one tick: q (n,), position and rotation after it.

        The displacement (along the free axes) is clipped to the bound and the workspace; locked axes go to their
        value by at most the bound a tick, and the tool turns to point down. A step that would break a joint's velocity
        limit is shortened; one without a solution is left out.
        """
        return self.toward(q, position, rotation, self.goal(position, displacement, bound_m), tick_s)

    def goal(self, position: Float, displacement: Float, bound_m: float) -> Float:
        """Where a displacement leads from a position, as in `step`."""
        move = within(self.box[0] - position, -bound_m, bound_m)  # right for locked axes
        move[self.axes] = within(displacement, -bound_m, bound_m)
        goal = position + move
        inside = within(goal[self.axes], *self.box[:, self.axes])
        # From outside of the box the way back is no faster than the bound.
        goal[self.axes] = position[self.axes] + within(inside - position[self.axes], -bound_m, bound_m)
        return goal

    def toward(
        self,
        q: Float,
        position: Float,
        rotation: Float,
        goal: Float,
        tick_s: float,
        wanted: Float | None = None,
        most_rad: float = _TURN_PER_TICK_RAD,
    ) -> tuple[Float, Float, Float]:
        """Step one tick toward ``goal`` and a rotation (3, 3), pointing down without it, within joint velocities."""
        wanted = self._down if wanted is None else wanted
        turn = pin.log3(rotation.T @ wanted) if rotation is not wanted else np.zeros(3)
        angle = sqrt(turn @ turn)
        upright = angle <= most_rad  # after it
        if not upright:
            turn *= most_rad / angle
        longest = self._fastest * tick_s
        share = 1.0
        for _ in range(3):
            there = position + share * (goal - position)
            turned = wanted if upright and share == 1.0 else rotation @ pin.exp3(share * turn)
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
        return pin.updateFramePlacement(self._model, self._data, self._frame)

    def _to_model(self, q: Float) -> Float:
        """Pinocchio's positions, in its order; joints that mimic one of these follow it."""
        return q if self._plain else self._moves @ q + self._shift


def within(values: Float, low: Float | float, high: Float | float) -> Float:
    """``np.clip``, at a third of its cost for short arrays, many times a tick."""
    return np.minimum(np.maximum(values, low), high)


def require(field: str, names: tuple[str, ...], legal: list[str]) -> None:
    """Every name is a legal one; `UserError` for the first that is not."""
    for name in names:
        if name not in legal:
            raise UserError(field, name, f"a name in the URDF: {legal}")
