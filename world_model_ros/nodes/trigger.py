"""Calls a `std_srvs/Trigger` service until it agrees, from a thread that does not spin."""

from __future__ import annotations

import threading
import time

from rclpy.client import Client
from std_srvs.srv import Trigger

from world_model_ros.core.errors import UserError


def insist(client: Client, what: str, patience_s: float = 10.0) -> None:
    """Call until the service agrees; the node must be spun by another thread.

    Raises:
        UserError: it did not agree in time; says the last reason it gave.
    """
    reason = "no such service"
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if client.wait_for_service(timeout_sec=0.2):
            answered = threading.Event()
            future = client.call_async(Trigger.Request())
            future.add_done_callback(lambda _, answered=answered: answered.set())
            if not answered.wait(2.0):
                reason = "no answer"
                continue
            if future.result().success:
                return
            reason = future.result().message
        time.sleep(0.1)
    raise UserError(what, reason, f"agreement within {patience_s:.0f} s")
