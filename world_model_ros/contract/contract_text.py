"""Reads the text of a contract file and parses its YAML; a duplicate key is an error, and errors name the line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

from world_model_ros.core.errors import UserError

_MOST_BYTES = 2**20
# Of a text, and of what PyYAML makes of ``!!int ''``, ``!!bool perhaps`` and ``!!timestamp soon``; too many brackets.
_MISTAKES = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)
_MERGE = "tag:yaml.org,2002:merge"  # of the key <<


class _Twice(yaml.YAMLError):
    """A key that a mapping has twice."""

    def __init__(self, key: yaml.ScalarNode, before: int) -> None:
        self.key, self.before, self.line = key.value, before, key.start_mark.line + 1


class _EachKeyOnce(Composer):
    """Composes nodes as PyYAML does, but for what is stated twice, by a mapping or by two that are merged.

    It would keep one of them. What a mapping states itself may differ from what is merged into it.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        _once([node])
        for key, value in node.value:
            if key.tag == _MERGE and isinstance(value, yaml.SequenceNode):
                _once([each for each in value.value if isinstance(each, yaml.MappingNode)])
        return node


def _once(mappings: list[yaml.MappingNode]) -> None:
    """Raise where mappings state a key twice, one of them or all together."""
    seen: dict[tuple[str, str], int] = {}
    for mapping in mappings:
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _Twice(key, seen[key.tag, key.value])
                seen[key.tag, key.value] = key.start_mark.line + 1


class _Loader(_EachKeyOnce, yaml.SafeLoader):
    """Reads with PyYAML's own parser, which says best what is wrong and where."""


_LOADERS: list[type] = [_Loader]  # the last one has the word on what is wrong
if yaml.__with_libyaml__:

    class _QuickLoader(_EachKeyOnce, yaml.CSafeLoader):
        """Reads the same with libyaml's parser, in a sixth of the time; nested nodes are still Python's."""

        def __init__(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            Composer.__init__(self)

    _LOADERS.insert(0, _QuickLoader)


def read_text(path: Path) -> str:
    """The text of a file; `UserError` if it cannot be read."""
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise UserError(str(path), f"{size} bytes", f"a contract of {_MOST_BYTES} bytes at most")
        data = path.read_bytes()
    except OSError as error:
        raise UserError("robot", str(path), f"a file that can be read ({error.strerror})") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} in line {data[: error.start].count(10) + 1}"
        raise UserError(str(path), found, "UTF-8 text") from error


def read_yaml(text: str, where: str) -> Any:
    """What YAML text holds. ``where`` stands in front of every error, which names the line."""
    for loader in _LOADERS[:-1]:
        with contextlib.suppress(*_MISTAKES):
            return yaml.load(text, loader)
    try:
        return yaml.load(text, _LOADERS[-1])
    except _Twice as error:
        legal = f"each key once: it is in line {error.before} too"
        raise UserError(f"{where}: line {error.line}", error.key, legal) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f": line {mark.line + 1}"
        raise UserError(f"{where}{line}", error.problem or str(error), "valid YAML") from error
    except _MISTAKES as error:
        raise UserError(where, str(error), "valid YAML") from error
