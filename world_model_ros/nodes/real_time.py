"""Sets the priority of a process (real-time, normal or lowest), drops real-time over a CPU budget, and locks memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

from rclpy.node import Node

from world_model_ros.nodes.spin import AnyNode

_WHAT_IS_USED = 1 | 2 | 4  # MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT: without the last, four times the memory
_LAST = 10  # nice
_UNLIMITED = resource.RLIM_INFINITY
_PATIENCE = 2  # judgements in a row: one can be a start of something else


def go_first(priority: int) -> str | None:
    """Let all threads of this process, and those that they start from now on, go before all that is not real-time.

    SCHED_FIFO, as of ros2_control's controller manager. All threads: one that is held up while it holds Python's lock
    holds up the others.

    Args:
        priority: 1 to 99.

    Returns:
        Why that is not to be had (no privilege; not Linux), or None.
    """
    try:
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, AttributeError) as error:
        return str(error)
    return None


def go_with_the_rest() -> bool:
    """Give real-time priority back, for all threads. True if this process had it."""
    if not hasattr(os, "sched_getscheduler") or os.sched_getscheduler(0) == os.SCHED_OTHER:
        return False
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))
    return True


class CoreBudget:
    """Gives real-time priority back where a process takes more of a core than it may before others.

    Args:
        most: cores that it may take, in the mean between two judgements.
        clock: s, never steps. spent: s of processor time of this process.
    """

    def __init__(
        self,
        most: float,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.process_time,
    ) -> None:
        self._most, self._clock, self._spent = most, clock, spent
        self._last = clock(), spent()
        self._over = 0

    def judge(self) -> str | None:
        """Look at the time since the last call; why the priority was given back, if it was now."""
        before, self._last = self._last, (self._clock(), self._spent())
        taken = (self._last[1] - before[1]) / max(self._last[0] - before[0], 1e-3)
        self._over = self._over + 1 if taken > self._most else 0
        if self._over < _PATIENCE or not go_with_the_rest():
            return None
        return f"it took {taken:.2f} of a core, and may take {self._most:g} before others"


def go_last() -> None:
    """Let others go before this process, as far as they need the core: for what only people look at.

    Where the scheduler shares between sessions (autogroup), nice means nothing outside of one. The session goes last
    too if this process leads it; one that others began, such as a terminal's, is theirs.
    """
    with contextlib.suppress(OSError):
        os.nice(_LAST)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(_LAST), encoding="ascii")


def real_time_priority() -> int:
    """Of this process; 0 if it has none."""
    if not hasattr(os, "sched_getscheduler") or os.sched_getscheduler(0) == os.SCHED_OTHER:
        return 0
    return os.sched_getparam(0).sched_priority


def lock_memory() -> str | None:
    """Keep what this process has used, and will use, in memory (mlockall), as ros2_control's controller manager does.

    Code that runs seldom is what a system short of memory drops first, and reading it again takes many cycles.

    Returns:
        Why that is not to be had (no privilege; not Linux), or None.
    """
    if os.geteuid() != 0 and resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != _UNLIMITED:
        return "memlock is limited"  # locking what fits would fail later, in whoever asks for more memory
    try:
        locked = ctypes.CDLL(None, use_errno=True).mlockall(_WHAT_IS_USED)
    except (OSError, AttributeError) as error:
        return str(error)
    return None if locked == 0 else os.strerror(ctypes.get_errno())


def first_of_its_process(make: Callable[[], AnyNode]) -> Callable[[], AnyNode]:
    """Makes a node, and asks for real-time for its process as its parameters say: for `spin.run_node`."""

    def made() -> AnyNode:
        node = make()
        ask_for_real_time(node)
        return node

    return made


def ask_for_real_time(node: Node) -> None:
    """Take what the parameters ``thread_priority`` (0: none) and ``lock_memory`` ask for; where that is not allowed,
    say so and go on."""
    priority = node.get_parameter("thread_priority").value
    reasons = {
        f"thread_priority {priority}": go_first(priority) if priority else None,
        "lock_memory": lock_memory() if node.get_parameter("lock_memory").value else None,
    }
    for asked, reason in reasons.items():
        if reason:
            node.get_logger().info(f"{asked} is not to be had ({reason}); going on without")
