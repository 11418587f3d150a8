"""``world-model export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder that train wrote, or a checkpoint (.pt)")
    parser.add_argument("--name", help="name of the bundle; the robot's without it")
    parser.add_argument("--out", type=Path, help="folder of the bundle; models/<name> without it")
