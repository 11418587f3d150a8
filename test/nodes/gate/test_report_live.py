"""A bug report of a running gate has its states and diagnostics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_command_gate_node import running

pytestmark = pytest.mark.slow


def test_a_report_hears_the_gate_and_says_which_topics_there_are(tmp_path: Path) -> None:
    out = tmp_path / "report"
    with running("robot:=tabletop_arm") as (robot, _):
        domain = str(robot.node.context.get_domain_id())
        command = [sys.executable, "-m", "world_model_ros.cli", "report", "--live", "3", "--out", str(out)]
        environment = {**os.environ, "ROS_DOMAIN_ID": domain, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        robot.until(lambda: process.poll() is not None, patience_s=90.0)
        assert process.returncode == 0, process.stderr.read()
        process.communicate()
    live = json.loads((out / "live.json").read_text(encoding="utf-8"))
    assert live["gate"]["entered"] == {"disarmed (start)": 1}
    assert live["gate"]["messages"] >= 2
    assert "cycle_ms" in str(live["diagnostics"]["command_gate: gate"]["values"])
    assert live["topics"]["/gate/state"]["types"] == ["std_msgs/msg/String"]
    assert "joint_states" in (out / "check_live.txt").read_text(encoding="utf-8")
