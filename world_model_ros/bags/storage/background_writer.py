"""Bag writer in a thread of its own: a slow disk never delays the receiver; messages are dropped when too many wait."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass

from world_model_ros.bags.storage.message_types import Typestore
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.field_types import Qos

_PAUSE_S = 0.05


@dataclass(frozen=True)
class Serialised:
    """A message on its way into a bag; ``typestore`` knows its type if that is not a standard one."""

    topic: str
    type: str
    cdr: bytes
    stamp_ns: int
    qos: Qos
    typestore: Typestore | None = None


class BackgroundWriter:
    """Takes messages at once and writes them in order; drops them when too many wait.

    Args:
        writer: is owned, and closed by `close`.
        max_bytes: of messages that wait.

    Attributes:
        written: messages written, by topic. dropped: messages lost, by topic. why: of the first one that could not be
            written, by topic.
        error: why nothing is written any more (disk full); None as long as all is well.
    """

    def __init__(self, writer: BagWriter, max_bytes: int = 256 * 2**20) -> None:
        self._writer = writer
        self._max_bytes = max_bytes
        self._waiting: deque[Serialised] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.waiting_bytes = 0
        self.written: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.why: dict[str, str] = {}
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="bag writer", daemon=True)
        self._thread.start()

    def put(self, message: Serialised) -> bool:
        """Take a message; False if it was dropped."""
        with self._lock:
            full = self.waiting_bytes + len(message.cdr) > self._max_bytes and self._waiting
            if full or self._closing.is_set() or self.error is not None:
                self.dropped[message.topic] += 1
                return False
            self._waiting.append(message)
            self.waiting_bytes += len(message.cdr)
        return True

    def close(self) -> None:
        """Write what waits, and finish the bag. A second call does nothing."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        self._thread.join()
        try:
            self._writer.close()
        except OSError as error:
            self.error = self.error or error

    def _run(self) -> None:
        """Wakes up by itself: being woken for each of many hundred messages a second costs more than writing them."""
        last = False
        while not last:
            last = self._closing.wait(_PAUSE_S)
            while (message := self._next()) is not None:
                self._write(message)

    def _next(self) -> Serialised | None:
        with self._lock:
            if not self._waiting:
                return None
            message = self._waiting.popleft()
            self.waiting_bytes -= len(message.cdr)
            return message

    def _write(self, message: Serialised) -> None:
        try:
            self._writer.write_raw(
                message.topic, message.type, message.cdr, message.stamp_ns, message.qos, message.typestore
            )
            self.written[message.topic] += 1
        except OSError as error:
            with self._lock:
                self.error = error
                self.dropped.update(each.topic for each in (message, *self._waiting))
                self._waiting.clear()
                self.waiting_bytes = 0
        except Exception as error:  # whatever is wrong with a type, other topics go on
            with self._lock:
                self.dropped[message.topic] += 1
            self.why.setdefault(message.topic, str(error) or type(error).__name__)
