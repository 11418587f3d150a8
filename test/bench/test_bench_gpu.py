"""The script that measures on a GPU does so on a CPU too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_gpu"


@pytest.mark.skipif(not SCRIPT.is_file(), reason="an installed package has no scripts")
def test_it_times_a_plan_and_the_node_in_one_go(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHON": sys.executable, "OUT": str(tmp_path)}
    subprocess.run([str(SCRIPT), "--provider", "cpu", "--quick"], env=environment, check=True, timeout=240)
    plan, tick = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("plan", "tick"))
    assert plan["stages_ms"]["plan_16x4x2"]["p50"] > 0.0
    assert tick["ticks"] == 20
    assert 0.0 < tick["share_in_runtime"] < 1.0
