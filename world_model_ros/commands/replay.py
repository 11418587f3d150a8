"""``world-model replay``: runs models over bags, writes metrics and reports, and compares the runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_model, add_robot_of_bag, contract_for_bag

if TYPE_CHECKING:
    from world_model_ros.bags.replay.replay import Replay, ReplayOptions
    from world_model_ros.bags.replay.report.highlights import Moment
    from world_model_ros.brain.brain import Brain
    from world_model_ros.contract.contract import Contract
    from world_model_ros.view.pictures.strip import Strip

_COMPARED = (
    "bag",
    "model",
    "ticks",
    "seconds",
    "fresh",
    "surprise",
    "prediction",
    "model_ms",
    "commands_sha256",
    "notes",
)


def add_arguments(parser: Parser) -> None:
    parser.add_argument("bags", nargs="+", type=Path, metavar="bag", help="bag folders, .mcap, .db3 or .bag files")
    add_robot_of_bag(parser)
    add_model(parser)
    parser.add_argument("--compare", default="", metavar="MODEL", help="a second model, on the same ticks")
    parser.add_argument("--out", type=Path, help="folder for the results; out/replay/<bag> without it")
    parser.add_argument(
        "--map", action="append", default=[], metavar="FROM:=TO", help="a topic of the bag is one of the contract"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first tick, where the bag has no record")
    parser.add_argument(
        "--moments", type=int, default=4, help="how many imaginations to draw, those in which most moves (%(default)s)"
    )
    parser.add_argument("--until", type=float, help="stop after so many s of the bag")
    parser.add_argument("--resume", type=Path, help="memory.npz of a replay of the same bag that was stopped")
    parser.add_argument("--rate", type=float, help="at most so many times real time; as fast as possible without it")
    parser.only("of one bag, with one model", lambda found: len(found.bags) == 1 and not found.compare, "resume")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bags.replay.replay import ReplayOptions
    from world_model_ros.brain.brain import Brain
    from world_model_ros.bundle.bundle import load_bundle
    from world_model_ros.core.errors import UserError

    names = topic_names(arguments.map)
    options = ReplayOptions(names, arguments.seed, arguments.moments, arguments.resume, arguments.until, arguments.rate)
    for bag in arguments.bags:
        if not bag.exists():
            raise UserError("bag", str(bag), "a bag folder, or a .mcap, .db3 or .bag file")
    folders = _folders(arguments.bags, 2 if arguments.compare else 1, arguments.out)
    contract = contract_for_bag(arguments.robot, arguments.bags[0], names, ticks=True)
    models = [arguments.model or contract.name, *([arguments.compare] if arguments.compare else [])]
    brains = [Brain(load_bundle(model, contract), contract, arguments.provider) for model in models]
    single = len(arguments.bags) == len(brains) == 1
    done: list[list[Replay]] = [[] for _ in brains]
    files: list[str] = []
    failed: dict[str, str] = {}
    for bag, outs in zip(arguments.bags, folders):
        replays = []
        try:
            for brain, out in zip(brains, outs):
                found, written = _replay(bag, contract, brain, out, options)
                replays.append(found)
                files += written
        except UserError as error:
            if len(arguments.bags) == 1:
                raise
            failed[str(bag)] = str(error)
            continue
        for one, found in zip(done, replays):
            one.append(found)
    if not done[0]:
        raise UserError("bags", next(iter(failed.values())), "at least one that can be replayed")
    if single:
        metrics = done[0][0].metrics
        show({**metrics, "files": files}, arguments.json, [*_lines(metrics), *(f"  {file}" for file in files)])
        return 0
    result = _compared(done, arguments.out or Path("out/replay"))
    lines = [line for each in done for one in each for line in _lines(one.metrics)] + _difference(result)
    lines += [f"not replayed: {error}" for error in failed.values()]
    show({**result, "files": files, "failed": failed}, arguments.json, [*lines, *(f"  {file}" for file in files)])
    return 2 if failed else 0


def _folders(bags: Sequence[Path], models: int, out: Path | None) -> list[list[Path]]:
    """For each bag and each model the folder of its results; `UserError` before any is opened if one cannot be that."""
    from world_model_ros.bags.replay.output_folder import require_replaceable
    from world_model_ros.core.files import folder_for

    single, stems = len(bags) == models == 1, [bag.stem for bag in bags]
    out, folders = out or Path("out/replay") / (stems[0] if single else ""), []
    for count, stem in enumerate(stems):
        name = f"{stem}-{count}" if stems.count(stem) > 1 else stem
        several = [out / (f"{name}-{number}" if models > 1 else name) for number in range(models)]
        folders.append([out] if single else several)
    for folder in (folder_for("out", each) for several in folders for each in several):
        for bag in bags:
            require_replaceable(folder, bag)
    return folders


def _replay(bag: Path, contract: Contract, brain: Brain, out: Path, options: ReplayOptions) -> tuple[Replay, list[str]]:
    """One bag with one model, and the files that it left."""
    from world_model_ros.bags.replay.output_folder import FILES
    from world_model_ros.bags.replay.replay import replay
    from world_model_ros.bags.replay.report.page import can_report, write_report
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.view.pictures.strip import draw_strip

    with progress_bar(unit="tick", desc=bag.stem) as bar:
        done = replay(bag, contract, brain, out, options, draw=_draw, progress=lambda count: bar.update(count - bar.n))

    def picture(moment: Moment) -> Any:
        return draw_strip(_strip(moment), cell_px=150)

    if can_report():
        write_report(out / "report.html", done, picture)
    else:
        done.metrics["notes"].append("no report.html: matplotlib and jinja2 are missing; pip install '.[report]'")
    return done, [str(out / name) for name in FILES if (out / name).exists()]


def topic_names(mappings: Sequence[str]) -> dict[str, str]:
    """``FROM:=TO`` words as a mapping."""
    from world_model_ros.core.errors import UserError

    names = {}
    for each in mappings:
        old, sign, new = each.partition(":=")
        if not (old and sign and new):
            raise UserError("map", each, "FROM:=TO: a name that is there, and one of the contract")
        names[old] = new
    return names


def _compared(done: list[list[Replay]], out: Path) -> dict[str, Any]:
    """Several replays side by side, in ``comparison.json`` too; of two models also their paired differences."""
    from world_model_ros.bags.replay.model_comparison import compare

    rows = [{key: one.metrics[key] for key in _COMPARED} for each in done for one in each]
    result: dict[str, Any] = {"replays": rows}
    if len(done) == 2:
        result |= {"models": [each[0].metrics["model"] for each in done], "difference": compare(*done)}
    (out / "comparison.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _difference(result: dict[str, Any]) -> list[str]:
    lines = []
    for name, rows in result.get("difference", {}).items():
        last = {key: value[-1] if isinstance(value, list) else value for key, value in rows.items()}
        if last["difference"] is None:
            continue
        ahead = f", {last['horizon_s']:.1f} s ahead" if "horizon_s" in last else ""
        lines.append(
            f"{' minus '.join(result['models'])}: {name}{ahead}: {last['difference']:.3g}"
            f" ({last['low']:.3g} to {last['high']:.3g})"
        )
    return lines


def _draw(path: Path, moments: Sequence[Moment]) -> None:
    from world_model_ros.view.pictures.strip import futures_png

    futures_png(path, [_strip(each) for each in moments])


def _strip(moment: Moment) -> Strip:
    from world_model_ros.view.pictures.strip import Badge, Strip

    badge = Badge(surprise=moment.surprise)
    return Strip(moment.now, moment.seconds, moment.imagined, moment.real, badge=badge, at_s=moment.at_s)


def _lines(metrics: dict[str, Any]) -> list[str]:
    from world_model_ros.bags.replay.same_as_live import as_live_line

    took = metrics["model_ms"]
    fresh = ", ".join(f"{name} {share:.0%}" for name, share in metrics["fresh"].items())
    lines = [
        f"{metrics['bag']} with {metrics['model']}: {metrics['ticks']} ticks over {metrics['seconds']:.1f} s",
        f"ticks with a new enough sample: {fresh}",
        f"a tick takes {took['p50']:.0f} ms as a rule, 1 in 100 more than {took['p99']:.0f} ms",
    ]
    if metrics["same_as_live"] is not None:
        lines.append(as_live_line(metrics["same_as_live"], metrics["ticks"]))
    lines += metrics["notes"]
    return lines + _table(metrics)


def _table(metrics: dict[str, Any]) -> list[str]:
    """How far the imagination was off, a line a sense or target, a column a time ahead."""
    from world_model_ros.bags.replay.report.page import too_still

    rows = [row for row in metrics["horizon"] if row["count"]]
    chosen = rows[2::3] or rows[-1:]
    if not chosen or not metrics["prediction"]:
        return []
    table = [["", "", *(f"+{row['seconds']:.1f} s" for row in chosen)]]
    for name, found in metrics["prediction"].items():
        at = [found["horizon_s"].index(row["seconds"]) for row in chosen]
        table.append([name, _short(found["unit"]), *_next_to([(found["model"][i], found["copy_last"][i]) for i in at])])
        where = found["where_changed"]
        if any(where["ticks"][i] < where["of"][i] for i in at):
            ticks = [f"{where['ticks'][i]} of {where['of'][i]}" for i in at]
            table.append(["", "changed in ticks", *ticks])
            pairs = [(where["model"][i], where["copy_last"][i]) for i in at]
            table += [["", "in these alone", *_next_to(pairs)]] if any(where["ticks"][i] for i in at) else []
        inside = [row.get(f"{name}_inside_region") for row in chosen]
        if any(each is not None for each in inside):
            table.append(["", "inside its 90 % region", *("-" if each is None else f"{each:.0%}" for each in inside)])
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = []
    for row in table:
        cells = [cell.ljust(width) if k < 2 else cell.rjust(width) for k, (cell, width) in enumerate(zip(row, widths))]
        lines.append(f"  {'  '.join(cells)}")
    title = "what was imagined, next to what came; in brackets: as if nothing changed"
    return [title, *lines, *too_still(metrics)]


def _next_to(pairs: Sequence[tuple[float | None, float | None]]) -> list[str]:
    """Pairs of a row with as many decimals as give the largest number three digits; - where one is not known."""
    import math

    largest = max((abs(each) for pair in pairs for each in pair if each), default=1.0)
    digits = max(0, 2 - math.floor(math.log10(largest)))
    return ["-" if a is None or b is None else f"{a:.{digits}f} ({b:.{digits}f})" for a, b in pairs]


def _short(unit: str) -> str:
    return unit.removeprefix("mean absolute ").removeprefix("mean ").replace("; ", ", ")
