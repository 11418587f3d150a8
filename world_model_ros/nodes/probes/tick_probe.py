"""The live part of ``world-model bench tick``: feeds a brain process made-up senses, and returns its tick records."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rclpy

from world_model_ros.bench.speed.made_up_senses import write_contract
from world_model_ros.bringup.domain import local_environment, middleware_environment, talking_in
from world_model_ros.bringup.options import Value
from world_model_ros.bringup.processes import Process
from world_model_ros.bringup.run import Running
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.probes.sense_probe import SenseProbeNode
from world_model_ros.nodes.spin import make_executor

_PATIENCE_S = 60.0
_SETTLE_TICKS = 10


def live_ticks(
    contract: Contract,
    model: str,
    provider: str,
    threads: int,
    ticks: int,
    rate_hz: float = 0.0,
) -> list[dict[str, Any]]:
    """Records of ``ticks`` ticks in a row of the node, after it has settled. Raises `UserError` if it does not tick."""
    with TemporaryDirectory() as folder:
        robot = str(write_contract(contract, Path(folder)))
        given: dict[str, Value] = {"robot": robot, "model": model, "provider": provider, "threads": threads}
        given["rate_hz"] = float(rate_hz)
        environment = local_environment() | _as_on_a_robot("shared_memory", Path(folder))
        brain = Process("world_model_node", "world_model", given)
        with Running([brain], Path(folder), environment) as running:
            context = rclpy.Context()
            with talking_in(environment | _as_on_a_robot("camera", Path(folder))):
                rclpy.init(context=context)
                node = SenseProbeNode(contract, context)
            executor = make_executor(context)
            executor.add_node(node)
            try:
                return _collected(node, executor, running, ticks + _SETTLE_TICKS)[_SETTLE_TICKS:]
            finally:
                executor.shutdown()
                node.destroy_node()
                rclpy.try_shutdown(context=context)


def _as_on_a_robot(profile: str, folder: Path) -> dict[str, str]:
    """A profile of Fast DDS that is taken though this is loopback: a copy is the user's own choice."""
    return {
        variable: str(shutil.copy(file, folder / f"{profile}.xml"))
        for variable, file in middleware_environment(profile, {}).items()
    }


def _collected(node: SenseProbeNode, executor: Any, running: Running, ticks: int) -> list[dict[str, Any]]:
    pursued, heard, deadline = False, 0, time.monotonic() + _PATIENCE_S
    while len(node.records) < ticks:
        executor.spin_once(timeout_sec=0.1)
        if node.records and not pursued:
            node.pursue()
            pursued = True
        if len(node.records) > heard:
            heard, deadline = len(node.records), time.monotonic() + _PATIENCE_S
        ended = running.ended()
        if ended or time.monotonic() > deadline:
            said = str(ended[0]) if ended else f"no tick for {_PATIENCE_S:.0f} s"
            raise UserError("brain", said, "a brain that ticks")
    return node.records[:ticks]
