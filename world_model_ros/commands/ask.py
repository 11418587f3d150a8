"""``world-model ask``: asks a model about a bag: what actions lead to, which actions happened, or a plan to a goal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_model, add_robot_of_bag, bundle_for, contract_for_bag

if TYPE_CHECKING:
    from world_model_ros.contract.contract import Contract
    from world_model_ros.evaluate.prediction.questions import Answer


_DRAWN = ("future", "video", "together")  # modes with frames


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "mode",
        choices=["future", "inverse", "plan", "video", "together"],
        help="future: what the recorded actions lead to; inverse: which actions lie between the observations;"
        " plan: which actions lead to a goal; video: what is seen on the way to it;"
        " together: which actions usually follow, and what is then seen",
    )
    parser.add_argument("bag", type=Path, help="bag folder, .mcap, .db3 or .bag file")
    add_robot_of_bag(parser)
    add_model(parser)
    parser.add_argument(
        "--at",
        type=float,
        default=1.0,
        help="the moment, s after the first tick, or the nearest within 0.5 s with an image (%(default)s)",
    )
    parser.add_argument("--goal-image", type=Path, help="picture of the goal, for plan and video")
    parser.add_argument("--goal-at", type=float, help="in its place, a moment of the bag; the end of the horizon")
    parser.add_argument("--out", type=Path, help="folder for the picture; out/ask without it")
    parser.only("of plan and video", lambda found: found.mode in ("plan", "video"), "goal_image", "goal_at")
    parser.only("without --goal-image", lambda found: found.goal_image is None, "goal_at")
    parser.only("of another mode: inverse looks at the whole bag", lambda found: found.mode != "inverse", "at")
    parser.only(f"of what is drawn: {', '.join(_DRAWN)}", lambda found: found.mode in _DRAWN, "out")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.brain.brain import Brain
    from world_model_ros.evaluate.prediction.questions import answer

    contract = contract_for_bag(arguments.robot, arguments.bag, ticks=True)
    bundle = bundle_for(contract, arguments)
    brain = Brain(bundle, contract, arguments.provider)
    goal = None if arguments.goal_image is None else _picture(arguments.goal_image, contract)
    found = answer(arguments.mode, arguments.bag, contract, brain, arguments.at, goal, arguments.goal_at)
    files, out = [], arguments.out or Path("out/ask")
    if found.now is not None and found.frames:
        out.mkdir(parents=True, exist_ok=True)
        files.append(str(out / f"{arguments.mode}.png"))
        _draw(Path(files[0]), found, 1.0 / contract.interface.tick_hz)
    blind = found.blind if arguments.mode in _DRAWN and not files else ""
    about: dict[str, Any] = {"robot": contract.name, "model": bundle.manifest.name, "mode": found.mode}
    about |= {"actions": found.actions.tolist(), "recorded": found.recorded.tolist(), **found.scores, "files": files}
    about |= {"no_picture": blind or None, "at_s": found.at_s, "goal_at_s": found.goal_at_s}
    lines = _moments(found, arguments, contract.interface.tick_hz)
    lines += [f"{len(found.actions)} actions, {contract.interface.action.kind}"]
    lines += [f"{name}: {value}" for name, value in found.scores.items()] + [f"  {file}" for file in files]
    show(about, arguments.json, lines)
    if blind:
        print(f"no picture: {blind}", file=sys.stderr)
    return 1 if blind and arguments.out is not None else 0


def _moments(found: Answer, arguments: argparse.Namespace, tick_hz: float) -> list[str]:
    """Which moments were taken in the place of those asked for, a line each."""
    asked = {"at": (arguments.at, found.at_s), "goal-at": (arguments.goal_at, found.goal_at_s)}
    return [
        f"{name} {taken:.1f} s: the nearest moment with an image, as the camera was not fresh at {wish:.1f} s"
        for name, (wish, taken) in asked.items()
        if wish is not None and taken is not None and abs(taken - wish) * tick_hz > 0.51
    ]


def _picture(path: Path, contract: Contract) -> Any:
    """An image file as the first camera of the contract would send it."""
    import cv2

    from world_model_ros.bundle.signatures import first_camera
    from world_model_ros.core.errors import UserError

    camera = first_camera(contract.interface)
    if camera is None:
        raise UserError("goal-image", str(path), "a robot with a camera")
    try:  # of what is not there OpenCV complains by itself
        picture = cv2.imread(str(path)) if path.is_file() else None
    except cv2.error:
        picture = None
    if picture is None:
        raise UserError("goal-image", str(path), "an image file that can be read")
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    return cv2.resize(rgb, (camera.width, camera.height), interpolation=cv2.INTER_AREA)


def _draw(path: Path, found: Answer, tick_s: float) -> None:
    from world_model_ros.view.pictures.strip import Strip, futures_png

    assert found.now is not None
    chosen = range(2, len(found.frames), 3)
    strip = Strip(
        found.now,
        tuple((h + 1) * tick_s for h in chosen),
        tuple(found.frames[h] for h in chosen),
        tuple(found.real[h] for h in chosen),
        goal=found.goal,
        at_s=found.at_s,
    )
    futures_png(path, [strip])
