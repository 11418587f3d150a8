"""``world-model bench live``: runs the demo on goals; measures tick rate, goals reached, and CPU use by process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from world_model_ros.bench.speed.cpu import CpuMeter
from world_model_ros.bringup.demonstration import demonstrate
from world_model_ros.bringup.options import SimulationOptions, Value
from world_model_ros.bringup.processes import brain_of, simulation
from world_model_ros.bringup.run import Running
from world_model_ros.contract.contract import load_contract

_SETTLE_S = 10.0
_LAST_GOAL_S = 120.0  # start of the processes, and the goals that are being pursued when time is up


def live(options: SimulationOptions, seconds: float, goals: str) -> dict[str, Any]:
    """Pursue goals, round after round, for so many seconds, with simulator, gate, view and recorder next to the brain.

    Args:
        options: of the simulation; what is recorded is not kept.
        seconds: how long.
        goals: kinds, comma separated.

    Returns:
        ``tick_hz``, ``ticks``, ``missed``, ``missed_share``, ``stages_ms``, ``overhead_ms``, ``plan_ms``, ``goals``
        and ``reached``, how often the gate was armed again (``rearmed``), and ``cores`` by process.
    """
    meter = CpuMeter(_SETTLE_S)

    def watch(running: Running) -> None:
        meter.look({name: running.pid(name) for name in running.names})

    with TemporaryDirectory() as folder:
        out = Path(folder)
        owner = brain_of(load_contract(options.robot))
        whole = replace(options, record=str(out / "bag"), futures=str(out / "futures.png"), owner=owner)
        processes = simulation(whole)
        judge: dict[str, Value] = {"robot": options.robot, "seed": options.seed, "goals": goals}
        judge["seconds"] = float(seconds)
        found = demonstrate(processes, judge, out, seconds + _LAST_GOAL_S, watch)
    missed, ticks = found["ticks_missed"], found["ticks"]
    drawn = [goal for goal in found["goals"] if goal["error_m"] is not None]  # an object at the edge cannot be pushed
    return {
        "tick_hz": round(found["tick_hz"], 3),
        "ticks": ticks,
        "missed": missed,
        "missed_share": round(missed / max(1, ticks + missed), 5),
        "stages_ms": found["stages_ms"],
        "overhead_ms": found["stages_ms"]["outside"]["p50"],
        "plan_ms": found["stages_ms"].get("plan", {}).get("p50"),
        "goals": len(drawn),
        "reached": sum(goal["reached"] for goal in drawn),
        "rearmed": sum(goal["rearmed"] for goal in drawn),
        "cores": meter.cores(),
    }
