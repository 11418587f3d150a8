"""Finds the files of a bag, opens each with the reader for its format, and unpacks compressed files and messages."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, TypeAlias

from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Reader1

from world_model_ros.bags.storage.mcap.reader import McapIndex
from world_model_ros.bags.storage.mcap.scanner import McapScan
from world_model_ros.bags.storage.sqlite_reader import SqliteFile
from world_model_ros.contract.contract_text import read_yaml
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import is_file, is_folder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Storage: TypeAlias = Any  # a McapIndex, McapScan or SqliteFile, or a Reader of rosbags, whose types are not checked
ENDS = (".mcap", ".db3")
PACKED = ".zstd"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK = 2**17


class _Ros1File(Reader1):  # type: ignore[misc]  # rosbags has no types
    """Threads that read at once share the chunk that was unpacked last, so each message is taken alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._turn = Lock()

    def messages(
        self, connections: Collection[Connection] = (), start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        run = super().messages(connections, start, stop)
        while True:
            with self._turn:
                item = next(run, None)
            if item is None:
                return
            yield item


def is_storage(path: Path) -> bool:
    """Whether a name is that of a storage file of ROS 2, compressed or not."""
    return path.suffix in ENDS or (path.suffix == PACKED and path.with_suffix("").suffix in ENDS)


def storage_files(path: Path) -> tuple[list[Path], list[str]]:
    """The files of a bag, and what there is to say about them, a line each.

    Raises:
        UserError: there is no such bag, or the folder holds none of its files.
    """
    if not is_folder(path):
        if not (is_storage(path) or path.suffix == ".bag") or not is_file(path):
            raise UserError("bag", str(path), "a bag folder, or a .mcap, .db3 or .bag file")
        return [path], []
    there = _in_folder(path)
    names, notes = _listed(path / "metadata.yaml")
    if names is None:
        if not there:
            raise UserError("bag", str(path), f"a folder with {' or '.join(ENDS)} files")
        return there, notes
    files = [_found(path / name) for name in names]
    gone = [name for name, file in zip(names, files) if file is None]
    listed = [file for file in files if file is not None]
    if not listed:
        if not there:
            raise UserError("bag", str(path), f"a folder that has {gone}, as its metadata.yaml says")
        return there, [f"{path.name}: has other files than its metadata.yaml says, {[file.name for file in there]}"]
    notes += [f"{path.name}: {name} is missing, which metadata.yaml names" for name in gone]
    more = [file.name for file in there if file not in listed and _plain(file) not in map(_plain, listed)]
    notes += [f"{path.name}: {name} is left out, metadata.yaml does not name it" for name in more]
    return listed, notes


def open_storage(file: Path, stack: ExitStack) -> tuple[Storage, list[str]]:
    """What reads a file, and what was met on the way; MCAP by its index if it has one, else from its beginning."""
    if file.suffix == ".bag":
        return stack.enter_context(_Ros1File(file)), []
    notes: list[str] = []
    if file.suffix == PACKED:
        file, notes = _unpacked(file, stack)
    if file.suffix == ".db3":
        return stack.enter_context(closing(SqliteFile(file))), notes
    try:
        return stack.enter_context(closing(McapIndex(file))), notes
    except Exception:  # of broken files any
        return McapScan(file), notes


def _in_folder(path: Path) -> list[Path]:
    """Storage files of a folder; a compressed one only if it is not there in plain as well."""
    files = sorted(file for file in path.iterdir() if file.is_file() and is_storage(file))
    return [file for file in files if file.suffix != PACKED or file.with_suffix("") not in files]


def _plain(file: Path) -> Path:
    return file.with_suffix("") if file.suffix == PACKED else file


def _found(file: Path) -> Path | None:
    """A file that metadata names, whether it was compressed since, or unpacked."""
    for name in (file, file.with_name(file.name + PACKED), _plain(file)):
        if name.is_file():
            return name
    return None


def _listed(metadata: Path) -> tuple[list[str] | None, list[str]]:
    """The names of a bag's files; None if its metadata does not say, and why."""
    if not metadata.is_file():
        return None, []
    try:
        about = dict(read_yaml(metadata.read_text(encoding="utf-8"), metadata.name)["rosbag2_bagfile_information"])
        return [Path(str(name)).name for name in about.get("relative_file_paths") or []], []
    except (UserError, KeyError, TypeError, ValueError, OSError) as error:
        words = " ".join(str(error).split())[:200]
        return None, [f"{metadata.parent.name}: metadata.yaml cannot be read ({words}), its files are"]


def _unpacked(file: Path, stack: ExitStack) -> tuple[Path, list[str]]:
    """A compressed file in plain, in a folder that is removed at the end; as much of it as can be unpacked."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="bag_")))
    plain = folder / file.stem
    with plain.open("wb") as out, file.open("rb") as packed:
        unpacker, data = zstd.ZstdDecompressor(), packed.read(_BLOCK)
        try:
            while data:
                if unpacker.eof:  # another frame
                    unpacker = zstd.ZstdDecompressor()
                out.write(unpacker.decompress(data))
                data = unpacker.unused_data or packed.read(_BLOCK)
        except zstd.ZstdError as error:
            return plain, [f"{file.name}: unpacked up to byte {out.tell()}: {error}"]
        if not unpacker.eof:
            return plain, [f"{file.name}: unpacked up to byte {out.tell()}, where it is cut off"]
    return plain, []


def unpacked_message(raw: bytes) -> bytes:
    """A message that was compressed by itself; others as they are, because no CDR begins like a compressed one.

    Raises:
        ValueError: it cannot be unpacked.
    """
    if raw[:4] != _ZSTD_MAGIC:
        return raw
    try:
        return bytes(zstd.decompress(raw))
    except (zstd.ZstdError, EOFError) as error:
        raise ValueError(str(error)) from error
