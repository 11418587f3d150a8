"""Builds a cloth in MuJoCo: a grid of small balls, tied to neighbours by threads that only pull, and a visible skin."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import mujoco
import numpy as np

CLOTH = "cloth"
_MESH_M = 0.025  # from a ball to the next one
_BALL_M, _SKIN_M = 0.003, 0.002
_KG_M2 = 0.6
_PULL_N_M, _DAMPING_N_S_M = 15.0, 0.01  # of a thread; slow to a step of the physics, at the weight of a ball
_SLANTED = 0.4  # of the pull of a thread along an edge, that of one across
_STRETCHED = 1.1  # of its length, where a thread stretches no farther
_AIR_N_S_M = 0.001  # on each ball
_FRICTION = [0.6, 0.005, 0.0001]
_HIDDEN = 4  # group of geoms, sites and tendons that are not drawn
_MEETS_THINGS, _MEETS_ALL = 1, 3  # without the robot, and with it
_THREADS = ((1, 0, 1.0), (0, 1, 1.0), (1, 1, _SLANTED), (1, -1, _SLANTED))


@dataclass(frozen=True)
class ClothConfig:
    """A square cloth that falls onto the table, and what is on it, before anything else happens.

    Args:
        place: x, y of its middle in m in the base frame, and yaw in rad.
        side: m.
        lift: how high over the table it begins to fall, m.
        rgb: colour, 0 to 1.
    """

    place: tuple[float, float, float] = (0.5, 0.0, 0.0)
    side: float = 0.18
    lift: float = 0.15
    rgb: tuple[float, float, float] = (0.8, 0.3, 0.25)

    @property
    def knots(self) -> int:
        """How many balls a side has."""
        return max(3, round(self.side / _MESH_M) + 1)


def add_cloth(spec: mujoco.MjSpec, config: ClothConfig, top_m: float) -> None:
    """Add it to the world. Its balls meet things and the table at first, and the robot after `meet_robot`."""
    count, mesh = config.knots, config.side / (config.knots - 1)
    x, y, yaw = config.place
    steps = mesh * (np.arange(count) - 0.5 * (count - 1))
    own = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    turned = own @ np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]]) + np.array([x, y])
    places = np.column_stack([turned, np.full(len(own), top_m + config.lift)])
    names = [f"{CLOTH}/{index}" for index in range(len(places))]
    for name, place in zip(names, places.tolist()):
        _add_ball(spec, name, place, _KG_M2 * config.side**2 / len(names))
    for i, j in np.ndindex(count, count):
        for down, right, share in _THREADS:
            if i + down < count and 0 <= j + right < count:
                ends = names[i * count + j], names[(i + down) * count + j + right]
                _add_thread(spec, ends, mesh * hypot(down, right), share)
    _add_skin(spec, config, names, places.ravel().tolist())


def _add_ball(spec: mujoco.MjSpec, name: str, place: list[float], mass: float) -> None:
    body = spec.worldbody.add_body(name=name, pos=place)
    for axis in np.eye(3).tolist():
        body.add_joint(type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, damping=[_AIR_N_S_M, 0.0, 0.0])
    body.add_site(name=name, group=_HIDDEN)
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[_BALL_M, 0.0, 0.0],
        mass=mass,
        group=_HIDDEN,
        friction=_FRICTION,
        contype=0,  # not each other
        conaffinity=_MEETS_THINGS,
        solref=[0.02, 1.0],
        solimp=[0.5, 0.95, 0.003, 0.5, 2.0],
    )


def _add_thread(spec: mujoco.MjSpec, ends: tuple[str, str], length: float, share: float) -> None:
    thread = spec.add_tendon(
        name=f"{ends[0]} {ends[1]}",
        group=_HIDDEN,
        stiffness=[share * _PULL_N_M, 0.0, 0.0],
        damping=[share * _DAMPING_N_S_M, 0.0, 0.0],
        springlength=[0.0, length],
        limited=True,
        range=[0.0, _STRETCHED * length],
    )
    for end in ends:
        thread.wrap_site(end)


def _add_skin(spec: mujoco.MjSpec, config: ClothConfig, names: list[str], places: list[float]) -> None:
    """What is seen: two triangles for each four balls, their diagonals by turns one way and the other."""
    count, faces = config.knots, list[int]()
    for i, j in np.ndindex(count - 1, count - 1):
        a, b = i * count + j, (i + 1) * count + j
        faces += [a, b, b + 1, a, b + 1, a + 1] if (i + j) % 2 else [a, b, a + 1, b, b + 1, a + 1]
    skin = spec.add_skin(name=CLOTH, rgba=[*config.rgb, 1.0], inflate=_SKIN_M)
    skin.vert, skin.face = places, faces
    skin.bodyname, skin.bindpos, skin.bindquat = names, places, [1.0, 0.0, 0.0, 0.0] * len(names)
    skin.vertid, skin.vertweight = [[index] for index in range(len(names))], [[1.0]] * len(names)


def cloth_geoms(model: mujoco.MjModel) -> list[bool]:
    """Whether each geom is of a cloth."""
    return [model.geom(index).name.startswith(f"{CLOTH}/") for index in range(model.ngeom)]


def meet_robot(model: mujoco.MjModel) -> None:
    """Let the robot touch it from now on: until it lies, it falls through arms that stand over the table."""
    model.geom_conaffinity[cloth_geoms(model)] = _MEETS_ALL
