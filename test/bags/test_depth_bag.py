"""Depth in a recording: aligned, checked, looked at for its latency, and named where it cannot go."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from arm_bag import START_S, write_arm_bag
from depth_arm import depth_arm

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.latency import _changes
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract

TOPIC = "camera/above/depth/image_rect_raw"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return depth_arm()


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    """Two seconds of the arm, and of depth that comes nearer, with a hole; every tenth frame is colours."""
    folder = tmp_path_factory.mktemp("bags")
    path, beside = folder / "arm", folder / "whole"
    write_arm_bag(path, contract)
    with BagReader(path) as reader, BagWriter(beside, contract) as out:
        for topic, kind, at, raw in reader.raw_messages():
            out.write_raw(topic, kind, raw, at)
        for i in range(30):
            at = round((START_S + i / 15) * 1e9)
            mm = np.full((64, 96), 1200 - 10 * i, np.uint16)
            mm[:32, :48] = 0
            image = out.make.image(mm, "16UC1", at, "above_optical_frame")
            if i % 10 == 9:
                image = out.make.image(np.zeros((64, 96, 3), np.uint8), "rgb8", at, "above_optical_frame")
            out.write(TOPIC, "sensor_msgs/msg/Image", image, at)
    return beside


def test_what_was_not_measured_stays_missing_in_an_episode(bag: Path, contract: Contract) -> None:
    episode = aligned_episode(bag, contract)
    index = [each.name for each in contract.interface.streams].index("above")
    depth = episode.streams["above"][episode.fresh[:, index]]
    assert depth.shape[1:] == (32, 48, 1)
    assert len(depth) > 15
    assert np.isnan(depth[:, :16, :24]).all()
    rest = depth[:, 16:]
    assert np.isfinite(rest).all()
    assert (np.diff(rest[:, 0, 0, 0]) <= 0).all()
    assert 0.9 < rest.min() < rest.max() <= 1.2


def test_the_check_of_the_bag_names_frames_that_are_no_depth(bag: Path, contract: Contract, tmp_path: Path, capsys):
    file = tmp_path / "depth_arm.yaml"
    data = yaml.safe_load(contract.text)
    data["deployment"]["urdf"] = str(contract.urdf_path)
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    main(["check", str(file), "--bag", str(bag), "--json"])
    found = json.loads(capsys.readouterr().out)
    (topic,) = (each for each in found["topics"] if each["stream"] == "above")
    assert topic["messages"] == 30
    (wrong,) = (each for each in topic["findings"] if each["level"] == "wrong")
    assert "3 of 30 refused" in wrong["found"]
    assert "kind: camera, as rgb8 is colours" in wrong["change"]


def test_holes_that_come_and_go_do_not_hide_how_fast_depth_changes() -> None:
    one, other = np.full((2, 2, 1), 1.0, np.float32), np.full((2, 2, 1), 1.5, np.float32)
    other[0] = np.nan
    _, change = _changes([(0, one), (10**9, other), (2 * 10**9, one)])
    np.testing.assert_allclose(change, [0.25, 0.25])


def test_an_export_to_lerobot_says_that_depth_stays_behind(bag: Path, contract: Contract, tmp_path: Path, capsys):
    pytest.importorskip("pyarrow", reason="needs the extra 'lerobot'")
    pytest.importorskip("av", reason="needs the extra 'lerobot'")
    file = tmp_path / "depth_arm.yaml"
    data = yaml.safe_load(contract.text)
    data["deployment"]["urdf"] = str(contract.urdf_path)
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    out = tmp_path / "set"
    words = ["export-lerobot", str(bag), "--contract", str(file), "--out", str(out), "--codec", "h264", "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert any("above: pictures of kind depth are left out" in note for note in said["notes"])
    features = json.loads((out / "meta" / "info.json").read_text())["features"]
    assert "observation.images.front" in features
    assert "observation.images.above" not in features

    data["interface"]["streams"][-1]["fields"] = ["position"]
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    main(["import-lerobot", str(out), "--contract", str(file), "--out", str(tmp_path / "back"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert any(note.startswith("depth above of the contract: ") for note in said["notes"])
