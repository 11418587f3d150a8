"""``world-model demo --seeds``: runs the demo on many seeds, stores each result, and resumes after an interruption."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from world_model_ros.commands.output import show
from world_model_ros.core.errors import UserError

_MOST = 10_000
_ASKED = ("robot", "model", "provider", "rate", "goals", "unplug", "scenes", "controls")
_FORM = "numbers and ranges such as 1000..1009 or 3,5,8..10"


def seeds_named(text: str) -> list[int]:
    """Seeds of ``1000..1009`` or ``3,5,8..10``, in this order, each once.

    Raises:
        UserError: not of that form, or over 10,000 of them.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        first, range_sign, last = part.strip().partition("..")
        last = last if range_sign else first
        if not (first.isdecimal() and last.isdecimal()):
            raise UserError("--seeds", text, _FORM)
        span = range(int(first), int(last) + 1)
        if not span or len(span) > _MOST:
            raise UserError("--seeds", text, f"{_FORM}, upward, at most {_MOST} of them")
        found |= dict.fromkeys(span)
    return list(found)


def run_seeds(arguments: argparse.Namespace, once: Callable[[argparse.Namespace, Path], dict[str, Any]]) -> int:
    """Run each seed that has no result for the same arguments yet; 0 if all of them succeeded.

    ``OUT/SEED/summary.json`` holds each run, ``OUT/seeds.json`` all together. A run that breaks costs itself alone,
    and is run again the next time.
    """
    seeds, out = seeds_named(arguments.seeds), arguments.out.resolve()
    asked = {name: getattr(arguments, name) for name in _ASKED}
    say = sys.stderr if arguments.json else sys.stdout
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        folder = out / str(seed)
        stored = _stored(folder / "run.json", asked)
        if stored is None:
            stored = _run(arguments, seed, folder, once)
            if "error" not in stored:
                (folder / "run.json").write_text(json.dumps({"asked": asked, "run": stored}, indent=2) + "\n", "utf-8")
        runs.append(stored)
        print(_line(stored), file=say)
        result = summary_of(runs, len(seeds)) | {"asked": asked}
        (out / "seeds.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(result, arguments.json, _closing(result, out))
    return 0 if result["succeeded"] == len(seeds) else 1


def summary_of(runs: Sequence[dict[str, Any]], asked: int) -> dict[str, Any]:
    """``runs`` with ``succeeded``, ``of`` (asked), ``goals`` reached of all, and ``rearmed``: the most of a run."""
    goals = [goal for run in runs for goal in run.get("goals", [])]
    return {
        "succeeded": sum(run["success"] for run in runs),
        "of": asked,
        "goals": {"reached": sum(goal["reached"] for goal in goals), "of": len(goals)},
        "rearmed": max((run.get("rearmed", 0) for run in runs), default=0),
        "runs": list(runs),
    }


def _run(
    arguments: argparse.Namespace, seed: int, folder: Path, once: Callable[[argparse.Namespace, Path], dict[str, Any]]
) -> dict[str, Any]:
    each = copy(arguments)
    each.seed = seed
    try:
        summary = once(each, folder)
    except UserError as error:
        return {"seed": seed, "success": False, "error": str(error)}
    goals = [
        {key: goal.get(key) for key in ("kind", "reached", "error_m", "seconds", "rearmed", "braked")}
        for goal in summary["goals"]
    ]
    return {
        "seed": seed,
        "success": summary["success"],
        "goals": goals,
        "rearmed": sum(goal["rearmed"] or 0 for goal in goals),
        "rates": summary["rates"],
        "tick_ms": summary["stages_ms"].get("total"),
    }


def _stored(file: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """A run of an earlier time, if it was asked for in the same way."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    run: dict[str, Any] = found["run"]
    return run if found["asked"] == asked else None


def _line(run: dict[str, Any]) -> str:
    if "error" in run:
        return f"seed {run['seed']}: {run['error']}"
    goals = run["goals"]
    words = (
        f"seed {run['seed']}: {sum(goal['reached'] for goal in goals)} of {len(goals)} goals, {run['rearmed']} re-armed"
    )
    return "; ".join([words, *run["rates"]["short_of"]])


def _closing(result: dict[str, Any], out: Path) -> list[str]:
    goals = result["goals"]
    return [
        "",
        f"{result['succeeded']} of {result['of']} runs reached all goals ({goals['reached']} of {goals['of']}); "
        f"at most {result['rearmed']} re-armed in a run",
        f"  {out / 'seeds.json'}",
    ]
