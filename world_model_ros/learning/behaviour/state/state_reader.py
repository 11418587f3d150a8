"""Builds a chunk model's state from streams: reported poses and values; fingertips and grippers from joint states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import grippers
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.errors import UserError
from world_model_ros.learning.behaviour.state.forward_kinematics import ForwardKinematics
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout, folded


class StateReader(nn.Module):
    """Streams as arrays -> states, see `StateLayout`.

    Args:
        contract: of the robot.
        arms: of each fingertip that joints move, by its link; from the URDF without it.
        yaw_goals: see `StateLayout.of`.

    Attributes:
        layout: of a state.
        streams: names of those that are read, in the order of `forward`.
        arms: as above.

    Raises:
        UserError: as `StateLayout.of` and `ForwardKinematics.of`; or a joint that the action moves is in no stream.
    """

    def __init__(
        self, contract: Contract, arms: Mapping[str, ForwardKinematics] | None = None, yaw_goals: bool = False
    ) -> None:
        super().__init__()
        interface = contract.interface
        self.layout = StateLayout.of(interface, yaw_goals)
        self.streams = [stream.name for stream in interface.streams]
        links = [entry.name for entry in self.layout.entries if entry.hand and entry.joints]
        self.arms = {link: ForwardKinematics.of(contract, link) if arms is None else arms[link] for link in links}
        self._arms = nn.ModuleList(self.arms.values())
        self._names = contract.joint_names
        rows = [(stream, row) for stream in interface.of(JointStream) for row in range(len(stream.joints))]
        places = {stream.joints[row]: (stream.name, row) for stream, row in rows}
        self._places = [places.get(name) for name in self._names]
        self._grippers = {gripper.name: gripper.joints for gripper in grippers(interface.action)}
        self._sources = [self._read_from(entry) for entry in self.layout.entries]

    def _read_from(self, entry: Entry) -> list[int]:
        """Indices of the streams that an entry is read from."""
        if not entry.joints:
            return [self.streams.index(entry.name)]
        if entry.hand:
            joints = torch.nonzero(self.arms[entry.name].moves.any(0))[:, 0].tolist()
        else:
            joints = [self._names.index(joint.name) for joint in self._grippers.get(entry.name, [])]
            joints = joints or [self._names.index(entry.name)]
        lost = [self._names[joint] for joint in joints if self._places[joint] is None]
        if lost:
            legal = f"streams of kind joints with all joints that move {entry.name}"
            raise UserError("interface.streams: joints", f"none with {lost}", legal)
        places = [self._places[joint] for joint in joints]
        return sorted({self.streams.index(place[0]) for place in places if place is not None})

    def forward(self, values: Sequence[Tensor]) -> Tensor:
        """States (N, R) of the values (N, ...) of all `streams`."""
        found = dict(zip(self.streams, values))
        joints = self._positions(found)
        columns = []
        for entry in self.layout.entries:
            if not entry.joints:
                columns.append(self.layout.of_report(entry, found[entry.name].flatten(1)))
            elif entry.hand:
                position, rotation = self.arms[entry.name](joints)
                turn = rotation[:, :2, 0]
                turn = folded(turn / (turn.norm(dim=-1, keepdim=True) + 1e-9), entry.fold)
                columns.append(torch.cat([position, turn], -1) if entry.fold else position)
            elif entry.name in self._grippers:
                opened = [
                    (self._joint(joints, joint.name) - joint.closed) / (joint.open - joint.closed)
                    for joint in self._grippers[entry.name]
                ]
                columns.append(torch.cat(opened, -1).mean(-1, keepdim=True))
            else:
                columns.append(self._joint(joints, entry.name))
        return torch.cat(columns, -1)

    def fresh(self, fresh: Tensor) -> Tensor:
        """Which entries (N, E) are fresh, by which streams (N, streams) are: those whose streams all are."""
        return torch.stack([fresh[:, sources].amin(1) for sources in self._sources], -1)

    def _joint(self, joints: Tensor, name: str) -> Tensor:
        """Position (N, 1) of a joint."""
        number = self._names.index(name)
        return joints[:, number : number + 1]

    def _positions(self, values: dict[str, Tensor]) -> Tensor:
        """Positions (N, J) of the contract's joints; zero of one that no stream has."""
        none = next(iter(values.values())).flatten(1)[:, :1] * 0.0
        found = [none if place is None else values[place[0]][:, place[1], :1] for place in self._places]
        return torch.cat(found, -1) if found else none
