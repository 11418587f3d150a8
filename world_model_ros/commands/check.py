"""``world-model check``."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.output import show
from world_model_ros.contract.share import default_robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", help="bundle (name or folder), or a contract (.yaml); with --live also a robot's name")
    parser.add_argument("--robot", default=default_robot(), help="contract a bundle is checked against (%(default)s)")
    parser.add_argument("--live", type=_seconds, help="listen to the running robot for so many seconds (5, 5s)")
    parser.add_argument("--use-sim-time", action="store_true", help="with --live: the robot's time is on /clock")


def run(arguments: argparse.Namespace) -> int:
    if arguments.live is not None:
        return _live(arguments)
    if arguments.what.endswith((".yaml", ".yml")):
        return _contract(arguments)
    return _bundle(arguments)


def _bundle(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.runtime.bundle import check_bundle

    contract = load_contract(arguments.robot)
    report = check_bundle(arguments.what, contract)
    checks = [
        {"what": check.what, "fits": check.error is None, "error": None if check.error is None else str(check.error)}
        for check in report.checks
    ]
    result = {"model": str(report.folder), "robot": contract.name, "fits": report.fits, "checks": checks}
    wrong = [f"  {check['what']}: {check['error']}" for check in checks if not check["fits"]]
    verdict = f"fits {contract.name}" if report.fits else f"does not fit {contract.name}:"
    show(result, arguments.json, [f"{report.folder} {verdict} ({len(checks)} checks)", *wrong])
    return 0 if report.fits else 1


def _contract(arguments: argparse.Namespace) -> int:
    from world_model_ros.commands.contract_check import check_contract
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.what)
    found = check_contract(contract)
    wrong = [each for each in found if each.wrong is not None]
    checks = [{"what": each.what, "fits": each.wrong is None, "error": each.wrong} for each in found]
    result = {"contract": arguments.what, "robot": contract.name, "fits": not wrong, "checks": checks}
    verdict = "is complete" if not wrong else f"has {len(wrong)} open points:"
    lines = [f"{arguments.what} {verdict} ({len(found)} checks)", *(f"  {each.what}: {each.wrong}" for each in wrong)]
    show(result, arguments.json, lines)
    return 1 if wrong else 0


def _live(arguments: argparse.Namespace) -> int:
    import os

    from world_model_ros.bringup.domain import middleware_environment
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.what)
    os.environ.update(middleware_environment("shared_memory"))
    from world_model_ros.nodes.live_check import check_live

    result = check_live(contract, arguments.live, arguments.use_sim_time)
    show(result, arguments.json, _live_lines(result))
    return 0 if result["fits"] else 1


def _live_lines(result: dict[str, Any]) -> list[str]:
    lines = []
    for topic in result["topics"]:
        rate, age = topic["rate_hz"], topic["age_ms"]
        words = "" if rate is None else f" {rate:.1f} a second,"
        words += "" if age is None else f" age {age['p50']:.1f} ms (at most {age['max']:.1f}),"
        verdict = "fits" if topic["fits"] else "does not fit"
        lines += [f"{topic['topic']} ({topic['stream']}):{words} {verdict}", *_findings(topic["findings"])]
    lines += _findings([*result["command"], *result["joints"]], "")
    return [*lines, f"{result['robot']} {'fits' if result['fits'] else 'does not fit'} its contract"]


def _findings(findings: list[dict[str, Any]], indent: str = "    ") -> list[str]:
    chosen = [each for each in findings if each["level"] != "ok"]
    return [f"{indent}{each['what']}: {each['found']}\n{indent}    -> {each['change']}" for each in chosen]


def _seconds(text: str) -> float:
    value = float(text.removesuffix("s"))
    if not 0.5 <= value <= 3600.0:
        raise argparse.ArgumentTypeError(f"{text}: 0.5 to 3600 seconds")
    return value
