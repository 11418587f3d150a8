"""Bags gone wrong in every way that can be thought of."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from world_model_ros.bags.storage.message_types import standard_types

Message = tuple[str, str, int, bytes]  # topic, type, bag time in ns, CDR
Mutation = Callable[[list[Message], random.Random], list[Message]]


_LATEST_ROS1_NS = 2**32 * 10**9 - 1
KINDS = ("mcap", "zstd", "sqlite3", "ros1")


def write(path: Path, messages: list[Message], kind: str) -> Path:
    """A bag in a storage of `KINDS`; its storage file. The messages are those of that kind, see `serialised`."""
    if kind == "ros1":
        return _write_ros1(path.with_suffix(".bag"), messages)
    plugin = StoragePlugin.SQLITE3 if kind == "sqlite3" else StoragePlugin.MCAP
    with_writer = Writer(path, version=9, storage_plugin=plugin)
    if kind == "zstd":
        with_writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    write_all(with_writer, messages)
    return next(each for each in path.iterdir() if each.suffix in (".mcap", ".db3"))


def write_all(writer: Any, messages: list[Message], latest_ns: int = 2**64 - 1, types: Any = None) -> None:
    """Write messages with a writer of rosbags, and close it."""
    connections: dict[str, object] = {}
    with writer as bag:
        for topic, type_name, at, raw in messages:
            if topic not in connections:
                connections[topic] = bag.add_connection(topic, type_name, typestore=types or standard_types())
            bag.write(connections[topic], min(at, latest_ns), raw)


def _write_ros1(path: Path, messages: list[Message]) -> Path:
    write_all(Writer1(path), messages, _LATEST_ROS1_NS, get_typestore(Stores.ROS1_NOETIC))
    return path


def serialised(messages: list[Message], kind: str) -> list[Message]:
    """Messages in CDR as a kind of bag has them."""
    if kind != "ros1":
        return messages
    types = standard_types()
    return [(topic, name, at, bytes(types.cdr_to_ros1(raw, name))) for topic, name, at, raw in messages]


def flip(data: bytes, dice: random.Random, count: int) -> bytes:
    """Some bytes become others."""
    out = bytearray(data)
    for _ in range(count):
        out[dice.randrange(len(out))] = dice.randrange(256)
    return bytes(out)


def stamped(raw: bytes, stamp_ns: int) -> bytes:
    """A message with a header, in CDR or as in ROS 1, with another stamp."""
    return raw[:4] + struct.pack("<iI", stamp_ns // 10**9, stamp_ns % 10**9) + raw[12:]


def flipped_payloads(messages: list[Message], dice: random.Random) -> list[Message]:
    share = dice.choice((0.02, 0.2, 1.0))
    return [
        (t, k, at, flip(raw, dice, dice.randint(1, 8)) if dice.random() < share else raw) for t, k, at, raw in messages
    ]


def flipped_lengths(messages: list[Message], dice: random.Random) -> list[Message]:
    """Only in the first bytes, where counts and lengths stand."""
    return [
        (t, k, at, flip(raw[:64], dice, 2) + raw[64:] if dice.random() < 0.3 else raw) for t, k, at, raw in messages
    ]


def cut_payloads(messages: list[Message], dice: random.Random) -> list[Message]:
    return [(t, k, at, raw[: dice.randrange(len(raw))] if dice.random() < 0.3 else raw) for t, k, at, raw in messages]


def reordered(messages: list[Message], dice: random.Random) -> list[Message]:
    times = [at for _, _, at, _ in messages]
    dice.shuffle(times)
    return [(t, k, at, raw) for (t, k, _, raw), at in zip(messages, times)]


def zero_stamps(messages: list[Message], dice: random.Random) -> list[Message]:
    return [(t, k, at, stamped(raw, 0)) for t, k, at, raw in messages]


def decreasing_stamps(messages: list[Message], dice: random.Random) -> list[Message]:
    end = messages[-1][2]
    return [(t, k, at, stamped(raw, 2 * end - at)) for t, k, at, raw in messages]


def wild_stamps(messages: list[Message], dice: random.Random) -> list[Message]:
    return [(t, k, at, stamped(raw, dice.randrange(2**31 * 10**9))) for t, k, at, raw in messages]


def wild_bag_times(messages: list[Message], dice: random.Random) -> list[Message]:
    share = dice.choice((0.01, 0.3))
    return [(t, k, dice.randrange(2**62) if dice.random() < share else at, raw) for t, k, at, raw in messages]


def zero_bag_times(messages: list[Message], dice: random.Random) -> list[Message]:
    return [(t, k, 0, raw) for t, k, at, raw in messages]


def thinned(messages: list[Message], dice: random.Random) -> list[Message]:
    return [each for each in messages if dice.random() < 0.2] or messages[:1]


def doubled(messages: list[Message], dice: random.Random) -> list[Message]:
    return [each for each in messages for _ in range(2)]


MESSAGES: list[Mutation] = [
    flipped_payloads,
    flipped_lengths,
    cut_payloads,
    reordered,
    zero_stamps,
    decreasing_stamps,
    wild_stamps,
    wild_bag_times,
    zero_bag_times,
    thinned,
    doubled,
]


FILES = ("file bytes flipped", "file cut", "file without its head", "file with a hole", "file index flipped")


def mutant(folder: Path, messages: list[Message], number: int) -> tuple[Path, str]:
    """Bag ``number`` and what is wrong with it; always the same one. Half are broken as files, half hold broken
    messages."""
    dice = random.Random(number)
    kind = KINDS[number // 2 % len(KINDS)]
    messages = serialised(messages, kind)
    if number % 2:
        mutation = MESSAGES[(number // 2) % len(MESSAGES)]
        return write(folder / "bag", mutation(messages, dice), kind), mutation.__name__
    file = write(folder / "bag", messages, kind)
    data = file.read_bytes()
    way = dice.randrange(5)
    if way == 0:
        data = flip(data, dice, dice.choice((1, 5, 50, 500)))
    elif way == 1:
        data = data[: dice.randrange(len(data))]
    elif way == 2:
        data = data[dice.randrange(len(data)) :]
    elif way == 3:
        begin, end = sorted(dice.randrange(len(data)) for _ in range(2))
        data = data[:begin] + data[end:]
    else:
        tail = dice.choice((64, 1024, 8192))  # index and footer
        data = data[:-tail] + flip(data[-tail:], dice, dice.choice((1, 10)))
    broken = folder / f"broken{file.suffix}"
    broken.write_bytes(data)
    return broken, FILES[way]
