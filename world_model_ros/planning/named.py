"""Finds a class by a short name in a table (solvers, objectives), or as ``module:Class`` in a user's own module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

from world_model_ros.core.errors import UserError

Part = TypeVar("Part")


def class_named(
    field: str, name: str, known: Mapping[str, type[Part]], base: Any, others: Sequence[str] = ()
) -> type[Part]:
    """The class that ``known`` has under a name, or the subclass of ``base`` that ``module:Class`` names.

    Raises:
        UserError: there is none, its module does not load, or it is no subclass. It names the ``field`` that asks, and
            ``others`` that are legal there.
    """
    if isinstance(name, str) and name in known:
        return known[name]
    legal = (
        f"one of {sorted([*known, *others])}, or module:Class of a subclass of {base.__module__}.{base.__qualname__}"
    )
    module, colon, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not (module and colon and attribute):
        raise UserError(field, name, legal)
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        why = str(error).replace("'", "")  # what stands in quotes would be taken for a name that is legal
        raise UserError(field, name, f"{legal} ({why})") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UserError(field, name, legal)
    return found
