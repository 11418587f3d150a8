"""Where bags lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from world_model_ros.core.errors import UserError


def find_bags(folders: Sequence[Path]) -> list[Path]:
    """All bags under some folders: bag folders (with metadata.yaml) and single .mcap or .bag files, sorted."""
    found: list[Path] = []
    for folder in folders:
        if folder.is_file() or (folder / "metadata.yaml").is_file():
            found.append(folder)
            continue
        found += [path.parent for path in folder.rglob("metadata.yaml")]
        loose = [path for end in ("*.mcap", "*.bag") for path in folder.rglob(end)]
        found += [path for path in loose if not (path.parent / "metadata.yaml").is_file()]
    if not found:
        raise UserError("bags", [str(folder) for folder in folders], "folders that hold at least one bag")
    return sorted(found)
