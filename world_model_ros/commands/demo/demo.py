"""``world-model demo``: runs simulator, brain, gate and views over ROS topics, and judges whether goals are reached."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_model, add_robot, bundle_for

if TYPE_CHECKING:
    from world_model_ros.bundle.bundle import Bundle
    from world_model_ros.contract.contract import Contract

_LONGEST_S = 300.0
_RESULTS = ("summary.json", "futures.png", "demo.mcap")


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    add_model(parser)
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of the scene, the goals and the sampling (%(default)s)"
    )
    parser.add_argument("--seeds", default="", help="many runs, one a seed: 1000..1009, or 3,5,8..10; resumed in --out")
    parser.add_argument("--rate", type=float, default=0.0, help="ticks a second; 0: the contract's, else its multiple")
    parser.add_argument("--goals", default="", help="which, in this order; without it what suits the robot")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the results (%(default)s)")
    parser.add_argument("--unplug", default="", help="comma separated streams or kinds (camera) that send nothing")
    parser.add_argument("--scenes", default="plain", help="plain, varied or cluttered (%(default)s)")
    parser.add_argument("--controls", action="store_true", help="run the same goals with random actions too")
    parser.only("without --seeds", lambda found: not found.seeds, "seed")


def run(arguments: argparse.Namespace) -> int:
    if arguments.seeds:
        from world_model_ros.commands.demo.seeds import run_seeds

        return run_seeds(arguments, demonstrate_once)
    summary = demonstrate_once(arguments, arguments.out.resolve())
    show(summary, arguments.json, _closing(summary))
    return 0 if summary["success"] else 1


def demonstrate_once(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    """One run with one seed; the summary, which is also in ``out/summary.json``."""
    from world_model_ros.brain.interleaving import turns_of
    from world_model_ros.bringup.processes import brain_of
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.evaluate.tasks.task import task_kinds
    from world_model_ros.evaluate.tasks.task_draw import default_kinds
    from world_model_ros.sim.scenes.draw import variety_named

    contract = load_contract(arguments.robot)
    kinds = task_kinds(arguments.goals or default_kinds(contract))
    variety_named(arguments.scenes)
    turns_of(arguments.rate, contract)
    owner = brain_of(contract)
    bundle = bundle_for(contract, arguments)  # fails here, not in a log
    say = sys.stderr if arguments.json else sys.stdout
    for line in _opening(contract.name, bundle.manifest.name, arguments.seed, out, _clear(out)):
        print(line, file=say, flush=True)
    if contract.deployment.sources is not None:
        print(
            f"the contract names several sources of commands: the demo asks for {owner} as owner of the gate", file=say
        )

    result = _run(arguments, out, ",".join(kinds), "model", owner)
    _draw(out, contract, bundle, arguments.provider)
    controls: dict[str, Any] = {}
    if arguments.controls:
        print("Control: the same without a brain, actions drawn at random", file=say, flush=True)
        control = _run(arguments, out / "control_random", ",".join(kinds), "random", owner)
        reached = sum(goal["reached"] for goal in control["goals"])
        controls["random"] = {"reached": reached, "of": len(control["goals"]), "goals": control["goals"]}
    summary = {
        **{key: result[key] for key in ("robot", "seed", "success", "goals")},
        "model": bundle.manifest.name,
        "unplugged": arguments.unplug,
        "controls": controls,
        **{key: value for key, value in result.items() if key not in ("robot", "seed", "success", "goals")},
        "files": [str(out / name) for name in _RESULTS if (out / name).exists()],
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    summary["files"] = sorted({*summary["files"], str(out / "summary.json")})
    return summary


def _draw(out: Path, contract: Contract, bundle: Bundle, provider: str) -> None:
    """Draw the strip from the bag, where a machine's load does not matter any more."""
    from world_model_ros.view.pictures.strip import futures_png
    from world_model_ros.view.recorded_strip import recorded_strip

    bag = out / "demo.mcap"
    strip = recorded_strip(bag, contract, bundle, provider) if bag.exists() else None
    if strip is not None:
        futures_png(out / "futures.png", [strip])


