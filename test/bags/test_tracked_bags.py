"""Poses of frames of tf2, and of what a detector sees, from the bag to the replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pinocchio as pin
import pytest
import yaml
from free_robot import START_S, TICK_NS, cube_pose, free_contract, write_free_bag, write_free_bundle
from trackers import DETECTIONS, TRANSFORMS, detection, detections, transforms, typestore

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.bag_fit import check_bag
from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.bags.replay.replay import replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.check.contract_fit import check_contract
from world_model_ros.contract.contract import Contract, contract_from_text

TICKS = 60
CAMERA = np.array([0.2, 0.0, 0.9, 1.0, 0, 0, 0])  # looks down: its z axis is that of the world, turned about x
SOURCES: dict[str, dict[str, Any]] = {
    "transforms": {"topic": "/tf", "type": TRANSFORMS, "tf_frame": "cube_tag"},
    "detections": {"topic": "seen", "type": DETECTIONS, "detection": "cube"},
}


def tracked_contract(kind: str, **changes: Any) -> Contract:
    """The robot without kinematics, whose cube is seen by a camera."""
    data = yaml.safe_load(free_contract().text)
    for part in ("streams", "labels"):
        for source in data["deployment"][part]:
            if source["topic"] == "cube_0/pose":
                source.update({**SOURCES[kind], **changes})
    return contract_from_text(yaml.safe_dump(data))


def in_camera(pose: np.ndarray) -> np.ndarray:
    """A pose of the world as the camera sees it."""
    seen = pin.XYZQUATToSE3(CAMERA).actInv(pin.XYZQUATToSE3(pose))
    return np.asarray(pin.SE3ToXYZQUAT(seen))


def write_tracked_bag(path: Path, contract: Contract, static: bool = True, seen: tuple[int, ...] = ()) -> None:
    """As that of the robot, with transforms and detections of the cube at every tick, or at those that are ``seen``."""
    whole = path.with_name("whole")
    write_free_bag(whole, contract, TICKS, leave_out=("cube_0/pose",))
    with BagReader(whole) as old, BagWriter(path, contract) as bag:
        messages = list(old.raw_messages(None))
        done = -1
        for topic, kind, bag_ns, raw in messages:
            step = (bag_ns - START_S * 10**9) // TICK_NS
            now_ns = START_S * 10**9 + step * TICK_NS
            if step > done and bag_ns == now_ns:
                done = step
                if static and step == 0:
                    bag.write("/tf_static", TRANSFORMS, transforms(("world", "camera", CAMERA, now_ns)), now_ns)
                bag.write("/tf", TRANSFORMS, transforms(("world", "arm", CAMERA, now_ns)), now_ns)
                there = not seen or step in seen
                if there:
                    bag.write(
                        "/tf", TRANSFORMS, transforms(("camera", "cube_tag", in_camera(cube_pose()), now_ns)), now_ns
                    )
                things = [detection("3", ("ball", 0.9, CAMERA))]
                things += [detection("8", ("cube", 0.7, cube_pose()))] if there else []
                raw_seen = typestore().serialize_cdr(detections(*things, stamp_ns=now_ns), DETECTIONS)
                bag.write_raw("seen", DETECTIONS, raw_seen, now_ns, typestore=typestore())
            if topic != "/contract":
                bag.write_raw(topic, kind, raw, bag_ns)


@pytest.fixture(params=list(SOURCES))
def contract(request: pytest.FixtureRequest) -> Contract:
    return tracked_contract(request.param)


def test_what_is_tracked_is_seen_and_known_at_every_tick(contract, tmp_path):
    write_tracked_bag(tmp_path / "bag", contract)
    episode = aligned_episode(tmp_path / "bag", contract)
    assert len(episode) > 50
    assert episode.fresh.all()
    assert episode.refused == {}
    found = episode.streams["cube_0"]
    assert found == pytest.approx(np.tile(cube_pose(), (len(episode), 1)), abs=1e-6)
    assert np.abs(episode.labels[:, 1, :3] - cube_pose()[:3]).max() < 1e-6
    report = check_bag(tmp_path / "bag", contract)
    assert report["fits"], report["topics"][-1]
    assert report["topics"][-1]["rate_hz"] == pytest.approx(20.0, rel=0.05)
    assert all(finding.wrong is None for finding in check_contract(contract))


def test_a_replay_sees_it_too(contract, tmp_path):
    write_tracked_bag(tmp_path / "bag", contract)
    folder = write_free_bundle(tmp_path / "free", contract)
    done = replay(
        tmp_path / "bag", contract, Brain(load_bundle(folder, contract), contract, "cpu", 1), tmp_path / "out"
    )
    assert done.metrics["fresh"]["cube_0"] == 1.0
    assert not [note for note in done.metrics["notes"] if "cube_0" in note or "tf_static" in note], done.metrics[
        "notes"
    ]


def test_what_is_out_of_sight_is_missing_and_said(contract, tmp_path):
    write_tracked_bag(tmp_path / "bag", contract, seen=tuple(range(30)))
    episode = aligned_episode(tmp_path / "bag", contract)
    assert episode.fresh[:30, -1].all()
    assert not episode.fresh[35:, -1].any()
    report = check_bag(tmp_path / "bag", contract)["topics"][-1]
    assert report["fits"]
    notes = [each["found"] for each in report["findings"] if each["level"] == "note" and each["what"] == "content"]
    kind = next(source.type for source in contract.deployment.streams if source.name == "cube_0")
    assert ("from camera to cube_tag" if kind == TRANSFORMS else "'ball'") in notes[0]


def test_what_is_never_there_is_said_with_what_is(tmp_path):
    contract = tracked_contract("transforms")
    write_tracked_bag(tmp_path / "bag", contract, static=False)
    episode = aligned_episode(tmp_path / "bag", contract)
    assert not episode.fresh[:, -1].any()
    report = check_bag(tmp_path / "bag", contract)
    assert not report["fits"]
    found = report["topics"][-1]["findings"]
    assert "['arm', 'world']" in " ".join(each["found"] for each in found)
    folder = write_free_bundle(tmp_path / "free", contract)
    done = replay(
        tmp_path / "bag", contract, Brain(load_bundle(folder, contract), contract, "cpu", 1), tmp_path / "out"
    )
    assert [note for note in done.metrics["notes"] if "cube_0: never fresh" in note and "cube_tag" in note], (
        done.metrics["notes"]
    )


def test_a_name_that_no_detection_has_is_said_with_those_they_have(tmp_path):
    contract = tracked_contract("detections", detection="cup")
    write_tracked_bag(tmp_path / "bag", contract)
    found = check_bag(tmp_path / "bag", contract)["topics"][-1]
    assert not found["fits"]
    assert "['3', '8', 'ball', 'cube']" in found["findings"][-1]["found"]


def test_transforms_that_never_change_are_recorded_too():
    assert {"/tf", "/tf_static"} <= set(recorded_topics(tracked_contract("transforms", topic="/tf")))
    assert "mocap/tf_static" in recorded_topics(tracked_contract("transforms", topic="mocap/tf"))
