"""Merges findings that have one cause and say the same of several streams, joints or links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

NAME = "<name>"
_CLOSEST = re.compile(r"; the closest is ('[^']*')$")  # as `UserError` ends, another one for each name


class Folded(NamedTuple):
    """What is said of ``names``: what was found, once each, and the advice, in which `NAME` stands for each of many."""

    names: list[str]
    found: list[str]
    advice: str


def folded(said: Iterable[tuple[str, str, str]]) -> list[Folded]:
    """Of (name, found, advice) those that are equal but for the name's last word become one, in order; of those without
    a name what was found may differ."""
    groups: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for name, found, advice in said:
        groups.setdefault((advice, _nameless(found, name) if name else ""), []).append((name, found, advice))
    alike: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for (advice, bare), group in groups.items():
        key = _CLOSEST.sub("", advice if len(group) > 1 else _nameless(advice, group[0][0]))
        alike.setdefault((key, bare), []).extend(group)
    return [_one(group) for group in alike.values()]


def _one(group: list[tuple[str, str, str]]) -> Folded:
    names = list(dict.fromkeys(name for name, _, _ in group))
    found = list(dict.fromkeys(found for _, found, _ in group))
    name, first, advice = group[0]
    if len(names) > 1 and len(found) > 1:
        found = [_nameless(first, name)]
    if len({advice for _, _, advice in group}) > 1:
        closest = [f"{_word(name)} {end[1]}" for name, _, each in group if (end := _CLOSEST.search(each))]
        advice = _CLOSEST.sub("", _nameless(advice, name)) + (f"; the closest: {', '.join(closest)}" * bool(closest))
    return Folded(names, found, advice)


def listed(names: Iterable[str]) -> str:
    """Names of a kind, as ``joint a`` and ``joint b``, with that word once."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kind, _, word = name.rpartition(" ")
        kinds.setdefault(kind, []).append(word)
    return ", ".join(f"{kind} {', '.join(words)}".strip() for kind, words in kinds.items())


def _nameless(text: str, name: str) -> str:
    word = _word(name)
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", NAME, text) if word else text


def _word(name: str) -> str:
    return name.rpartition(" ")[2]
