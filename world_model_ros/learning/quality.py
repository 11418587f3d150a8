"""What a data set is worth, before a model is trained on it: a row a bag, and what makes one useless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError

Array = NDArray[Any]
_SATURATED = 0.5  # share of a picture's or sound's values at the end of their range
_CONTACT_N = 0.2  # a pad that feels more than this in all touches something
_STILL = 1e-6
_LONGEST_PAUSE_TICKS = 20
_MOST_LATE_S = 1.0
_LEAST_JOINTS = 0.5


@dataclass(frozen=True)
class BagQuality:
    """One bag.

    Args:
        bag: name. ticks: of it. digest: of what was sensed; equal bags have equal ones.
        fresh: share of ticks by stream. frozen: share of the longest stretch without any change, where it was fresh.
        saturated: share of ticks with most values at the end of their range.
        late_s: stamps behind the tick, mean by stream; streams of one robot differ by the offset of their clocks.
        gaps: times that a stream was away, by stream.
        pause_ticks: the longest pause of the whole recording, in ticks.
        contact: share of ticks that feel contact; None without touch.
        moving: share of ticks with an action. finite: no NaN among joints and actions.
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

    def faults(self, required: Sequence[str]) -> list[str]:
        """Why no model should be trained on this bag; empty if nothing speaks against it."""
        found = []
        if not self.finite:
            found.append("numbers that are not finite")
        if self.pause_ticks > _LONGEST_PAUSE_TICKS:
            found.append(f"a pause of {self.pause_ticks} ticks; make two bags of it")
        scarce = [name for name in required if self.fresh[name] < _LEAST_JOINTS]
        found += [f"{name} fresh in {self.fresh[name]:.0%} of the ticks only" for name in scarce]
        off = {name: late for name, late in self.late_s.items() if late > _MOST_LATE_S}
        found += [f"{name} stamped {late:.1f} s before the others" for name, late in off.items()]
        if self.moving > 0:
            found += [
                f"{name} frozen while the robot was moved"
                for name in required
                if self.frozen[name] == 1.0 and self.ticks > _LONGEST_PAUSE_TICKS
            ]
        return found


def bag_quality(
    bag: str,
    contract: Contract,
    now_ns: Array,
    streams: dict[str, Array],
    fresh: Array,
    stamps_ns: Array,
    applied: Array,
    digest: str,
) -> BagQuality:
    """Measure an aligned episode; arrays as in `Episode`."""
    interface = contract.interface.streams
    names = [stream.name for stream in interface]
    here = {name: fresh[:, i].astype(bool) for i, name in enumerate(names)}
    late = {name: (now_ns - stamps_ns[:, i])[stamps_ns[:, i] >= 0] * 1e-9 for i, name in enumerate(names)}
    touch = [
        streams[each.name][here[each.name]] for each in interface if each.kind == "taxels" and here[each.name].any()
    ]
    steps = np.diff(now_ns)
    joints = [streams[each.name][here[each.name]] for each in interface if each.kind == "joints"]
    return BagQuality(
        bag,
        len(now_ns),
        digest,
        {name: float(rows.mean()) for name, rows in here.items()},
        {name: _frozen(streams[name][here[name]]) for name in names},
        {each.name: _saturated(streams[each.name][here[each.name]], each.kind) for each in interface},
        {name: float(rows.mean()) for name, rows in late.items() if len(rows)},
        {name: int((np.diff(rows.astype(np.int8)) < 0).sum()) for name, rows in here.items()},
        round(float(steps.max()) / contract.tick_ns) if len(steps) else 0,
        float(np.mean([(np.abs(rows).sum(axis=(1, 2, 3)) > _CONTACT_N).mean() for rows in touch])) if touch else None,
        float((np.abs(applied) > _STILL).any(axis=1).mean()),
        bool(np.isfinite(applied).all() and all(np.isfinite(rows).all() for rows in joints)),
    )


def data_set_report(rows: Sequence[BagQuality], contract: Contract) -> dict[str, Any]:
    """All bags together: totals, duplicates, clock offsets, and each bag with faults."""
    required = [stream.name for stream in contract.interface.streams if contract.source(stream.name).required]
    seen: dict[str, str] = {}
    duplicates = []
    for row in rows:
        if row.digest in seen:
            duplicates.append([seen[row.digest], row.bag])
        seen.setdefault(row.digest, row.bag)
    faults = {row.bag: found for row in rows if (found := row.faults(required))}
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
        "gaps": {name: sum(row.gaps[name] for row in rows) for name in streams},
        "late_s": {
            name: float(np.mean([row.late_s[name] for row in rows if name in row.late_s]))
            for name in streams
            if any(name in row.late_s for row in rows)
        },
        "contact": float(np.mean(touched)) if touched else None,
        "moving": mean([row.moving for row in rows]),
        "duplicates": duplicates,
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
        lines.append(f"  {name}: fresh {share:.0%}, {report['gaps'][name]} gaps{behind}{clipped}")
    lines += [f"  {second} is the same as {first}" for first, second in report["duplicates"][:5]]
    return lines + [f"  {bag}: {'; '.join(found)}" for bag, found in list(report["faults"].items())[:5]]


def _frozen(rows: Array) -> float:
    """Share of the longest stretch in which nothing changes at all."""
    if len(rows) < 2:
        return 0.0
    same = (rows[1:] == rows[:-1]).reshape(len(rows) - 1, -1).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    longest = int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
    return longest / (len(rows) - 1)


def _saturated(rows: Array, kind: str) -> float:
    """Share of ticks in which most of a picture is black or white, or some of a sound is clipped."""
    if not len(rows) or kind not in ("camera", "microphone"):
        return 0.0
    flat = rows.reshape(len(rows), -1)
    if kind == "camera":
        return float((((flat == 0) | (flat == 255)).mean(axis=1) > _SATURATED).mean())
    return float(((np.abs(flat) >= 0.999).mean(axis=1) > 0.01).mean())
