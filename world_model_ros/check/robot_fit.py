"""Checks all streams of a robot, live or in a bag, against its contract, and words the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from world_model_ros.check.fold import Folded, folded
from world_model_ros.check.joint_fit import JointFit
from world_model_ros.check.stream_fit import OUR_CLOCK, Finding, StreamFit
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import Stream
from world_model_ros.core.trajectory import LIMIT_TOLERANCE

_TOGETHER, _LATE_S = 2, 0.5  # streams at least, and how late each is, that have one cause
_TURN = 2 * np.pi
_TURNS_DEG = 3600.0  # what is more is no angle at all


_FITS: dict[str, Callable[..., StreamFit]] = {"joints": JointFit}  # kinds that are looked at in a way of their own


def fit_for(stream: Stream, source: StreamSource, clock: str = OUR_CLOCK) -> StreamFit:
    """What collects the messages of a stream; arguments as of `StreamFit`."""
    return _FITS.get(stream.kind, StreamFit)(stream, source, clock)


class RobotFit:
    """Collects the messages of all streams.

    Args:
        contract: of the robot.
        clock: what arrivals are timed by, in words.

    Attributes:
        streams: a `StreamFit` a stream, by name.
    """

    def __init__(self, contract: Contract, clock: str = OUR_CLOCK) -> None:
        self._contract = contract
        self.streams = {
            each.name: fit_for(each, contract.source(each.name), clock) for each in contract.interface.streams
        }

    def add(self, name: str, message: Any, now_ns: int) -> None:
        """A message of a stream that arrived at ``now_ns``."""
        self.streams[name].add(message, now_ns)

    def findings(self, name: str) -> list[Finding]:
        """Findings about one stream's messages, judged with those of all others: a run is held up as a whole."""
        fit = self.streams[name]
        fit.tick_hz = self._contract.interface.tick_hz
        fit.held_up_with = [each for each, other in self.streams.items() if other.held_up() is not None]
        return fit.findings()

    def topic(self, name: str, topic: str, before: Sequence[Finding]) -> dict[str, Any]:
        """What came of a stream: ``stream``, ``topic``, ``fits``, ``messages``, ``rate_hz``, ``age_ms``, ``findings``.

        Args:
            before: what is known of the topic but by its messages.
        """
        fit = self.streams[name]
        findings, ages_ms = [*before, *self.findings(name)], fit.ages_s * 1e3
        return {
            "stream": name,
            "topic": topic,
            "fits": all(each.level != "wrong" for each in findings),
            "messages": fit.messages,
            "rate_hz": fit.rate_hz,
            "age_ms": {"p50": float(np.median(ages_ms)), "max": float(ages_ms.max())} if len(ages_ms) else None,
            "findings": [asdict(each) for each in findings],
        }

    def report(self, seconds: float, topics: list[dict[str, Any]], command: Sequence[Finding]) -> dict[str, Any]:
        """The whole report: ``robot``, ``seconds``, ``fits``, ``topics`` (as `topic`), ``command`` (findings about what
        the robot is sent), ``joints`` outside of their limits, and ``machine``, what all streams have in common."""
        joints, machine = self.outside(), self._late_together(topics)
        levels = [each.level for each in (*command, *joints, *machine)]
        return {
            "robot": self._contract.name,
            "seconds": seconds,
            "fits": "wrong" not in levels and all(topic["fits"] for topic in topics),
            "topics": topics,
            "command": [asdict(each) for each in command],
            "joints": [asdict(each) for each in joints],
            "machine": [asdict(each) for each in machine],
        }

    def _late_together(self, topics: list[dict[str, Any]]) -> list[Finding]:
        """One finding in the place of each stream's own where all were late: that is no fault of theirs."""
        heard = [topic for topic in topics if topic["messages"]]
        late = [topic for topic in heard if any(_is_late(each) for each in topic["findings"])]
        times = [self.streams[topic["stream"]].times for topic in heard]
        if len(heard) < _TOGETHER or len(late) < len(heard) or min(each.held_s for each in times) < _LATE_S:
            return []
        level = "note"
        for topic in late:
            level = "wrong" if any(_is_late(each) and each["level"] == "wrong" for each in topic["findings"]) else level
            topic["findings"] = [each for each in topic["findings"] if not _is_late(each)]
            topic["fits"] = all(each["level"] != "wrong" for each in topic["findings"])
        found = f"all {len(heard)} streams were late together, by up to {max(each.held_s for each in times):.1f} s"
        change = "the recorder or the machine was late: record, or listen, again on one that is less busy"
        return [Finding("age", found, change, level)]

    def outside(self) -> list[Finding]:
        """Joints that were outside of their limits, by more than the gate lets pass; nothing where none are known."""
        deployment = self._contract.deployment
        if deployment.urdf is None and not deployment.limits:
            return []
        limits, found = self._contract.limits(), []
        spans = [fit.span for fit in self.streams.values() if isinstance(fit, JointFit)]
        units = {joint.name: joint.unit for joint in self._contract.interface.joints}
        for name, low, high in zip(limits.names, limits.lower, limits.upper):
            seen = [span[name] for span in spans if name in span] or [(low, high)]
            least, most = min(end for end, _ in seen), max(end for _, end in seen)
            beyond = max(low - least, most - high)
            if beyond > LIMIT_TOLERANCE:
                at = least if low - least == beyond else most
                was = f"{name} was at {at:.4g}, limits {low:.4g} to {high:.4g}: {beyond:.3g} beyond"
                change = "deployment.limits or the URDF; as it is, the gate cannot be armed there"
                if units[name] == "rad" and _TURN < abs(at) < _TURNS_DEG:
                    change = (
                        "the driver sends degrees, it seems: it has to send rad; else deployment.limits or the URDF"
                    )
                found.append(Finding("limits", was, change, "wrong"))
        return found


