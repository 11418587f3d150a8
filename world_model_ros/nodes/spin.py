"""Runs a node until SIGINT or SIGTERM, and ends without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from world_model_ros.core.errors import UserError
from world_model_ros.nodes import signals
from world_model_ros.nodes.parameters import refuse_changes
from world_model_ros.nodes.signals import interrupted, stop

__all__ = ["interrupted", "make_executor", "run_node", "spin_for", "spin_until_shutdown", "start_ros", "stop"]

AnyNode = TypeVar("AnyNode", bound=Node)

_WAIT_S = 0.1


def start_ros() -> None:
    """`rclpy.init`, with SIGINT and SIGTERM left to us: they only say that it is time to end `spin_until_shutdown`.

    Raises:
        UserError: what follows --ros-args cannot be read.
    """
    signals.listen()
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # all that rcl raises
        legal = f"NAME:=VALUE after each -p, a file after --params-file ({error})"
        raise UserError("--ros-args", " ".join(sys.argv[1:]), legal) from error


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
    while not interrupted() and node.context.ok():
        try:
            spin_for(executor, _WAIT_S)
        except ExternalShutdownException:
            return


def spin_for(executor: Executor, seconds: float) -> None:
    """Serve all that comes within a span of time."""
    # spin() of the EventsExecutor does not come back to Python, so that no signal would be seen; spin_once() comes back
    # after each event, which costs as much as many a callback. A future that never comes ends neither before its time.
    executor.spin_until_future_complete(Future(), timeout_sec=seconds)


def run_node(
    name: str,
    make: Callable[[], AnyNode],
    close: Callable[[AnyNode], object],
    serve: Callable[[AnyNode], int] | None = None,
    wrong: int = 1,
) -> int:
    """The life of a process with one node: make it, serve it until it is interrupted, close it whatever happens.

    Args:
        name: of the executable, for errors.
        serve: serves a node and says the exit status, where more is to be done than to refuse changes of parameters
            and to spin.
        wrong: exit status if parameters are wrong, which is said in one line.

    Returns:
        Exit status: 0, that of ``serve``, or ``wrong``.
    """
    try:
        start_ros()
        if interrupted():  # while the modules were loaded
            return 0
        node = make()
        try:
            return (serve or _serve)(node)
        finally:
            close(node)
    except (UserError, InvalidParameterTypeException, InvalidParameterValueException) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return wrong
    finally:
        rclpy.try_shutdown()
        signals.ignore()


def _serve(node: Node) -> int:
    refuse_changes(node)
    spin_until_shutdown(node)
    return 0
