"""Writes ``report.html``, one file that shows a whole replay, and states the outcome in a few sentences."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2

from world_model_ros.bags.replay.horizon_errors import last_scored
from world_model_ros.bags.replay.replay import Replay
from world_model_ros.bags.replay.report.highlights import Moment
from world_model_ros.bags.replay.same_as_live import as_live_line
from world_model_ros.core.arrays import Frame
from world_model_ros.core.installation.missing import imported

_TEMPLATE = "report.html.j2"
_LIBRARIES = ("matplotlib", "jinja2")


def can_report() -> bool:
    """Whether the libraries of the extra ``report`` are installed."""
    return all(find_spec(name) is not None for name in _LIBRARIES)


def write_report(path: Path, done: Replay, draw: Callable[[Moment], Frame] | None = None) -> None:
    """Write the report of a replay.

    Args:
        draw: a moment as one (height, width, 3) uint8 RGB picture.

    Raises:
        UserError: matplotlib or jinja2 are not installed.
    """
    for name in _LIBRARIES:
        imported(name)
    import jinja2

    from world_model_ros.bags.replay.report.plots import plots

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("world_model_ros", "bags/replay"),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    first_ns = done.journal.first_ns
    refused = sum((done.metrics["gate"] or {}).get("refused", {}).values())
    page = environment.get_template(_TEMPLATE).render(
        m=done.metrics,
        verdict=verdict(done.metrics),
        plots=plots(done),
        changed=[_changed(name, rows) for name, rows in done.metrics["prediction"].items()],
        frames=[(t, _jpeg(frame)) for t, frame in done.journal.frames()],
        worst=[(value, (at - first_ns) * 1e-9, _jpeg(draw(moment))) for value, at, moment in done.worst]
        if draw is not None
        else [],
        refused=refused,
    )
    path.write_text(page, encoding="utf-8")


def verdict(metrics: dict[str, Any]) -> list[str]:
    """What a person should take home, a sentence each."""
    live = metrics["same_as_live"]
    lines = [] if live is None else [as_live_line(live, metrics["ticks"])]
    lost = [name for name, share in metrics["fresh"].items() if share == 0.0]
    flaky = [f"{name} {share:.0%}" for name, share in metrics["fresh"].items() if 0.0 < share < 0.95]
    if lost:
        lines.append(
            f"Without {', '.join(lost)}: nothing of it was usable, so what the model says about it cannot be judged."
        )
    if flaky:
        lines.append(f"Fresh only part of the time: {', '.join(flaky)}.")
    lines += too_still(metrics)
    lines += [_outcome(name, rows) for name, rows in metrics["prediction"].items()]
    surprise = metrics["surprise"]
    if surprise["worst"]:
        worst = surprise["worst"][0]
        lines.append(
            f"Most surprising at {worst['t']:.1f} s ({worst['value']:.2f}; the median is {surprise['p50']:.2f})."
        )
    if metrics["gate"] and metrics["commands"]:
        refused = metrics["gate"]["refused"]
        words = ", ".join(f"{count} for {rule}" for rule, count in refused.items()) or "none"
        lines.append(f"Commands that the gate would have refused: {words}.")
    return lines


def too_still(metrics: dict[str, Any]) -> list[str]:
    """That a bag, or of some signals what is in it, cannot judge a model; nothing where it can."""
    still = {name: rows for name, rows in metrics["prediction"].items() if not rows["judged"]}
    if not still:
        return []
    every = len(still) == len(metrics["prediction"])
    counts = ", ".join(f"{name} in {_share(rows)} ticks" for name, rows in still.items())
    begin = "This bag cannot judge the model: too little moved" if every else "Too little moved to judge the model by"
    return [f"{begin}: {counts}."]


def _share(rows: dict[str, Any]) -> str:
    where, end = rows["where_changed"], last_scored(rows)
    return f"{where['ticks'][end]} of {where['of'][end]}"


def _outcome(name: str, rows: dict[str, Any]) -> str:
    """How one signal was predicted, next to repeating the present, and where it changed."""
    end, where = last_scored(rows), rows["where_changed"]
    model, still, ahead = rows["model"][end], rows["copy_last"][end], rows["horizon_s"][end]
    if not rows["judged"]:
        return (
            f"{name}, {ahead:.1f} s ahead: not judged ({model:.3g}, repeating the present {still:.3g}; {rows['unit']})."
        )
    line = f"{name}, {ahead:.1f} s ahead: {model:.3g}, {_word(rows, model, still)} repeating the present"
    line += f" ({still:.3g}; {rows['unit']})."
    ticks, of = where["ticks"][end], where["of"][end]
    if ticks < of:
        model, still = where["model"][end], where["copy_last"][end]
        line += (
            f" In the {ticks} of {of} ticks in which it changed: {model:.3g}, {_word(rows, model, still)} {still:.3g}."
        )
    return line


def _changed(name: str, rows: dict[str, Any]) -> list[str]:
    """A row of the table of what changed, at the last step."""
    end, where = last_scored(rows), rows["where_changed"]
    values = [each["model" if i % 2 == 0 else "copy_last"][end] for i, each in enumerate((rows, rows, where, where))]
    return [name, f"{_share(rows)} ticks", *("" if value is None else f"{value:.3g}" for value in values)]


def _word(rows: dict[str, Any], model: float, still: float) -> str:
    better = model > still if rows["kind"] == "psnr_db" else model < still
    return "better than" if better else "no better than"


def _jpeg(picture: Frame) -> str:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 88]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    assert done
    return base64.b64encode(data.tobytes()).decode()
