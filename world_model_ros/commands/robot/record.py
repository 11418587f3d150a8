"""``world-model record``: records episodes of a running robot as bags; keys start, end, judge and discard them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_robot
from world_model_ros.core.errors import UserError

_ESCAPED = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?")  # what arrows and function keys send


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set; episodes in it stay")
    parser.add_argument("--task", default="", help="what is done, in words, for each episode's bag")
    parser.add_argument("--topics", default="", help="comma separated, or all; without it those of contract and brain")
    parser.add_argument("--episodes", type=at_least(0), default=0, help="end after so many kept; 0: when q is pressed")
    parser.add_argument("--longest", type=float, default=0.0, help="s of an episode, which is then kept; 0: any")
    parser.add_argument("--use-sim-time", action="store_true", help="the robot's time is on /clock")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bags.episodes import KEYS, Episodes, summary
    from world_model_ros.bringup.domain import middleware_environment
    from world_model_ros.contract.contract import load_contract

    if not 0.0 <= arguments.longest <= 86400.0:
        raise UserError("longest", arguments.longest, "0 to 86400 s")
    contract = load_contract(arguments.robot)
    episodes = Episodes(arguments.out)
    os.environ.update(middleware_environment("shared_memory"))
    from world_model_ros.nodes.bags.episode_recorder import record_episodes

    def say(line: str) -> None:
        print(line, file=sys.stderr if arguments.json else sys.stdout, flush=True)

    say(f"{contract.name}, into {arguments.out}. {KEYS}")
    names = [name.strip() for name in arguments.topics.split(",") if name.strip()]
    with _keys() as read_keys:
        record_episodes(
            contract,
            episodes,
            read_keys,
            say,
            names,
            arguments.task,
            arguments.episodes,
            arguments.longest,
            arguments.use_sim_time,
        )
    counts = summary(episodes.kept)
    told = {"folder": str(arguments.out), "episodes": len(episodes.kept), "outcomes": counts}
    told["bags"] = [str(path) for path in episodes.kept]
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    show(told, arguments.json, [f"{len(episodes.kept)} episodes in {arguments.out}{f': {words}' if words else ''}"])
    return 0 if episodes.kept else 1


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], str | None]]:
    """Reads what was pressed, without a return key where standard input is a terminal."""
    if sys.stdin is None:  # as after <&-
        raise UserError("standard input", "closed", "a terminal, or a pipe that keys come from")
    descriptor = sys.stdin.fileno()
    ended = False

    def read() -> str | None:
        nonlocal ended
        if ended:
            return None
        if not select.select([descriptor], [], [], 0.0)[0]:
            return ""
        text = os.read(descriptor, 64).decode(errors="replace")
        ended = not text
        return None if ended else _ESCAPED.sub("", text).replace("\n", "")

    if not os.isatty(descriptor):
        yield read
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
