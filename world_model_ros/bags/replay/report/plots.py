"""The plots of a replay's report as inline SVG; needs matplotlib."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from world_model_ros.bags.replay.replay import Replay

_MODEL, _STILL, _WARN, _SOFT = "#2563b8", "#98a2b3", "#c4320a", "#667085"
_WIDTH = 9.4  # inches
_LETTER = 0.09  # inches that a letter of a label takes; of m and w some take more
_POINTS = 2000  # a line has at most so many
_STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _STILL,
    "axes.labelcolor": _SOFT,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "svg.fonttype": "path",
    "svg.hashsalt": "report",
}


def plots(done: Replay) -> dict[str, Markup]:
    """Name -> SVG; empty where there is nothing to draw."""
    with mpl.rc_context(_STYLE):
        return {
            "senses": _senses(done),
            "prediction": _prediction(done),
            "surprise": _surprise(done),
            "commands": _commands(done),
            "latency": _latency(done),
        }


def _senses(done: Replay) -> Markup:
    """A bar a stream, filled where it was fresh."""
    times, fresh, names = done.journal.times_s(), done.journal.fresh(), done.journal.names
    tick = float(np.median(np.diff(times))) if len(times) > 1 else 0.1
    longest = max(map(len, names), default=0)
    figure, ((axes,),) = _figure(0.6 + 0.3 * max(len(names), 1), left=min(0.2 + _LETTER * longest, 0.5 * _WIDTH))
    for row in range(len(names)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], fresh[:, row].astype(np.int8), [0]])))
        spans = [(times[a], times[b - 1] - times[a] + tick) for a, b in zip(edges[::2], edges[1::2])]
        axes.broken_barh([(times[0], times[-1] - times[0] + tick)], (row - 0.3, 0.6), color="#eef1f5")
        axes.broken_barh(spans, (row - 0.3, 0.6), color=_MODEL)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("s")
    return _svg(figure)


def _prediction(done: Replay) -> Markup:
    """One plot a stream: error or PSNR by how far ahead, next to repeating the present."""
    found = done.metrics["prediction"]
    if not found:
        return Markup("")
    count = (len(found) + 2) // 3
    figure, grid = _figure(2.6 * count, rows=count, columns=3, top=0.3)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    for axes, (name, rows) in zip(grid.flat, found.items()):
        model, still = (np.array(rows[key], np.float64) for key in ("model", "copy_last"))
        axes.plot(rows["horizon_s"], still, color=_STILL, lw=1.6)
        axes.plot(rows["horizon_s"], model, color=_MODEL, lw=1.8, marker="o", ms=2.5)
        axes.annotate("model", (rows["horizon_s"][-1], model[-1]), (4, 0), textcoords="offset points", color=_MODEL)
        axes.annotate("repeat", (rows["horizon_s"][-1], still[-1]), (4, -3), textcoords="offset points", color=_SOFT)
        axes.margins(x=0.18)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_ylabel(rows["unit"].split(";")[0].replace("mean absolute error", "mean error"), fontsize=8)
        axes.set_xlabel("s ahead" + ("  (up is better)" if rows["kind"] == "psnr_db" else "  (down is better)"))
        if rows["kind"] != "psnr_db":
            axes.set_ylim(bottom=0)
    return _svg(figure)


def _surprise(done: Replay) -> Markup:
    times, values = _thin(done.journal.times_s(), done.journal.surprise())
    figure, ((axes,),) = _figure(2.0)
    axes.plot(times, values, color=_MODEL, lw=1.1)
    axes.axhline(1.0, color=_STILL, lw=1, ls="--")
    for each in done.metrics["surprise"]["worst"][:4]:
        axes.plot(each["t"], each["value"], "o", ms=5, color=_WARN)
    axes.set_xlabel("s")
    axes.set_ylabel("surprise")
    axes.set_ylim(bottom=0)
    return _svg(figure)


def _commands(done: Replay) -> Markup:
    """How large the action is that was executed, and that the model would have chosen."""
    wished, executed, times = done.journal.wished(), done.journal.executed(), done.journal.times_s()
    if not np.isfinite(wished).any():
        return Markup("")
    figure, ((axes,),) = _figure(1.9)
    for values, colour, label in ((executed, _STILL, "executed"), (wished, _MODEL, "would-be command")):
        axes.plot(*_thin(times, np.linalg.norm(values, axis=1)), color=colour, lw=1.2, label=label)
    axes.legend(frameon=False, ncols=2, loc="upper right", fontsize=8)
    axes.set_xlabel("s")
    axes.set_ylabel("action a tick")
    axes.set_ylim(bottom=0)
    return _svg(figure)


def _latency(done: Replay) -> Markup:
    spent = done.journal.spent_ms()
    figure, ((axes,),) = _figure(1.7)
    axes.hist(np.clip(spent, 0, np.percentile(spent, 99.5)), bins=60, color=_MODEL)
    axes.set_xlabel("ms in the brain a tick, on the machine of the replay")
    axes.set_ylabel("ticks")
    return _svg(figure)


def _figure(height: float, *, left: float = 0.9, top: float = 0.12, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """A figure and its axes (rows, columns), with margins in inches; to measure its text doubles the time to draw it.

    Args:
        left: room for what stands to the left of each axes. top: for its title.
    """
    right, bottom = 0.35, 0.5
    width = (_WIDTH - columns * left - right) / columns
    inside = (height - rows * (top + bottom)) / rows
    figure = Figure((_WIDTH, height))
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=left / _WIDTH,
        right=1.0 - right / _WIDTH,
        bottom=bottom / height,
        top=1.0 - top / height,
        wspace=left / width,
        hspace=(top + bottom) / inside,
    )
    return figure, axes


def _thin(times: Any, values: Any) -> tuple[Any, Any]:
    """A long line as the largest value of each piece, so that no peak is lost."""
    if len(times) <= _POINTS:
        return times, values
    pieces = np.array_split(np.arange(len(times)), _POINTS)
    kept = np.array([piece[int(np.argmax(np.nan_to_num(values[piece], nan=-np.inf)))] for piece in pieces])
    return times[kept], values[kept]


def _svg(figure: Figure) -> Markup:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return Markup(text.getvalue()[text.getvalue().index("<svg") :])
