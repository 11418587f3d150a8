"""Forward kinematics of a link as a PyTorch module without weights, to be part of an exported graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pinocchio as pin
import torch
from torch import Tensor, nn

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_model


class ForwardKinematics(nn.Module):
    """Positions (N, J) of the contract's joints -> where a link is, in the base frame.

    A link is carried by A axes, one after the other, with A + 1 fixed placements before, between and after them.

    Args:
        turns: whether the link turns about each axis, rather than slides along it.
        placements: (A + 1, 4, 4) homogeneous.
        axes: (A, 3) of length 1.
        moves: (A, J) how the joints move each axis. rest: (A,) where it is when they are zero.
    """

    def __init__(self, turns: Sequence[bool], placements: Tensor, axes: Tensor, moves: Tensor, rest: Tensor) -> None:
        super().__init__()
        self.turns = [bool(turn) for turn in turns]
        for name, value in (("placements", placements), ("axes", axes), ("moves", moves), ("rest", rest)):
            self.register_buffer(name, value.float())
        x, y, z = axes.float().unbind(-1)
        none = torch.zeros_like(x)
        crosses = torch.stack([none, -z, y, z, none, -x, -y, x, none], -1).reshape(-1, 3, 3)
        self.register_buffer("crosses", crosses, persistent=False)
        self.placements: Tensor
        self.axes: Tensor
        self.moves: Tensor
        self.rest: Tensor
        self.crosses: Tensor

    @classmethod
    def of(cls, contract: Contract, link: str) -> ForwardKinematics:
        """That of a link of the contract's URDF. Joints that mimic others follow them; other joints stay neutral.

        Raises:
            UserError: there is no URDF, or no such link or base frame in it; joints move that frame; or they carry the
                link by one that does not turn about or slide along one axis.
        """
        model = urdf_model(contract)
        frame = model.frames[link_frame(model, link, "interface.action.link")]
        base = link_frame(model, contract.interface.base_frame, "interface.base_frame")
        data, neutral = model.createData(), pin.neutral(model)
        pin.framesForwardKinematics(model, data, neutral)
        moves, rest = followers(contract, model)
        carrying = [each for each in model.supports[model.frames[base].parentJoint] if each > 0]
        if any(moves[model.joints[each].idx_q].any() for each in carrying):
            legal = "a link that no joint of the contract moves"
            raise UserError("interface.base_frame", contract.interface.base_frame, legal)
        placed, turns, axes, rows = [data.oMf[base].inverse()], list[bool](), list[Float](), list[int]()
        for index in (each for each in model.supports[frame.parentJoint] if each > 0):
            joint = model.joints[index]
            placed[-1] = placed[-1] * model.jointPlacements[index]
            if not moves[joint.idx_q : joint.idx_q + joint.nq].any():
                own = joint.createData()
                joint.calc(own, neutral)
                placed[-1] = placed[-1] * own.M
                continue
            if joint.nq != 1:
                legal = "a revolute or prismatic joint with limits"
                raise UserError(f"joint {model.names[index]} of the URDF", joint.shortname(), legal)
            turn, axis = _axis(joint, model.nq)
            turns.append(turn)
            axes.append(axis)
            rows.append(joint.idx_q)
            placed.append(pin.SE3.Identity())
        placed[-1] = placed[-1] * frame.placement
        arrays = np.array([each.homogeneous for each in placed]), np.array(axes).reshape(-1, 3), moves[rows], rest[rows]
        return cls(turns, *(torch.from_numpy(np.array(each)) for each in arrays))

    def arguments(self) -> dict[str, Any]:
        """What it is made of, to be kept with a model: a URDF need not be there when that is read."""
        return {"turns": self.turns, **self.state_dict()}

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (N, 3) in m and rotations (N, 3, 3) of the link."""
        values = joints @ self.moves.T + self.rest
        rotations, offsets = self.placements[:, :3, :3], self.placements[:, :3, 3]
        position, rotation = offsets[:1].expand(len(joints), -1), rotations[:1].expand(len(joints), -1, -1)
        for number, turn in enumerate(self.turns):
            value = values[:, number, None]
            if turn:
                cross, angle = self.crosses[number], value[..., None]
                own = torch.eye(3) + torch.sin(angle) * cross + (1.0 - torch.cos(angle)) * (cross @ cross)
                rotation = rotation @ own
            else:
                position = position + (rotation @ (value * self.axes[number])[..., None])[..., 0]
            position = position + rotation @ offsets[number + 1]
            rotation = rotation @ rotations[number + 1]
        return position, rotation


def _axis(joint: pin.JointModel, size: int) -> tuple[bool, Float]:
    """Whether a joint turns rather than slides, and the axis of length 1."""
    own, position = joint.createData(), np.zeros(size)
    position[joint.idx_q] = 1.0
    joint.calc(own, position)
    about = np.asarray(pin.log3(own.M.rotation))
    turns = bool(np.linalg.norm(about) > 0.5)
    return turns, about if turns else np.asarray(own.M.translation)
