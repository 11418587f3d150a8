"""One reader in several threads: each gets every message, of every storage."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bag_mutations import KINDS, Message, serialised, write

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter

THREADS = 4
IMAGE = "sensor_msgs/msg/Image"


@pytest.fixture
def quick_turns() -> Iterator[None]:
    """Threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def pictures(count: int) -> list[Message]:
    random, types = np.random.default_rng(0), standard_types().types
    stamp = types["builtin_interfaces/msg/Time"](0, 0)
    rows = []
    for at in range(count):
        data = random.integers(0, 255, 30_000, np.uint8)
        image = types[IMAGE](types["std_msgs/msg/Header"](stamp, "eye"), 100, 100, "rgb8", 0, 300, data)
        rows.append(("/eye", IMAGE, at, bytes(standard_types().serialize_cdr(image, IMAGE))))
    return rows


def digests(messages: Iterable[Message]) -> list[str]:
    return [hashlib.sha256(raw).hexdigest()[:8] for *_, raw in messages]


def at_once(path: Path) -> tuple[list[list[str]], list[str]]:
    """What each of the threads read of one reader, and what it could not."""
    with BagReader(path) as bag, ThreadPoolExecutor(THREADS) as threads:
        runs = [threads.submit(lambda: digests(bag.raw_messages())) for _ in range(THREADS)]
        return [each.result() for each in runs], bag.damage


@pytest.mark.usefixtures("quick_turns")
@pytest.mark.parametrize("kind", KINDS)
def test_each_thread_reads_every_message(tmp_path: Path, kind: str) -> None:
    messages = pictures(300)
    path = write(tmp_path / "bag", serialised(messages, kind), kind)
    assert at_once(path) == ([digests(serialised(messages, kind))] * THREADS, [])


@pytest.mark.usefixtures("quick_turns")
@pytest.mark.parametrize("compress", [False, True])
def test_each_thread_reads_every_message_of_our_own_bags(tmp_path: Path, compress: bool) -> None:
    messages = pictures(300)
    with BagWriter(tmp_path / "bag", compress=compress) as bag:
        for topic, kind, at, raw in messages:
            bag.write_raw(topic, kind, raw, at)
    assert at_once(tmp_path / "bag") == ([digests(messages)] * THREADS, [])
