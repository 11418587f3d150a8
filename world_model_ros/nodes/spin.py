"""Runs a node until SIGINT or SIGTERM, and ends without a traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import TypeVar

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from world_model_ros.core.errors import UserError

AnyNode = TypeVar("AnyNode", bound=Node)


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


def run_node(name: str, make: Callable[[], AnyNode], close: Callable[[AnyNode], object]) -> int:
    """The life of a process with one node: make it, serve it until it is interrupted, close it.

    Returns:
        Exit status: 0, or 1 if its parameters are wrong, which is said in one line.
    """
    start_ros()
    try:
        node = make()
        try:
            spin_until_shutdown(node)
        finally:
            close(node)
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except Exception:
        if rclpy.ok():  # else it was interrupted while it started
            raise
    finally:
        rclpy.try_shutdown()
    return 0
