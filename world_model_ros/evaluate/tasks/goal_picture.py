"""Renders what the first camera would show once a task is done: the picture of an image goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.evaluate.tasks.task import Task
from world_model_ros.goals.hands import Hands
from world_model_ros.sim.scenes.scene import SceneConfig

_BEHIND_M = 0.06  # from the middle of an object to the fingertip that has pushed it


def goal_picture(
    task: Task, contract: Contract, scene: SceneConfig, poses: Mapping[str, Float], tips: Mapping[str, Float]
) -> NDArray[np.uint8]:
    """What the first camera would send once the task is done: (H, W, 3) RGB.

    That is with a fingertip at the task's position, or for a push with the object there and a fingertip behind it.

    Args:
        scene: as it was at the start.
        poses: (7,) x y z and quaternion x y z w of each object now; those it lacks are where the scene put them.
        tips: (3,) of each fingertip that the action moves now, by its target.
    """
    from world_model_ros.sim.scenes.goal_image import goal_image

    objects, moved, tip = [], task.target, task.position[:2]
    for index, thing in enumerate(scene.objects):
        pose = poses.get(f"object_{index}")
        if pose is not None:
            yaw = 2.0 * np.arctan2(pose[5], pose[6])
            x, y = pose[:2]
            if task.kind == "push_image" and task.target == f"object_{index}":
                way = task.position[:2] - pose[:2]
                x, y = task.position[:2]
                tip = task.position[:2] - _BEHIND_M * way / np.linalg.norm(way)
                hands, names = Hands.of(contract.interface.hands), list(tips)
                there = np.array([tips[name][:2] for name in names])
                moved = names[hands.pusher(there, pose[:2], task.position[:2])]
            thing = replace(thing, start=(float(x), float(y), float(yaw)))
        objects.append(thing)
    places = [tip if name == moved else place[:2] for name, place in tips.items()]
    return goal_image(contract, replace(scene, objects=tuple(objects)), np.array(places))
