"""Measures how much processor time a simulated robot takes, but for its cameras."""

from __future__ import annotations

import time

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.sim.scenes.scene import SceneConfig
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry

_TRIED_NS = 300_000_000
_PIECE_NS = 10_000_000


def physics_share(contract: Contract, scene: SceneConfig, make: MessageMaker) -> float:
    """How much of a core physics and all senses but cameras take in real time, by trying 0.3 s of it."""
    robot, telemetry = SimRobot(contract, scene, 0), Telemetry(contract, make)
    try:
        begin_s = time.thread_time()
        while robot.now_ns < _TRIED_NS:
            before_ns = robot.now_ns
            robot.step_to(before_ns + _PIECE_NS)
            telemetry.read(robot, before_ns)
            telemetry.labels(robot, before_ns)
        return (time.thread_time() - begin_s) / (_TRIED_NS * 1e-9)
    finally:
        robot.close()