def _run(arguments: argparse.Namespace, out: Path, goals: str, policy: str, owner: str) -> dict[str, Any]:
    """Start everything, wait for the verdicts, stop everything."""
    from world_model_ros.bringup.demonstration import demonstrate
    from world_model_ros.bringup.options import SimulationOptions
    from world_model_ros.bringup.processes import simulation

    main_run = policy == "model"
    options = SimulationOptions(
        arguments.robot,
        model=arguments.model,
        provider=arguments.provider,
        policy=policy,
        owner=owner,
        seed=arguments.seed,
        rate_hz=arguments.rate,
        record=str(out / "bag") if main_run else "",
        unplug=arguments.unplug,
        scenes=arguments.scenes,
    )
    processes = simulation(options)
    judge = {"robot": arguments.robot, "seed": arguments.seed, "scenes": arguments.scenes, "goals": goals}
    judge["since_s"] = time.time()
    verdicts = demonstrate(processes, judge, out, _LONGEST_S)
    _single_file(out / "bag", out / "demo.mcap")
    return verdicts


def _opening(robot: str, model: str, seed: int, out: Path, replaced: list[str]) -> list[str]:
    """What runs, where its results go, and what the reader waits for."""
    files = f"writes into {out} (logs in {out / 'logs'})"
    if replaced:
        files += f", and replaces what an earlier demo left there: {', '.join(replaced)}; --out takes another folder"
    return [
        f"{robot} with model {model}, seed {seed}",
        files,
        "Starts the simulated robot, brain, gate, view and recorder; until they are ready takes some 10 s",
    ]


def _clear(out: Path) -> list[str]:
    """Remove what an earlier demo left, and nothing else; its results that were there."""
    out.mkdir(parents=True, exist_ok=True)
    replaced = [name for name in _RESULTS if (out / name).exists()]
    for name in (*_RESULTS, "result.json"):
        (out / name).unlink(missing_ok=True)
    for name in ("bag", "logs", "control_random"):
        shutil.rmtree(out / name, ignore_errors=True)
    return replaced


def _single_file(bag: Path, file: Path) -> None:
    """Take the one file out of a bag folder: Foxglove opens files, and ``ros2 bag play`` plays them too."""
    parts = sorted(bag.glob("*.mcap"))
    if len(parts) == 1:
        parts[0].rename(file)
        shutil.rmtree(bag)


def _closing(summary: dict[str, Any]) -> list[str]:
    reached = [goal for goal in summary["goals"] if goal["reached"]]
    plan = summary["stages_ms"].get("total", {"p50": float("nan"), "p99": float("nan")})
    missed = summary["ticks_missed"] / max(1, summary["ticks"] + summary["ticks_missed"])
    lines = [
        "",
        f"{len(reached)} of {len(summary['goals'])} goals reached"
        + "".join(f"; {goal['kind']} {goal['error_m'] * 100:.1f} cm in {goal['seconds']:.1f} s" for goal in reached),
        f"the brain planned {summary['ticks']} times, {summary['tick_hz']:.1f} a second, and missed {missed:.1%} of "
        f"what was due; a plan takes {plan['p50']:.0f} ms as a rule, 1 in 100 more than {plan['p99']:.0f} ms",
    ]
    lines += [
        _kept(summary["rates"]),
        *(f"  this machine was too slow or too busy: {words}" for words in summary["rates"]["short_of"]),
    ]
    if not any(path.endswith("futures.png") for path in summary["files"]):
        lines.append(f"no futures.png: {_no_picture(summary['rates']['cameras'])}")
    for name, control in summary["controls"].items():
        lines.append(f"control with {name} actions: {control['reached']} of {control['of']} goals reached")
    return [*lines, *(f"  {path}" for path in summary["files"])]


def _kept(rates: dict[str, Any]) -> str:
    cameras = "".join(
        f", {camera['kept_hz']:.1f} of {camera['asked_hz']:g} images of camera {name}"
        for name, camera in rates["cameras"].items()
    )
    late_ms = rates["physics"]["late_ms_p99"]
    physics = "" if late_ms is None or late_ms < 1.0 else f"; the simulation was up to {late_ms:.0f} ms late"
    ticks = rates["ticks"]
    return f"a second it kept {ticks['kept_hz']:.1f} of {ticks['asked_hz']:g} plans{cameras}{physics}"


def _no_picture(cameras: dict[str, Any]) -> str:
    """Why there is no picture of imagined frames."""
    if not cameras:
        return "no camera sent images"
    kept = ", ".join(f"camera {name} sent {each['kept_hz']:.1f} a second" for name, each in cameras.items())
    return f"no imagination had an image to begin with ({kept})"
