"""Prints progress bars and stages on standard error; silent while a command writes JSON for machines."""

from __future__ import annotations

import sys
from typing import Any

_quiet = [False]


def hush(quiet: bool) -> None:
    """Whether bars and stages are left out from now on."""
    _quiet[0] = quiet


def stage(words: str) -> None:
    """Say in a line what is done next, where that takes a while."""
    if not _quiet[0]:
        print(words, file=sys.stderr, flush=True)


def progress_bar(*arguments: Any, **options: Any) -> Any:
    """As `tqdm.tqdm`."""
    from tqdm import tqdm

    return tqdm(*arguments, **(options | {"disable": True} if _quiet[0] else options))
