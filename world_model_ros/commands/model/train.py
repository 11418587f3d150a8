"""``world-model train``: trains a model from bags."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from world_model_ros.commands.options import refuse_given
from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_robot
from world_model_ros.core.errors import UserError

if TYPE_CHECKING:
    from world_model_ros.contract.contract import Contract
    from world_model_ros.learning.behaviour.chunk_training import ChunkConfig
    from world_model_ros.learning.training.config import TrainConfig

_OF_CHUNKS = ("alike", "yaw_goals", "tolerance")
_NETWORKS = ("reader_steps", "decoder_steps", "device", "objective")
_OF_SENSES = (*_NETWORKS, "horizon", "decoder_far", "far", "windows", "length")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bags", nargs="+", type=Path, help="bags, or folders with bags")
    add_robot(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/train"),
        help="a run broken off there goes on (%(default)s)",
    )
    parser.add_argument(
        "--model",
        choices=("senses", "chunks"),
        help="one that perceives with all senses, or one that plans by chunks of behaviour where streams report all"
        " targets; what fits the contract without it",
    )
    parser.add_argument(
        "--steps", type=int, nargs="+", metavar="N", help="gradient steps: of the two stages of senses, or of chunks"
    )
    parser.add_argument(
        "--alike",
        action="append",
        default=[],
        metavar="A,B",
        help="of chunks: things that behave alike teach each other; may be given several times",
    )
    parser.add_argument(
        "--yaw-goals",
        action="store_true",
        help="of chunks: goals may ask for yaws, of targets whose orientation is yaw",
    )
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="TARGET=HOW_NEAR",
        help="of chunks: m, rad or share from its goal that a target counts as there, in place of 0.02 m of objects and"
        " slides, 0.01 m of fingertips, 0.1 of others; may be given several times",
    )
    parser.add_argument("--reader-steps", type=int, help="gradient steps of the position reader")
    parser.add_argument("--decoder-steps", type=int, help="gradient steps of the image decoder, after all else")
    parser.add_argument("--horizon", type=int, default=12, help="ticks that are imagined (%(default)s)")
    parser.add_argument("--decoder-far", type=int, default=56, help="ticks that pictures learn ahead (%(default)s)")
    parser.add_argument("--far", type=int, default=36, help="ticks of a few imaginations that go on (%(default)s)")
    parser.add_argument(
        "--windows", type=int, nargs=2, default=(16, 32), metavar=("ONE", "TWO"), help="windows a batch"
    )
    parser.add_argument("--length", type=int, nargs=2, default=(22, 52), metavar=("ONE", "TWO"), help="ticks a window")
    parser.add_argument("--held-out", type=int, default=20, help="one episode in this many validates (%(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument(
        "--threads", type=int, default=0, help="of the CPU; 0 measures what is quickest now (%(default)s)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where torch finds one (%(default)s)")
    parser.add_argument(
        "--objective", default="observations", help="observations, or for comparison one_step or jepa (%(default)s)"
    )
    parser.add_argument(
        "--despite-faults", action="store_true", help="train although the data-quality report speaks against it"
    )
    parser.add_argument("--workers", type=at_least(1), default=2, help="processes that read bags (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bags.storage.find import find_bags, folder_outside
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.learning.behaviour.chunk_training import ChunkConfig
    from world_model_ros.learning.training.train_on_bags import train, usual_config

    contract = load_contract(arguments.robot)
    bags = find_bags(arguments.bags)
    folder_outside("out", arguments.out, bags)
    _require_one(bags, contract)
    usual = usual_config(contract)
    chunks = isinstance(usual, ChunkConfig) if arguments.model is None else arguments.model == "chunks"
    other = "senses" if chunks else "chunks"
    refuse_given(arguments, _OF_SENSES if chunks else _OF_CHUNKS, f"of a model of {other} (--model {other})")
    config = _chunks(arguments) if chunks else _senses(arguments, contract)
    result = train(
        contract, bags, arguments.out, config, workers=arguments.workers, despite_faults=arguments.despite_faults
    )
    if os.environ.get("RANK", "0") == "0":  # of several processes one speaks
        line = f"{result['bags']} bags, {result['ticks']} ticks; wrote {result['checkpoint']}"
        show(result, arguments.json, [line])
    return 0


def _require_one(bags: Sequence[Path], contract: Contract) -> None:
    """What is wrong with the first bag, if there is none that can be opened and is of the robot."""
    from world_model_ros.bags.align.robot_of_bag import require_robot
    from world_model_ros.bags.storage.reader import BagReader

    wrong: UserError | None = None
    for bag in bags:
        try:
            with BagReader(bag) as reader:
                require_robot(reader, contract)
            return
        except UserError as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong


def _chunks(arguments: argparse.Namespace) -> ChunkConfig:
    """Settings of a model that plans by chunks of behaviour."""
    from world_model_ros.learning.behaviour.chunk_training import ChunkConfig

    steps = arguments.steps or [ChunkConfig.steps]
    if len(steps) != 1:
        raise UserError("steps", steps, "one number, of a model that plans by chunks")
    return ChunkConfig(
        steps=steps[0],
        alike=tuple(tuple(group.split(",")) for group in arguments.alike),
        yaw_goals=arguments.yaw_goals,
        tolerances=tuple(_tolerance(each) for each in arguments.tolerance),
        held_out=arguments.held_out,
        seed=arguments.seed,
        threads=arguments.threads or 1,  # networks this small are no quicker on more
    )


def _tolerance(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UserError("tolerance", text, "a target, = and a number, as cube=0.02") from None


def _senses(arguments: argparse.Namespace, contract: Contract) -> TrainConfig:
    """Settings of a model that perceives with all senses."""
    from world_model_ros.learning.training.config import TrainConfig
    from world_model_ros.learning.training.threads import threads_for
    from world_model_ros.learning.training.train import CHECKPOINT, check_settings

    steps = arguments.steps or list(TrainConfig.steps)
    if len(steps) != 2:
        raise UserError("steps", steps, "two numbers, one a stage")
    config = TrainConfig(
        steps=(steps[0], steps[1]),
        reader_steps=TrainConfig.reader_steps if arguments.reader_steps is None else arguments.reader_steps,
        decoder_steps=TrainConfig.decoder_steps if arguments.decoder_steps is None else arguments.decoder_steps,
        horizon=arguments.horizon,
        far=arguments.far,
        decoder_far=arguments.decoder_far,
        windows=tuple(arguments.windows),
        length=tuple(arguments.length),
        held_out=arguments.held_out,
        seed=arguments.seed,
        threads=arguments.threads or 1,
        device=arguments.device,
        objective=arguments.objective,
    )
    check_settings(contract, config)
    if arguments.threads == 0:
        print("finding out how many threads are quickest, which takes up to a minute ...", file=sys.stderr)
    choice = threads_for(arguments.threads, arguments.out / CHECKPOINT)
    threads = "thread" if choice.threads == 1 else "threads"
    print(f"trains with {choice.threads} {threads}: {choice.reason}", file=sys.stderr)
    return replace(config, threads=choice.threads)
