"""Runs a node until SIGINT or SIGTERM, and ends without a traceback."""

from __future__ import annotations

import signal

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


def start_ros() -> None:
    """`rclpy.init`, with SIGINT left to rclpy.

    Python's own handler would raise KeyboardInterrupt anywhere, even inside the middleware, where it becomes another
    error; rclpy's handler shuts the context down, and that ends `spin_until_shutdown`.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
    rclpy.init()


def spin_until_shutdown(node: Node, executor: Executor | None = None) -> None:
    """Serve callbacks until the context is shut down. Errors that only the shutdown causes are none."""
    executor = executor or SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:  # the middleware went away under a callback
        if node.context.ok():
            raise
