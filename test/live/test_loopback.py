"""On loopback, whoever listens: what this package starts has no shared memory to be held up by (config/fastdds)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from world_model_ros.bringup.domain import local_environment
from world_model_ros.bringup.processes import Process
from world_model_ros.bringup.run import Running

LISTENER = """
import rclpy, sys
from std_msgs.msg import String
from world_model_ros.nodes.qos import LATCHED
rclpy.init()
node, heard = rclpy.create_node("listener"), []
node.create_subscription(String, "gate/state", heard.append, LATCHED)
for _ in range(300):
    rclpy.spin_once(node, timeout_sec=0.1)
    if heard:
        print(heard[0].data, file=sys.stderr)
        print(any("/dev/shm/fast" in line for line in open("/proc/self/maps")))
        break
"""


def test_a_gate_is_heard_by_one_with_shared_memory_and_has_none_itself(tmp_path: Path) -> None:
    local = {name: value for name, value in local_environment().items() if not name.endswith("_PROFILES_FILE")}
    with Running([Process("command_gate_node", "command_gate", {"robot": "tabletop_arm"})], tmp_path, local) as running:
        listening = subprocess.run(
            [sys.executable, "-c", LISTENER], env=local, capture_output=True, text=True, timeout=60, check=True
        )
        gate = Path(f"/proc/{running.pid('command_gate')}/maps").read_text(encoding="utf-8")
    assert '"state": "disarmed"' in listening.stderr
    assert listening.stdout.strip() == "True"  # as a `ros2 topic echo` of the user's would have
    assert "/dev/shm/fast" not in gate
