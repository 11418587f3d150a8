"""Renders the cameras of a simulated robot with MuJoCo, in the physics process or in another from a copied state."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import CameraStream, DepthStream
from world_model_ros.core.errors import UserError
from world_model_ros.sim.depth_sensor import measured_mm

# All that MuJoCo draws from: where things are. Not qpos, whose positions are a step newer than these.
_DRAWN = (
    *("xpos", "xmat", "xquat", "xipos", "ximat", "geom_xpos", "geom_xmat", "site_xpos", "site_xmat"),
    *("cam_xpos", "cam_xmat", "light_xpos", "light_xdir"),
)
View = tuple[NDArray[np.float64], ...]


def view_of(data: mujoco.MjData) -> View:
    """A copy of where everything is."""
    return tuple(np.array(getattr(data, name)) for name in _DRAWN)


def take_view(data: mujoco.MjData, view: Sequence[NDArray[np.float64]]) -> None:
    """Put everything where it was when `view_of` was called on data of the same model."""
    for name, values in zip(_DRAWN, view):
        getattr(data, name)[:] = values


class Cameras:
    """Renders a contract's cameras of a MuJoCo model."""

    def __init__(self, contract: Contract, model: mujoco.MjModel) -> None:
        self._contract, self._model = contract, model
        self._names = [stream.name for stream in contract.interface.of(CameraStream)]
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}

    def image(self, data: mujoco.MjData, camera: str | None = None) -> NDArray[Any]:
        """What a camera sees, the first one or that of a name, in its source shape: (height, width, 3) RGB uint8, or
        (height, width) mm uint16 of depth."""
        if not self._names:
            raise UserError("interface.streams", [], "a camera")
        name = self._names[0] if camera is None else camera
        shape = self._contract.source(name).source_shape
        assert shape is not None  # of a picture
        if shape not in self._renderers:
            self._renderers[shape] = _renderer(self._model, shape)
        self._renderers[shape].update_scene(data, name)
        stream = self._contract.stream(name)
        return _RENDERED[stream.kind](self._renderers[shape], stream)

    def close(self) -> None:
        """Free the renderers."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers = {}


def _renderer(model: mujoco.MjModel, shape: tuple[int, int]) -> mujoco.Renderer:
    if not hasattr(mujoco, "GLContext"):  # as of MUJOCO_GL=disable, with which MuJoCo has no renderer
        raise UserError("rendering", f"MUJOCO_GL={os.environ.get('MUJOCO_GL', '')}", "egl, osmesa or glfw")
    return mujoco.Renderer(model, *shape)


def _depth(renderer: mujoco.Renderer, stream: DepthStream) -> NDArray[np.uint16]:
    renderer.enable_depth_rendering()
    metres = np.array(renderer.render())
    renderer.disable_depth_rendering()
    return measured_mm(metres, (stream.min_m, stream.max_m))


_RENDERED: dict[str, Callable[[mujoco.Renderer, Any], NDArray[Any]]] = {
    "camera": lambda renderer, _: renderer.render(),
    "depth": _depth,
}
