"""Joint states at rest: do they come as often, as young and within the limits that the contract says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from world_model_ros.commissioning.findings import NOTE, OK, WRONG, Check
from world_model_ros.commissioning.history import JointHistory
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.urdf.numbers import UrdfLimit
from world_model_ros.core.trajectory import LIMIT_TOLERANCE
from world_model_ros.gate.rules import FUTURE_S

_LEAST_RATE = 0.75  # of the contract's
_OLD = 0.5  # of the age that the gate takes, from which on it is worth a note
_CLOCK_S, _STEADY = 0.1, 0.1  # an age over the one that varies by less than this share of it is a clock
_LEAST = 3  # messages
_BEYOND = 1e-3  # rad or m


@dataclass
class StreamTimes:
    """When the messages of a stream came, and how they were stamped; ``refused`` could not be read."""

    arrivals_ns: list[int] = field(default_factory=list)
    stamps_ns: list[int] = field(default_factory=list)
    refused: int = 0
    why: str = ""


def judge_stream(stream: JointStream, times: StreamTimes, max_age_s: float, topic: str) -> list[Check]:
    """Rate, age and stamps of a stream of joint states, and whether its messages could be read."""
    found: list[Check] = []
    if times.refused:
        words = f"{times.refused} messages cannot be used: {times.why}"
        found.append(Check(stream.name, "content", WRONG, words, {"refused": times.refused}))
    if len(times.arrivals_ns) < _LEAST:
        words = f"{len(times.arrivals_ns)} messages on {topic}; start the driver, or correct deployment.streams"
        return [*found, Check(stream.name, "rate", WRONG, words, {"messages": len(times.arrivals_ns)})]
    return [*found, _rate(stream, times), *_stamps(stream, times, max_age_s)]


def _rate(stream: JointStream, times: StreamTimes) -> Check:
    span_s = (times.arrivals_ns[-1] - times.arrivals_ns[0]) * 1e-9
    rate = (len(times.arrivals_ns) - 1) / span_s if span_s > 0.0 else 0.0
    figures = {"measured_hz": rate, "contract_hz": stream.rate_hz}
    if rate < _LEAST_RATE * stream.rate_hz:
        words = f"{rate:.1f} Hz; the contract says {stream.rate_hz:g}: raise the driver's rate, or state it"
        return Check(stream.name, "rate", WRONG, words, figures)
    return Check(stream.name, "rate", OK, f"{rate:.1f} Hz of {stream.rate_hz:g}", figures)


def _stamps(stream: JointStream, times: StreamTimes, max_age_s: float) -> list[Check]:
    stamps = np.array(times.stamps_ns, np.int64)
    advancing = int(np.count_nonzero(np.diff(stamps) > 0))
    if not stamps.any() or advancing * 2 < len(stamps) - 1:
        what = "0" if not stamps.any() else f"of {len(stamps)} messages {advancing} are newer than the one before"
        words = f"stamps do not go on ({what}): the driver repeats a stamp, or sets none"
        return [Check(stream.name, "stamps", WRONG, words, {"advancing": advancing, "messages": len(stamps)})]
    ages = (np.array(times.arrivals_ns, np.int64) - stamps) * 1e-9
    age, spread = float(np.median(ages)), float(np.quantile(ages, 0.9) - np.quantile(ages, 0.1))
    figures = {"age_s": age, "age_spread_s": spread, "max_age_s": max_age_s, "clock_offset_s": -float(ages.min())}
    going = Check(stream.name, "stamps", OK, "go on with every message", {"messages": len(stamps)})
    if not -FUTURE_S <= age <= max_age_s:
        clock = abs(age) > _CLOCK_S and spread < _STEADY * abs(age)
        side = "ahead" if age < 0.0 else "behind"
        words = (
            f"stamps are {abs(age):.3f} s {side}, steadily: the robot's clock is off by that much (chrony, PTP)"
            if clock
            else f"stamps are {age:.3f} s old, varying by {spread:.3f} s: the driver or the network is late"
        )
        return [going, Check(stream.name, "age", WRONG, f"{words}; the gate takes {max_age_s:g} s", figures)]
    level = NOTE if age > _OLD * max_age_s or age < 0.0 else OK
    return [going, Check(stream.name, "age", level, f"{age * 1e3:.1f} ms; the gate takes {max_age_s:g} s", figures)]


def judge_places(contract: Contract, joints: Mapping[str, JointHistory]) -> list[Check]:
    """Whether each joint stands within its limits; one that would do so in another unit is told."""
    limits, found = contract.limits(), list[Check]()
    for name, low, high in zip(limits.names, limits.lower.tolist(), limits.upper.tolist()):
        history = joints[name]
        if not history.positions:
            found.append(Check(name, "position", WRONG, "no joint states name this joint"))
            continue
        place = history.positions[-1]
        figures = {"measured": place, "lower": low, "upper": high}
        if low - LIMIT_TOLERANCE <= place <= high + LIMIT_TOLERANCE:
            found.append(Check(name, "position", OK, f"{place:.4g}, within {low:.4g} to {high:.4g}", figures))
            continue
        unit = next((words for words, by in _UNITS if low <= place * by <= high), "")
        words = f"{place:.4g} is out of {low:.4g} to {high:.4g}: the gate cannot be armed"
        found.append(Check(name, "units" if unit else "position", WRONG, words + unit, figures))
    return found


_UNITS = (
    ("; divided by 57.3 it is inside: the driver reports degrees for radians", np.pi / 180.0),
    ("; divided by 1000 it is inside: the driver reports mm for m", 1e-3),
)


def judge_limits(contract: Contract, robot: Mapping[str, UrdfLimit] | None) -> list[Check]:
    """Whether the contract's limits lie within those of the URDF that the robot itself publishes, if it does."""
    if robot is None:
        return [Check("robot", "limits", NOTE, "no robot_description is published: limits are the contract's alone")]
    limits, found = contract.limits(), list[Check]()
    for i, name in enumerate(limits.names):
        theirs = robot.get(name)
        if theirs is None:
            found.append(Check(name, "limits", WRONG, "the published robot_description has no such joint"))
            continue
        over = list[str]()
        low, high = float(limits.lower[i]), float(limits.upper[i])
        if theirs.position is not None and (low < theirs.position[0] - _BEYOND or high > theirs.position[1] + _BEYOND):
            over.append(f"positions {low:.4g} to {high:.4g} of {theirs.position[0]:.4g} to {theirs.position[1]:.4g}")
        if theirs.velocity is not None and limits.velocity[i] > theirs.velocity * (1 + _BEYOND):
            over.append(f"velocity {limits.velocity[i]:.4g} of {theirs.velocity:.4g}")
        words = f"the contract allows more than the robot's own URDF: {'; '.join(over)}"
        found.append(Check(name, "limits", WRONG, words) if over else Check(name, "limits", OK, "within the robot's"))
    return found
