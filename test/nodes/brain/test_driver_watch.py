"""Late joint states are named with their cause: a brain that starves the drivers, other processes, or neither."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from world_model_ros.contract.contract import Contract
from world_model_ros.nodes.brain.diagnostics import drivers_status
from world_model_ros.nodes.brain.driver_watch import CoreMeter, Cores, Drivers, DriverWatch
from world_model_ros.nodes.brain.precedence import Precedence

MS = 1_000_000
BUSY_WITH_US, BUSY_WITH_OTHERS, IDLE = Cores(0.9, 0.05, 2), Cores(0.1, 0.05, 2), Cores(0.9, 1.1, 2)


def watched(
    contract: Contract, cores: Cores, late_ms: float = 3.0, period_ms: float = 10.0, called_late_ms: float = 0.0
) -> Drivers:
    """A second of joint states and of ticks 50 ms apart."""
    now = [0.0]
    watch = DriverWatch(contract, 0.05, lambda: cores, lambda: now[0])
    for count in range(int(1000 / period_ms)):
        stamp_ns = int(count * period_ms * MS)
        watch.arrived("arm", stamp_ns, stamp_ns + int(late_ms * MS))
        watch.arrived("front", stamp_ns, stamp_ns + 900 * MS)  # no stream of joints
    for count in range(20):
        now[0] = count * (0.05 + called_late_ms * 1e-3)
        watch.called()
    now[0] = max(now[0], 1.0)
    drivers = watch.report()
    assert drivers is not None
    return drivers


def test_joint_states_that_come_in_time_are_no_fault_however_busy_the_machine_is(contract: Contract) -> None:
    drivers = watched(contract, BUSY_WITH_US)
    assert not drivers.late
    assert drivers.late_ms == pytest.approx((3.0, 3.0, 3.0))
    assert drivers.gap_ms == pytest.approx(10.0)
    assert drivers.rate_hz == pytest.approx(100.0)
    status = drivers_status(drivers, Precedence(print))
    assert status.level == DiagnosticStatus.OK


@pytest.mark.parametrize("how", [{"late_ms": 180.0}, {"period_ms": 250.0}])
def test_a_brain_that_starves_the_drivers_is_a_fault_that_diagnostics_names(contract: Contract, how: dict) -> None:
    drivers = watched(contract, BUSY_WITH_US, **how)
    assert drivers.starved
    status = drivers_status(drivers, Precedence(print))
    assert status.level == DiagnosticStatus.ERROR
    assert "drivers are starved" in status.message
    assert "180 ms late" in status.message or "250 ms apart" in status.message
    assert "the brain took 0.9 of 2 cores" in status.message
    values = {pair.key: pair.value for pair in status.values}
    assert float(values["brain_cores"]) == 0.9


def test_late_joint_states_on_an_idle_machine_are_their_drivers_or_the_networks(contract: Contract) -> None:
    drivers = watched(contract, IDLE, late_ms=180.0)
    assert drivers.late
    assert not drivers.starved
    status = drivers_status(drivers, Precedence(print))
    assert status.level == DiagnosticStatus.WARN
    assert "1.1 of 2 cores were idle" in status.message


def test_where_other_processes_take_the_cores_the_brain_is_not_blamed(contract: Contract) -> None:
    drivers = watched(contract, BUSY_WITH_OTHERS, late_ms=180.0, called_late_ms=120.0)
    assert not drivers.starved
    assert "other processes take the cores" in drivers.words()


def test_the_stated_latency_of_a_stream_is_not_lateness(contract: Contract) -> None:
    source = contract.source("arm").model_copy(update={"latency_s": 0.15})
    streams = [source if each.name == "arm" else each for each in contract.deployment.streams]
    slow = type(contract)(
        contract.name,
        contract.interface,
        contract.deployment.model_copy(update={"streams": streams}),
        contract.text,
        contract.folder,
    )
    assert not watched(slow, BUSY_WITH_US, late_ms=160.0).late


def test_it_forgets_what_came_before_a_jump_of_the_clock_and_says_when_nothing_comes(contract: Contract) -> None:
    watch = DriverWatch(contract, 0.1, lambda: IDLE)
    watch.arrived("arm", 10**9, 10**9)
    watch.arrived("arm", 2 * 10**9, 2 * 10**9)
    watch.forget()
    watch.arrived("arm", 0, 0)
    watch.arrived("arm", 10 * MS, 10 * MS)
    drivers = watch.report()
    assert drivers is not None
    assert drivers.gap_ms == pytest.approx(10.0)
    assert watch.report() is None
    assert drivers_status(None, Precedence(print)).level == DiagnosticStatus.WARN


def test_while_nobody_asks_it_keeps_no_more_than_of_a_while(contract: Contract) -> None:
    watch = DriverWatch(contract, 0.1, lambda: IDLE)
    for count in range(50_000):
        watch.arrived("arm", count * MS, count * MS)
    assert len(watch._late_ms) == len(watch._stamps_ns["arm"]) == 10_000
    drivers = watch.report()
    assert drivers is not None
    assert drivers.gap_ms == pytest.approx(1.0)


GIVING = """
import os
from world_model_ros.nodes.brain.driver_watch import Cores, Drivers
from world_model_ros.nodes.brain.precedence import Precedence
from world_model_ros.nodes.real_time import go_first
reason = go_first(7)
drivers = Drivers((5.0, {late}, 200.0), 10.0, 100.0, 0.0, 100.0, Cores(0.9, 0.0, 2))
said = []
precedence = Precedence(said.append)
before = precedence.priority
for _ in range({reports}):
    precedence.judge(drivers, {tick_ms}, 20.0)
print(reason is None, before, precedence.priority, len(said), precedence.given_back)
"""


@pytest.mark.parametrize(
    ("late", "tick_ms", "reports", "kept", "words"),
    [
        (3.0, 20.0, 5, True, "None"),
        (180.0, 20.0, 1, True, "None"),  # once may be the start of another process
        (180.0, 20.0, 5, False, "drivers are starved: joint states came 180 ms late"),
        (3.0, 90.0, 1, False, "ticks of 90 ms at 20 Hz leave others little of 2 cores"),
    ],
)
def test_real_time_priority_is_given_back_where_it_starves_others(
    late: float, tick_ms: float, reports: int, kept: bool, words: str
) -> None:
    program = GIVING.format(late=late, tick_ms=tick_ms, reports=reports)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    had, before, after, said, reason = done.stdout.strip().split(" ", 4)
    if had == "False":
        pytest.skip("real-time priority is not allowed here")
    assert before == "7"
    assert (after == "7") == kept
    assert said == ("0" if kept else "1")
    assert reason.startswith(words)


def test_cores_are_measured_of_this_machine() -> None:
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(len(os.sched_getaffinity(0)) + 1)
    ]
    try:
        deadline, meter = time.monotonic() + 30.0, CoreMeter()
        while time.monotonic() < deadline:
            begin, own = time.monotonic(), time.process_time()
            while time.process_time() < own + 0.05 or time.monotonic() < begin + 0.3:
                pass
            cores = meter()
            share = (time.process_time() - own) / (time.monotonic() - begin)
            if cores.busy:
                break
    finally:
        for each in busy:
            each.kill()
            each.wait()
    assert cores.busy
    assert cores.taken == pytest.approx(share, rel=0.3, abs=0.02)
    assert cores.all == len(os.sched_getaffinity(0))
