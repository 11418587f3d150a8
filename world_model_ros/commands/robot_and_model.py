"""The ``--robot`` and ``--model`` options of commands, and loading of the contract and bundle that they name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from world_model_ros.core.installation.share_folder import default_robot

if TYPE_CHECKING:
    from world_model_ros.bags.storage.reader import BagReader
    from world_model_ros.bundle.bundle import Bundle
    from world_model_ros.contract.contract import Contract


def add_robot(parser: argparse.ArgumentParser, what: str = "contract: name or .yaml file") -> None:
    """``--robot``, the default one without it."""
    parser.add_argument("--robot", default=default_robot(), help=f"{what} (%(default)s)")


def add_robot_of_bag(parser: argparse.ArgumentParser) -> None:
    """``--robot``, see `contract_for_bag` for what is taken without it."""
    parser.add_argument("--robot", default="", help="contract; the bag's own, or the one that knows its topics")


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model`` and ``--provider``."""
    parser.add_argument("--model", default="", help="bundle: name or folder; the one named like the robot without it")
    parser.add_argument("--provider", default="auto", help="auto, cpu, cuda or tensorrt (%(default)s)")


def contract_and_bundle(arguments: argparse.Namespace) -> tuple[Contract, Bundle]:
    """What ``--robot`` and ``--model`` name."""
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.robot)
    return contract, bundle_for(contract, arguments)


def bundle_for(contract: Contract, arguments: argparse.Namespace) -> Bundle:
    """What ``--model`` names, or the bundle that is named like the robot."""
    from world_model_ros.bundle.bundle import find_bundle, known_bundles, load_bundle
    from world_model_ros.core.errors import UserError

    if not arguments.model:
        try:
            find_bundle(contract.name)
        except UserError as error:
            legal = f"--model, a bundle made for {contract.name}: none of {known_bundles()} has that name"
            raise UserError("model", "nothing", f"{legal}; `world-model train` and `export` make one") from error
    return load_bundle(arguments.model or contract.name, contract)


def contract_for_bag(robot: str, bag: Path, names: dict[str, str] | None = None, *, ticks: bool = False) -> Contract:
    """The contract ``robot``; without one that of a bag.

    Args:
        robot: contract, or empty.
        bag: folder or file.
        names: topics of the bag that are others of the contract.
        ticks: the ticks in the bag will be repeated.

    Raises:
        UserError: no such bag or contract, the robot has to be named, or the bag is of another one.
    """
    from world_model_ros.bags.align.robot_of_bag import require_robot, require_same_action
    from world_model_ros.bags.storage.reader import BagReader
    from world_model_ros.contract.contract import load_contract

    with BagReader(bag, names) as reader:
        if not robot:
            return _contract_of(reader)
        contract = load_contract(robot)
        (require_same_action if ticks else require_robot)(reader, contract)
        return contract


def _contract_of(reader: BagReader) -> Contract:
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
        legal = f"--robot with a contract for the topics {sorted(reader.topics())}"
        raise UserError("robot", "", "; ".join([legal, *reader.damage]))
    return load_contract(max(fits, key=lambda name: fits[name]))
