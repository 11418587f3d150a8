"""Real-time scheduling of a whole process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rclpy.node import Node


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


def ask_for_priority(node: Node) -> None:
    """Take what the parameter ``thread_priority`` asks for, 0 for none; without the privilege, say so and go on."""
    priority = node.get_parameter("thread_priority").value
    if priority and (reason := go_first(priority)):
        node.get_logger().info(f"thread_priority {priority} is not to be had ({reason}); going on without")
