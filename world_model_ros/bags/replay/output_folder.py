"""Guards the output folder of a replay: files of an earlier replay are replaced, other files are never overwritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from world_model_ros.bags.storage.find import require_outside
from world_model_ros.bags.storage.writer import whole_or_gone
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import is_folder

BAG = "bag"
FILES = ("report.html", "metrics.json", "futures.png", "memory.npz", BAG)
_IN_BAG = (f"{BAG}.mcap", "metadata.yaml")


def require_replaceable(out: Path, bag: Path) -> Path:
    """A folder for the replay of a bag; `UserError` where the bag or what no replay wrote would be lost in it."""
    require_outside("out", out, bag)
    if bag.resolve().is_relative_to((out / BAG).resolve()):
        raise UserError("out", str(out), "another folder; the bag would be replaced by its replay")
    foreign = _foreign(out)
    if foreign:
        legal = f"a folder that does not exist yet, or one with what a replay wrote; {', '.join(foreign)} is of none"
        raise UserError("out", str(out), legal)
    return out


@contextmanager
def replaced_bag(out: Path) -> Iterator[Path]:
    """The folder of the bag, without that of a former replay; an error removes it: it would pass for the whole."""
    for name in _IN_BAG:
        (out / BAG / name).unlink(missing_ok=True)
    if (out / BAG).exists():
        (out / BAG).rmdir()  # with files of others in it, it stays
    with whole_or_gone(out / BAG):
        yield out / BAG


def _foreign(out: Path) -> list[str]:
    """What a replay would overwrite there although no replay wrote it."""
    if not _has_metrics(out / "metrics.json"):
        return [name for name in FILES if os.path.lexists(out / name)]
    bag = out / BAG
    if bag.is_symlink() or (bag.exists() and not is_folder(bag)):
        return [BAG]
    there = sorted(each.name for each in bag.iterdir()) if bag.exists() else []
    return [f"{BAG}/{name}" for name in there if name not in _IN_BAG or not (bag / name).is_file()]


def _has_metrics(file: Path) -> bool:
    try:
        return "commands_sha256" in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False
