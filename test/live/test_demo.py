"""`world-model demo` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2

from world_model_ros.bags.reader import BagReader

SEED = "8002"


def _demo(out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    command = [str(Path(sys.executable).parent / "world-model"), "demo", "--seed", SEED, "--json", "--out", str(out)]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_it_reaches_a_pose_and_a_picture_and_leaves_summary_picture_and_bag(tmp_path: Path) -> None:
    status, summary = _demo(tmp_path, "--goals", "pose,image")
    assert status == 0, summary
    assert [goal["kind"] for goal in summary["goals"]] == ["pose", "image"]
    assert all(goal["reached"] and goal["error_m"] <= 0.02 for goal in summary["goals"])
    assert summary["tick_hz"] > 9.0
    assert {"perceive", "plan", "total"} <= set(summary["stages_ms"])
    assert json.loads((tmp_path / "summary.json").read_text())["success"]
    picture = cv2.imread(str(tmp_path / "futures.png"))
    assert picture is not None
    assert min(picture.shape[:2]) > 300
    with BagReader(tmp_path / "demo.mcap") as bag:
        topics = bag.topics()
        assert bag.contract_text() is not None
    recorded = {"/camera/front/image_raw", "/joint_states", "/command", "/tick", "/gate/applied", "/goal/image"}
    assert recorded <= set(topics)


def test_the_picture_is_not_reached_with_the_camera_unplugged(tmp_path: Path) -> None:
    status, summary = _demo(tmp_path, "--goals", "image", "--unplug", "camera")
    assert status == 1
    assert not summary["goals"][0]["reached"]
