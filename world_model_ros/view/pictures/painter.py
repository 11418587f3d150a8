"""Paints meshes, lines and ellipsoids in 3D as a picture, without a graphics card: projected, sorted, filled."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.core.arrays import Float, Frame
from world_model_ros.view.pictures.panel import BACKGROUND
from world_model_ros.view.pictures.text import Colour, text, text_width

_LIGHT = np.array([0.3, -0.45, 0.84])
_NEAREST_M = 0.02
_SUB = 16  # OpenCV takes positions in pieces of a pixel
_SHIFT = 4


class Painter:
    """A picture being painted; what is painted later lies on top, but for `mesh` within one call.

    Args:
        size: (width, height) in pixels.
        eye, at: the camera and the point in the middle of the picture, (3,) m; z is up.
        view_deg: angle of view along the shorter side.
    """

    def __init__(self, size: tuple[int, int], eye: ArrayLike, at: ArrayLike, view_deg: float = 40.0) -> None:
        self.canvas: Frame = np.full((size[1], size[0], 3), BACKGROUND, np.uint8)
        self._eye = np.asarray(eye, np.float64)
        forward = np.asarray(at, np.float64) - self._eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        self._axes = np.stack([right, np.cross(forward, right), forward])  # x right, y down, z ahead
        self._focal = 0.5 * min(size) / np.tan(np.radians(view_deg) / 2)
        self._centre = np.array(size) / 2

    def mesh(self, triangles: ArrayLike, colours: ArrayLike, alpha: float = 1.0) -> None:
        """Fill triangles (N, 3, 3) m in colours (N, 3) of 0 to 1, the farthest first, under a light from above."""
        corners, paint = np.asarray(triangles, np.float64), np.asarray(colours, np.float64)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1)
        pixels, depth = self._project(corners.reshape(-1, 3))
        pixels, depth = pixels.reshape(-1, 3, 2), depth.reshape(-1, 3)
        towards = ((self._eye - corners[:, 0]) * normals).sum(1) > 0
        shown = np.flatnonzero((lengths > 0) & towards & (depth > _NEAREST_M).all(1))
        order = shown[np.argsort(-depth[shown].mean(1))]
        bright = 0.45 + 0.55 * np.clip((normals[order] / lengths[order, None]) @ _LIGHT, 0.0, 1.0)
        shades = np.clip(255 * paint[order] * bright[:, None], 0, 255)
        layer = self.canvas if alpha >= 1.0 else self.canvas.copy()
        for points, shade in zip((pixels[order] * _SUB).round().astype(np.int32), shades.tolist()):
            cv2.fillConvexPoly(layer, points, shade, cv2.LINE_AA, _SHIFT)
        self._blend(layer, alpha)

    def line(self, points: ArrayLike, colours: ArrayLike, width_px: int, alpha: float = 1.0) -> None:
        """A line through (N, 3) m; colours (N, 3) or (1, 3) in 0 to 1, each segment has that of its end."""
        pixels, depth = self._project(np.asarray(points, np.float64))
        paint = np.broadcast_to(255 * np.asarray(colours, np.float64), (len(pixels), 3))
        layer = self.canvas if alpha >= 1.0 else self.canvas.copy()
        at = (pixels * _SUB).round().astype(int)
        for i in range(1, len(at)):
            if min(depth[i - 1], depth[i]) > _NEAREST_M:
                start, end = (int(at[i - 1, 0]), int(at[i - 1, 1])), (int(at[i, 0]), int(at[i, 1]))
                cv2.line(layer, start, end, paint[i].tolist(), width_px, cv2.LINE_AA, _SHIFT)
        self._blend(layer, alpha)

    def ellipsoid(self, centre: ArrayLike, semi_axes: ArrayLike, colour: ArrayLike, alpha: float) -> None:
        """The outline of an ellipsoid with axes along x, y, z, filled; m, colour in 0 to 1."""
        points = np.asarray(centre, np.float64) + _SPHERE * np.asarray(semi_axes, np.float64)
        pixels, depth = self._project(points)
        if (depth <= _NEAREST_M).any() or not np.isfinite(pixels).all():
            return
        hull = cv2.convexHull((pixels * _SUB).round().astype(np.int32))
        paint = (255 * np.asarray(colour, np.float64)).tolist()
        layer = self.canvas.copy()
        cv2.fillConvexPoly(layer, hull, paint, cv2.LINE_AA, _SHIFT)
        self._blend(layer, alpha)
        rim = self.canvas.copy()
        cv2.polylines(rim, [hull], True, paint, 1, cv2.LINE_AA, _SHIFT)
        self._blend(rim, min(1.0, 2 * alpha))

    def words(self, place: ArrayLike, words: str, colour: Colour, scale: float = 0.45) -> None:
        """Text in the middle above a place (3,) m."""
        pixels, depth = self._project(np.asarray(place, np.float64)[None])
        if depth[0] > _NEAREST_M:
            x, y = pixels[0].round().astype(int).tolist()
            text(self.canvas, words, (x - text_width(words, scale) // 2, y), colour, scale)

    def _project(self, points: Float) -> tuple[Float, Float]:
        """Pixels (N, 2) and distance ahead (N,) of points (N, 3)."""
        seen = (points - self._eye) @ self._axes.T
        depth = seen[:, 2]
        ahead = np.maximum(depth, _NEAREST_M)[:, None]
        return self._centre + self._focal * seen[:, :2] / ahead, depth

    def _blend(self, layer: Frame, alpha: float) -> None:
        if layer is not self.canvas:
            self.canvas[:] = cv2.addWeighted(layer, alpha, self.canvas, 1.0 - alpha, 0.0)


def _sphere() -> Float:
    polar, around = np.meshgrid(np.linspace(0, np.pi, 9), np.linspace(0, 2 * np.pi, 18, endpoint=False))
    points: Float = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1
    ).reshape(-1, 3)
    return points


_SPHERE = _sphere()
