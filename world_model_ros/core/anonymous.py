"""Anonymises text: replaces paths, user names, host names and addresses, and counts them."""

from __future__ import annotations

import os
import re
import socket
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

# Usual roots of file systems: topics of ROS look like paths as well.
_ROOTS = (
    *("home", "Users", "root", "tmp", "mnt", "media", "opt", "srv", "var", "usr", "data", "work", "etc", "proc"),
    *("run", "scratch", "workspace", "ws", "nfs"),
)
# What says nothing of anyone.
_COMMON = ("root", "user", "users", "robot", "admin", "ubuntu", "ros", "ros2", "nobody", "localhost")
_LEAST = 2  # letters
_OF_PERSONS = ("home", "Users")
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b")
_ADDRESS = re.compile(r"(?<![\w.])(?!127\.0\.0\.1\b)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")


class Anonymous:
    """Replaces, and counts what it has replaced.

    Args:
        users, hosts: names to take out; those of this machine, its folders and its environment without them.
        home: the person's folder.

    Attributes:
        counts: how often each kind was replaced: ``path``, ``user``, ``host``, ``address``, ``mail``.
    """

    def __init__(
        self, users: Iterable[str] | None = None, hosts: Iterable[str] | None = None, home: str | None = None
    ) -> None:
        self.counts: Counter[str] = Counter()
        folder = str(Path.home()) if home is None else home
        users = _users(folder) if users is None else users
        hosts = _hosts() if hosts is None else hosts
        roots = {*_ROOTS, *(part for part in Path(folder).parts[1:2])}
        begins = "|".join(map(re.escape, sorted(roots)))
        self._path = re.compile(rf"(?<![\w./<])(?:file://)?/(?:{begins})(?:/[^\s'\",:;|)\]}}>]*)?(?![\w])")
        self._folder = folder
        self._names = [(kind, _words(names)) for kind, names in (("host", hosts), ("user", users))]

    def text(self, text: str) -> str:
        """The text without them. Of a path its last name stays."""
        text = _MAIL.sub(lambda found: self._counted("mail", "<mail>"), text)
        text = self._path.sub(self._shortened, text)
        text = text.replace(self._folder, self._counted("path", "<path>")) if self._folder in text else text
        for kind, pattern in self._names:
            if pattern is not None:
                text = pattern.sub(partial(self._named, kind), text)
        return _ADDRESS.sub(lambda found: self._counted("address", "<address>"), text)

    def _shortened(self, found: re.Match[str]) -> str:
        parts = [part for part in found[0].removeprefix("file://").split("/") if part]
        own = parts[0] in _OF_PERSONS  # what follows is a person's name
        last = parts[-1] if len(parts) > 2 or (len(parts) == 2 and "." in parts[1] and not own) else ""
        return self._counted("path", f"<path>/{last}" if last else "<path>")

    def _named(self, kind: str, found: re.Match[str]) -> str:
        return self._counted(kind, f"<{kind}>")

    def _counted(self, kind: str, word: str) -> str:
        self.counts[kind] += 1
        return word


def _users(folder: str) -> list[str]:
    return [Path(folder).name, *(os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER"))]


def _hosts() -> list[str]:
    return [socket.gethostname(), socket.gethostname().partition(".")[0], os.environ.get("HOSTNAME", "")]


def _words(names: Iterable[str]) -> re.Pattern[str] | None:
    """Of whole words, whatever their case; None of none that says anything."""
    telling = sorted({each for each in names if len(each) >= _LEAST and each.lower() not in _COMMON}, key=len)
    if not telling:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, telling[::-1]))})(?![A-Za-z0-9])", re.IGNORECASE)
