"""Reads MCAP files from their beginning, without an index: those that were cut off, damaged, or never indexed.

The format is at https://mcap.dev/spec. A file is read as far as its records are whole; `McapScan.damage` says where
that ended.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from lz4.frame import LZ4FrameDecompressor
from rosbags.interfaces import Connection

from world_model_ros.bags.storage.channels import McapChannels, strings
from world_model_ros.bags.storage.mcap import format as mcap
from world_model_ros.core.errors import UserError

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor
else:
    from backports.zstd import ZstdDecompressor

_MAX_RECORD_BYTES = 2**30  # bytes of a record or of a chunk unpacked; more is a damaged length
Read = tuple[Connection, int, bytes]


class _Damaged(Exception):
    """The file is not what it should be from here on."""


class McapScan:
    """Reads like a rosbags reader.

    Args:
        path: file.

    Attributes:
        connections: with the number of messages that can be read. message_count: of all of them.
        start_time, end_time: bag time of the first, and one after the last message, ns.
        damage: what of the file makes no sense, a line each; nothing if it is whole.

    Raises:
        UserError: it is no MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []
        self._channels = McapChannels(self)
        with path.open("rb") as file:
            if file.read(len(mcap.MAGIC)) != mcap.MAGIC:
                raise UserError("bag", str(path), "an MCAP file, which begins with the MCAP magic")
        counts: dict[int, int] = {}
        stamps: list[int] = []
        for channel, stamp_ns, _ in self._messages(None):
            counts[channel] = counts.get(channel, 0) + 1
            stamps = [min(stamp_ns, *stamps), max(stamp_ns, *stamps)] if stamps else [stamp_ns, stamp_ns]
        self.connections = [each._replace(msgcount=counts.get(key, 0)) for key, each in self._channels.known.items()]
        self.message_count = sum(counts.values())
        self.start_time, self.end_time = (stamps[0], stamps[1] + 1) if stamps else (0, 0)

    def messages(self, connections: Collection[Connection]) -> Iterator[Read]:
        """Connection, bag time in ns, serialised message; sorted within each chunk."""
        wanted = {each.id: each for each in connections}
        for channel, stamp_ns, raw in self._messages(set(wanted)):
            yield wanted[channel], stamp_ns, raw

    def _messages(self, wanted: set[int] | None) -> Iterator[tuple[int, int, bytes]]:
        at, last_ns = len(mcap.MAGIC), None
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(at)
            try:
                while True:
                    at = file.tell()
                    opcode, body, whole = _record(file, size)
                    if opcode in (mcap.DATA_END, mcap.FOOTER):
                        return
                    try:
                        rows = self._take(opcode, body, whole)
                    except Exception as error:  # the next record begins where it would without the damage
                        if opcode != mcap.CHUNK or not whole:
                            raise
                        self._say(f"the chunk at byte {at} of {size} is left out: {error or type(error).__name__}")
                        continue
                    for channel, stamp_ns, raw in rows:
                        last_ns = stamp_ns
                        if wanted is None or channel in wanted:
                            yield channel, stamp_ns, raw
                    if not whole:
                        raise _Damaged("the file ends within a record (cut off?)")
            except Exception as error:  # whatever damage leads to, it ends here
                until = "no message" if last_ns is None else f"the message of {last_ns * 1e-9:.3f} s"
                self._say(f"read up to {until}, byte {at} of {size}: {error}")

    def _say(self, words: str) -> None:
        line = f"{self.path.name}: {words}"
        if line not in self.damage:
            self.damage.append(line)

    def _take(self, opcode: int, body: bytes, whole: bool) -> list[tuple[int, int, bytes]]:
        """Learn from a record, and the messages in it in order of time."""
        if opcode == mcap.CHUNK:
            rows: list[tuple[int, int, bytes]] = []
            for inner, content in _records(_unpacked(body, whole)):
                rows += self._take(inner, content, True)
            return sorted(rows, key=lambda row: row[1])
        if not whole:
            return []
        if opcode == mcap.MESSAGE:
            channel, _, stamp_ns, _ = struct.unpack_from("<HIQQ", body)
            if channel not in self._channels.known:
                self._say(f"messages of channel {channel}, which was not announced, are left out")
                return []
            return [(channel, stamp_ns, body[mcap.MESSAGE_HEAD_LENGTH :])]
        if opcode == mcap.SCHEMA:
            self._channels.schema(body)
        elif opcode == mcap.CHANNEL:
            self._channels.channel(body)
        return []


def _record(file: BinaryIO, size: int) -> tuple[int, bytes, bool]:
    """Opcode, content, and whether all of it was there."""
    head = file.read(9)
    if len(head) < 9:
        raise _Damaged("the file ends without an end mark (cut off?)")
    opcode, length = struct.unpack("<BQ", head)
    if not 1 <= opcode <= 0x0F and opcode < 0x80:
        raise _Damaged(f"a record of an unknown kind ({opcode})")
    body = file.read(min(length, size - file.tell(), _MAX_RECORD_BYTES))
    if length > _MAX_RECORD_BYTES:
        raise _Damaged(f"a record of {length} bytes")
    return opcode, body, len(body) == length


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Opcode and content of the whole records of a chunk."""
    at = 0
    while at + 9 <= len(data):
        opcode, length = struct.unpack_from("<BQ", data, at)
        if at + 9 + length > len(data):
            return
        yield opcode, data[at + 9 : at + 9 + length]
        at += 9 + length


def _unpacked(body: bytes, whole: bool) -> bytes:
    """Records of a chunk; of one that is cut off, as much as can be unpacked."""
    size, crc = struct.unpack_from("<QI", body, 16)
    (compression,), at = strings(body, 28, 1)
    packed = body[at + 8 :]
    if size > _MAX_RECORD_BYTES:
        raise _Damaged(f"a chunk of {size} bytes")
    if compression == "zstd":
        data = ZstdDecompressor().decompress(packed, size)
    elif compression == "lz4":
        data = LZ4FrameDecompressor().decompress(packed, size)
    elif compression:
        raise _Damaged(f"compression {compression!r}")
    else:
        data = packed
    if whole and (len(data) != size or (crc and crc32(data) != crc)):
        raise _Damaged("a chunk that its checksum does not fit")
    return bytes(data)
