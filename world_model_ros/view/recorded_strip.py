"""Finds in a bag the imagination during which most moved, and builds its strip of imagined and real frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bundle.bundle import Bundle
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import MicrophoneStream
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.convert.poses import pose_array
from world_model_ros.convert.senses.camera import CameraConverter
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Frame
from world_model_ros.core.errors import UserError
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.pictures.strip import Badge, Strip
from world_model_ros.view.strip_schedule import Story
from world_model_ros.view.timeline import Imagination, Timeline, parse_steps

_STATES, _GATE, _TICK, _GOAL = (
    absolute(each) for each in (topics.PREDICTED_STATES, topics.GATE_STATE, topics.TICK, topics.GOAL_IMAGE)
)


def recorded_strip(bag: Path, contract: Contract, bundle: Bundle, provider: str = "auto") -> Strip | None:
    """The strip of a bag in which most moves, a push if there is one; None if no imagination came to its end with a
    real frame.

    Args:
        bag: with camera frames, and what a brain imagined. bundle: that it imagined with.

    Raises:
        UserError: there is no such bag, or the bundle draws no frames.
    """
    camera = first_camera(contract.interface)
    if camera is None:
        return None
    source, sizes = contract.source(camera.name), bundle.manifest.sizes
    to_frame, seen = converter_for(camera, source), absolute(source.topic)
    timeline = Timeline(contract.tick_ns, parse_steps("", sizes.horizon))
    ears = [stream.name for stream in contract.interface.of(MicrophoneStream)]
    story = Story(timeline, FrameDecoder(bundle, provider), contract.tick_s, ears[0] if ears else None)
    to_goal = CameraConverter(topics.GOAL_IMAGE, (camera.height, camera.width))
    badge, by_picture, best = Badge(), False, None
    goal: Frame | None = None
    labels = _labels(contract)
    with BagReader(bag) as reader:
        for topic, _, _, message in reader.messages(reader.among([seen, _STATES, _GATE, _TICK, _GOAL, *labels])):
            try:
                if topic == seen:
                    timeline.saw(*to_frame(message))
                    best = story.better() or best
                elif topic == _STATES:
                    states = _states(message, (sizes.horizon, sizes.state))
                    timeline.imagined(Imagination(stamp_ns(message), states, badge, goal if by_picture else None))
                elif topic == _GOAL:
                    goal = to_goal(message)[1]
                elif topic in labels:
                    target, index = labels[topic]
                    place = pose_array(message, contract.interface.base_frame, target, index)[:3]
                    timeline.placed(target, stamp_ns(message), place)
                elif topic == _GATE:
                    badge = replace(badge, gate=json.loads(message.data).get("state"))
                else:
                    said = json.loads(message.data)
                    story.zero_ns = said["now_ns"] if story.zero_ns is None else story.zero_ns
                    by_picture = (said.get("goal") or {}).get("kind") == "image"
                    took_ms = (said.get("stages_ms") or {}).get("total")
                    badge = replace(badge, tick_ms=took_ms, surprise=said.get("surprise"))
            except (UserError, ValueError, KeyError, AttributeError):
                continue  # a message that cannot be read costs itself alone; the live view says which
    return best


def _labels(contract: Contract) -> dict[str, tuple[str, int | None]]:
    """Topics that say where an object is: the target, and which pose of a message with several it is."""
    kinds = {target.name: target.kind for target in contract.interface.targets}
    truths = {label.name: label.target for label in contract.interface.labels}
    return {
        absolute(label.topic): (truths[label.name], label.index)
        for label in contract.deployment.labels
        if kinds[truths[label.name]] == "object"
    }


def _states(message: Any, shape: tuple[int, int]) -> NDArray[np.float32]:
    states = (image_rows(message, np.float32, 1, "data")[..., 0] + 0).astype(np.float32)
    if states.shape != shape or not np.isfinite(states).all():
        raise UserError("height, width", states.shape, f"{shape} finite numbers")
    return states
