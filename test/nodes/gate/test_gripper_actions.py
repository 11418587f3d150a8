"""Goals of grippers' actions over real topics; where control_msgs is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from real_robots import KNUCKLE, ROBOTS, real_robot

from world_model_ros.bringup.domain import free_domain
from world_model_ros.gate.motion.limiter import Motion
from world_model_ros.gate.output import GateOutput
from world_model_ros.gate.states import Event, State
from world_model_ros.nodes.gate.grippers import action_class
from world_model_ros.nodes.gate.outbox import GateOutbox
from world_model_ros.nodes.spin import make_executor

pytest.importorskip("control_msgs.action", reason="control_msgs is not installed")
ACTION = "gripper_controller/gripper_cmd"


class Gripper:
    """An action server, and the part of a gate that commands it."""

    def __init__(self, contract: Any, interface: str, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.contract, self.kind = contract, action_class(interface)
        self.gate, self.hand = (Node(name, context=self.context) for name in ("gate", "hand"))
        self.outbox = GateOutbox(self.gate, contract, dry_run=False)
        self.served = MultiThreadedExecutor(4, context=self.context)
        self.served.add_node(self.hand)
        self.thread = Thread(target=self.served.spin, daemon=True)
        self.thread.start()
        self.executor = make_executor(self.context)
        self.executor.add_node(self.gate)
        self.goals: list[float] = []
        self.accepts, self.stalls, self.slow_s, self.canceled = True, False, 0.0, 0

    def serve(self) -> None:
        def take(request: Any) -> GoalResponse:
            command = request.command
            self.goals.append(command.position if isinstance(command.position, float) else command.position[0])
            return GoalResponse.ACCEPT if self.accepts else GoalResponse.REJECT

        self.server = ActionServer(
            self.hand,
            self.kind,
            ACTION,
            self.move,
            goal_callback=take,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )

    def move(self, handle: Any) -> Any:
        end = time.monotonic() + self.slow_s
        while time.monotonic() < end:
            if handle.is_cancel_requested:
                self.canceled += 1
                handle.canceled()
                return self.kind.Result()
            time.sleep(0.01)
        if self.stalls:
            handle.abort()
        else:
            handle.succeed()
        return self.kind.Result(stalled=self.stalls, reached_goal=not self.stalls)

    def until(self, done: Callable[[], bool], setpoint: float | None, seconds: float = 8.0) -> None:
        """Step the gate with a setpoint until something is so."""
        position = np.array(self.contract.rest)
        column = self.contract.joint_names.index(KNUCKLE)
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, (self.goals, self.status())
            if setpoint is not None:
                position[column] = setpoint
            still = Motion(position, 0 * position, 0 * position)
            told = None if setpoint is None else still
            self.outbox.step(GateOutput(State.HOLDING, Event.ARM, still, None, told, ()), 1)
            self.executor.spin_once(timeout_sec=0.005)

    def status(self) -> Any:
        return self.outbox._grippers[0].status()

    def close(self) -> None:
        rclpy.try_shutdown(context=self.context)
        self.thread.join(5.0)


@pytest.fixture(params=["gripper_command", "parallel_gripper_command"])
def gripper(request: pytest.FixtureRequest, tmp_path) -> Iterator[Gripper]:
    robot = ROBOTS["ur5e_2f85"]
    parts = [{"kind": "joint_displacement", "joints": robot.arm, "bound": 0.1}]
    parts += [{"kind": "gripper", "joints": [robot.gripper], "bound": 0.05}]
    other = {"interface": request.param, "topic": ACTION, "joints": [KNUCKLE], "max_effort": 20.0, "resolution": 0.02}
    command = {"interface": "joint_trajectory", "topic": "arm_controller/joint_trajectory", "others": [other]}
    contract = real_robot(tmp_path, "ur5e_2f85", parts, {"deployment": {"command": command}})
    made = Gripper(contract, request.param, free_domain())
    yield made
    made.close()


def reached(gripper: Gripper, at: float) -> Callable[[], bool]:
    return lambda: bool(gripper.goals) and gripper.goals[-1] == at and not gripper.outbox._grippers[0]._goals.on_way


def test_it_follows_the_setpoint_and_says_what_fails(gripper: Gripper) -> None:
    clock = time.monotonic()
    gripper.until(lambda: time.monotonic() > clock + 0.5, 0.4)
    assert ACTION in gripper.outbox.unheard
    assert gripper.status().message == f"no action server {ACTION}"
    gripper.serve()
    gripper.until(lambda: ACTION not in gripper.outbox.unheard, 0.4)
    gripper.until(reached(gripper, 0.7), 0.7)
    assert gripper.goals == [0.7]
    gripper.accepts = False
    gripper.until(lambda: len(gripper.goals) > 1 and gripper.outbox._grippers[0]._goals.trouble is not None, 0.5)
    assert gripper.status().message == "goal 0.5 rejected"
    assert gripper.status().level == gripper.status().WARN
    gripper.accepts = True
    gripper.until(lambda: len(gripper.goals) > 2 and reached(gripper, 0.5)(), 0.5)  # it is sent again
    assert gripper.status().level == gripper.status().OK


def test_one_that_closes_on_something_opens_at_once(gripper: Gripper) -> None:
    gripper.serve()
    gripper.until(lambda: ACTION not in gripper.outbox.unheard, 0.1)
    gripper.stalls = True
    gripper.until(reached(gripper, 0.7), 0.7)
    assert gripper.status().level == gripper.status().OK
    gripper.slow_s, gripper.stalls = 5.0, False
    gripper.until(lambda: len(gripper.goals) > 1, 0.75)
    begin = time.monotonic()
    gripper.until(lambda: gripper.canceled == 1, 0.6)
    gripper.slow_s = 0.0
    gripper.until(reached(gripper, 0.3), 0.3)
    assert time.monotonic() - begin < 4.0
