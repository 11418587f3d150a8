"""``world-model imagine``: steers a robot inside the model from a scene or bag, and can compare with the simulator."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import at_least, between, file_named, host, port, show
from world_model_ros.commands.robot_and_model import add_model, add_robot, contract_and_bundle

if TYPE_CHECKING:
    from world_model_ros.evaluate.imagination.starting_point import SteeredImagination
    from world_model_ros.evaluate.imagination.steered_session import InsideTick

_POLICIES = ("scripted_push", "coloured", "reach")


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    add_model(parser)
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the simulated scene to begin in (%(default)s)")
    parser.add_argument("--scenes", default="plain", help="plain, varied or cluttered (%(default)s)")
    parser.add_argument("--bag", type=Path, help="begin at a moment of a bag instead; no simulator at all")
    parser.add_argument("--at", type=float, default=1.0, help="that moment, s after the first tick (%(default)s)")
    parser.add_argument(
        "--script",
        help="steer by this, without a page: 'x=0.2 for 1; y=-0.1 for 0.5; for 2' in m/s or rad/s and s, or a policy"
        f" of the simulator: {', '.join(_POLICIES)}",
    )
    parser.add_argument(
        "--seconds", type=between(0.1, 3600.0), default=5.0, help="how long a policy steers (%(default)s)"
    )
    parser.add_argument("--beside", action="store_true", help="run the simulator too, under the same commands")
    parser.add_argument(
        "--repeat",
        type=int,
        default=1,
        metavar="N",
        help="with --script and --beside: N seeds, from --seed on, together",
    )
    parser.add_argument("--png", type=file_named(".png"), metavar="FILE", help="with --script: a picture of the whole")
    parser.add_argument(
        "--host", type=host, default="127.0.0.1", help="where the page listens (%(default)s: this machine only)"
    )
    parser.add_argument("--port", type=port, default=8080, help="of the page; the next free one (%(default)s)")
    parser.only("with --bag", lambda found: found.bag is not None, "at")
    parser.only("without --bag", lambda found: found.bag is None, "seed", "scenes")
    parser.only("with --script", lambda found: found.script is not None, "png")
    parser.only("without --repeat: a picture is of one scene", lambda found: found.repeat == 1, "png")
    parser.only("without --script, of the page", lambda found: found.script is None, "host", "port")
    parser.only("with a policy as --script", lambda found: found.script in _POLICIES, "seconds")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.brain.brain import Brain
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.evaluate.imagination.motion_script import parse_script
    from world_model_ros.evaluate.imagination.starting_point import SteeredImagination

    if arguments.bag is not None and (arguments.beside or arguments.script in _POLICIES):
        raise UserError("bag", str(arguments.bag), "none with --beside or a policy: a bag has no simulator")
    if arguments.repeat < 1 or (arguments.repeat > 1 and not (arguments.script and arguments.beside)):
        raise UserError("repeat", arguments.repeat, "1, or more with --script and --beside")
    contract, bundle = contract_and_bundle(arguments)
    if arguments.script is not None and arguments.script not in _POLICIES:
        parse_script(arguments.script, contract)
    brain = Brain(bundle, contract, arguments.provider, policy="watch")
    if arguments.script is None:
        _serve(
            arguments,
            SteeredImagination(contract, brain, arguments.seed, arguments.scenes, arguments.bag, arguments.at),
        )
        return 0
    results = []
    seeds = range(arguments.seed, arguments.seed + arguments.repeat)
    for seed in progress_bar(seeds, unit="scene", disable=arguments.repeat == 1):
        what = SteeredImagination(contract, brain, seed, arguments.scenes, arguments.bag, arguments.at)
        try:
            what.compare(arguments.beside or arguments.script in _POLICIES)
            results.append(_headless(arguments, what, seed))
        finally:
            what.close()
    if len(results) == 1:
        show(results[0], arguments.json, _lines(results[0]))
    else:
        from world_model_ros.evaluate.imagination.steered_spread import spread

        result = {key: results[0][key] for key in ("robot", "model", "script", "seed", "ticks")} | spread(results)
        show(result, arguments.json, _spread_lines(result))
    return 0


def _headless(arguments: argparse.Namespace, what: SteeredImagination, seed: int) -> dict[str, Any]:
    from world_model_ros.evaluate.imagination.steered_session import beside_scores, speed

    actions, count = _actions(arguments, what, seed)
    first = what.truth()
    done: list[InsideTick] = []
    for number in range(count):
        done.append(what.step(actions(done[-1] if done else None, number)))
    result: dict[str, Any] = {
        "robot": what.contract.name,
        "model": what.brain.bundle.manifest.name,
        "script": arguments.script,
        "seed": seed if arguments.bag is None else None,
        "ticks": len(done),
        **speed(done),
    }
    if first is not None:
        result |= beside_scores(done, first, what.brain, what.contract, what.colour)
    if arguments.png is not None:
        _write(arguments.png, what, done)
        result["files"] = [str(arguments.png)]
    return result


def _actions(arguments: argparse.Namespace, what: SteeredImagination, seed: int) -> tuple[Any, int]:
    """A function of the tick before and a count, and how many ticks."""
    from world_model_ros.evaluate.imagination.motion_script import parse_script
    from world_model_ros.sim.collection.gestures import Desk, make_gesture

    if arguments.script not in _POLICIES:
        written = parse_script(arguments.script, what.contract)
        return (lambda _, count: written[count]), len(written)
    gesture = make_gesture(arguments.script, seed, Desk.of(what.contract))
    targets = what.contract.interface.targets
    tips = list(what.contract.interface.fingertips)
    item = next(k for k, target in enumerate(targets) if target.kind == "object")

    def act(before: InsideTick | None, _: int) -> Any:
        truth = what.truth() if before is None else before.truth
        assert truth is not None
        return gesture.act(truth.positions[tips, :2], truth.positions[item, :2]).ravel()

    return act, round(arguments.seconds * what.contract.interface.tick_hz)


def _serve(arguments: argparse.Namespace, what: SteeredImagination) -> None:
    from world_model_ros.core.errors import UserError
    from world_model_ros.view.timeline import parse_steps

    try:
        from world_model_ros.view.web.steering_page import SteeringPage
    except ImportError as error:
        raise UserError("imagine", str(error), "the extra 'view': pip install '.[view]'") from error
    horizon = what.brain.bundle.manifest.horizon
    steps = parse_steps("", horizon)
    SteeringPage(what.contract, what, steps, horizon, arguments.host, arguments.port, arguments.beside).serve()


def _write(path: Path, what: SteeredImagination, done: list[InsideTick]) -> None:
    from world_model_ros.view.pictures.png import write_png
    from world_model_ros.view.pictures.steered_picture import film_strip

    targets = [target.name for target in what.contract.interface.targets]
    write_png(path, film_strip([tick.inside for tick in done], what.session.heard_ahead(done[-1]), targets))


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [
        f"{result['ticks']} ticks with {result['model']}: {result['frames_per_s']:.0f} frames a second,"
        f" {result['ticks_per_s']:.0f} of them new ticks, {result['frame_ms']:.1f} ms a frame"
    ]
    for name, rows in result.get("targets", {}).items():
        for i, seconds in enumerate(result["seconds"]):
            row = {key: values[i] for key, values in rows.items() if isinstance(values, list) and i < len(values)}
            words = ", ".join(f"{key[:-2]} {100 * value:.1f} cm" for key, value in row.items() if value is not None)
            lines.append(f"  {name} after {seconds:.0f} s: {words}")
    return lines + [f"  {file}" for file in result.get("files", [])]


def _spread_lines(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['scenes']} scenes with {result['model']}: {result['frames_per_s']:.0f} frames a second or more"]
    for name, rows in result["targets"].items():
        for i, seconds in enumerate(result["seconds"]):
            words = ", ".join(
                f"{kind[:-2]} {100 * row['median'][i]:.1f} cm ({row['within'][i]:.0%})"
                for kind, row in rows.items()
                if isinstance(row["median"], list)
            )
            lines.append(f"  {name} after {seconds:.0f} s, median (share within 4 cm): {words}")
    return lines
