"""Helpers of subcommands: print a result as JSON or text; parse options that are a file, host, port or number."""

from __future__ import annotations

import argparse
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import nan
from pathlib import Path
from typing import Any

from world_model_ros.commands.options import Parser

_LAST_PORT = 65535


def subcommands(parser: Parser, dest: str, summaries: Mapping[str, str]) -> Iterator[tuple[str, Parser]]:
    """Add a subcommand a name; yields each with its parser. In summaries ``%%`` stands for a per cent sign."""
    parser.nested = True
    subparsers = parser.add_subparsers(dest=dest, metavar=dest.upper(), required=True)
    for name, summary in summaries.items():
        about = f"{summary[0].upper()}{summary[1:]}".replace("%%", "%")
        yield name, subparsers.add_parser(name, help=summary, description=about if about[-1] in ".?" else f"{about}.")


def add_json(parser: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
    """``--json``; without a default the one of the command above counts."""
    parser.add_argument("--json", action="store_true", default=default, help="print one JSON object for machines")


def show(result: Mapping[str, Any], as_json: bool, lines: Iterable[str]) -> None:
    """Print a result to standard output."""
    if as_json:
        print(json.dumps(result, default=str))
    else:
        print("\n".join(lines))


def file_named(suffix: str) -> Callable[[str], Path]:
    """Parser of an option that names a file of one format: the path, if its name says so."""

    def read(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() != suffix:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected a file name that ends in {suffix}")
        return path

    return read


def at_least(least: int) -> Callable[[str], int]:
    """Parser of an option that is a whole number, not below ``least``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number of {least} or more")
        return number

    return read


def between(least: float, most: float) -> Callable[[str], float]:
    """Parser of an option that is a number of a range, ends included."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = nan
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected a number from {least:g} to {most:g}")
        return number

    return read


def host(text: str) -> str:
    """The address or name of an option that says where a page listens."""
    try:
        family, *_, address = socket.getaddrinfo(text, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(address)
    except (OSError, ValueError) as error:
        legal = f"an address of this machine, as 127.0.0.1, or 0.0.0.0 for all of them ({error})"
        raise argparse.ArgumentTypeError(f"got {text!r}; expected {legal}") from None
    return text


def port(text: str) -> int:
    """The number of an option that names a TCP port."""
    if not (text.isdecimal() and 1 <= int(text) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected 1 to {_LAST_PORT}")
    return int(text)
