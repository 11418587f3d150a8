"""CPU time of processes is what they really took."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from world_model_ros.bench.speed.cpu import CpuMeter

BUSY = "import time; end = time.monotonic() + 30\nwhile time.monotonic() < end: pass"
IDLE = "import time; time.sleep(30)"


def test_a_busy_process_takes_a_core_and_an_idle_one_none() -> None:
    processes = {
        name: subprocess.Popen([sys.executable, "-c", text]) for name, text in (("busy", BUSY), ("idle", IDLE))
    }
    try:
        meter = CpuMeter(settle_s=0.3)
        assert meter.cores() == {}
        for _ in range(5):
            meter.look({name: process.pid for name, process in processes.items()})
            time.sleep(0.3)
        cores = meter.cores()
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    assert 0.25 < cores["busy"] < 1.1  # of a machine that does other things too
    assert cores["idle"] == pytest.approx(0.0, abs=0.05)
    assert cores["others"] >= 0.0
