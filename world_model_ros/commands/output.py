"""What subcommands print: one JSON object for machines, or lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def show(result: Mapping[str, Any], as_json: bool, lines: Iterable[str]) -> None:
    """Print a result to standard output."""
    if as_json:
        print(json.dumps(result, default=str))
    else:
        print("\n".join(lines))
