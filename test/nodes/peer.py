"""What tests of nodes talk to them with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger


def start(module: str, domain: int, *parameters: str) -> subprocess.Popen:
    """A module of `world_model_ros.nodes` as a process in a domain; parameters are ``name:=value``, ``__ns:=NAME``."""
    words = [word for each in parameters for word in ("-r" if each.startswith("__ns") else "-p", each)]
    return subprocess.Popen(
        [sys.executable, "-m", f"world_model_ros.nodes.{module}", "--ros-args", *words],
        env={**os.environ, "ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Peer:
    """A node with a context of its own, in the domain of the environment unless one is given."""

    def __init__(self, name: str, domain: int | None = None) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=int(os.environ["ROS_DOMAIN_ID"]) if domain is None else domain)
        self.node = Node(name, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def call(self, service: str) -> Any:
        """Ask for something by a trigger, and wait for the answer."""
        client = self.node.create_client(Trigger, service)
        self.spin(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.spin(future.done)
        return future.result()

    def spin(self, until: Callable[[], object], patience_s: float = 60.0) -> None:
        """Hear and send until something is true, which must become so."""
        deadline = time.monotonic() + patience_s
        while not until():
            assert time.monotonic() < deadline, f"waited in vain; {self.knows()}"
            self.executor.spin_once(timeout_sec=0.02)

    def knows(self) -> str:
        """What helps to see why something was waited for in vain."""
        return "nothing else was noted"

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)
