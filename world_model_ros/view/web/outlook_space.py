"""The 3D scene of a web page: the robot, targets, and where they are expected to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import viser
from numpy.typing import ArrayLike
from viser import transforms

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.view.appearance import CANDIDATE, CONTACT, GOAL, OBJECT, TABLE, contact_radius, ghost_alpha, ramp
from world_model_ros.view.markers.robot_shape import RobotShape
from world_model_ros.view.outlook import Outlook, TargetPath, touching
from world_model_ros.view.pictures.space_picture import view_point

_NOWHERE = np.zeros((1, 2, 3), np.float32)
_OBJECT_M = 0.018
COLOURS = "Yellow to violet: from now to the horizon; a region holds the truth with 90 %. Blue: object. Red: contact."


class WebSpace:
    """The 3D part of a page. Objects are made once and moved; nothing is removed and added each tick.

    Args:
        server: of the page.
        contract: of the robot; one without a URDF is shown as paths alone.
        steps: at which ghosts, regions and contacts are shown, counted from 1.
        horizon: imagined steps of the model.
    """

    def __init__(self, server: viser.ViserServer, contract: Contract, steps: Sequence[int], horizon: int) -> None:
        self._server, self._contract = server, contract
        self._steps = tuple(step for step in steps if step <= horizon)
        self._tint = ramp(horizon)[:, :3].astype(np.float64)
        self._shape = None if contract.deployment.urdf is None else RobotShape(contract)
        scene = server.scene
        scene.set_up_direction("+z")
        scene.configure_default_lights(cast_shadow=False)  # nothing casts one
        server.initial_camera.position, server.initial_camera.look_at = view_point(contract, self._shape)
        server.initial_camera.fov = np.radians(50.0)
        for obstacle in contract.deployment.gate.obstacles:
            size, place = tuple(obstacle.size_m), tuple(obstacle.position_m)
            scene.add_box(f"/surroundings/{obstacle.name}", _rgb(0.5 * np.array(TABLE)), size, position=place)
        self._robot = self._parts("/robot", None, None)
        self._ghosts = {
            step: self._parts(f"/ghosts/{step}", self._tint[step - 1], ghost_alpha(step, horizon))
            for step in self._steps
        }
        targets = contract.interface.targets
        self._paths = {target.name: self._line(f"/paths/{target.name}", 4.0) for target in targets}
        self._objects = {
            target.name: self._ball(f"/objects/{target.name}", OBJECT, 1.0, (_OBJECT_M,) * 3)
            for target in targets
            if target.kind == "object"
        }
        self._regions = {
            (target.name, step): self._ball(f"/regions/{target.name}/{step}", self._tint[step - 1], 0.3, (0.01,) * 3)
            for target in targets
            for step in self._steps
        }
        self._contacts = {step: self._ball(f"/contacts/{step}", CONTACT, 0.6, (0.01,) * 3) for step in self._steps}
        self._forces = {step: scene.add_label(f"/forces/{step}", "", visible=False) for step in self._steps}
        self._candidates = self._line("/candidates", 1.0)
        self._goal = self._ball("/goal", GOAL, 0.6, (0.02,) * 3)
        self._goal_label = scene.add_label("/goal_label", "", visible=False)

    def show(self, outlook: Outlook) -> None:
        """Move everything to where an outlook has it; what it does not have is hidden."""
        with self._server.atomic():
            self._place(self._robot, outlook.joints, None)
            ahead = outlook.joints_ahead
            for step, parts in self._ghosts.items():
                there = ahead is not None and step <= len(ahead) and outlook.joints is not None
                self._place(parts, ahead[step - 1] if there and ahead is not None else None, outlook.joints)
            self._ways(outlook.ways)
            self._touches(outlook)
            self._set_line(self._candidates, outlook.candidates, np.array(CANDIDATE))
            self._goal.visible = self._goal_label.visible = outlook.goal is not None
            if outlook.goal is not None:
                target, place = outlook.goal
                self._goal.position = place
                self._goal_label.position = place + np.array([0.0, 0.0, -0.05], np.float32)
                self._goal_label.text = f"goal: {target}"

    def hide(self, part: str, hidden: bool) -> None:
        """Hide a part that was just shown: ``ghosts``, ``regions``, ``candidates`` or ``contacts``."""
        for handle in self._named(part) if hidden else ():
            handle.visible = False

    def _named(self, part: str) -> list[Any]:
        groups: Mapping[str, list[Any]] = {
            "ghosts": [each for parts in self._ghosts.values() for each in parts],
            "regions": list(self._regions.values()),
            "candidates": [self._candidates],
            "contacts": [*self._contacts.values(), *self._forces.values()],
        }
        return groups[part]

    def _ways(self, ways: Mapping[str, TargetPath]) -> None:
        for name, line in self._paths.items():
            way = ways.get(name)
            whole = None
            if way is not None:
                whole = way.ahead[None] if way.now is None else np.concatenate([way.now[None], way.ahead])[None]
            self._set_line(line, whole, self._tint)
            if name in self._objects:
                self._objects[name].visible = way is not None and way.now is not None
                if way is not None and way.now is not None:
                    self._objects[name].position = way.now
        for (name, step), ball in self._regions.items():
            way = ways.get(name)
            ball.visible = way is not None and step <= len(way.ahead)
            if way is not None and step <= len(way.ahead):
                ball.position, ball.scale = way.ahead[step - 1], _three(way.semi_axes[step - 1])

    def _touches(self, outlook: Outlook) -> None:
        way = touching(outlook, self._contract)
        strongest = -1 if outlook.contact is None else int(np.argmax(outlook.contact)) + 1
        nearest = min(self._steps, key=lambda step: abs(step - strongest))  # one label: they would cover each other
        for step, ball in self._contacts.items():
            known = outlook.contact is not None and way is not None and step <= len(outlook.contact)
            force = float(outlook.contact[step - 1]) if known and outlook.contact is not None else 0.0
            radius = contact_radius(force)
            ball.visible = radius > 0
            self._forces[step].visible = radius > 0 and step == nearest
            if radius > 0 and way is not None:
                ball.position, ball.scale = way[step - 1], (radius,) * 3
                self._forces[step].position = way[step - 1] + np.array([0.0, 0.0, radius], np.float32)
                self._forces[step].text = f"{force:.0f} N"

    def _parts(self, where: str, tint: Float | None, alpha: float | None) -> list[Any]:
        if self._shape is None:
            return []
        return [
            self._server.scene.add_mesh_simple(
                f"{where}/{i}",
                part.vertices.astype(np.float32),
                part.faces.astype(np.uint32),
                color=_rgb(part.colour if tint is None else tint),
                opacity=alpha,
                flat_shading=True,
                cast_shadow=False,
                receive_shadow=False,
                visible=False,
            )
            for i, part in enumerate(self._shape.parts)
        ]

    def _place(self, parts: list[Any], joints: ArrayLike | None, since: ArrayLike | None) -> None:
        """Parts of a robot at joint positions; with ``since`` only those that moved meanwhile."""
        if self._shape is None or joints is None:
            for part in parts:
                part.visible = False
            return
        moved = [True] * len(parts) if since is None else self._shape.moved(joints, since)
        for part, (turn, place), shown in zip(parts, self._shape.placed(joints), moved):
            part.visible = shown
            if shown:
                part.position, part.wxyz = place, transforms.SO3.from_matrix(turn).wxyz

    def _line(self, where: str, width_px: float) -> Any:
        white = np.full((1, 2, 3), 255, np.uint8)
        return self._server.scene.add_line_segments(
            where, _NOWHERE, white, thickness=width_px, thickness_units="screen", visible=False
        )

    def _set_line(self, line: Any, ways: ArrayLike | None, colours: Float) -> None:
        """(n, T, 3) polylines; colours (T - 1, 3), one a segment, or (3,)."""
        line.visible = ways is not None
        if ways is None:
            return
        points = np.asarray(ways, np.float32)
        pairs = np.stack([points[:, :-1], points[:, 1:]], 2)  # (n, T - 1, 2, 3)
        paint = colours if colours.ndim == 1 else colours[-pairs.shape[1] :, None]
        line.points = pairs.reshape(-1, 2, 3)
        line.colors = np.broadcast_to(255 * paint, pairs.shape).reshape(-1, 2, 3).astype(np.uint8)

    def _ball(self, where: str, colour: ArrayLike, alpha: float, semi_axes: tuple[float, float, float]) -> Any:
        return self._server.scene.add_icosphere(
            where,
            1.0,
            _rgb(colour),
            subdivisions=2,
            opacity=alpha if alpha < 1 else None,
            scale=semi_axes,
            cast_shadow=False,
            receive_shadow=False,
            visible=False,
        )


def _rgb(colour: ArrayLike) -> tuple[int, int, int]:
    red, green, blue = (255 * np.asarray(colour, np.float64)).round().astype(int).tolist()
    return red, green, blue


def _three(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = np.asarray(values, np.float64).tolist()
    return x, y, z
