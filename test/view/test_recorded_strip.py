"""The strip of a recording is the one in which most moves, of all that was recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from decode_bundle import HORIZON, STATE, write_decode_bundle

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.view.recorded_strip import recorded_strip

POSE = "geometry_msgs/msg/PoseStamped"

IMAGE, TEXT = "sensor_msgs/msg/Image", "std_msgs/msg/String"


def record(bag: Path, contract: Contract, moving: bool) -> None:
    """Four seconds of rest with every frame, then two in which a third is lost and the picture gets brighter."""
    tick_ns, start_ns = contract.tick_ns, 10**12
    with BagWriter(bag, contract) as writer:
        make, level = writer.make, 20
        writer.write("gate/state", TEXT, make.string(json.dumps({"state": "tracking"})), start_ns)
        for tick in range(75):
            at_ns = start_ns + tick * tick_ns
            level += 5 * (moving and 40 <= tick < 60)
            picture = np.full((128, 128, 3), level, np.uint8)
            if tick < 40 or tick % 6 < 4:
                writer.write("camera/front/image_raw", IMAGE, make.image(picture, "rgb8", at_ns), at_ns)
                states = np.zeros((HORIZON, STATE), np.float32)
                writer.write("predicted/states", IMAGE, make.tensor(states[..., None], at_ns), at_ns)


@pytest.mark.parametrize("moving", [True, False])
def test_it_shows_what_moved_however_few_frames_came(tmp_path: Path, contract: Contract, moving: bool) -> None:
    bundle = load_bundle(write_decode_bundle(tmp_path / "brightness", contract), contract)
    record(tmp_path / "bag", contract, moving)
    strip = recorded_strip(tmp_path / "bag", contract, bundle, "cpu")
    assert strip is not None
    came = [int(each[0, 0, 0]) for each in strip.real if each is not None]
    assert len(came) >= 2
    risen = came[-1] - int(strip.now[0, 0, 0])
    assert risen >= 40 if moving else risen == 0
    assert strip.badge.gate == "tracking"


def test_it_shows_the_push_and_says_when_it_was(tmp_path: Path, contract: Contract) -> None:
    """The arm moves a lot from tick 40 on; the object does a little, before."""
    bundle = load_bundle(write_decode_bundle(tmp_path / "brightness", contract), contract)
    tick_ns, start_ns = contract.tick_ns, 10**12
    with BagWriter(tmp_path / "bag", contract) as writer:
        make = writer.make
        for tick in range(75):
            at_ns = start_ns + tick * tick_ns
            picture = np.full((128, 128, 3), 20 + 5 * max(0, tick - 40) + (tick >= 25), np.uint8)
            place = [0.5, 0.02 * min(max(0, tick - 20), 5), 0.03, 0, 0, 0, 1]
            writer.write("labels/object_0/pose", POSE, make.pose(place, at_ns, "base_link"), at_ns)
            writer.write("tick", TEXT, make.string(json.dumps({"now_ns": at_ns - start_ns + 10**12})), at_ns)
            writer.write("camera/front/image_raw", IMAGE, make.image(picture, "rgb8", at_ns), at_ns)
            states = np.zeros((HORIZON, STATE), np.float32)
            writer.write("predicted/states", IMAGE, make.tensor(states[..., None], at_ns), at_ns)
    strip = recorded_strip(tmp_path / "bag", contract, bundle, "cpu")
    assert strip is not None
    assert strip.at_s is not None
    assert 1.3 <= strip.at_s <= 2.0, "from before the push to after it"


def test_without_imaginations_there_is_none(tmp_path: Path, contract: Contract, arm_bag: Path) -> None:
    bundle = load_bundle(write_decode_bundle(tmp_path / "brightness", contract), contract)
    assert recorded_strip(arm_bag, contract, bundle, "cpu") is None
