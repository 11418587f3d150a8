"""Constants of the MCAP file format (https://mcap.dev/spec): magic bytes, record opcodes, header of a message."""

from __future__ import annotations

import struct

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = range(0x0B, 0x10)
MESSAGE_HEAD = struct.Struct("<BQHIQQ")  # opcode, length, channel, sequence, time logged, time published
MESSAGE_HEAD_LENGTH = 22  # of it within the record, after opcode and length
