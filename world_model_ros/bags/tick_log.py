"""The ticks that a live brain recorded about itself, read back so that a replay can repeat them exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.reader import BagReader
from world_model_ros.bags.ticks import PlannedTick
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.camera import CameraConverter
from world_model_ros.core.errors import UserError
from world_model_ros.core.goal import Goal, PoseGoal
from world_model_ros.runtime.graphs import first_camera

TICK_TOPIC = "/tick"
_IMAGE_TOPIC = "/goal/image"
_IMAGE_PATIENCE_NS = 1_000_000_000


@dataclass(frozen=True)
class RecordedTick:
    """What went into one live tick, and what came out.

    Args:
        plan: its time and the stamps it saw.
        seed: of the planner's noise.
        restarted: the belief was started anew before it.
        applied: (C,). reference: (J,) or None.
        goal: pursued; None without one.
        surprise: that it had; None if the tick failed.
        refused: the gate had refused the plan before it.
        turns: ticks in a step of the model.
    """

    plan: PlannedTick
    seed: int
    restarted: bool
    applied: NDArray[np.float32]
    reference: NDArray[np.float64] | None
    goal: Goal | None
    surprise: float | None
    refused: bool = False
    turns: int = 1


def recorded_ticks(bag: BagReader, contract: Contract) -> list[RecordedTick]:
    """All recorded ticks in order; empty if the bag has none.

    Raises:
        UserError: a record is not what the brain writes, or a goal image is not in the bag.
    """
    topic = bag.topics().get(TICK_TOPIC)
    if topic is None or topic.type != "std_msgs/msg/String":
        return []
    images = _goal_images(bag, contract)
    ticks = []
    for _, _, _, message in bag.messages([TICK_TOPIC]):
        try:
            ticks.append(_tick(json.loads(message.data), images, contract))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{bag.path.name}: {TICK_TOPIC}", message.data, f"a tick record ({error!r})") from error
    return ticks


def _tick(record: dict[str, Any], images: list[tuple[int, NDArray[np.uint8]]], contract: Contract) -> RecordedTick:
    applied, reference = record["applied"], record["reference"]
    for name, numbers, count in (
        ("applied", applied, contract.interface.action.size),
        ("reference", reference, len(contract.joint_names)),
    ):
        if numbers is not None and len(numbers) != count:
            raise UserError(
                f"{TICK_TOPIC}: {name}", f"{len(numbers)} numbers", f"{count}, for the robot {contract.name}"
            )
    return RecordedTick(
        PlannedTick(
            int(record["now_ns"]),
            {name: int(stamp) for name, stamp in record["stamps"].items()},
            {name: bool(fresh) for name, fresh in record["fresh"].items()},
        ),
        int(record["seed"]),
        bool(record["restarted"]),
        np.array(applied, np.float32),
        None if reference is None else np.array(reference, np.float64),
        None if record["goal"] is None else _goal(record["goal"], images),
        record["surprise"],
        record.get("gate_refusal") is not None,
        int(record.get("turns", 1)),
    )


def _goal(goal: dict[str, Any], images: list[tuple[int, NDArray[np.uint8]]]) -> Goal:
    stamp_ns = int(goal["stamp_ns"])
    image = None
    if goal["kind"] == "image":
        near = min(images, key=lambda each: abs(each[0] - stamp_ns), default=None)
        if near is None or abs(near[0] - stamp_ns) > _IMAGE_PATIENCE_NS:
            raise UserError(_IMAGE_TOPIC, "no image of that time", f"the goal image of {stamp_ns} ns in the bag")
        image = near[1]
    pose = None if goal["pose"] is None else np.array(goal["pose"], np.float32)
    joints = None if goal["joints"] is None else np.array(goal["joints"], np.float32)
    also = tuple(PoseGoal(each["target"], np.array(each["pose"], np.float32)) for each in goal.get("also", ()))
    return Goal(goal["kind"], stamp_ns, target=goal["target"], pose=pose, image=image, joints=joints, also=also)


def _goal_images(bag: BagReader, contract: Contract) -> list[tuple[int, NDArray[np.uint8]]]:
    """Bag time and picture of each goal image that can be read."""
    camera = first_camera(contract.interface)
    if camera is None or _IMAGE_TOPIC not in bag.topics():
        return []
    convert = CameraConverter("goal/image", (camera.height, camera.width))
    images = []
    for _, _, bag_ns, message in bag.messages([_IMAGE_TOPIC]):
        try:
            images.append((bag_ns, convert(message)[1]))
        except UserError:  # the live brain refused it too
            continue
    return images
