"""What keeps other work on the machine from holding up this process: priority, and memory that stays where it is."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from pathlib import Path

from rclpy.node import Node

_WHAT_IS_USED = 1 | 2 | 4  # MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT: without the last, four times the memory
_UNLIMITED = resource.RLIM_INFINITY


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
