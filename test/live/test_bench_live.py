"""`world-model bench live`: the brain at twice the model's rate beside all other processes of the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_it_says_how_the_rate_was_held_and_what_each_process_took() -> None:
    command = [str(Path(sys.executable).parent / "world-model"), "bench", "live", "--rate", "20", "--seconds", "6"]
    done = subprocess.run(
        [*command, "--goals", "pose", "--seed", "8003", "--json"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["asked_hz"] == 20.0
    due = found["ticks"] + found["missed"]
    assert found["tick_hz"] * due / found["ticks"] == pytest.approx(20.0, abs=1.5)  # what is due is taken or missed
    assert found["missed_share"] == pytest.approx(found["missed"] / due, abs=1e-4)
    assert found["reached"] >= 1
    there = {"sim_robot", "command_gate", "world_model", "future_view", "recorder", "demo", "others"}
    assert set(found["cores"]) == there
    assert found["overhead_ms"] == found["stages_ms"]["outside"]["p50"] > 0.0
