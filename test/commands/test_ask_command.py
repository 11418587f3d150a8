"""``world-model ask`` as the page of the demo shows it, in a process of its own."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
from arm_bag import write_arm_bag

from world_model_ros.contract.contract import Contract

PAGE = Path(__file__).resolve().parents[2] / "docs" / "demo.md"


def test_the_command_of_the_page_draws_a_moment_of_a_bag_of_the_demo(tmp_path: Path, contract: Contract) -> None:
    (typed,) = re.findall(r"`(world-model ask future [^`]+)`", PAGE.read_text(encoding="utf-8"))
    name, *words = shlex.split(typed)
    bag = tmp_path / words[2]
    write_arm_bag(bag.parent, contract, 6.0)
    assert bag.is_file()
    process = subprocess.run(
        [Path(sys.executable).parent / name, *words], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert process.returncode == 0, process.stderr
    assert "12 actions, fingertip_displacement" in process.stdout
    assert process.stdout.endswith("  out/future.png\n")
    assert cv2.imread(str(tmp_path / "out" / "future.png")).std() > 5
