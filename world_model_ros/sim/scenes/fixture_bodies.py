"""Builds drawers, buttons and lids in the MuJoCo model, and tracks how far each has moved or is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, sin, sqrt

import mujoco

from world_model_ros.sim.scenes.fixtures import FixtureConfig, Piece

_FIXED_RGB = (0.55, 0.5, 0.45)
_MOVING_RGB = {"drawer": (0.85, 0.8, 0.7), "button": (0.85, 0.15, 0.1), "lid": (0.5, 0.65, 0.8)}
_FRICTION = [0.5, 0.005, 0.0001]


def add_fixture(spec: mujoco.MjSpec, config: FixtureConfig, top_m: float) -> None:
    """Two bodies: what is fixed, and what moves, whose joint has the name of the fixture."""
    x, y, yaw = config.place
    quat, mechanism = [cos(yaw / 2), 0.0, 0.0, sin(yaw / 2)], config.mechanism
    fixed = spec.worldbody.add_body(name=f"{config.name}/fixed", pos=[x, y, top_m], quat=quat)
    moving = spec.worldbody.add_body(name=config.name, pos=[x, y, top_m], quat=quat)
    moving.gravcomp = 1.0
    moving.add_joint(
        name=config.name,
        type=mujoco.mjtJoint.mjJNT_SLIDE if mechanism.hinge is None else mujoco.mjtJoint.mjJNT_HINGE,
        axis=list(mechanism.axis),
        pos=list(mechanism.hinge or (0.0, 0.0, 0.0)),
        limited=True,
        range=[0.0, mechanism.most],
        damping=[mechanism.damping, 0.0, 0.0],
        stiffness=[mechanism.stiffness, 0.0, 0.0],
        springref=mechanism.rest,
        frictionloss=mechanism.friction,
    )
    for body, pieces, rgb in ((fixed, mechanism.fixed, _FIXED_RGB), (moving, mechanism.moving, _MOVING_RGB)):
        colour = rgb[config.kind] if isinstance(rgb, dict) else rgb
        mass = mechanism.mass / len(pieces)
        for piece in pieces:
            _add_piece(body, piece, colour, mass)
    spec.add_exclude(bodyname1=f"{config.name}/fixed", bodyname2=config.name)


def _add_piece(body: mujoco.MjsBody, piece: Piece, rgb: tuple[float, float, float], mass: float) -> None:
    x, y, z = piece.half
    kind, size, quat = {
        "box": (mujoco.mjtGeom.mjGEOM_BOX, [x, y, z], [1.0, 0.0, 0.0, 0.0]),
        "cylinder": (mujoco.mjtGeom.mjGEOM_CYLINDER, [x, z, 0.0], [1.0, 0.0, 0.0, 0.0]),
        "bar": (mujoco.mjtGeom.mjGEOM_CYLINDER, [x, y, 0.0], [sqrt(0.5), sqrt(0.5), 0.0, 0.0]),
    }[piece.shape]
    body.add_geom(
        type=kind,
        pos=list(piece.middle),
        size=size,
        quat=quat,
        mass=mass,
        rgba=[*rgb, 1.0],
        friction=_FRICTION,
        contype=1,
        conaffinity=3,
    )


class FixtureStates:
    """Values of the fixtures of a scene.

    Args:
        model: that has them. configs: of the scene.
    """

    def __init__(self, model: mujoco.MjModel, configs: Sequence[FixtureConfig]) -> None:
        self._model = model
        self._at = {each.name: int(model.joint(each.name).qposadr[0]) for each in configs}
        self._start = {each.name: each.value for each in configs}
        self._latches = {each.name: each.mechanism for each in configs if each.mechanism.latch is not None}
        self._on = {name: self._start[name] > 0.5 for name in self._latches}
        self._ready = dict.fromkeys(self._latches, True)  # to be pressed

    @property
    def names(self) -> list[str]:
        return list(self._at)

    def begin(self, data: mujoco.MjData) -> None:
        """Put all to where they are at the start."""
        for name, at in self._at.items():
            mechanism = self._latches.get(name)
            data.qpos[at] = self._start[name] if mechanism is None else self._rest(name)

    def step(self, data: mujoco.MjData) -> None:
        """Update latches by what was pressed in this step."""
        for name, mechanism in self._latches.items():
            latch, depth = mechanism.latch, data.qpos[self._at[name]]
            assert latch is not None
            if self._ready[name] and depth > latch.pressed:
                self._on[name], self._ready[name] = not self._on[name], False
                self._rest(name)
            elif depth < latch.released:
                self._ready[name] = True

    def value(self, name: str, data: mujoco.MjData) -> float:
        """How far it has moved, m or rad; 0 or 1 of what is pressed."""
        return float(self._on[name]) if name in self._on else float(data.qpos[self._at[name]])

    def _rest(self, name: str) -> float:
        """Set its spring; where that leaves it, m."""
        mechanism = self._latches[name]
        assert mechanism.latch is not None
        down = mechanism.latch.down if self._on[name] else 0.0
        self._model.qpos_spring[self._at[name]] = down if self._on[name] else mechanism.rest
        return down
