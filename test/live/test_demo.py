"""`world-model demo` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import pytest

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.cli import main

SEED = "8002"
BRAKES = ("silence", "joint_states_stale", "joint_states_disagree", "clock_jump")  # of a machine that is too busy


def _demo(out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    command = [str(Path(sys.executable).parent / "world-model"), "demo", "--seed", SEED, "--json", "--out", str(out)]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _replay(bag: Path, out: Path, *more: str) -> dict[str, Any]:
    with redirect_stdout(StringIO()) as printed:
        assert main(["replay", str(bag), "--json", "--out", str(out), *more]) == 0
    metrics: dict[str, Any] = json.loads(printed.getvalue())
    return metrics


def _said(*bags: Path) -> list[tuple[str, int, bytes]]:
    """What the brain said in bags, in order of time."""
    found = []
    for path in bags:
        with BagReader(path) as bag:
            topics = ("/tick", "/command", "/surprise")
            found += [(topic, at, bytes(data)) for topic, _, at, data in bag.raw_messages(topics)]
    return sorted(found)


def _middle_s(bag: Path) -> float:
    """When the middle one of its ticks was, in s after the bag begins; recorders begin long before ticks do."""
    with BagReader(bag) as reader:
        ticks = [at for _, _, at, _ in reader.raw_messages(("/tick",))]
        return (ticks[len(ticks) // 2] - reader.start_ns) * 1e-9


def _is_replayed_as_it_was(bag: Path, folder: Path) -> None:
    """The same observations and surprise tick by tick, and the same commands, all to the last bit; in halves too."""
    whole = _replay(bag, folder / "whole")
    same, ticks = whole["same_as_live"], whole["ticks"]
    assert ticks > 50
    assert same["record_has_the_start"]
    assert same["ticks"] == same["equal"] == same["observations_equal"] == ticks
    assert same["commands"] == same["commands_equal"] == whole["commands"] > 50
    first = _replay(bag, folder / "first", "--until", str(_middle_s(bag)), "--rate", "2")
    second = _replay(bag, folder / "second", "--resume", str(folder / "first" / "memory.npz"))
    assert first["ticks"] + second["ticks"] == ticks
    assert _said(folder / "first" / "bag", folder / "second" / "bag") == _said(folder / "whole" / "bag")


def test_it_reaches_a_pose_and_a_picture_and_leaves_summary_picture_and_bag(tmp_path: Path) -> None:
    status, summary = _demo(tmp_path, "--goals", "pose,image")
    assert status == 0, summary
    assert [goal["kind"] for goal in summary["goals"]] == ["pose", "image"]
    assert all(goal["reached"] and goal["error_m"] <= 0.02 for goal in summary["goals"])
    # How fast a tick is depends on the machine and is measured by benches; but each that is due is taken or counted.
    taken, due = summary["ticks"], summary["ticks"] + summary["ticks_missed"]
    assert summary["tick_hz"] * due / taken == pytest.approx(10.0, abs=0.7)
    assert taken > 0.5 * due
    assert {"perceive", "plan", "total"} <= set(summary["stages_ms"])
    rates = summary["rates"]
    assert rates["ticks"]["asked_hz"] == pytest.approx(10.0)
    assert rates["cameras"]["front"]["asked_hz"] == 30.0
    assert 0.0 < rates["cameras"]["front"]["kept_hz"] < 31.0
    assert 0.0 <= rates["physics"]["late_ms_p50"] <= rates["physics"]["late_ms_p99"]
    assert rates["joint_states"]["gap_ms"] >= 10.0
    assert all(goal["braked"].keys() <= set(BRAKES) for goal in summary["goals"])
    assert "too much for real-time" not in (tmp_path / "logs" / "sim_robot.log").read_text()
    assert json.loads((tmp_path / "summary.json").read_text())["success"]
    picture = cv2.imread(str(tmp_path / "futures.png"))
    assert picture is not None
    assert min(picture.shape[:2]) > 300
    with BagReader(tmp_path / "demo.mcap") as bag:
        topics = bag.topics()
        assert bag.contract_text() is not None
    recorded = {"/camera/front/image_raw", "/joint_states", "/command", "/tick", "/gate/applied", "/goal/image"}
    assert recorded <= set(topics)
    _is_replayed_as_it_was(tmp_path / "demo.mcap", tmp_path)


def test_the_picture_is_not_reached_with_the_camera_unplugged(tmp_path: Path) -> None:
    status, summary = _demo(tmp_path, "--goals", "image", "--unplug", "camera")
    assert status == 1
    assert not summary["goals"][0]["reached"]
