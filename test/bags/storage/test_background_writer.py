"""A slow or full disk costs messages, which are counted, and nothing else."""

import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from world_model_ros.bags.storage.background_writer import BackgroundWriter, Serialised
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.field_types import Qos

TEXT = b"\x00\x01\x00\x00\x02\x00\x00\x00x\x00"


class HeldUp(BagWriter):
    """A writer whose disk waits for a gate, and breaks after some messages."""

    def __init__(self, path: Path, breaks_after: int = 10**9) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.left = breaks_after

    def write_raw(self, *args, **kwargs) -> None:
        self.gate.wait()
        self.left -= 1
        if self.left < 0:
            raise OSError("no space left on device")
        super().write_raw(*args, **kwargs)


def message(i: int, size: int = len(TEXT)) -> Serialised:
    return Serialised("/a", "std_msgs/msg/String", TEXT + bytes(size - len(TEXT)), i, Qos())


def test_messages_are_written_in_order_and_all_of_them_before_the_bag_is_closed(tmp_path: Path) -> None:
    disk = HeldUp(tmp_path / "bag")
    out = BackgroundWriter(disk)
    assert all(out.put(message(i)) for i in range(200))
    disk.gate.set()
    out.close()
    out.close()
    assert not out.put(message(0))
    with BagReader(tmp_path / "bag") as bag:
        assert [at for _, _, at, _ in bag.messages()] == list(range(200))


def test_what_does_not_fit_while_the_disk_is_slow_is_dropped_and_counted(tmp_path: Path) -> None:
    disk = HeldUp(tmp_path / "bag")
    out = BackgroundWriter(disk, max_bytes=1000)
    taken = sum(out.put(message(i, 100)) for i in range(50))
    assert 10 <= taken <= 11  # one may be in the writer's hands
    assert out.dropped["/a"] == 50 - taken
    disk.gate.set()
    out.close()
    assert out.written["/a"] == taken


def test_whatever_is_wrong_with_a_topic_the_others_are_written(tmp_path: Path) -> None:
    class Picky(BagWriter):
        def write_raw(self, topic, *args, **kwargs) -> None:
            if topic == "/odd":
                raise TypeError("no such type")
            super().write_raw(topic, *args, **kwargs)

    out = BackgroundWriter(Picky(tmp_path / "bag"))
    for i in range(20):
        out.put(message(i) if i % 2 else replace(message(i), topic="/odd"))
    out.close()
    assert (out.written["/a"], out.dropped["/odd"], out.why, out.error) == (10, 10, {"/odd": "no such type"}, None)


def test_a_message_larger_than_the_room_still_gets_through_alone(tmp_path: Path) -> None:
    out = BackgroundWriter(BagWriter(tmp_path / "bag"), max_bytes=10)
    assert out.put(message(0, 1000))
    out.close()
    assert out.written["/a"] == 1


def test_a_full_disk_is_said_and_what_was_written_before_can_be_read(tmp_path: Path) -> None:
    disk = HeldUp(tmp_path / "bag", breaks_after=3)
    out = BackgroundWriter(disk)
    for i in range(8):
        out.put(message(i))
    disk.gate.set()
    out.close()
    assert isinstance(out.error, OSError)
    assert (out.written["/a"], out.dropped["/a"]) == (3, 5)
    with BagReader(tmp_path / "bag") as bag:
        assert bag.require("a").count == 3


def test_a_message_of_an_unknown_type_is_dropped_alone(tmp_path: Path) -> None:
    out = BackgroundWriter(BagWriter(tmp_path / "bag"))
    out.put(Serialised("/b", "no_such/msg/Thing", b"", 0, Qos()))
    out.put(message(1))
    out.close()
    assert out.dropped == {"/b": 1}
    assert out.written == {"/a": 1}


@pytest.fixture(autouse=True)
def _no_thread_stays_behind():
    yield
    assert "bag writer" not in [thread.name for thread in threading.enumerate()]


def test_what_is_lost_is_counted_under_the_lock_that_others_count_under(tmp_path: Path) -> None:
    class Odd(BagWriter):
        def write_raw(self, *args, **kwargs) -> None:
            raise TypeError("no such type")

    out, locked = BackgroundWriter(Odd(tmp_path / "bag")), []

    class Watched(Counter):
        def __setitem__(self, key, value) -> None:
            locked.append(out._lock.locked())
            super().__setitem__(key, value)

    out.dropped = Watched()
    out.put(message(0))
    out.close()
    assert locked == [True]
