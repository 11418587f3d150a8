"""``world-model export-lerobot``: converts bags to a LeRobot data set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import contract_for_bag

if TYPE_CHECKING:
    from world_model_ros.lerobot.exporter import LerobotExport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bags",
        nargs="+",
        type=Path,
        help="bags, or folders with bags; each becomes an episode, or more where it pauses",
    )
    parser.add_argument("--contract", default="", help="robot contract; the bag's own without it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set, which must not exist")
    parser.add_argument("--fps", type=int, default=30, help="frames a second (%(default)s)")
    parser.add_argument("--codec", default="av1", help="av1 or h264 (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bags.storage.find import find_bags, folder_outside
    from world_model_ros.commands.lerobot.libraries import need_lerobot

    need_lerobot()
    from world_model_ros.bags.storage.writer import whole_or_gone
    from world_model_ros.lerobot.exporter import LerobotExport

    bags = find_bags(arguments.bags)
    folder_outside("out", arguments.out, bags)
    contract = contract_for_bag(arguments.contract, bags[0])
    with whole_or_gone(arguments.out):
        out = LerobotExport(arguments.out, contract, arguments.fps, arguments.codec)
        frames, failed = _add_all(out, bags)
        out.close()
    result = {"robot": contract.name, "episodes": out.episodes, "frames": frames, "dataset": str(arguments.out)}
    left_out = [*out.notes, *(f"not exported: {error}" for error in failed.values())]
    line = f"{out.episodes} episodes, {frames} frames in {arguments.out}"
    show({**result, "notes": out.notes, "failed": failed}, arguments.json, [*left_out, line])
    return 2 if failed else 0


def _add_all(out: LerobotExport, bags: Sequence[Path]) -> tuple[int, dict[str, str]]:
    """How many frames there are, and why bags have none."""
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar

    frames, failed = 0, dict[str, str]()
    for bag in progress_bar(bags, unit="episode"):
        try:
            frames += out.add(bag)
        except UserError as error:
            if len(bags) == 1:
                raise
            failed[str(bag)] = str(error)
    if not frames:
        raise UserError("bags", next(iter(failed.values())), "at least one that can be exported")
    return frames, failed
