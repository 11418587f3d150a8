"""Writes MCAP files: messages in chunks, each with a checksum, and an index at the end.

The format is at https://mcap.dev/spec, its use by ROS 2 in the README of rosbag2_storage_mcap. rosbags writes
such files too, at three times the cost of a message.
"""

from __future__ import annotations

import struct
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from world_model_ros.bags.storage.mcap import format as mcap

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK_BYTES = 2**20
_WAITING = 8  # chunks that a thread has yet to write


@dataclass
class _Chunk:
    """Records that wait; ``index``: channel -> bag time and place of each of its messages, one after the other."""

    parts: list[bytes | memoryview] = field(default_factory=list)
    size: int = 0
    start_ns: int = 2**64 - 1
    end_ns: int = 0
    index: dict[int, list[int]] = field(default_factory=dict)


class McapWriter:
    """An MCAP file being written. Messages are kept, not copied, until their chunk is full.

    Args:
        path: of the file; it must not exist.
        compress: zstd for each chunk.

    Attributes:
        counts: channel -> messages.
    """

    def __init__(self, path: Path, compress: bool = False) -> None:
        self._times_ns: tuple[int, int] | None = None
        self.counts: dict[int, int] = {}
        self._compression = "zstd" if compress else ""
        self._schemas: list[bytes] = []
        self._channels: list[bytes] = []
        self._chunk_indices: list[bytes] = []
        self._chunk = _Chunk()
        self._file = path.open("xb")
        self._file.write(mcap.MAGIC + _record(mcap.HEADER, _text("ros2"), _text("world_model_ros")))
        self._thread = ThreadPoolExecutor(1, "bag chunks")
        self._writing: deque[Future[None]] = deque()

    @property
    def times_ns(self) -> tuple[int, int]:
        """Bag time of the first and the last message before the last `flush`; zeros if there is none."""
        return self._times_ns or (0, 0)

    def add_schema(self, name: str, encoding: str, definition: str) -> int:
        """A message type: its number."""
        number = len(self._schemas) + 1
        record = _record(
            mcap.SCHEMA, struct.pack("<H", number), *(_text(each) for each in (name, encoding, definition))
        )
        self._schemas.append(record)
        self._keep(record)
        return number

    def add_channel(self, topic: str, schema: int, offered_qos_profiles: str) -> int:
        """A topic with messages in CDR: its number; the profiles as YAML."""
        number = len(self._channels) + 1
        metadata = _text("offered_qos_profiles") + _text(offered_qos_profiles)
        record = _record(mcap.CHANNEL, struct.pack("<HH", number, schema), _text(topic), _text("cdr"), _sized(metadata))
        self._channels.append(record)
        self.counts[number] = 0
        self._keep(record)
        return number

    def write(self, channel: int, stamp_ns: int, data: bytes | memoryview) -> None:
        """A message; ``stamp_ns`` is its bag time.

        Raises:
            OSError: a chunk before it could not be written.
        """
        chunk = self._chunk
        self.counts[channel] += 1
        chunk.start_ns, chunk.end_ns = min(stamp_ns, chunk.start_ns), max(stamp_ns, chunk.end_ns)
        chunk.index.setdefault(channel, []).extend((stamp_ns, chunk.size))
        head = mcap.MESSAGE_HEAD.pack(
            mcap.MESSAGE, mcap.MESSAGE_HEAD_LENGTH + len(data), channel, 0, stamp_ns, stamp_ns
        )
        chunk.parts += (head, data)
        chunk.size += mcap.MESSAGE_HEAD.size + len(data)
        if chunk.size > _CHUNK_BYTES:
            self._close_chunk()

    def flush(self) -> None:
        """Write what is kept."""
        if self._chunk.size:
            self._close_chunk()
        self._wait(0)

    def finish(self, metadata: str) -> None:
        """Write the index; ``metadata`` is rosbag2's, as YAML."""
        self.flush()
        at = self._file.tell()
        record = _record(mcap.METADATA, _text("rosbag2"), _sized(_text("serialized_metadata") + _text(metadata)))
        self._file.write(record + _record(mcap.DATA_END, bytes(4)))
        self._file.write(self._summary(struct.pack("<QQ", at, len(record))) + mcap.MAGIC)

    def close(self) -> None:
        """Let go of the file, whole or not."""
        self._thread.shutdown()
        self._file.close()

    def _keep(self, record: bytes) -> None:
        self._chunk.parts.append(record)
        self._chunk.size += len(record)

    def _close_chunk(self) -> None:
        """Hand the chunk to the thread that packs and writes."""
        self._wait(_WAITING)
        chunk, self._chunk = self._chunk, _Chunk()
        if chunk.index:
            start_ns, end_ns = self._times_ns or (chunk.start_ns, chunk.end_ns)
            self._times_ns = min(chunk.start_ns, start_ns), max(chunk.end_ns, end_ns)
        else:
            chunk.start_ns = 0
        self._writing.append(self._thread.submit(self._write_chunk, chunk))

    def _wait(self, most: int) -> None:
        """Until at most so many chunks wait to be written; raises what went wrong with one."""
        while len(self._writing) > most:
            self._writing.popleft().result()

    def _write_chunk(self, chunk: _Chunk) -> None:
        data = b"".join(chunk.parts)
        checksum = crc32(data)
        packed = zstd.compress(data) if self._compression else data
        about = struct.pack("<QQQI", chunk.start_ns, chunk.end_ns, chunk.size, checksum) + _text(self._compression)
        about += struct.pack("<Q", len(packed))
        begin = self._file.tell()
        self._file.write(struct.pack("<BQ", mcap.CHUNK, len(about) + len(packed)) + about)
        self._file.write(packed)
        end = at = self._file.tell()
        places = []
        for channel, pairs in chunk.index.items():
            places.append(struct.pack("<HQ", channel, at))
            pairs_packed = struct.pack(f"<{len(pairs)}Q", *pairs)
            at += self._file.write(_record(mcap.MESSAGE_INDEX, struct.pack("<H", channel), _sized(pairs_packed)))
        index = struct.pack("<QQQQ", chunk.start_ns, chunk.end_ns, begin, end - begin) + _sized(b"".join(places))
        index += struct.pack("<Q", at - end) + _text(self._compression) + struct.pack("<QQ", len(packed), chunk.size)
        self._chunk_indices.append(_record(mcap.CHUNK_INDEX, index))

    def _summary(self, metadata_place: bytes) -> bytes:
        """All that a reader wants to know first, and the footer that says where it is."""
        groups = {
            mcap.SCHEMA: b"".join(self._schemas),
            mcap.CHANNEL: b"".join(self._channels),
            mcap.CHUNK_INDEX: b"".join(self._chunk_indices),
            mcap.METADATA_INDEX: _record(mcap.METADATA_INDEX, metadata_place, _text("rosbag2")),
            mcap.STATISTICS: self._statistics(),
        }
        begin = at = self._file.tell()
        offsets = []
        for opcode, group in groups.items():
            if group:
                offsets.append(_record(mcap.SUMMARY_OFFSET, struct.pack("<BQQ", opcode, at, len(group))))
            at += len(group)
        summary = b"".join([*groups.values(), *offsets, struct.pack("<BQQQ", mcap.FOOTER, 20, begin, at)])
        return summary + struct.pack("<I", crc32(summary))

    def _statistics(self) -> bytes:
        messages = sum(self.counts.values())
        numbers = (messages, len(self._schemas), len(self._channels), 0, 1, len(self._chunk_indices))
        counts = b"".join(struct.pack("<HQ", *each) for each in self.counts.items())
        return _record(mcap.STATISTICS, struct.pack("<QHIIIIQQ", *numbers, *self.times_ns), _sized(counts))


def _record(opcode: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("<BQ", opcode, len(body)) + body


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _text(text: str) -> bytes:
    return _sized(text.encode())
