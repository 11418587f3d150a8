"""The picture that shows a goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.trajectory import Float
from world_model_ros.evaluate.task import Task
from world_model_ros.sim.scene import scene_for_seed


def goal_picture(task: Task, contract: Contract, seed: int, poses: Mapping[str, Float]) -> NDArray[np.uint8]:
    """What the first camera would send with the fingertip at the task's position: (H, W, 3) RGB.

    Args:
        seed: of the simulated scene.
        poses: (7,) x y z and quaternion x y z w of each object now; those it lacks are where the scene put them.
    """
    from world_model_ros.sim.goal_image import goal_image

    scene = scene_for_seed(seed)
    objects = []
    for index, thing in enumerate(scene.objects):
        pose = poses.get(f"object_{index}")
        if pose is not None:
            yaw = 2.0 * np.arctan2(pose[5], pose[6])
            thing = replace(thing, start=(float(pose[0]), float(pose[1]), float(yaw)))
        objects.append(thing)
    return goal_image(contract, replace(scene, objects=tuple(objects)), task.position[:2])
