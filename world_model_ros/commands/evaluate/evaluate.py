"""``world-model evaluate``: measures a model's goals reached, prediction errors and calibration, next to baselines."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.evaluate import benchmark
from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import add_json, show, subcommands
from world_model_ros.commands.robot_and_model import add_model, add_robot, contract_and_bundle

if TYPE_CHECKING:
    from world_model_ros.bundle.bundle import Bundle
    from world_model_ros.contract.contract import Contract
    from world_model_ros.evaluate.prediction.forecast import Forecast
    from world_model_ros.evaluate.tasks.closed_loop import Blackout

_COLLECTED = 500  # training uses small seeds of `collect`; these bags are far from them
_SIMULATED = ("tasks", "surprise", "drift")


MEASURED = {
    "tasks": "goals pursued in simulation, faster than real time, next to controls",
    "prediction": "errors by horizon, next to copying what is seen",
    "calibration": "how often the 90 %% regions hold the truth",
    "surprise": "whether what cannot happen is noticed",
    "drift": "errors of one imagination that goes on for a minute",
    "benchmark": "goals of a public benchmark, from play over training to a bundle",
}


def add_arguments(parser: Parser) -> None:
    for name, subparser in subcommands(parser, "what", MEASURED):
        if name == "benchmark":
            benchmark.add_arguments(subparser)
        else:
            add_robot(subparser)
            _ADDED.get(name, _add_prediction)(subparser)
        add_model(subparser)
        subparser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
        add_json(subparser)


def _add_episodes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--episodes", type=int, default=100, help="how many (%(default)s)")


def _add_seeds(parser: argparse.ArgumentParser) -> None:
    _add_episodes(parser)
    parser.add_argument("--first-seed", type=int, default=20_000, help="of the first episode (%(default)s)")


def _add_tasks(parser: Parser) -> None:
    _add_seeds(parser)
    parser.add_argument("--goals", default="", help="comma separated; those that suit the robot without it")
    parser.add_argument("--controls", default="random,oracle,vision_only", help="empty for none (%(default)s)")
    parser.add_argument("--control-episodes", type=int, default=20, help="how many for each control (%(default)s)")
    parser.add_argument(
        "--oracle-only", action="store_true", help="the oracle alone, for --control-episodes; needs no model"
    )
    parser.add_argument("--unplug", default="", help="comma separated streams or kinds (camera) that send nothing")
    parser.add_argument("--blackout", default="", help="the same, but silent only from 0.5 to 2.5 s after the goal")
    parser.add_argument(
        "--lose", default="", help="kinds, each silent in turn in the same seeds; /ever: for good, from contact on"
    )
    parser.add_argument("--scenes", default="plain", help="plain, varied or cluttered (%(default)s)")
    parser.add_argument("--rate", type=float, default=0.0, help="ticks a second; 0: the contract's (%(default)s)")
    parser.only("with --controls", lambda found: found.controls, "control_episodes")
    alone = "without --oracle-only, which needs no model and runs --control-episodes"
    parser.only(alone, lambda found: not found.oracle_only, "episodes", "controls", "lose", "model", "provider")
    parser.only("up to --episodes, whose seeds they share", _no_more_controls, "control_episodes")


def _add_prediction(parser: Parser) -> None:
    parser.add_argument("--bags", nargs="+", type=Path, help="to predict; without it, --episodes are simulated first")
    _add_episodes(parser)
    parser.add_argument("--scenes", default="plain", help="plain, varied, cluttered or curriculum (%(default)s)")
    parser.add_argument("--stride", type=int, default=3, help="ticks between two imaginations in a bag (%(default)s)")
    parser.add_argument(
        "--shuffled", action="store_true", help="predict under the actions of another moment: a control"
    )
    parser.only("without --bags", lambda found: not found.bags, "episodes", "scenes")


def _no_more_controls(arguments: argparse.Namespace) -> bool:
    return bool(arguments.oracle_only) or arguments.control_episodes <= arguments.episodes


_ADDED = {"tasks": _add_tasks, "surprise": _add_seeds, "drift": _add_episodes}


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bundle.provider import provider_named
    from world_model_ros.core.errors import UserError

    for name in ("episodes", "control_episodes", "stride", "workers"):
        value = getattr(arguments, name, None)
        if value is not None and value < 1:
            raise UserError(name, value, "1 or more")
    provider_named(arguments.provider)  # a mistake is said before minutes of simulation
    if arguments.what == "benchmark":
        return benchmark.run(arguments)
    if arguments.what == "tasks" and arguments.oracle_only:
        return _oracle_alone(arguments)
    contract, bundle = contract_and_bundle(arguments)
    about: dict[str, Any] = {"robot": contract.name, "model": bundle.manifest.name}
    if contract.interface.action.free and (arguments.what in _SIMULATED or not arguments.bags):
        legal = "a robot that can be simulated; of others evaluate prediction and calibration, with --bags"
        raise UserError(f"evaluate {arguments.what}", contract.name, legal)
    if arguments.what == "tasks":
        scores = _tasks(arguments, contract, bundle)
        show(about | {"tasks": scores}, arguments.json, [_task_line(each) for each in scores])
        return 0
    if arguments.what == "surprise":
        events = _surprise(arguments, contract, bundle)
        lines = [f"{each['event']:14} AUROC {each['auroc']} over {each['episodes']} pairs" for each in events]
        show(about | {"events": events}, arguments.json, lines)
        return 0
    if arguments.what == "drift":
        found = _drift(arguments, contract, bundle)
        show(about | {"episodes": arguments.episodes} | found, arguments.json, _drift_lines(found))
        return 0
    from world_model_ros.evaluate.prediction.scores import calibration_scores, prediction_scores

    with _bags(arguments, contract) as bags:
        episodes, failed = _forecasts(bags, contract, bundle, arguments)
    summarise = prediction_scores if arguments.what == "prediction" else calibration_scores
    found = summarise(episodes, bundle.manifest.horizon, contract.tick_s)
    counts = {"episodes": len(episodes), "shuffled": arguments.shuffled, "failed": failed}
    lost = [f"left out: {bag}: {why}" for bag, why in failed.items()]
    show(about | counts | found, arguments.json, [*_lines(found), *lost])
    return 2 if failed else 0


def _oracle_alone(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.robot)
    arguments.controls, arguments.episodes = "oracle", arguments.control_episodes
    scores = _tasks(arguments, contract, None)
    show(
        {"robot": contract.name, "model": None, "tasks": scores}, arguments.json, [_task_line(each) for each in scores]
    )
    return 0


def _tasks(arguments: argparse.Namespace, contract: Contract, bundle: Bundle | None) -> list[dict[str, Any]]:
    from world_model_ros.brain.interleaving import turns_of
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.evaluate.tasks.closed_loop import Blackout
    from world_model_ros.evaluate.tasks.success import (
        CONTROLS,
        Conditions,
        loss_scores,
        run_episodes,
        task_scores,
        try_tasks,
    )
    from world_model_ros.evaluate.tasks.task import task_kinds
    from world_model_ros.evaluate.tasks.task_draw import judged_kinds
    from world_model_ros.sim.scenes.draw import variety_named

    kinds = task_kinds(arguments.goals or judged_kinds(contract))
    controls = [name for name in arguments.controls.split(",") if name]
    for name in controls:
        if name not in CONTROLS:
            raise UserError("controls", name, f"a comma separated list of {list(CONTROLS)}")
    unplugged = tuple(contract.streams_named(arguments.unplug, "unplug"))
    dark = tuple(contract.streams_named(arguments.blackout, "blackout"))
    variety = variety_named(arguments.scenes)
    lose = {each: _silent(contract, each) for each in arguments.lose.split(",") if each}
    try_tasks(kinds, arguments.first_seed, contract, variety, controls)
    usual = Conditions(None, unplugged, Blackout(dark) if dark else None, variety, turns_of(arguments.rate, contract))
    first = arguments.first_seed
    seeds = range(first, first + (arguments.episodes if bundle else 0))
    control_seeds = range(first, first + min(arguments.episodes, arguments.control_episodes))
    total = len(seeds) * (1 + len(lose)) + len(controls) * len(control_seeds)
    out = []
    for kind in kinds:
        with progress_bar(total=total, desc=kind, unit="episode") as bar:
            run = partial(run_episodes, kind, contract=contract, bundle=bundle, provider=arguments.provider)
            run = partial(run, workers=arguments.workers, progress=bar.update)
            entry = {"task": kind, "scenes": arguments.scenes, "unplugged": list(unplugged), "blackout": list(dark)}
            entry["rate_hz"] = contract.interface.tick_hz * usual.turns
            whole = run(seeds, conditions=usual)
            entry |= task_scores(whole, first) if whole else {}
            entry["controls"] = {
                name: task_scores(run(control_seeds, conditions=replace(usual, control=name)), first)
                for name in controls
            }
            entry["lost"] = {
                name: loss_scores(whole, run(seeds, conditions=replace(usual, blackout=blackout)), first)
                for name, blackout in lose.items()
            }
        out.append(entry)
    return out


def _silent(contract: Contract, text: str) -> Blackout:
    """``camera``: silent for two seconds; ``camera/ever``: from the first contact on. ``taxels+wrench``: both."""
    from world_model_ros.core.errors import UserError
    from world_model_ros.evaluate.tasks.closed_loop import Blackout

    kinds, _, how = text.partition("/")
    if how not in ("", "ever"):
        raise UserError("lose", text, "kinds or names of streams joined by +, and perhaps /ever")
    streams = tuple(contract.streams_named(kinds.replace("+", ","), "lose"))
    return Blackout(streams, None, float("inf")) if how else Blackout(streams)


def _surprise(arguments: argparse.Namespace, contract: Contract, bundle: Bundle) -> list[dict[str, Any]]:
    from world_model_ros.core.parallel import spread
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.evaluate.brain_recipe import BrainRecipe
    from world_model_ros.evaluate.prediction.impossible_events import EVENTS, PairJob, surprise_scores

    recipe = BrainRecipe.of(contract, bundle, arguments.provider, "watch")
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.episodes)
    out = []
    for event in EVENTS:
        found = spread(PairJob.run, [PairJob(event, seed, recipe) for seed in seeds], arguments.workers)
        pairs = [pair for pair in progress_bar(found, desc=event, unit="pair", total=len(seeds)) if pair is not None]
        out.append(surprise_scores(event, pairs))
    return out


def _drift(arguments: argparse.Namespace, contract: Contract, bundle: Bundle) -> dict[str, Any]:
    from world_model_ros.bags.storage.find import find_bags
    from world_model_ros.brain.brain import Brain
    from world_model_ros.core.progress import progress_bar, stage
    from world_model_ros.evaluate.prediction.long_rollouts import LongEpisode, drift, drift_scores
    from world_model_ros.evaluate.statistics import SECONDS
    from world_model_ros.sim.collection.collect import collect

    brain = Brain(bundle, contract, arguments.provider, policy="watch")
    stage(f"simulates {arguments.episodes} episodes of {contract.name}, of a minute each, which takes minutes")
    with tempfile.TemporaryDirectory(prefix="world_model_evaluate_") as folder:
        run = LongEpisode(max(SECONDS))
        collect(contract, Path(folder), arguments.episodes, _COLLECTED + 1, arguments.workers, "plain", run)
        bags = find_bags([Path(folder)])
        found = [drift(bag, contract, brain) for bag in progress_bar(bags, unit="bag")]
    return drift_scores(found, contract.tick_s)


def _drift_lines(found: dict[str, Any]) -> list[str]:
    return [
        f"{name}: after {seconds:g} s {each['model_m'][i] * 100:.1f} cm off,"
        f" staying put {each['copy_last_m'][i] * 100:.1f} ({each['episodes'][i]} episodes)"
        for name, each in found["targets"].items()
        for i, seconds in enumerate(found["seconds"])
        if each["episodes"][i]
    ]


@contextlib.contextmanager
def _bags(arguments: argparse.Namespace, contract: Contract) -> Iterator[Sequence[Path]]:
    """The bags that were named, or fresh simulated ones that live as long as they are read."""
    from world_model_ros.bags.storage.find import find_bags

    if arguments.bags:
        yield find_bags(arguments.bags)
        return
    from world_model_ros.core.progress import stage
    from world_model_ros.sim.collection.collect import collect

    of = f"{arguments.episodes} episodes of {contract.name}"
    stage(f"simulates {of} to predict them, which takes minutes; --bags names recorded ones")
    with tempfile.TemporaryDirectory(prefix="world_model_evaluate_") as folder:
        collect(contract, Path(folder), arguments.episodes, _COLLECTED, arguments.workers, arguments.scenes)
        yield find_bags([Path(folder)])


def _forecasts(
    bags: Sequence[Path], contract: Contract, bundle: Bundle, arguments: argparse.Namespace
) -> tuple[list[list[Forecast]], dict[str, str]]:
    """Those of each bag that can be read, and why the others cannot; `UserError` if none can."""
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.parallel import spread
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.evaluate.brain_recipe import BrainRecipe
    from world_model_ros.evaluate.prediction.forecast import ForecastJob

    recipe = BrainRecipe.of(contract, bundle, arguments.provider, "watch")
    frames = arguments.what == "prediction"
    jobs = [ForecastJob(bag, recipe, arguments.stride, arguments.shuffled, frames) for bag in bags]
    done = list(progress_bar(spread(ForecastJob.tried, jobs, arguments.workers), unit="bag", total=len(jobs)))
    failed = {str(bag): str(each) for bag, each in zip(bags, done) if isinstance(each, UserError)}
    if len(failed) == len(jobs):
        raise UserError(
            "bags", list(failed), f"one at least that can be read; the first: {next(iter(failed.values()))}"
        )
    return [each for each in done if not isinstance(each, UserError)], failed


def _task_line(entry: dict[str, Any]) -> str:
    line = f"{entry['task']:10}"
    if "success" in entry:
        low, high = entry["ci95"]
        line += f" {entry['success']:.0%} of {entry['episodes']} ({low:.0%} to {high:.0%})"
        line += f", median error {entry['median_error_m'] * 100:.1f} cm"
        if entry["median_seconds"] is not None:
            line += f", median {entry['median_seconds']:.1f} s"
        line += _tidied(entry)
    line += "".join(f"; {name} {each['success']:.0%}{_tidied(each)}" for name, each in entry["controls"].items())
    return line + "".join(
        f"\n  without {name}: {each['success']:.0%}, lost {each['success_lost']:.1%}"
        f" ({each['success_lost_ci95'][0]:.1%} to {each['success_lost_ci95'][1]:.1%})"
        for name, each in entry["lost"].items()
    )


def _tidied(entry: dict[str, Any]) -> str:
    if "tidied" not in entry:
        return ""
    counts = " ".join(str(each["right"]) for each in entry["tidied"])
    return f", right of five {counts}, something broken in {entry['broken']}"


def _lines(found: dict[str, Any]) -> list[str]:
    lines = []
    for name, each in found["signals" if "signals" in found else "targets"].items():
        lines.append(f"{name} ({each.get('unit', 'share in the 90 % region')}), {each['forecasts']} forecasts")
        names = ("model", "copy_last", "linear", "commanded", "inside", "rank_correlation")
        kinds = [kind for kind in names if kind in each]
        for h in range(2, len(found["horizon_s"]), 3):
            values = ", ".join(f"{kind} {each[kind][h]:.4g}" for kind in kinds if each[kind][h] is not None)
            lines.append(f"  {found['horizon_s'][h]:.1f} s ahead: {values}")
    return lines
