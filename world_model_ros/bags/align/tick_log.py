"""Reads back the ticks that a live brain recorded in a bag (inputs and outcome), so that a replay can repeat them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.ticks import PlannedTick
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import GOAL_IMAGE, TICK, absolute
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, image_digest
from world_model_ros.core.goals.goal_json import goal_from_json
from world_model_ros.gate.conditions.ownership import NO_OWNER
from world_model_ros.goals.life.asked_types import Asked, asked_from_json

TICK_TOPIC = absolute(TICK)
_IMAGE_TOPIC = absolute(GOAL_IMAGE)
_IMAGE_PATIENCE_NS = 1_000_000_000
_ANOTHER_CLOCK_NS = 5_000_000_000
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError)
_Image = tuple[int, NDArray[np.uint8]]


@dataclass(frozen=True)
class RecordedTick:
    """What went into one live tick, and what came out.

    Args:
        plan: its time and the stamps it saw.
        seed: of the planner's noise.
        restarted: the belief was started anew before it.
        applied: (C,). reference: (J,) or None.
        goal: pursued; None without one. goal_id: of it; None in older records.
        asked: of goals since the tick before. ended: id and reason of goals that ended before it or with it.
        surprise: that it had; None if the tick failed.
        refusal: the rule of the gate that the plan before it broke; None if it did not.
        owner: of the gate, empty if none owns it; None where the record does not say.
        turns: ticks in a step of the model.
        action: (C,) that was sent, where the robot itself reads it; None where nothing was.
    """

    plan: PlannedTick
    seed: int
    restarted: bool
    applied: NDArray[np.float32]
    reference: NDArray[np.float64] | None
    goal: Goal | None
    surprise: float | None
    refusal: str | None
    turns: int
    action: NDArray[np.float32] | None
    goal_id: str | None
    asked: tuple[Asked, ...]
    ended: tuple[tuple[str | None, str], ...]
    owner: str | None


def recorded_ticks(bag: BagReader, contract: Contract) -> list[RecordedTick]:
    """All recorded ticks in order; empty if the bag has none.

    A bag that was played and recorded again may have been recorded by another clock. The times of the bag are turned
    back to those of its ticks then, see `BagReader.back_ns`.

    A record that cannot be read is left out, and said in `BagReader.damage`.

    Raises:
        UserError: no record is what the brain writes, they are of another robot, or a goal image is not in the bag.
    """
    topic = bag.topics().get(TICK_TOPIC)
    if topic is None or topic.type != "std_msgs/msg/String":
        return []
    records, wrong = _records(bag)
    before_ns = bag.back_ns
    bag.back_ns += _behind_ns(records)
    records = [(bag_ns + before_ns, record) for bag_ns, record in records]  # as they are in the file
    images = _goal_images(bag, contract)
    ticks = []
    for bag_ns, record in records:
        try:
            ticks.append(_parsed(record, bag_ns - bag.back_ns, images, contract))
        except _MALFORMED as error:
            wrong.append(_no_record(bag, record, error))
    if wrong and not ticks:
        raise wrong[0]
    if wrong:
        bag.say(f"{TICK_TOPIC}: {len(wrong)} records left out, the first one: {wrong[0]}")
    return ticks


def _records(bag: BagReader) -> tuple[list[tuple[int, dict[str, Any]]], list[UserError]]:
    """Bag time and content of each record, and what is wrong with each of those that are left out."""
    records, wrong = [], []
    for _, _, bag_ns, raw in bag.raw_messages(bag.among([TICK_TOPIC])):
        text: Any = f"{len(raw)} bytes"
        try:
            text = bag.decode(TICK_TOPIC, raw).data
            record = json.loads(text)
            int(record["now_ns"])
            records.append((bag_ns, record))
        except (UserError, *_MALFORMED) as error:
            wrong.append(_no_record(bag, text, error))
    return records, wrong


def _no_record(bag: BagReader, found: Any, error: Exception) -> UserError:
    return UserError(f"{bag.path.name}: {TICK_TOPIC}", found, f"a tick record ({error!r})")


def _behind_ns(records: list[tuple[int, dict[str, Any]]]) -> int:
    """How far the ticks are behind the times of the bag, where the bag was recorded by another clock; else 0."""
    if not records:
        return 0
    behind_ns = min(bag_ns - int(record["now_ns"]) for bag_ns, record in records)
    return behind_ns if abs(behind_ns) > _ANOTHER_CLOCK_NS else 0


def _parsed(record: dict[str, Any], told_ns: int, images: list[_Image], contract: Contract) -> RecordedTick:
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
            told_ns,
            {name: np.array(row, np.float32) for name, row in (record.get("unstamped") or {}).items()},
        ),
        int(record["seed"]),
        bool(record["restarted"]),
        np.array(applied, np.float32),
        None if reference is None else np.array(reference, np.float64),
        None if record["goal"] is None else _goal(record["goal"], images),
        record["surprise"],
        record.get("gate_refusal"),
        int(record.get("turns", 1)),
        None if record.get("action") is None else np.array(record["action"], np.float32),
        None if record["goal"] is None else record["goal"].get("id"),
        asked_from_json(record.get("asked", ()), partial(_image_of, images)),
        tuple((each["id"], each["reason"]) for each in record.get("ended", ())),
        (record["owner"] or NO_OWNER) if "owner" in record else None,
    )


def _goal(told: dict[str, Any], images: list[_Image]) -> Goal:
    return goal_from_json(told, partial(_image_of, images))


def _image_of(images: list[_Image], digest: str | None, stamp_ns: int) -> NDArray[np.uint8]:
    """The goal image that a tick pursued: by its content, or in older records, which lack it, by when it was given."""
    if digest is not None:
        same = next((image for _, image in images if image_digest(image) == digest), None)
        if same is None:
            raise UserError(_IMAGE_TOPIC, "no image of that content", f"the goal image {digest} in the bag")
        return same
    near = min(images, key=lambda each: abs(each[0] - stamp_ns), default=None)
    if near is None or abs(near[0] - stamp_ns) > _IMAGE_PATIENCE_NS:
        raise UserError(_IMAGE_TOPIC, "no image of that time", f"the goal image of {stamp_ns} ns in the bag")
    return near[1]


def _goal_images(bag: BagReader, contract: Contract) -> list[_Image]:
    """When each goal image that can be read was given, and its picture."""
    camera = first_camera(contract.interface)
    topic = bag.topics().get(_IMAGE_TOPIC)
    if camera is None or topic is None or topic.type != "sensor_msgs/msg/Image":
        return []
    convert = CameraConverter(GOAL_IMAGE, (camera.height, camera.width))
    images = []
    for _, _, bag_ns, raw in bag.raw_messages([_IMAGE_TOPIC]):
        try:
            images.append((bag_ns, convert(bag.decode(_IMAGE_TOPIC, raw))[1]))
        except UserError:  # the live brain refused it too
            continue
    return images
