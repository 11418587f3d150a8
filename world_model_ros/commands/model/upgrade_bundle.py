"""``world-model upgrade-bundle``: converts a model bundle of format 1 to this version's format."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, help="a bundle of format 1, by name or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new bundle")
    parser.add_argument("--robot", help="contract: name or .yaml file; the one that the bundle names without it")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bundle.bundle import find_bundle, manifest_text
    from world_model_ros.bundle.upgrade import upgrade_bundle
    from world_model_ros.contract.contract import load_contract

    contract = load_contract(arguments.robot or manifest_text(find_bundle(arguments.bundle)).get("robot", ""))
    manifest = upgrade_bundle(arguments.bundle, contract, arguments.out)
    result = {"model": manifest.name, "format": manifest.format, "folder": str(arguments.out), "robot": manifest.robot}
    show(result, arguments.json, [f"{arguments.out}: {manifest.name} as a bundle of format {manifest.format}"])
    return 0
