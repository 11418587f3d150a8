"""Test rig around a running gate process: arms the gate, sends commands, and starts a test brain that can be killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor

from world_model_ros.bench.gate.fuzz import Fuzz
from world_model_ros.bringup.domain import talking_in
from world_model_ros.bringup.run import Running
from world_model_ros.contract.contract import Contract
from world_model_ros.nodes.probes.gate_probe_node import GateProbeNode

GATE = "command_gate"
_STILL, _STILL_MEASURED = 1e-6, 0.02  # rad/s; what is measured is noisy
_PATIENCE_S = 30.0
_HEARD = 6  # messages between two of what is done meanwhile, or what the gate says would wait behind its echo


class GateLab:
    """A probe that is spun here, next to processes that run.

    Args:
        robot: contract of the brain, as ``contract``.
        start: configuration (J,) of an exact arm; None if one is simulated.
        fuzz: makes commands of every kind. clock: whether the probe is ``/clock`` too.
    """

    def __init__(
        self,
        robot: str,
        contract: Contract,
        start: np.ndarray[Any, Any] | None,
        running: Running,
        fuzz: Fuzz,
        clock: bool = False,
    ) -> None:
        self.contract, self.running, self.fuzz = contract, running, fuzz
        self._robot, self._clock = robot, clock
        self.still = _STILL if start is not None else _STILL_MEASURED
        self._context = rclpy.Context()
        with talking_in(running.environment):
            rclpy.init(context=self._context)
            self.node = GateProbeNode(contract, start, self._context, clock)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.until(lambda: bool(self.node.state) and self.node.applied is not None)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def wait(self, span_s: float) -> None:
        end = time.monotonic() + span_s
        self.until(lambda: time.monotonic() > end)

    def until(
        self, reached: Callable[[], bool], patience_s: float = _PATIENCE_S, meanwhile: Callable[[], Any] | None = None
    ) -> None:
        """Spin until something is so; ``meanwhile`` is done again and again without a pause."""
        deadline = time.monotonic() + patience_s
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"never came; the gate says {self.node.state}")
            if meanwhile is not None:
                meanwhile()
            for _ in range(1 if meanwhile is None else _HEARD):
                self._executor.spin_once(timeout_sec=0.005 if meanwhile is None else 0.0)

    def arm(self) -> None:
        self.until(lambda: self.node.state["state"] == "disarmed")
        deadline = time.monotonic() + _PATIENCE_S
        while self.node.state["state"] == "disarmed":
            answer = self.node.arm()
            self.until(answer.done)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the gate was never armed: {answer.result().message}")
            self.wait(0.2)
        assert self.node.applied is not None
        self.node.sent.begin(self.node.applied)

    def brain(self, joints: str = "first") -> subprocess.Popen[bytes]:
        """A process that swings the ``first`` joint, or ``all`` of them, through the gate."""
        words = [sys.executable, "-m", "world_model_ros.nodes.probes.gate_probe_brain", self._robot, joints]
        words += ["--ros-args", "-p", "use_sim_time:=true"] if self._clock else []
        return subprocess.Popen(words, env=self.running.environment)

    def until_moving(self) -> None:
        """Wait until the gate follows a brain that is heard; a busy machine may be late with joint states meanwhile."""
        began = time.monotonic()
        while not (
            self.node.commanded > began + 0.5 and self.node.state["state"] == "tracking" and self.node.speed() > 0.02
        ):
            if time.monotonic() > began + _PATIENCE_S:
                raise TimeoutError(f"the gate does not follow: {self.node.state}")
            if self.node.state["state"] == "disarmed":
                self.arm()
            self.wait(0.1)

    def propose_any(self) -> tuple[bool, bool]:
        """Publish the next command of the fuzz campaign: whether it could be said, and whether it is valid."""
        assert self.node.applied is not None
        frame = self.fuzz.frame(self.node.now_ns(), self.node.applied)
        return frame.fault is None and self.node.propose(frame.proposal), frame.valid

    def propose_invalid(self) -> None:
        """Publish a command that is refused."""
        assert self.node.applied is not None
        frame = self.fuzz.frame(self.node.now_ns(), self.node.applied)
        if not frame.valid:
            self.node.propose(frame.proposal)
