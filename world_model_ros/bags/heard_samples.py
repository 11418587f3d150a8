"""Counts, by stream, the sensor samples that the brain's ticks used and the recorder did not receive."""

from __future__ import annotations

import json
from collections import OrderedDict

from world_model_ros.bags.align.routes import header_ns
from world_model_ros.bags.align.tick_log import TICK_TOPIC
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.stamps import has_header
from world_model_ros.core.errors import UserError

_KEPT = 10_000  # stamps of a topic
_TEXT = 8  # bytes of a serialised string before its text


class HeardSamples:
    """Compares the stamps in the tick records with those of the messages that came, in whatever order they come.

    Streams whose messages do not begin with a header are left out.

    Args:
        contract: of the robot.
    """

    def __init__(self, contract: Contract) -> None:
        self._topics: dict[str, str] = {}  # by stream
        for each in contract.deployment.streams:
            if has_header(each.type):
                self._topics[each.name] = absolute(each.topic)
        self._latency_ns = {name: contract.latency_ns(name) for name in self._topics}
        self._heard: dict[str, OrderedDict[int, None]] = {topic: OrderedDict() for topic in self._topics.values()}
        self._missed: dict[str, set[int]] = {name: set() for name in self._topics}

    def hear(self, topic: str, cdr: bytes) -> None:
        """Take a message of any topic, as serialised."""
        if topic == TICK_TOPIC:
            self._tick(cdr)
        heard = self._heard.get(topic)
        if heard is None:
            return
        try:
            stamp_ns = header_ns(cdr, topic, ros1=False)
        except UserError:  # whoever reads the bag says so, here and below
            return
        heard[stamp_ns] = None
        if len(heard) > _KEPT:
            heard.popitem(last=False)
        for name, missed in self._missed.items():
            if missed and self._topics[name] == topic:
                missed.discard(stamp_ns)

    def lacking(self) -> dict[str, int]:
        """How many samples that ticks used did not come, by stream; streams without any are not named."""
        return {name: len(missed) for name, missed in self._missed.items() if missed}

    def _tick(self, cdr: bytes) -> None:
        try:
            record = json.loads(bytes(cdr[_TEXT:]).rstrip(b"\0"))
            used = [(name, int(stamp)) for name, stamp in record["stamps"].items() if record["fresh"][name]]
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        for name, stamp_ns in used:
            if name in self._topics and stamp_ns + self._latency_ns[name] not in self._heard[self._topics[name]]:
                self._missed[name].add(stamp_ns + self._latency_ns[name])
