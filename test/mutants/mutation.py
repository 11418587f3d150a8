"""A semantic mutant of the sources: one expression of one function or table, and the tests that have to turn red.

A mutant is found by its symbol, ``module.py::Class.method`` or ``module.py::NAME``, and by the text that is replaced,
which has to stand there exactly once. It outlives whatever else changes in the file, and is refused, not skipped, when
what it changes is no longer there.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path


class Stale(ValueError):
    """A mutant that no longer applies; it has to be written anew for what the code is now."""


@dataclass(frozen=True)
class Mutant:
    """A change that breaks one promise.

    Args:
        name: of the mutant.
        symbol: file within the package, two colons, and the dotted name of a function, method, class or table.
        before: text within it, that stands there once.
        after: what it is replaced by.
        promise: what is broken, in words.
        tests: arguments of pytest; one of them has to fail.
    """

    name: str
    symbol: str
    before: str
    after: str
    promise: str
    tests: tuple[str, ...]

    @property
    def file(self) -> str:
        """Within the package."""
        return self.symbol.partition("::")[0]

    def applied(self, package: Path) -> str:
        """The text of the file with the mutation.

        Raises:
            Stale: no such symbol, its text is not there once, or the outcome is no Python.
        """
        path = package / self.file
        if not path.is_file():
            raise Stale(f"{self.name}: no file {self.file}")
        text = path.read_text(encoding="utf-8")
        begin, end = _place(text, self.symbol.partition("::")[2], self.name)
        lines = text.splitlines(keepends=True)
        part = "".join(lines[begin:end])
        if part.count(self.before) != 1:
            raise Stale(f"{self.name}: {self.before!r} stands {part.count(self.before)} times in {self.symbol}")
        changed = "".join([*lines[:begin], part.replace(self.before, self.after), *lines[end:]])
        try:
            same = ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text))
        except SyntaxError as error:
            raise Stale(f"{self.name}: not Python any more: {error}") from error
        if same:
            raise Stale(f"{self.name}: changes nothing")
        return changed


def _place(text: str, symbol: str, name: str) -> tuple[int, int]:
    """Lines [begin, end) of a symbol."""
    body: list[ast.stmt] = ast.parse(text).body
    node: ast.stmt | None = None
    for part in symbol.split("."):
        node = next((each for each in body if part in _names(each)), None)
        if node is None:
            raise Stale(f"{name}: no {symbol}")
        body = getattr(node, "body", [])
    assert node is not None
    assert node.end_lineno is not None
    return node.lineno - 1, node.end_lineno


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
