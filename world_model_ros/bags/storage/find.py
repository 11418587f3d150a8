"""Lists all bags below some folders and names them, and refuses output folders that are inside of a bag."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from world_model_ros.bags.storage.files import is_storage
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import folder_for, is_file, is_folder


def bag_names(bags: Sequence[Path]) -> list[str]:
    """What to call bags: their names, or where names are not enough, their paths."""
    names = [bag.name for bag in bags]
    return names if len(set(names)) == len(names) else [str(bag) for bag in bags]


def require_outside(field: str, out: Path, bag: Path) -> Path:
    """A folder to write to; `UserError` of one that is that of a bag, or in it."""
    own = bag if is_folder(bag) else bag.parent
    if out.resolve().is_relative_to(own.resolve()) and (is_folder(bag) or is_file(own / "metadata.yaml")):
        raise UserError(field, str(out), f"a folder outside of the bag {bag}")
    return out


def folder_outside(field: str, out: object, bags: Sequence[Path]) -> Path:
    """A folder to write to that can be made; `UserError` of one that is that of one of the bags, or in it."""
    folder = folder_for(field, out)
    for bag in bags:
        require_outside(field, folder, bag)
    return folder


def find_bags(folders: Sequence[Path]) -> list[Path]:
    """List all bags below the given folders: bag folders (with metadata.yaml) and single .mcap, .db3 or .bag files,
    compressed ones too, sorted, each once."""
    found: list[Path] = []
    for folder in folders:
        if is_file(folder) or is_file(folder / "metadata.yaml"):
            found.append(folder)
            continue
        if not is_folder(folder):
            continue
        found += [path.parent for path in folder.rglob("metadata.yaml")]
        loose = [path for path in folder.rglob("*") if is_storage(path) or path.suffix == ".bag"]
        found += [path for path in loose if not (path.parent / "metadata.yaml").is_file()]
    if not found:
        raise UserError("bags", [str(folder) for folder in folders], "folders that hold at least one bag")
    return sorted({path.resolve(): path for path in found}.values())
