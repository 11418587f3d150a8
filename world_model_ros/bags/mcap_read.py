"""MCAP files with an index, read with half of the copies that rosbags' own reader makes."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Collection, Iterator
from operator import itemgetter
from typing import Any, ClassVar

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.storage_mcap import ChunkInfo, McapReader, decompress

_MESSAGE = 0x05
_HEAD = struct.Struct("<BQHIQQ")  # opcode, length, and of a message: channel, sequence, time logged, time published
_HEAD_LENGTH = 22
Row = tuple[int, Connection | None, bytes]


class ChunkReader(McapReader):  # type: ignore[misc]
    """rosbags' storage, but for `messages`."""

    def messages(
        self, connections: Collection[Connection], start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Connection, bag time in ns, serialised message, in order of bag time."""
        if not self.chunks or start is not None or stop is not None:
            yield from super().messages(connections, start, stop)
            return
        wanted = {each.id: each for each in connections}
        chunks = [each for each in self.chunks if not wanted.keys().isdisjoint(each.channel_count)]
        # Chunks may overlap in time, but each is only read when its first message is due.
        for stamp_ns, connection, raw in heapq.merge(*(self._rows(each, wanted) for each in chunks), key=itemgetter(0)):
            if connection is not None:
                yield connection, stamp_ns, raw

    def _rows(self, chunk: ChunkInfo, wanted: dict[int, Connection]) -> Iterator[Row]:
        """Messages of a chunk by bag time, after one that says when it begins."""
        yield chunk.message_start_time, None, b""
        data = self._unpacked(chunk)
        rows: list[Row] = []
        at, size = 0, len(data)
        while at < size:
            opcode, length = data[at], int.from_bytes(data[at + 1 : at + 9], "little")
            end = at + 9 + length
            if end > size:
                raise ReaderError(f"a record of {length} bytes that is longer than its chunk")
            if opcode == _MESSAGE:
                if length < _HEAD_LENGTH:
                    raise ReaderError(f"a message record of {length} bytes")
                _, _, channel, _, stamp_ns, _ = _HEAD.unpack_from(data, at)
                connection = wanted.get(channel)
                if connection is not None:
                    rows.append((stamp_ns, connection, data[at + _HEAD.size : end]))
            at = end
        rows.sort(key=itemgetter(0))
        yield from rows

    def _unpacked(self, chunk: ChunkInfo) -> bytes:
        file: Any = self.bio
        head = 9 + 28 + 4 + len(chunk.compression) + 8
        file.seek(chunk.chunk_start_offset)
        record = file.read(head)
        packed = file.read(chunk.compressed_size)
        if len(record) < head or len(packed) < chunk.compressed_size:
            raise ReaderError("the file ends within a chunk")
        (crc,) = struct.unpack_from("<I", record, 9 + 24)
        return bytes(decompress(packed, chunk.compression, chunk.uncompressed_size, crc))


class IndexedReader(Reader):  # type: ignore[misc]
    """rosbags' reader of folders and files of ROS 2, with `ChunkReader` for single MCAP files."""

    STORAGE_PLUGINS: ClassVar[Any] = {**Reader.STORAGE_PLUGINS, ".mcap": ChunkReader}
