"""``world-model commission``: small, slow motions through the gate that show if a robot does what its contract says."""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from world_model_ros import __version__
from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import between, show
from world_model_ros.commands.robot_and_model import add_robot
from world_model_ros.core.errors import UserError

if TYPE_CHECKING:
    from world_model_ros.contract.contract import Contract
    from world_model_ros.kinematics.collision.distances import PairDistances

_SUFFIXES = (".json", ".md")


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    parser.add_argument("--joints", default="", help="comma separated; all of the contract without it")
    parser.add_argument(
        "--share", type=between(0.01, 0.25), default=0.05, help="of the contract's velocity limits (%(default)s)"
    )
    parser.add_argument("--source", default="", help="of the contract; its one source of kind person without it")
    parser.add_argument("--yes", action="store_true", help="ask no person before each motion")
    parser.add_argument("--listen-only", action="store_true", help="look at joint states alone; nothing moves")
    parser.add_argument("--out", type=Path, help="a .json or .md file with all that was measured")
    parser.add_argument("--use-sim-time", action="store_true", help="the robot's time is on /clock")
    parser.only("without --listen-only", lambda found: not found.listen_only, "joints", "share", "source", "yes")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bringup.domain import middleware_environment
    from world_model_ros.commands.info import middleware
    from world_model_ros.commissioning.commissioner import Commissioner, Plan
    from world_model_ros.commissioning.report import lines, page, report
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.core.installation.versions import versions
    from world_model_ros.gate.playing.source import source_of

    out: Path | None = arguments.out
    if out is not None and out.suffix not in _SUFFIXES:
        raise UserError("out", str(out), f"a file that ends in {' or '.join(_SUFFIXES)}")
    if out is not None and not out.absolute().parent.is_dir():
        raise UserError("out", str(out), "a file in a folder that is there")
    contract = load_contract(arguments.robot)
    joints = _joints(arguments.joints, contract)
    moves = not arguments.listen_only
    if contract.deployment.command is None and moves:
        raise UserError("deployment.command", None, "a controller; or --listen-only, as this robot can only be watched")
    source = source_of(contract, arguments.source, "person") if moves else None
    who = Commissioner(contract, source, Plan(arguments.share, joints, not arguments.yes, moves), _distances(contract))
    os.environ.update(middleware_environment("shared_memory"))
    from world_model_ros.nodes.robot.commission import commission

    def say(line: str, end: str = "\n") -> None:
        print(line, end=end, file=sys.stderr if arguments.json else sys.stdout, flush=True)

    if moves:
        say(f"{contract.name} at {arguments.share:.0%} of its velocity limits. Keep the emergency stop within reach.")
    commission(who, lambda question: say(question, end=""), _replies(), say, arguments.use_sim_time)
    told = report(who, versions(__version__) | {"rmw": middleware()})
    if out is not None:
        out.write_text(page(told) if out.suffix == ".md" else json.dumps(told, indent=1) + "\n", encoding="utf-8")
    show(told, arguments.json, lines(told))
    return 0 if told["passed"] else 1


def _joints(names: str, contract: Contract) -> tuple[str, ...]:
    found = tuple(name.strip() for name in names.split(",") if name.strip())
    for name in found:
        if name not in contract.joint_names:
            raise UserError("joints", name, f"some of {list(contract.joint_names)}")
    return found


def _distances(contract: Contract) -> PairDistances | None:
    if contract.deployment.gate.collision is None:
        return None
    from world_model_ros.kinematics.collision.distances import PairDistances

    return PairDistances(contract)


def _replies() -> Callable[[], str | None]:
    """Reads a line of the person without waiting for it; an empty one once there is no person any more."""
    left = bytearray()

    def read() -> str | None:
        if sys.stdin is None:
            return "q"
        if b"\n" not in left:
            if not select.select([sys.stdin.fileno()], [], [], 0.0)[0]:
                return None
            came = os.read(sys.stdin.fileno(), 256)
            if not came:
                return "q"
            left.extend(came)
        if b"\n" not in left:
            return None
        line, _, rest = bytes(left).partition(b"\n")
        left[:] = rest
        return line.decode(errors="replace")

    return read
