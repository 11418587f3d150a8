"""The outcome of a commissioning as a table, as data for JSON, and as a page in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from world_model_ros.commissioning.commissioner import Commissioner
from world_model_ros.commissioning.findings import NOT_DONE, NOTE, OK, WRONG, worst
from world_model_ros.contract.contract import Contract

_DIGITS = 5


def report(who: Commissioner, versions: Mapping[str, str | None]) -> dict[str, Any]:
    """Everything that was found.

    Args:
        who: that has ended. versions: of what it was made with.
    """
    plan, contract = who.plan, who.contract
    checks = [
        {
            "subject": each.subject,
            "what": each.what,
            "verdict": each.level,
            "words": each.words,
            "figures": {name: round(float(value), _DIGITS) for name, value in each.figures.items()},
        }
        for each in who.checks
    ]
    return {
        "robot": contract.name,
        "interface_hash": contract.interface_hash,
        "passed": worst(who.checks) in (OK, NOTE) and not who.ended,
        "ended": who.ended,
        "share_of_limits": plan.share,
        "moved": plan.moves,
        "limits": _limits(contract),
        "checks": checks,
        "versions": dict(versions),
    }


def _limits(contract: Contract) -> dict[str, dict[str, float]]:
    limits = contract.limits()
    kinds = ("lower", "upper", "velocity", "acceleration", "jerk")
    return {name: {kind: float(getattr(limits, kind)[i]) for kind in kinds} for i, name in enumerate(limits.names)}


def verdict(told: Mapping[str, Any]) -> str:
    """The outcome in a line."""
    counts = Counter(each["verdict"] for each in told["checks"])
    counted = ", ".join(f"{counts[level]} {level}" for level in (OK, NOTE, WRONG, NOT_DONE) if counts[level])
    words = "does what its contract says" if told["passed"] else "does NOT do what its contract says, or was not tried"
    words = words if told["moved"] else "was listened to; nothing moved"
    ended = f"; {told['ended']}" if told["ended"] else ""
    return f"{told['robot']} {words}: {counted}{ended}"


def lines(told: Mapping[str, Any]) -> list[str]:
    """The table, for a terminal."""
    rows = [(each["subject"], each["what"], each["verdict"], each["words"]) for each in told["checks"]]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    table = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]) for row in rows]
    return [*table, "", verdict(told)]


def page(told: Mapping[str, Any]) -> str:
    """The same as a page in Markdown, with every figure."""
    share = f"At {told['share_of_limits']:.0%} of the velocity limits. Interface {told['interface_hash'][:12]}."
    text = [f"# Commissioning of {told['robot']}", "", f"{verdict(told)}.", "", share, ""]
    text += ["| subject | check | verdict | what | figures |", "|---|---|---|---|---|"]
    for each in told["checks"]:
        figures = ", ".join(f"{name} {value:g}" for name, value in each["figures"].items())
        cells = (each["subject"], each["what"], each["verdict"], each["words"], figures)
        text.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    text += ["", "| limit of | lower | upper | velocity | acceleration | jerk |", "|---|---|---|---|---|---|"]
    for name, limits in told["limits"].items():
        text.append(f"| {' | '.join([name, *(f'{value:g}' for value in limits.values())])} |")
    text += ["", "| version of | |", "|---|---|"]
    text += [f"| {name} | {value or 'not there'} |" for name, value in told["versions"].items()]
    return "\n".join([*text, ""])
