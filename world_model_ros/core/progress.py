"""Progress bars on standard error, for people: none while a command writes JSON for machines."""

from __future__ import annotations

from typing import Any

_quiet = [False]


def hush(quiet: bool) -> None:
    """Whether bars are left out from now on."""
    _quiet[0] = quiet


def progress_bar(*arguments: Any, **options: Any) -> Any:
    """As `tqdm.tqdm`."""
    from tqdm import tqdm

    return tqdm(*arguments, **(options | {"disable": True} if _quiet[0] else options))
