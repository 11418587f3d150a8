"""Writes the progress and the result of a goal as JSON for topics and tick records, and as words for a log."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from world_model_ros.core.goals.goal_json import number
from world_model_ros.goals.errors import GoalError
from world_model_ros.goals.life.life import LiveGoal, Result
from world_model_ros.goals.life.watch import Watch


def feedback_json(goal: LiveGoal) -> str:
    """How a goal goes on, one line: ``id``, ``step`` of ``steps``, ``target`` that is farthest off with its ``error``
    in ``unit``, ``errors`` of all parts, ``progress`` 0 to 1, ``expected_s``, ``elapsed_s``, ``status`` of the brain.
    """
    seen = goal.watch.seen
    told: dict[str, Any] = {"id": goal.id, "step": goal.step, "steps": len(goal.steps), **_left(goal.watch)}
    told |= {"progress": round(goal.progress, 4), "expected_s": _rounded(goal.watch.expected_s, 2)}
    told |= {"elapsed_s": round(goal.elapsed_ns * 1e-9, 3), "status": None if seen is None else seen.status}
    return json.dumps(told | {"errors": [] if seen is None else [_part(each) for each in seen.errors]})


def result_json(result: Result) -> str:
    """How a goal ended, one line: ``id``, ``status`` as of action_msgs, ``reason``, the ``rule`` of a refusal, ``why``
    in words, and how far it was, as `feedback_json` says it."""
    share = result.watch.share if result.steps else 0.0
    progress = 1.0 if result.reason == "reached" else (result.step + share) / max(result.steps, 1)
    told: dict[str, Any] = {
        "id": result.id,
        "status": result.status,
        "reason": result.reason,
        "rule": result.rule,
        "why": result.why,
    }
    told |= {"step": result.step, "steps": result.steps, **_left(result.watch), "progress": round(progress, 4)}
    told |= {"elapsed_s": round(result.elapsed_ns * 1e-9, 3), "stamp_ns": result.now_ns}
    return json.dumps(told | ({"about": result.about} if result.about else {}))


def ended_words(result: Result) -> str:
    """How a goal ended, for a log: what status, reason and ``why`` say alike is said once."""
    if result.reason == "cancelled":
        return result.why
    same = result.status == "rejected" and result.reason == "refused"
    return f"{result.status}{'' if same else f', {result.reason}'}: {result.why}"


def ended_json(result: Result) -> dict[str, Any]:
    """How a goal ended, as tick records have it."""
    return {"id": result.id, "status": result.status, "reason": result.reason}


def _left(watch: Watch) -> dict[str, Any]:
    worst = None if watch.seen is None else watch.seen.worst
    if worst is None:
        return {"target": None, "error": None, "unit": None}
    return {"target": worst.name, "error": _rounded(worst.size, 5), "unit": worst.unit}


def _part(error: GoalError) -> dict[str, Any]:
    return {"target": error.name, "kind": error.kind, "error": _rounded(error.size, 5), "unit": error.unit}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not isfinite(value) else number(round(value, digits))