def _is_late(finding: dict[str, Any]) -> bool:
    return bool(finding["what"] == "age" and finding["level"] != "ok")


def report_lines(result: dict[str, Any]) -> list[str]:
    """What a person reads of a `RobotFit.report`: an arrow leads to what has to be changed, a note may be as it is."""
    lines, said = [], _said(result)
    for topic in result["topics"]:
        rate, age = topic["rate_hz"], topic["age_ms"]
        words = "" if rate is None else f" {rate:.1f} a second,"
        words += "" if age is None else f" age {age['p50']:.1f} ms (at most {age['max']:.1f}),"
        verdict = (
            "does not fit"
            if not topic["fits"]
            else "fits"
            if topic["messages"]
            else "silent, which it may be: it is not required"
        )
        lines.append(f"{topic['topic']} ({topic['stream']}):{words} {verdict}")
        lines += [f"    {line}" for each in said if each.of.names == [topic["stream"]] for line in each.lines()]
    for each in said:
        if each.of.names == [""] or len(each.of.names) > 1:
            lines += each.lines()
    return [*lines, f"{result['robot']} {'fits' if result['fits'] else 'does not fit'} its contract"]


def notes(result: dict[str, Any]) -> list[str]:
    """The findings of a report that a person should look at, a line each."""
    return [
        f"{', '.join(names)}{': ' if any(names) else ''}{what}: {'; '.join(found)} -> {advice}"
        for what, _, (names, found, advice) in _said(result)
    ]


class _Said(NamedTuple):
    """What is said of one or several streams, or of the robot (its name is empty then)."""

    what: str
    wrong: bool
    of: Folded

    def lines(self) -> list[str]:
        several = f" of {', '.join(self.of.names)}" if len(self.of.names) > 1 else ""
        found = f"{self.what}{several}: {'; '.join(self.of.found)}"
        return [found, f"    -> {self.of.advice}"] if self.wrong else [f"note: {found}; {self.of.advice}"]


def _said(result: dict[str, Any]) -> list[_Said]:
    """What does not fit, and notes, each cause once, in the order of the streams."""
    every = [(topic["stream"], each) for topic in result["topics"] for each in topic["findings"]]
    every += [("", each) for each in (*result["command"], *result["joints"], *result.get("machine", ()))]
    kinds: dict[tuple[str, bool], list[tuple[str, str, str]]] = {}
    for name, each in every:
        if each["level"] != "ok":
            kind = each["what"], each["level"] == "wrong"
            kinds.setdefault(kind, []).append((name, each["found"], each["change"]))
    said = [_Said(what, wrong, of) for (what, wrong), group in kinds.items() for of in folded(group)]
    order = {name: place for place, name in enumerate(dict.fromkeys(name for name, _ in every))}
    return sorted(said, key=lambda each: order[each.of.names[0]])
