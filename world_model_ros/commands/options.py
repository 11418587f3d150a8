"""Argument parser that rejects options which would have no effect given the other options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from world_model_ros.core.errors import UserError


class Parser(argparse.ArgumentParser):
    """A parser that knows which options were written, and refuses those that would be ignored.

    What it parses has ``given``: the names of the arguments that were written, also where they say what counts anyway.

    Attributes:
        nested: whether all its options are those of subcommands.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.register("type", int, _whole)
        self.register("type", float, _number)
        self.nested = False
        self._conditions: list[tuple[str, Callable[[argparse.Namespace], bool], tuple[str, ...]]] = []

    def only(self, where: str, counts: Callable[[argparse.Namespace], bool], *names: str) -> None:
        """Refuse options where they do not count.

        Args:
            where: they count, in words that go on from "this option only": ``with --bag``.
            counts: whether they do, from what was parsed.
            names: as in what is parsed: ``use_sim_time``.
        """
        self._conditions.append((where, counts, names))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As of argparse. `UserError` of an option that would be ignored."""
        found, rest = super().parse_known_args(args, namespace)
        if self.nested:
            return found, rest
        usual = {name: self.get_default(name) for name in vars(found)}
        self.set_defaults(**dict.fromkeys(usual))
        written, _ = super().parse_known_args(args)
        self.set_defaults(**usual)
        found.given = frozenset(name for name, value in vars(written).items() if value is not None)
        for where, counts, names in self._conditions:
            if not counts(found):
                refuse_given(found, names, where)
        return found, rest


def refuse_given(arguments: argparse.Namespace, names: Iterable[str], where: str) -> None:
    """Raise `UserError` if one of some options was written, which count ``where`` only."""
    for name in names:
        if name in arguments.given:
            value = getattr(arguments, name)
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            raise UserError(f"--{name.replace('_', '-')}", value, f"this option only {where}")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a number") from None
