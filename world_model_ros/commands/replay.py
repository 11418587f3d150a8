"""``world-model replay``."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.output import show

if TYPE_CHECKING:
    from world_model_ros.bags.reader import BagReader
    from world_model_ros.bags.replay import Moment
    from world_model_ros.contract.contract import Contract


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bag", type=Path, help="bag folder, .mcap, .db3 or .bag file")
    parser.add_argument(
        "--robot", default="", help="contract; the bag's own, or the one that knows its topics, without it"
    )
    parser.add_argument("--model", default="", help="bundle: name or folder; the one named like the robot without it")
    parser.add_argument("--provider", default="auto", help="auto, cpu, cuda or tensorrt (%(default)s)")
    parser.add_argument("--out", type=Path, help="folder for the results; out/replay/<bag> without it")
    parser.add_argument("--seed", type=int, default=0, help="of the first tick, where the bag has no record")
    parser.add_argument("--moments", type=int, default=4, help="how many imaginations to draw (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from world_model_ros.bags.reader import BagReader
    from world_model_ros.bags.replay import replay
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.runtime.brain import Brain
    from world_model_ros.runtime.bundle import load_bundle

    with BagReader(arguments.bag) as reader:
        contract = load_contract(arguments.robot) if arguments.robot else contract_of(reader)
    bundle = load_bundle(arguments.model or contract.name, contract)
    brain = Brain(bundle, contract, arguments.provider)
    out: Path = arguments.out or Path("out/replay") / arguments.bag.stem
    if (out / "bag" / "metadata.yaml").is_file():  # of an earlier replay
        shutil.rmtree(out / "bag")
    with tqdm(unit="tick") as bar:
        done = replay(
            arguments.bag,
            contract,
            brain,
            out,
            seed=arguments.seed,
            moments=arguments.moments,
            draw=_draw,
            progress=lambda count: bar.update(count - bar.n),
        )
    files = [str(path) for path in (out / "metrics.json", out / "futures.png", out / "bag") if path.exists()]
    show({**done.metrics, "files": files}, arguments.json, [*_lines(done.metrics), *(f"  {file}" for file in files)])
    return 0


def contract_of(reader: BagReader) -> Contract:
    """The contract that is in the bag, or the one of the package whose required topics are all in it.

    Raises:
        UserError: there is none, so the robot has to be named.
    """
    from world_model_ros.contract.contract import contract_from_text, known_robots, load_contract
    from world_model_ros.core.errors import UserError

    text = reader.contract_text()
    if text is not None:
        return contract_from_text(text, "contract in the bag")
    there = {topic.lstrip("/") for topic in reader.topics()}
    fits: dict[str, int] = {}
    for name in known_robots():
        sources = load_contract(name).deployment.streams
        required = {source.topic.lstrip("/") for source in sources if source.required}
        if required <= there:
            fits[name] = sum(source.topic.lstrip("/") in there for source in sources)
    if not fits:
        raise UserError("robot", "", f"--robot with a contract for the topics {sorted(reader.topics())}")
    return load_contract(max(fits, key=lambda name: fits[name]))


def _draw(path: Path, moments: Sequence[Moment]) -> None:
    from world_model_ros.view.strip import Badge, Strip, futures_png

    strips = [
        Strip(each.now, each.seconds, each.imagined, each.real, badge=Badge(surprise=each.surprise)) for each in moments
    ]
    futures_png(path, strips)


def _lines(metrics: dict[str, Any]) -> list[str]:
    fresh = ", ".join(f"{name} {share:.0%}" for name, share in metrics["fresh"].items())
    lines = [
        f"{metrics['bag']} with {metrics['model']}: {metrics['ticks']} ticks over {metrics['seconds']:.1f} s",
        f"fresh: {fresh}",
        f"a tick takes {metrics['tick_ms']['p50']:.0f} ms, at worst (p99) {metrics['tick_ms']['p99']:.0f} ms",
    ]
    rows = [row for row in metrics["horizon"] if row["count"]]
    for row in rows[2::3]:
        scores = ", ".join(f"{key} {value:.3g}" for key, value in row.items() if key not in ("seconds", "count"))
        lines.append(f"  {row['seconds']:.1f} s ahead: {scores}")
    return lines
