"""Parses JSON text strictly: a duplicate key is a UserError, and where asked a number that is not finite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from world_model_ros.core.errors import UserError


def read_json(text: str, field: str, finite: bool = False) -> Any:
    """What JSON text holds.

    Args:
        field: that errors are said of.
        finite: numbers have to be; Python writes and reads NaN and Infinity too.

    Raises:
        UserError: it is no JSON, an object has a key twice, or a number is not finite.
    """

    def refuse(word: str) -> NoReturn:
        raise UserError(field, word, "JSON, in which numbers are finite")

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise UserError(field, name, "each key once")
            found[name] = value
        return found

    try:
        return json.loads(text, parse_constant=refuse if finite else None, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:  # of digits and of brackets there can be too many
        raise UserError(field, text, f"JSON ({error})") from None
