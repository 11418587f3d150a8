"""Runs a node until SIGINT or SIGTERM, and ends without a traceback."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import rclpy
from rclpy.context import Context
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from world_model_ros.core.errors import UserError

AnyNode = TypeVar("AnyNode", bound=Node)


_stopped = threading.Event()
_WAIT_S = 0.1


def start_ros() -> None:
    """`rclpy.init`, with SIGINT and SIGTERM left to us.

    Python's own handler would raise KeyboardInterrupt anywhere, even inside the middleware, where it becomes another
    error; ours only says that it is time to end `spin_until_shutdown`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stopped.set())
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)


def interrupted() -> bool:
    """Whether SIGINT or SIGTERM has come."""
    return _stopped.is_set()


def stop() -> None:
    """End `spin_until_shutdown` from another thread."""
    _stopped.set()


def make_executor(context: Context | None = None) -> Executor:
    """The executor that costs least: rclpy's default one looks through every entity for every message."""
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)


def spin_until_shutdown(node: Node) -> None:
    """Serve callbacks until a signal comes or the context is shut down."""
    executor = make_executor()
    executor.add_node(node)
    # spin() of the EventsExecutor does not come back to Python, so that no signal would be seen; spin_once() comes back
    # after each event, which costs as much as many a callback. A future that never comes ends neither before its time.
    while not _stopped.is_set() and node.context.ok():
        try:
            executor.spin_until_future_complete(Future(), timeout_sec=_WAIT_S)
        except ExternalShutdownException:
            return


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
    finally:
        rclpy.try_shutdown()
    return 0
