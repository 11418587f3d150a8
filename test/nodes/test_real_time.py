"""A process asks for real-time priority and locked memory, and goes on without where they are not allowed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, threading
from world_model_ros.nodes.real_time import go_first
if sys.argv[1] == "nobody" and os.getuid() == 0:
    os.setresuid(65534, 65534, 65534)
begun, ended = threading.Event(), threading.Event()
threads = [threading.Thread(target=ended.wait)]
threads[0].start()
reason = go_first(7)
threads.append(threading.Thread(target=ended.wait))
threads[1].start()
kinds = {os.sched_getscheduler(each.native_id) for each in threads} | {os.sched_getscheduler(0)}
ended.set()
print(reason, kinds == {os.SCHED_FIFO}, kinds == {os.SCHED_OTHER})
"""


@pytest.mark.parametrize("who", ["me", "nobody"])
def test_all_threads_get_it_or_none_and_then_it_says_why(who: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, who], capture_output=True, text=True, timeout=60, check=True)
    reason, all_first, none_first = done.stdout.rsplit(maxsplit=2)
    if reason == "None":
        assert all_first == "True"
    else:
        assert "not permitted" in reason
        assert none_first == "True"
    if who == "nobody" and os.getuid() == 0 and resource.getrlimit(resource.RLIMIT_RTPRIO)[1] == 0:
        assert reason != "None"


LOCKING = """
import os, sys
from world_model_ros.nodes.real_time import lock_memory
if sys.argv[1] == "nobody" and os.getuid() == 0:
    os.setresuid(65534, 65534, 65534)
reason = lock_memory()
locked = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmLck")]
print(reason, locked[0] != "0")
"""


@pytest.mark.parametrize("who", ["me", "nobody"])
def test_memory_is_locked_or_it_says_why_not(who: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOCKING, who], capture_output=True, text=True, timeout=60, check=True)
    reason, locked = done.stdout.rsplit(maxsplit=1)
    assert (locked == "True") == (reason == "None")
    if (
        who == "nobody"
        and os.getuid() == 0
        and resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY
    ):
        assert reason == "memlock is limited"


LAST = """
import os
from pathlib import Path
from world_model_ros.nodes.real_time import go_last
def autogroup():  # the file is empty for a process that is in a group of its own cgroup
    file = Path("/proc/self/autogroup")
    return (file.read_text().split() if file.exists() else []) or ["none"]
before = autogroup()
go_last()
after = autogroup()
print(os.nice(0), before[-1], after[-1])
"""


@pytest.mark.parametrize("leads", [True, False])
def test_who_goes_last_takes_along_its_own_session_and_no_other(leads: bool) -> None:
    ours = os.nice(0)
    done = subprocess.run(
        [sys.executable, "-c", LAST], capture_output=True, text=True, timeout=60, check=True, start_new_session=leads
    )
    nice, before, after = done.stdout.split()
    assert int(nice) == min(ours + 10, 19)
    if before != "none":
        assert after == ("10" if leads else before)


GREEDY = """
import os
from world_model_ros.nodes.real_time import CoreBudget, go_first
reason = go_first(7)
now, spent = [0.0], [0.0]
budget = CoreBudget(0.5, lambda: now[0], lambda: spent[0])
for taken in (0.6, 0.4, 0.6, 0.6, 0.6):
    now[0] += 2.0
    spent[0] += 2.0 * taken
    print(budget.judge(), os.sched_getscheduler(0) == os.SCHED_FIFO)
print(reason)
"""


def test_who_takes_too_much_twice_in_a_row_gives_it_back() -> None:
    done = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, timeout=60, check=True)
    *judged, reason = done.stdout.splitlines()
    if reason != "None":  # it never had it
        assert judged == ["None False"] * 5
        return
    assert judged[:3] == ["None True"] * 3
    assert judged[3] == "it took 0.60 of a core, and may take 0.5 before others False"
    assert judged[4] == "None False"
