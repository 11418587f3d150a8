"""The robot's side of a MuJoCo model: taxel pads, moving geometry, setting joints, and how loud a microphone hears."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import TaxelStream
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.sim.touch import PAD_HIGH_M, PAD_LOW_M, TaxelGrid

_NEAR_M = 0.5  # a contact that far in front of a directed microphone is as loud as one that any other hears


@dataclass(frozen=True)
class Pad:
    """A pad of taxels: its grid, the id of its site, and whether each geom of the model belongs to it."""

    grid: TaxelGrid
    site: int
    geoms: tuple[bool, ...]

    def touch(self, data: mujoco.MjData, chosen: NDArray[np.int64]) -> Float:
        """Taxel forces (rows, cols, 3) N of some contacts, in the frame of the site."""
        contact = data.contact
        rows = contact.efc_address[chosen][:, None] + np.arange(3)
        frames = contact.frame[chosen].reshape(-1, 3, 3)
        force = np.einsum("nk,nkf->nf", data.efc_force[rows], frames)  # on the second geom, world frame
        on_second = np.array([self.geoms[second] for second in contact.geom[chosen][:, 1].tolist()])
        rotation = data.site_xmat[self.site].reshape(3, 3)
        points = (contact.pos[chosen] - data.site_xpos[self.site]) @ rotation
        return self.grid.spread(points, (force * np.where(on_second, 1.0, -1.0)[:, None]) @ rotation)


def pads(contract: Contract, model: mujoco.MjModel) -> dict[str, Pad]:
    """The pad of each stream of taxels, by its name.

    Raises:
        UserError: a stream does not say on which link it is.
    """
    found = {}
    for stream in contract.interface.streams:
        if not isinstance(stream, TaxelStream):
            continue
        frame = contract.source(stream.name).frame
        if frame is None:
            raise UserError(f"deployment.streams: {stream.name}: frame", None, "the link that the pad is on")
        site = model.site(frame).id
        found[stream.name] = Pad(
            TaxelGrid(stream.rows, stream.cols), site, _pad_geoms(model, model.body(frame).id, site)
        )
    return found


def _pad_geoms(model: mujoco.MjModel, body: int, site: int) -> tuple[bool, ...]:
    """For each geom, whether a body has it; for a body without any, a mere frame, its carrier's next to the pad."""
    if model.body_geomnum[body]:
        return tuple(each == body for each in model.geom_bodyid.tolist())
    while body and not model.body_geomnum[body] and not model.body_jntnum[body]:
        body = int(model.body_parentid[body])
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    heights = -(data.geom_xpos - data.site_xpos[site]) @ data.site_xmat[site].reshape(3, 3)[:, 2]
    near = (heights > PAD_LOW_M) & (heights < PAD_HIGH_M) & (model.geom_bodyid == body)
    return tuple(near.tolist())


def robot_geoms(contract: Contract, model: mujoco.MjModel) -> list[bool]:
    """Whether each geom moves with a joint of the contract."""
    moved = {int(model.joint(name).bodyid[0]) for name in contract.joint_names}
    carried = [False] * model.nbody
    for body in range(1, model.nbody):  # parents come first
        carried[body] = body in moved or carried[int(model.body_parentid[body])]
    return [carried[body] for body in model.geom_bodyid.tolist()]


def set_joints(contract: Contract, data: mujoco.MjData, positions: Float) -> None:
    """Put the joints of the contract to positions (J,), and those that mimic one of them to where that has them."""
    at = dict(zip(contract.joint_names, positions.tolist()))
    for joint in contract.description.joints:
        if joint.mimics in at and joint.name not in at:
            factor, offset = joint.follows
            data.joint(joint.name).qpos[0] = factor * at[joint.mimics] + offset
    for name, position in at.items():
        data.joint(name).qpos[0] = position


def loudness(data: mujoco.MjData, site: int | None, place: Float) -> float:
    """How much of a sound at ``place`` (3,) a microphone hears: less from far away and from behind; 1 without a site.

    It hears best along its x axis (a cardioid).
    """
    if site is None:
        return 1.0
    way = place - data.site_xpos[site]
    distance = max(float(np.linalg.norm(way)), 0.05)
    facing = float(data.site_xmat[site].reshape(3, 3)[:, 0] @ way) / distance
    return _NEAR_M / distance * (1.0 + facing)
