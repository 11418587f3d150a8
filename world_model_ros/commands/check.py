"""``world-model check``."""

from __future__ import annotations

import argparse

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="bundle: name or folder")
    parser.add_argument("--robot", default="tabletop_arm", help="contract: name or .yaml file (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.runtime.bundle import check_bundle

    contract = load_contract(arguments.robot)
    report = check_bundle(arguments.model, contract)
    checks = [
        {"what": check.what, "fits": check.error is None, "error": None if check.error is None else str(check.error)}
        for check in report.checks
    ]
    result = {"model": str(report.folder), "robot": contract.name, "fits": report.fits, "checks": checks}
    wrong = [f"  {check['what']}: {check['error']}" for check in checks if not check["fits"]]
    verdict = f"fits {contract.name}" if report.fits else f"does not fit {contract.name}:"
    show(result, arguments.json, [f"{report.folder} {verdict} ({len(checks)} checks)", *wrong])
    return 0 if report.fits else 1
