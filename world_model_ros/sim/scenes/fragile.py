"""Simulates fragile objects: an object that is pressed harder than it withstands disappears from the scene."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import mujoco

from world_model_ros.sim.scenes.scene import ObjectConfig

_OUT_OF_SIGHT_M = -100.0  # height at which what is broken stays


class Fragile:
    """The objects of a scene that break.

    Args:
        model: that has them. objects: of the scene.

    Attributes:
        broken: numbers of the objects that are, in the order in which they broke.
    """

    def __init__(self, model: mujoco.MjModel, objects: Sequence[ObjectConfig]) -> None:
        self._model = model
        self._whole = {
            int(model.geom(f"object_{index}").id): (index, item.breaks_n)
            for index, item in enumerate(objects)
            if item.breaks_n is not None
        }
        self.broken: list[int] = []

    def step(self, data: mujoco.MjData) -> bool:
        """Take away what broke in this step; whether anything did.

        What counts is how hard one other body presses, the sum of its normal forces.
        """
        if not self._whole or not data.ncon:
            return False
        pressed: defaultdict[tuple[int, int], float] = defaultdict(float)
        bodies, contact = self._model.geom_bodyid, data.contact
        for row, pair in zip(contact.efc_address.tolist(), contact.geom.tolist()):
            for geom, other in (pair, pair[::-1]):
                if row >= 0 and geom in self._whole:
                    pressed[geom, int(bodies[other])] += float(data.efc_force[row])
        broken = {geom for (geom, _), force in pressed.items() if force > self._whole[geom][1]}
        for geom in sorted(broken):
            self._take_away(data, self._whole.pop(geom)[0])
        return bool(broken)

    def _take_away(self, data: mujoco.MjData, index: int) -> None:
        joint = data.joint(f"object_{index}")
        joint.qpos[:3], joint.qvel[:] = (0.0, 0.0, _OUT_OF_SIGHT_M - index), 0.0
        self._model.body_gravcomp[self._model.body(f"object_{index}").id] = 1.0
        self.broken.append(index)
