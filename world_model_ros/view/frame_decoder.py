"""Decodes imagined states to camera frames and other senses, with the decode graph of a bundle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Decoded
from world_model_ros.brain.imagination.rollout import decode
from world_model_ros.bundle.bundle import Bundle
from world_model_ros.bundle.provider import provider_named
from world_model_ros.bundle.session import Graph
from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError


class FrameDecoder:
    """Runs the decode graph on one thread.

    Args:
        bundle: verified.
        provider: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``.

    Raises:
        UserError: the model imagines no pictures, or the provider is not there.
    """

    def __init__(self, bundle: Bundle, provider: str) -> None:
        self._graph = Graph(bundle, "decode", str(provider_named(provider)), threads=1)
        cameras = [name for name, spec in self._graph.spec.outputs.items() if spec.dtype == "uint8"]
        if not cameras:
            legal = "a model of a robot with a camera"
            raise UserError(f"model {bundle.manifest.name}", "decode without frames", legal)
        self._camera = cameras[0]

    def decoded(self, states: NDArray[np.float32], reference: Frame | None) -> Decoded:
        """Decode T states (T, S) into every sense; ``reference`` as in `frames`, black without it."""
        return decode(self._graph, states, {self._camera: reference})

    def frames(self, states: NDArray[np.float32], reference: Frame) -> tuple[Frame, ...]:
        """Decode T states.

        Args:
            states: (T, S).
            reference: (H, W, 3) uint8 RGB, the camera frame they were imagined from.

        Returns:
            T frames (H, W, 3) uint8 RGB.
        """
        return tuple(self.decoded(states, reference).pictures[self._camera])
