"""``world-model check``: checks a bundle, a contract, a bag or a running robot, and says what does not fit."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot

if TYPE_CHECKING:
    from world_model_ros.bundle.bundle import BundleReport, Check
    from world_model_ros.contract.contract import Contract

_FEW = 3  # tensors that are named


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "what", help="bundle (name or folder), or a contract (.yaml, or a robot's name where no bundle has that name)"
    )
    parser.add_argument("--robot", help="contract a bundle is checked against; the one that it names without it")
    parser.add_argument("--live", type=_seconds, help="listen to the running robot for so many seconds (5, 5s)")
    parser.add_argument("--bag", type=Path, help="look at a recording of the robot instead, all of it")
    parser.add_argument(
        "--map", action="append", default=[], metavar="FROM:=TO", help="a topic of the bag is one of the contract"
    )
    parser.add_argument("--use-sim-time", action="store_true", help="with --live: the robot's time is on /clock")
    parser.only("without --live, for which there is no recording", lambda found: found.live is None, "bag")
    parser.only("with --bag", lambda found: found.bag is not None, "map")
    parser.only("with --live", lambda found: found.live is not None, "use_sim_time")
    parser.only("where WHAT is a bundle, and neither --live nor --bag is given", _of_bundle, "robot")


def run(arguments: argparse.Namespace) -> int:
    if arguments.live is not None:
        return _live(arguments)
    if arguments.bag is not None:
        return _bag(arguments)
    if arguments.what.endswith((".yaml", ".yml")) or _robot_without_bundle(arguments):
        return _contract(arguments)
    return _bundle(arguments)


def _of_bundle(arguments: argparse.Namespace) -> bool:
    return arguments.live is None and arguments.bag is None and not arguments.what.endswith((".yaml", ".yml"))


def _robot_without_bundle(arguments: argparse.Namespace) -> bool:
    """Whether a robot is named, of which no bundle comes with the package. `UserError` if it is neither."""
    from world_model_ros.bundle.bundle import MANIFEST, find_bundle, known_bundles
    from world_model_ros.contract.contract import known_robots

    try:
        find_bundle(arguments.what)
    except UserError as error:
        robots = known_robots()
        if arguments.what in robots and arguments.robot is None:
            return True
        legal = f"a bundle (a folder with {MANIFEST}, or one of {known_bundles()})"
        if arguments.robot is None:
            legal += f" or a contract (a .yaml file, or one of {robots})"
        raise UserError("what", arguments.what, legal) from error
    return False


def _bundle(arguments: argparse.Namespace) -> int:
    from world_model_ros.bundle.bundle import check_bundle
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.goals.subgoal import goals_taken

    contract = load_contract(arguments.robot or _robot_of(arguments.what))
    report = check_bundle(arguments.what, contract)
    checks = [
        {"what": check.what, "fits": check.error is None, "error": None if check.error is None else str(check.error)}
        for check in report.checks
    ]
    untaught = [] if report.manifest is None else report.manifest.unlabelled
    notes = [f"goals for {name} will be refused: the model never learned where it is" for name in untaught]
    result = {"model": str(report.folder), "robot": contract.name, "fits": report.fits, "checks": checks}
    goals = {} if report.manifest is None else goals_taken(contract, report.manifest)
    if goals:
        notes.insert(0, "takes goals: " + "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in goals.items()))
    result |= {"goals": {name: list(kinds) for name, kinds in goals.items()}, "notes": notes}
    wrong = _wrong([told for told, check in zip(checks, report.checks) if not check.tensor])
    wrong += _tensors([each for each in report.checks if each.tensor and each.error], contract, report)
    verdict = f"fits {contract.name}" if report.fits else f"does not fit {contract.name}"
    counted = f"({len(checks)} checks: its interface, files, graphs, their inputs and outputs)"
    head = f"{report.folder}, as a bundle, {verdict} {counted}{':' * bool(wrong)}"
    show(result, arguments.json, [head, *wrong, *(f"  {note}" for note in notes)])
    return 0 if report.fits else 1


def _tensors(differ: Sequence[Check], contract: Contract, report: BundleReport) -> list[str]:
    """A line of the inputs and outputs of graphs that do not fit: the first, how many more, and what to do."""
    if not differ or report.manifest is None:
        return []
    told = [
        f"{each.what} {each.error.value}, not {each.error.legal}" for each in differ if each.error and _shaped(each)
    ]
    told += [f"{each.what}, which {contract.name} lacks" for each in differ if not _shaped(each)]
    more = f"; and {len(told) - _FEW} more (--json lists them)" if len(told) > _FEW else ""
    made = report.manifest
    if made.interface_hash == contract.interface_hash:
        advice = f"export it anew: `world-model export CHECKPOINT --out {report.folder}`"
    elif made.robot == contract.name:
        advice = "give the contract that it was trained with (--robot), or train and export it anew"
    else:
        advice = f"give the contract of {made.robot} (--robot), or train and export a model of {contract.name}"
    many = f"{len(told)} tensors do" if len(told) > 1 else "a tensor does"
    return [f"  {many} not fit: {'; '.join(told[:_FEW])}{more} -> {advice}"]


def _shaped(check: Check) -> bool:
    """Whether what is wrong is the shape or the type of a tensor that the contract asks for, or that it is absent."""
    return check.error is not None and not check.what.endswith(f" {check.error.value}")


def _robot_of(bundle: str) -> str:
    """The robot that a bundle names; the package's default one where its manifest cannot be read, which is said."""
    from world_model_ros.bundle.bundle import find_bundle, read_manifest
    from world_model_ros.contract.contract import known_robots

    folder = find_bundle(bundle)
    try:
        robot = read_manifest(folder).robot
    except UserError:
        return default_robot()
    if robot not in known_robots():
        legal = f"--robot FILE, the contract of {robot}, for which {folder} was made: it is none of {known_robots()}"
        raise UserError("robot", "nothing", legal)
    return robot


