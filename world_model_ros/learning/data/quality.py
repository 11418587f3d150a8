"""Measures the quality of the bags of a data set, reports their faults, and refuses data that teaches nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream, TaxelStream
from world_model_ros.core.arrays import Array
from world_model_ros.core.errors import UserError

_MOST_SATURATED = 0.9  # share of ticks
_CONTACT_N = 0.2  # a pad that feels more than this in all touches something
_STILL = 1e-6
_MOVED = 0.01  # rad or m
_LONGEST_PAUSE_TICKS = 20
_MOST_LATE_S = 1.0
_MOST_AHEAD_S = 0.1  # by which a stream is recorded before its stamp
_LEAST_JOINTS = 0.5
_MOST_FROZEN = 0.5  # of a bag without a word about it


@dataclass(frozen=True)
class BagQuality:
    """Quality of one bag.

    Args:
        bag: name. ticks: of it. digest: of what was sensed; equal bags have equal ones.
        fresh: share of ticks by stream. frozen: share of the longest stretch without any change, where it was fresh.
        saturated: share of ticks with most values at the end of their range.
        late_s: stamps behind the tick, mean by stream, where it was fresh; anywhere if it never was.
        recorded_late_s: bag time behind the stamp, mean by stream; streams of one robot differ by their clocks.
        gaps: times that a stream was away, by stream.
        pause_ticks: the longest time without required streams, in ticks.
        contact: share of ticks that feel contact; None without touch.
        moving: share of ticks with an action. finite: no NaN among joints and actions.
        joints_moved: one of them by more than a hundredth of its unit.
        motion: digest of joints, actions and times; the same recording with other pictures has the same.
    """

    bag: str
    ticks: int
    digest: str
    fresh: dict[str, float]
    frozen: dict[str, float]
    saturated: dict[str, float]
    late_s: dict[str, float]
    gaps: dict[str, int]
    pause_ticks: int
    contact: float | None
    moving: float
    finite: bool
    recorded_late_s: dict[str, float]
    joints_moved: bool
    motion: str

    def faults(self, required: Sequence[str], cameras: Sequence[str] = ()) -> list[str]:
        """Why no model should be trained on this bag; empty if nothing speaks against it."""
        found = []
        if not self.finite:
            found.append("numbers that are not finite")
        if self.pause_ticks > _LONGEST_PAUSE_TICKS:
            found.append(f"a pause of {self.pause_ticks} ticks; make two bags of it")
        scarce = [name for name in required if self.fresh[name] < _LEAST_JOINTS]
        found += [f"{name} fresh in {self.fresh[name]:.0%} of the ticks only" for name in scarce]
        least_s = min(self.late_s.values(), default=0.0)
        if least_s > _MOST_LATE_S:
            found.append(f"all stamps {least_s:.1f} s behind the bag's clock; was it recorded without use_sim_time?")
        off = {name: late - least_s for name, late in self.late_s.items() if late - least_s > _MOST_LATE_S}
        found += [f"{name} stamped {late:.1f} s before the others" for name, late in off.items()]
        found += [
            f"{name} in the bag, but never fresh: stamps {late:.2f} s behind the ticks"
            for name, late in self.late_s.items()
            if self.fresh[name] == 0.0 and name not in (*off, *scarce) and least_s <= _MOST_LATE_S
        ]
        found += [f"{name} stamped {ahead:.2f} s after it was recorded" for name, ahead in self._ahead().items()]
        dazzled = {name: share for name, share in self.saturated.items() if share > _MOST_SATURATED}
        found += [f"{name} saturated in {share:.0%} of the ticks" for name, share in dazzled.items()]
        if not self.moving and self.joints_moved:
            found.append("not one action, though the joints move; is the topic of the commands in it?")
        if self.moving > 0 and self.ticks > _LONGEST_PAUSE_TICKS:
            found += [
                f"{name} frozen while the robot was moved"
                for name in dict.fromkeys((*required, *cameras))
                if self.frozen[name] == 1.0
            ]
        return found

    def _ahead(self) -> dict[str, float]:
        """How long before its stamp a stream is recorded, s, where others are not: its clock is ahead."""
        latest = max(self.recorded_late_s.values(), default=0.0)
        return {
            name: -late
            for name, late in self.recorded_late_s.items()
            if late < -_MOST_AHEAD_S and latest - late > _MOST_AHEAD_S
        }


def bag_quality(
    bag: str,
    contract: Contract,
    now_ns: Array,
    streams: dict[str, Array],
    fresh: Array,
    stamps_ns: Array,
    applied: Array,
    digest: str,
    recorded_late_s: Mapping[str, float],
) -> BagQuality:
    """Measure an aligned episode; arguments as in `Episode`."""
    interface = contract.interface.streams
    names = [stream.name for stream in interface]
    here = {name: fresh[:, i].astype(bool) for i, name in enumerate(names)}
    late = {name: _late_s(now_ns, stamps_ns[:, i], here[name]) for i, name in enumerate(names)}
    required = [name for name in names if contract.source(name).required and here[name].any()]
    away = max((_longest(~here[name]) for name in required), default=0)
    pads = contract.interface.of(TaxelStream)
    touch = [streams[each.name][here[each.name]] for each in pads if here[each.name].any()]
    step = round(float(np.diff(now_ns).max(initial=0)) / contract.tick_ns)
    joints = [streams[each.name][here[each.name]] for each in contract.interface.of(JointStream)]
    return BagQuality(
        bag,
        len(now_ns),
        digest,
        {name: float(rows.mean()) for name, rows in here.items()},
        {name: _frozen(streams[name][here[name]]) for name in names},
        {each.name: _saturated(streams[each.name][here[each.name]], each.kind) for each in interface},
        {name: seconds for name, seconds in late.items() if seconds is not None},
        {name: int((np.diff(rows.astype(np.int8)) < 0).sum()) for name, rows in here.items()},
        max(step, away),
        float(np.mean([(np.abs(rows).sum(axis=(1, 2, 3)) > _CONTACT_N).mean() for rows in touch])) if touch else None,
        float((np.abs(applied) > _STILL).any(axis=1).mean()),
        bool(np.isfinite(applied).all() and all(np.isfinite(rows).all() for rows in joints)),
        dict(recorded_late_s),
        any(bool((np.ptp(rows[..., 0], axis=0) > _MOVED).any()) for rows in joints if len(rows)),
        hashlib.sha256(b"".join(each.tobytes() for each in (now_ns, applied, *joints))).hexdigest(),
    )


def data_set_report(
    rows: Sequence[BagQuality], contract: Contract, unreadable: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """All bags together: totals, duplicates, clock offsets, and each bag with faults.

    Args:
        unreadable: bags that are not among the rows, and why.
    """
    required = [stream.name for stream in contract.interface.streams if contract.source(stream.name).required]
    duplicates = _equal([(row.bag, row.digest) for row in rows])
    same_motion = _equal([(row.bag, row.motion) for row in rows if row.moving])
    cameras = [stream.name for stream in contract.interface.streams if stream.is_picture]
    faults = {row.bag: found for row in rows if (found := row.faults(required, cameras))}
    faults |= {bag: [f"cannot be read, and is left out: {why}"] for bag, why in (unreadable or {}).items()}
    weights = np.array([row.ticks for row in rows], np.float64)
    streams = [stream.name for stream in contract.interface.streams]

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=weights))

    touched = [row.contact for row in rows if row.contact is not None]
    return {
        "bags": len(rows),
        "ticks": int(weights.sum()),
        "fresh": {name: mean([row.fresh[name] for row in rows]) for name in streams},
        "saturated": {name: mean([row.saturated[name] for row in rows]) for name in streams},
        "frozen": {name: max(row.frozen[name] for row in rows) for name in streams},
        "gaps": {name: sum(row.gaps[name] for row in rows) for name in streams},
        "late_s": _means([row.late_s for row in rows], streams),
        "recorded_late_s": _means([row.recorded_late_s for row in rows], streams),
        "contact": float(np.mean(touched)) if touched else None,
        "moving": mean([row.moving for row in rows]),
        "duplicates": duplicates,
        "same_motion": [pair for pair in same_motion if pair not in duplicates],
        "faults": faults,
        "rows": [asdict(row) for row in rows],
    }


def refuse_nonsense(report: dict[str, Any]) -> None:
    """Raise `UserError` if a model trained on this would learn nothing of use.

    Single bad bags, duplicates, or a data set in which nothing moves.
    """
    if report["faults"]:
        bag, found = next(iter(report["faults"].items()))
        more = len(report["faults"]) - 1
        words = f"{bag}: {'; '.join(found)}" + (f" (and {more} more bags)" if more else "")
        raise UserError("bags", words, "bags without such faults; leave them out, or --despite-faults")
    if report["duplicates"]:
        first, second = report["duplicates"][0]
        raise UserError(
            "bags", f"{second} is the same as {first}", "each recording once: copies would validate themselves"
        )
    if report["moving"] == 0.0:
        raise UserError(
            "bags", "not one action in them", "bags with the topic of the commands, in which the robot is moved"
        )


def quality_lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    lines = [f"data: {report['bags']} bags, {report['ticks']} ticks; moving in {report['moving']:.0%} of them"]
    if report["contact"] is not None:
        lines[0] += f", in contact in {report['contact']:.0%}"
    for name, share in report["fresh"].items():
        late = report["late_s"].get(name)
        behind = "" if late is None else f", {1000 * late:.0f} ms behind the tick"
        clipped = f", saturated {report['saturated'][name]:.0%}" if report["saturated"][name] else ""
        clock = report["recorded_late_s"].get(name)
        recorded = "" if clock is None else f", in the bag {1000 * clock:.0f} ms after its stamp"
        stuck = report["frozen"][name]
        frozen = f", unchanged for up to {stuck:.0%} of a bag" if stuck >= _MOST_FROZEN else ""
        lines.append(f"  {name}: fresh {share:.0%}, {report['gaps'][name]} gaps{behind}{recorded}{clipped}{frozen}")
    lines += [f"  {second} is the same as {first}" for first, second in report["duplicates"][:5]]
    lines += [
        f"  {second} has the same motion at the same times as {first}: one recording with other pictures?"
        for first, second in report["same_motion"][:5]
    ]
    return lines + [f"  {bag}: {'; '.join(found)}" for bag, found in list(report["faults"].items())[:5]]


def _equal(marked: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Of bags with a mark each, those with the mark of one before, and that one."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(mark, number), number) for number, (_, mark) in enumerate(marked)]
    return [[marked[a][0], marked[b][0]] for a, b in pairs if a != b]


def _means(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    """Mean by name, of those that have it."""
    return {
        name: float(np.mean([row[name] for row in rows if name in row]))
        for name in names
        if any(name in row for row in rows)
    }


def _frozen(rows: Array) -> float:
    """Share of the longest stretch in which nothing changes at all."""
    if len(rows) < 2:
        return 0.0
    rows = rows if rows.dtype.kind != "f" else np.nan_to_num(rows)  # depth is NaN where nothing was measured
    same = (rows[1:] == rows[:-1]).reshape(len(rows) - 1, -1).all(axis=1)
    return _longest(same) / (len(rows) - 1)


def _longest(mask: Array) -> int:
    """Length of the longest stretch of ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _late_s(now_ns: Array, stamps_ns: Array, fresh: Array) -> float | None:
    there = fresh if fresh.any() else stamps_ns >= 0
    return float((now_ns - stamps_ns)[there].mean()) * 1e-9 if there.any() else None


def _saturated(rows: Array, kind: str) -> float:
    """Share of ticks with most values at the end of their range, or without any, for kinds that have one."""
    if not len(rows) or kind not in _SATURATES:
        return 0.0
    at_end, most = _SATURATES[kind]
    return float((at_end(rows).reshape(len(rows), -1).mean(axis=1) > most).mean())


# By kind: where a value is at the end of its range, and the share of such values that is too much.
_SATURATES: dict[str, tuple[Callable[[Array], Array], float]] = {
    "camera": (lambda pixels: (pixels == 0) | (pixels == 255), 0.95),  # a white table under a lamp leaves enough to see
    "depth": (np.isnan, 0.95),  # nothing measured
    "microphone": (lambda sound: np.abs(sound) >= 0.999, 0.01),
}
