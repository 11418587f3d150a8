"""Types of what is asked between two ticks: goal requests, plain goals, cancellations, refusals; their ids and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.goals.goal_json import Images, goal_from_json, goal_json

_NAMESPACE = uuid5(NAMESPACE_URL, "world_model_ros/goal")


@dataclass(frozen=True)
class Request:
    """Asks for a list of goals, one after the other.

    Args:
        id: a UUID. steps: checked by `check_goal`.
        queue: whether it waits for what was asked before; else it ends that.
        timeout_s: of all steps. stuck_s: without progress; the contract's where they are None.
    """

    id: str
    steps: tuple[Goal, ...]
    queue: bool = False
    timeout_s: float | None = None
    stuck_s: float | None = None


@dataclass(frozen=True)
class Wish:
    """A goal of a plain topic, which joins or replaces what is pursued.

    Args:
        id: of `plain_id`. given_ns: stamp of the message, 0 without one; poses with equal stamps are one goal.
    """

    id: str
    goal: Goal
    given_ns: int = 0


@dataclass(frozen=True)
class Cancel:
    """The goal of an id is not wanted any more; all are not without one."""

    id: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A goal or a request that was refused, and why.

    Args:
        id: of the goal; None where it has none. rule: the field that is wrong. why: all of it in words.
        ends: whether what was pursued ends too, as of plain goals: whoever sent it did not want the old one any more.
        about: what its sender knows it by.
    """

    id: str | None
    rule: str
    why: str
    ends: bool = False
    about: str = ""

    @classmethod
    def of(cls, error: UserError, id: str | None, ends: bool = False, about: str = "") -> Refusal:
        return cls(id, error.field, str(error), ends, about)


Asked = Request | Wish | Cancel | Refusal


def plain_id(topic: str, stamp: int, content: bytes) -> str:
    """Id of a goal of a plain topic: UUIDv5 of topic, stamp in ns (else the count of its messages) and content."""
    return str(uuid5(_NAMESPACE, f"{topic} {stamp} {sha256(content).hexdigest()}"))


def id_after(id: str) -> str:
    """The id that a goal gets in place of its own, where that is taken already."""
    return str(uuid5(UUID(id), "again"))


def asked_json(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """What was asked as JSON, as tick records have it."""
    return [{"ask": type(each).__name__.lower(), **_fields(each)} for each in asked]


def _fields(asked: Asked) -> dict[str, Any]:
    told = dict(vars(asked))
    if isinstance(asked, Request):
        told["steps"] = [goal_json(step) for step in asked.steps]
    if isinstance(asked, Wish):
        told["goal"] = goal_json(asked.goal)
    return told


def asked_from_json(told: Sequence[dict[str, Any]], images: Images) -> tuple[Asked, ...]:
    """What `asked_json` made JSON of.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, OverflowError: it is something else.
    """
    return tuple(_asked(dict(each), images) for each in told)


def _asked(told: dict[str, Any], images: Images) -> Asked:
    kind = told.pop("ask")
    if kind == "request":
        return Request(**{**told, "steps": tuple(goal_from_json(step, images) for step in told["steps"])})
    if kind == "wish":
        return Wish(**{**told, "goal": goal_from_json(told["goal"], images)})
    if kind == "cancel":
        return Cancel(**told)
    if kind == "refusal":
        return Refusal(**told)
    raise ValueError(f"ask: {kind!r}")
