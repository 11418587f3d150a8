"""Runs all processes of the demo until the node that judges the goals has reported, then stops them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from world_model_ros.bringup.options import Value
from world_model_ros.bringup.processes import Process, log_file, own
from world_model_ros.bringup.run import Ended, Running
from world_model_ros.core.errors import UserError

_LOOK_EVERY_S = 0.1
_LATE_STARTERS = ("future_view_node", "recorder_node")


def demonstrate(
    processes: Sequence[Process],
    judge: Mapping[str, Value],
    out: Path,
    longest_s: float,
    watch: Callable[[Running], object] = lambda running: None,
) -> dict[str, Any]:
    """Start everything, wait for the verdicts, stop everything.

    Args:
        processes: of the robot; those of other packages are left out.
        judge: parameters of ``demo_node``.
        out: folder for logs.
        watch: called ten times a second meanwhile.

    Returns:
        What ``demo_node`` found.

    Raises:
        UserError: a process ended before, or there was no verdict in time.
    """
    result = out / "result.json"
    out.mkdir(parents=True, exist_ok=True)
    started = own(list(processes))
    judging = Process("demo_node", "demo", {**judge, "awaits": late_starters(started), "result": str(result)})
    with Running([*started, judging], out / "logs", to_terminal=("demo",)) as running:
        deadline = time.monotonic() + longest_s
        while time.monotonic() < deadline:
            ended = running.ended()
            if any(each.process.name == "demo" for each in ended):
                break
            if ended:
                raise ended_too_soon(ended[0], log_file(out / "logs", ended[0].process))
            watch(running)
            time.sleep(_LOOK_EVERY_S)
        else:
            raise UserError("demo", f"no verdict in {longest_s:.0f} s", "a verdict")
    if not result.is_file():
        raise UserError("demo", "demo_node gave no verdict", f"a robot that gets ready; see {out / 'logs'}")
    verdicts: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    result.unlink()
    return verdicts


def late_starters(processes: Sequence[Process]) -> str:
    """Names, comma separated, of processes that the arm does not need, and whose start would take its core."""
    return ",".join(each.name for each in processes if each.executable in _LATE_STARTERS)


def ended_too_soon(ended: Ended, log: Path) -> UserError:
    """The error of a process that ended before the demo: with the last line that it printed, which says why."""
    lines = [line.strip() for line in ended.tail.splitlines() if line.strip()]
    last = lines[-1] if lines else "nothing"
    legal = f"processes that run until the demo is over; it printed last: {last}; all of it is in {log}"
    return UserError("demo", f"{ended.process.name} ended with status {ended.status}", legal)
