"""Measures how much of a processor core a simulated robot takes in real time, without its cameras."""

from __future__ import annotations

import time

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.sim.scenes.scene import SceneConfig
from world_model_ros.sim.sim_robot import SimRobot
from world_model_ros.sim.telemetry import Telemetry

_WARM_NS = 100_000_000  # not measured: what is loaded when it is first used is no need of the loop
_TRIED_NS = 300_000_000
_PIECE_NS = 10_000_000


def physics_share(contract: Contract, scene: SceneConfig, make: MessageMaker) -> float:
    """How much of a core physics and all senses but cameras take in real time, by trying 0.3 s of it."""
    robot, telemetry = SimRobot(contract, scene, 0), Telemetry(contract, make)
    try:
        _run_until(_WARM_NS, robot, telemetry)
        begin_s = time.thread_time()
        _run_until(_WARM_NS + _TRIED_NS, robot, telemetry)
        return (time.thread_time() - begin_s) / (_TRIED_NS * 1e-9)
    finally:
        robot.close()


def _run_until(end_ns: int, robot: SimRobot, telemetry: Telemetry) -> None:
    while robot.now_ns < end_ns:
        before_ns = robot.now_ns
        robot.step_to(before_ns + _PIECE_NS)
        telemetry.read(robot, before_ns)
        telemetry.labels(robot, before_ns)
