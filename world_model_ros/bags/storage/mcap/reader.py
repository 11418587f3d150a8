"""Reads MCAP files by their index, chunk by chunk in time order; a damaged chunk is skipped and the rest is read.

The format is at https://mcap.dev/spec.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from threading import Lock

from rosbags.interfaces import Connection
from rosbags.rosbag2.storage_mcap import decompress

from world_model_ros.bags.storage.channels import McapChannels, strings
from world_model_ros.bags.storage.mcap import format as mcap

_END = 9 + 20 + len(mcap.MAGIC)  # footer and magic
Row = tuple[int, Connection | None, bytes]


@dataclass(frozen=True)
class _Chunk:
    start_ns: int
    offset: int
    channels: frozenset[int]  # empty if the index does not say
    compression: str
    packed: int
    size: int


class McapIndex:
    """Reads like a rosbags reader.

    Args:
        path: file.

    Attributes:
        connections: with the number of their messages. message_count: of all of them.
        start_time, end_time: bag time of the first, and one after the last message, ns.
        damage: chunks that could not be read, and why.

    Raises:
        ValueError, struct.error: the file has no index that says where all of its messages are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []
        self._chunks: list[_Chunk] = []
        self._channels = McapChannels(self)
        self.message_count = self.start_time = self.end_time = 0
        counts: dict[int, int] = {}
        self._file, self._place = path.open("rb"), Lock()  # threads that read at once share its position
        try:
            counts = self._read_index()
        except BaseException:
            self._file.close()
            raise
        self.connections = [each._replace(msgcount=counts.get(key, 0)) for key, each in self._channels.known.items()]

    def close(self) -> None:
        self._file.close()

    def messages(self, connections: Collection[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        """Connection, bag time in ns, serialised message, in order of bag time."""
        wanted = {each.id: each for each in connections}
        chunks = [each for each in self._chunks if not each.channels or not wanted.keys().isdisjoint(each.channels)]
        # Chunks may overlap in time, but each is only read when its first message is due.
        for stamp_ns, connection, raw in heapq.merge(*(self._rows(each, wanted) for each in chunks), key=itemgetter(0)):
            if connection is not None:
                yield connection, stamp_ns, raw

    def _read_index(self) -> dict[int, int]:
        """Learn all but the messages; gives the number of messages by channel."""
        if self._file.read(len(mcap.MAGIC)) != mcap.MAGIC:
            raise ValueError("no MCAP file")
        at = self._file.seek(-_END, 2)
        footer = self._file.read()
        (summary,) = struct.unpack_from("<Q", footer, 9)
        if footer[0] != mcap.FOOTER or footer[-len(mcap.MAGIC) :] != mcap.MAGIC or not len(mcap.MAGIC) < summary < at:
            raise ValueError("an MCAP file without an index")
        self._file.seek(summary)
        data, counts = self._file.read(at - summary), None
        place = 0
        while place + 9 <= len(data):
            opcode, length = struct.unpack_from("<BQ", data, place)
            body = data[place + 9 : place + 9 + length]
            if len(body) < length:
                raise ValueError("an index that is cut off")
            place += 9 + length
            if opcode == mcap.SCHEMA:
                self._channels.schema(body)
            elif opcode == mcap.CHANNEL:
                self._channels.channel(body)
            elif opcode == mcap.CHUNK_INDEX:
                self._chunks.append(_chunk(body))
            elif opcode == mcap.STATISTICS:
                counts = self._statistics(body)
        if counts is None or not counts.keys() <= self._channels.known.keys() or (counts and not self._chunks):
            raise ValueError("an index that does not say all")
        return counts

    def _statistics(self, body: bytes) -> dict[int, int]:
        self.message_count, *_, start, end = struct.unpack_from("<QHIIIIQQ", body)
        self.start_time, self.end_time = (start, end + 1) if self.message_count else (0, 0)
        (length,) = struct.unpack_from("<I", body, 42)
        return dict(struct.iter_unpack("<HQ", body[46 : 46 + length]))

    def _rows(self, chunk: _Chunk, wanted: dict[int, Connection]) -> Iterator[Row]:
        """Messages of a chunk by bag time, after one that says when it begins."""
        yield chunk.start_ns, None, b""
        try:
            data = self._unpacked(chunk)
        except Exception as error:  # whatever damage leads to, it ends here
            self._broken(chunk, error)
            return
        rows: list[Row] = []
        at, size = 0, len(data)
        while at < size:
            opcode, length = data[at], int.from_bytes(data[at + 1 : at + 9], "little")
            end = at + 9 + length
            if end > size or (opcode == mcap.MESSAGE and length < mcap.MESSAGE_HEAD_LENGTH):
                self._broken(chunk, ValueError(f"a record of {length} bytes at byte {at} of it"))
                break
            if opcode == mcap.MESSAGE:
                _, _, channel, _, stamp_ns, _ = mcap.MESSAGE_HEAD.unpack_from(data, at)
                connection = wanted.get(channel)
                if connection is not None:
                    rows.append((stamp_ns, connection, data[at + mcap.MESSAGE_HEAD.size : end]))
            at = end
        rows.sort(key=itemgetter(0))
        yield from rows

    def _unpacked(self, chunk: _Chunk) -> bytes:
        head = 9 + 28 + 4 + len(chunk.compression) + 8
        with self._place:
            self._file.seek(chunk.offset)
            record = self._file.read(head)
            packed = self._file.read(chunk.packed)
        if len(record) < head or len(packed) < chunk.packed:
            raise ValueError("the file ends within it")
        (crc,) = struct.unpack_from("<I", record, 9 + 24)
        return bytes(decompress(packed, chunk.compression, chunk.size, crc))

    def _broken(self, chunk: _Chunk, error: Exception) -> None:
        words = (
            f"{self.path.name}: the chunk at byte {chunk.offset}, from {chunk.start_ns * 1e-9:.3f} s on, is left out"
        )
        words = f"{words}: {error or type(error).__name__}"
        if words not in self.damage:
            self.damage.append(words)


def _chunk(body: bytes) -> _Chunk:
    start_ns, _, offset, _ = struct.unpack_from("<QQQQ", body)
    (length,) = struct.unpack_from("<I", body, 32)
    channels = frozenset(channel for channel, _ in struct.iter_unpack("<HQ", body[36 : 36 + length]))
    at = 36 + length + 8
    (compression,), at = strings(body, at, 1)
    packed, size = struct.unpack_from("<QQ", body, at)
    return _Chunk(start_ns, offset, channels, compression, packed, size)
