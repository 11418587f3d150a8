"""State of recording a data set by hand: numbered episodes in a folder, outcomes, keys to start, end and discard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from world_model_ros.core.errors import UserError

TASK, OUTCOME = "task", "episode/outcome"  # topics that are in bags only
OUTCOMES = ("success", "failure", "kept")  # on episode/outcome, std_msgs/String, at the end of an episode's bag
KEYS = "space: begin, or end and keep; s: end, a success; f: end, a failure; d: discard it, or the last one; q: quit"
_NAME = re.compile(r"episode_(\d{5,})")


@dataclass(frozen=True)
class Order:
    """What is to be done after a key.

    Args:
        kind: ``begin`` an episode, ``end`` it, ``discard`` it, ``quit`` (with nothing open), or ``none``.
        path: of the episode's bag, where there is one.
        outcome: of an episode that ends.
        words: for the person.
    """

    kind: Literal["begin", "end", "discard", "quit", "none"]
    path: Path | None = None
    outcome: str = ""
    words: str = ""


class Episodes:
    """What is recorded now and what comes next, in a folder that may have episodes already: those stay.

    Args:
        folder: of the data set; made with its first episode.

    Raises:
        UserError: it is a file.

    Attributes:
        kept: episodes of this session that are there, by their outcome.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise UserError("out", str(folder), "a folder, or one that can be made")
        self._folder = folder
        self._open: Path | None = None
        self._last: tuple[Path, str] | None = None  # which may still be discarded
        self.kept: dict[Path, str] = {}

    @property
    def recording(self) -> Path | None:
        """The episode that is open."""
        return self._open

    def press(self, key: str) -> Order:
        """What a key does; upper case counts as lower case."""
        key = key.lower()
        if key == " ":
            return self._begin() if self._open is None else self._end("kept")
        if key in ("s", "f"):
            if self._open is None:
                return Order("none", words="nothing is recorded; space begins an episode")
            return self._end("success" if key == "s" else "failure")
        if key == "d":
            return self._discard()
        if key == "q":
            return Order("quit") if self._open is None else self._end("kept")
        return Order("none", words=KEYS)

    def lost(self) -> None:
        """Stop counting an episode whose start or end failed; its files stay."""
        if self._last is not None:
            self.kept.pop(self._last[0], None)
        self._open = self._last = None

    def _begin(self) -> Order:
        found = [_NAME.fullmatch(each.name) for each in self._folder.iterdir()] if self._folder.is_dir() else []
        number = 1 + max((int(each[1]) for each in found if each is not None), default=-1)
        self._open, self._last = self._folder / f"episode_{number:05d}", None
        return Order("begin", self._open, words=f"episode {number}: records")

    def _end(self, outcome: str) -> Order:
        path = self._open
        assert path is not None
        self._open, self._last = None, (path, outcome)
        self.kept[path] = outcome
        return Order("end", path, outcome, f"{path.name}: {outcome}")

    def _discard(self) -> Order:
        path = self._open if self._open is not None else self._last[0] if self._last is not None else None
        if path is None:
            return Order("none", words="nothing to discard: only the episode that is open, or the last one, may go")
        self._open = self._last = None
        self.kept.pop(path, None)
        return Order("discard", path, words=f"{path.name}: discarded")


def summary(kept: dict[Path, str]) -> dict[str, int]:
    """How many episodes have each outcome."""
    return {outcome: sum(each == outcome for each in kept.values()) for outcome in OUTCOMES}
