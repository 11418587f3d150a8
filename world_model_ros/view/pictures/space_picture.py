"""Draws an outlook in 3D as a picture: the robot, how it will stand, and where targets are expected to go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float, Frame
from world_model_ros.view.appearance import CANDIDATE, CONTACT, GOAL, OBJECT, TABLE, contact_radius, ghost_alpha, ramp
from world_model_ros.view.markers.robot_shape import RobotShape, box_mesh
from world_model_ros.view.outlook import Outlook, touching
from world_model_ros.view.pictures.painter import Painter
from world_model_ros.view.pictures.text import SOFT, WHITE, text, text_width

_WIDTH_PX = 760


def view_point(contract: Contract, shape: RobotShape | None) -> tuple[Float, Float]:
    """Where to look from and at, (3,) m each, so that the robot and the place it works at are in the picture."""
    hands = contract.interface.hands
    if hands:
        low, high = np.min([hand.box[0] for hand in hands], 0), np.max([hand.box[1] for hand in hands], 0)
        at = (low + high) / 2 + np.array([-0.16, 0.0, 0.16])
        return at + np.array([1.05, -0.8, 0.75]), at
    points = [np.zeros((1, 3))]
    if shape is not None:
        placed = shape.placed(np.zeros(len(contract.joint_names)))
        points += [part.vertices @ turn.T + place for part, (turn, place) in zip(shape.parts, placed)]
    low, high = np.concatenate(points).min(0), np.concatenate(points).max(0)
    at, reach = (low + high) / 2, max(0.8, float(np.linalg.norm(high - low)))
    return at + reach * np.array([1.3, -0.7, 0.4]), at


class SpacePicture:
    """Draws outlooks of one robot.

    Args:
        contract: of the robot; one without a URDF is drawn as paths alone.
        steps: at which ghosts are drawn, counted from 1.
    """

    def __init__(self, contract: Contract, steps: Sequence[int]) -> None:
        self._contract, self._steps = contract, tuple(steps)
        self._shape = None if contract.deployment.urdf is None else RobotShape(contract)
        self._eye, self._at = view_point(contract, self._shape)
        self._things = [target.name for target in contract.interface.targets if target.kind == "object"]

    def draw(self, outlook: Outlook, height: int = 560) -> Frame:
        """(height, width, 3) uint8 RGB."""
        painter = Painter((_WIDTH_PX, height), self._eye, self._at, view_deg=33.0)
        colours = ramp(max(1, len(outlook.seconds)))[:, :3].astype(np.float64)
        for obstacle in self._contract.deployment.gate.obstacles:
            vertices, faces = box_mesh(obstacle.size_m)
            triangles = (vertices + np.array(obstacle.position_m))[faces]
            painter.mesh(triangles, np.tile(TABLE, (len(triangles), 1)), 0.55)
        for name, way in outlook.ways.items():
            if way.now is not None and name in self._things:
                painter.ellipsoid(way.now, (0.018,) * 3, OBJECT, 0.9)
        if outlook.joints is not None:
            self._robot(painter, outlook.joints, None, 1.0)
        if outlook.candidates is not None:
            for line in outlook.candidates:
                painter.line(line, [CANDIDATE], 1, 0.45)
        if outlook.joints_ahead is not None:
            horizon = len(outlook.joints_ahead)
            for step in sorted((s for s in self._steps if s <= horizon), reverse=True):
                alpha = ghost_alpha(step, horizon)
                self._robot(painter, outlook.joints_ahead[step - 1], colours[step - 1], alpha, outlook.joints)
        for way in outlook.ways.values():
            for step in self._steps:
                if step <= len(way.ahead):
                    painter.ellipsoid(way.ahead[step - 1], way.semi_axes[step - 1], colours[step - 1], 0.22)
            whole = way.ahead if way.now is None else np.concatenate([way.now[None], way.ahead])
            painter.line(whole, np.concatenate([colours[:1], colours])[-len(whole) :], 3)
        self._contacts(painter, outlook, colours)
        if outlook.goal is not None:
            target, place = outlook.goal
            painter.ellipsoid(place, (0.02,) * 3, GOAL, 0.5)
            painter.words(place + np.array([0, 0, -0.06], np.float32), f"goal: {target}", (90, 235, 130))
        self._legend(painter, outlook, colours)
        return painter.canvas

    def _robot(
        self,
        painter: Painter,
        joints: ArrayLike,
        tint: Float | None,
        alpha: float,
        since: ArrayLike | None = None,
    ) -> None:
        """All parts, or those that moved ``since``."""
        if self._shape is None:
            return
        moved = [True] * len(self._shape.parts) if since is None else self._shape.moved(joints, since)
        triangles, paint = [np.zeros((0, 3, 3))], [np.zeros((0, 3))]
        for part, (turn, place), shown in zip(self._shape.parts, self._shape.placed(joints), moved):
            if shown:
                triangles.append((part.vertices @ turn.T + place)[part.faces])
                paint.append(np.tile(part.colour if tint is None else tint, (len(part.faces), 1)))
        painter.mesh(np.concatenate(triangles), np.concatenate(paint), alpha)

    def _contacts(self, painter: Painter, outlook: Outlook, colours: Float) -> None:
        way = touching(outlook, self._contract)
        if outlook.contact is None or way is None:
            return
        strongest = int(np.argmax(outlook.contact)) + 1
        nearest = min(self._steps, key=lambda step: abs(step - strongest))  # one label: they would cover each other
        for step in self._steps:
            radius = contact_radius(float(outlook.contact[step - 1])) if step <= len(outlook.contact) else 0.0
            if radius:
                place = way[step - 1]
                painter.ellipsoid(place, (radius,) * 3, CONTACT, 0.45)
                if step != nearest:
                    continue
                force = f"{outlook.contact[step - 1]:.0f} N"
                painter.words(place + np.array([0, 0, radius + 0.01], np.float32), force, (255, 150, 130), 0.4)

    def _legend(self, painter: Painter, outlook: Outlook, colours: Float) -> None:
        canvas, height = painter.canvas, painter.canvas.shape[0]
        seconds = [
            (f"{outlook.seconds[step - 1]:.1f} s", colours[step - 1])
            for step in self._steps
            if step <= len(outlook.seconds)
        ]
        things = [("object now", OBJECT), ("goal", GOAL), ("contact", CONTACT), ("plans that lost", CANDIDATE)]
        rows = (("expected in", seconds, "a region holds it with 90 %"), ("balls, lines", things, ""))
        for (name, entries, note), y in zip(rows, (height - 40, height - 16)):
            text(canvas, name, (14, y), SOFT, 0.45)
            x = 110
            for words, colour in entries:
                canvas[y - 10 : y + 2, x : x + 12] = (255 * np.asarray(colour, np.float64)).astype(int)
                text(canvas, words, (x + 17, y), WHITE, 0.45)
                x += 36 + text_width(words, 0.45)
            text(canvas, note, (x + 4, y), SOFT, 0.45)