def _contract(arguments: argparse.Namespace) -> int:
    from world_model_ros.check.collision_pairs import collision_lines, collision_report
    from world_model_ros.check.contract_fit import check_contract
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.what)
    file = arguments.what.endswith((".yaml", ".yml"))
    checked = arguments.what if file else f"the contract of {contract.name} (no bundle has that name)"
    found = check_contract(contract)
    wrong = [each for each in found if each.wrong is not None]
    checks = [{"what": each.what, "fits": each.wrong is None, "error": each.wrong} for each in found]
    notes = [f"{each.what}: {each.note}" for each in found if each.note is not None]
    collision = collision_report(contract)
    result = {
        "contract": arguments.what,
        "robot": contract.name,
        "fits": not wrong,
        "checks": checks,
        "notes": notes,
        "collision": collision,
    }
    verdict = "is complete" if not wrong else f"has {len(wrong)} thing{'s' * (len(wrong) > 1)} to fill in or change"
    counted = f"({len(found)} checks, as of message types, joints and limits)"
    lines = [f"{checked} {verdict} {counted}{':' * bool(wrong)}", *_wrong(checks)]
    lines += [f"  note: {line}" for line in _folded((each.what, each.note) for each in found if each.note is not None)]
    sink = contract.deployment.action
    ungated = [] if sink is None else [f"no gate: what receives {sink.topic} keeps its own limits"]
    show(result, arguments.json, [*lines, *(ungated or collision_lines(collision))])
    return 1 if wrong else 0


def _wrong(checks: list[dict[str, Any]]) -> list[str]:
    """A line each cause of a check that failed, with all that it is said of."""
    return [f"  {line}" for line in _folded((each["what"], each["error"]) for each in checks if not each["fits"])]


def _folded(said: Iterable[tuple[str, str]]) -> list[str]:
    """A line each cause, with all that it is said of."""
    from world_model_ros.check.fold import folded, listed

    return [f"{listed(names)}: {words}" for names, _, words in folded((what, "", words) for what, words in said)]


def _live(arguments: argparse.Namespace) -> int:
    import os

    from world_model_ros.bringup.domain import middleware_environment
    from world_model_ros.check.robot_fit import report_lines
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.what)
    os.environ.update(middleware_environment("shared_memory"))
    from world_model_ros.nodes.robot.live_check import check_live

    result = check_live(contract, arguments.live, arguments.use_sim_time)
    show(result, arguments.json, report_lines(result))
    return 0 if result["fits"] else 1


def _bag(arguments: argparse.Namespace) -> int:
    from world_model_ros.bags.bag_fit import check_bag
    from world_model_ros.check.robot_fit import report_lines
    from world_model_ros.commands.replay import topic_names
    from world_model_ros.contract.contract import load_contract

    result = check_bag(arguments.bag, load_contract(arguments.what), topic_names(arguments.map))
    unread = [*(f"{topic}: {why}" for topic, why in result["left_out"].items()), *result["damage"]]
    show(result, arguments.json, [*unread, *report_lines(result)])
    return 0 if result["fits"] else 1


def _seconds(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 3600.0:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected 0.5 to 3600 seconds")
    return value
