"""Writes MCAP bags for Foxglove and ``ros2 bag play``; removes an unfinished bag folder after an error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Qos as BagQos
from rosbags.interfaces import QosDurability, QosReliability

from world_model_ros.bags.storage.mcap.writer import McapWriter
from world_model_ros.bags.storage.message_types import Typestore, standard_types
from world_model_ros.bags.storage.metadata import TopicRecord, bag_metadata, offered_qos, to_yaml
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.field_types import Qos
from world_model_ros.contract.topics import CONTRACT, absolute
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError

CONTRACT_TOPIC = absolute(CONTRACT)
LATCHED = Qos(durability="transient_local", depth=1)


class BagWriter:
    """A bag being written; a context manager, closed on errors too so that what was written can be read.

    Example::

        with BagWriter("out/episode", contract) as bag:
            bag.write("/joint_states", "sensor_msgs/msg/JointState", bag.make.joint_state(..., stamp_ns=now), now)

    Args:
        path: folder to be made; it must not exist.
        contract: embedded as a latched std_msgs/String on ``/contract``, at the time of the first message.
        compress: zstd for each chunk: smaller, slower to write and read.

    Raises:
        UserError: the path exists.
    """

    def __init__(self, path: str | Path, contract: Contract | None = None, compress: bool = False) -> None:
        self.path = Path(path)
        self.types = standard_types().types
        self.make = MessageMaker(self.types.__getitem__)
        self._contract = contract
        self._topics: dict[str, TopicRecord] = {}
        self._schemas: dict[str, int] = {}
        try:
            self.path.mkdir(parents=True)
            self._file = McapWriter(self.path / f"{self.path.name}.mcap", compress)
        except FileExistsError as error:
            raise UserError("bag to write", str(self.path), "a folder that does not exist yet") from error
        except OSError as error:
            raise UserError("bag to write", str(self.path), f"a folder that can be made ({error})") from error

    def write(self, topic: str, type_name: str, message: Any, stamp_ns: int, qos: Qos | None = None) -> None:
        """Write a message of ``self.types``.

        Args:
            topic: absolute name; a relative one gets a leading slash.
            type_name: ``sensor_msgs/msg/Image``.
            message: made by ``self.make`` or from ``self.types``.
            stamp_ns: bag time, ns.
            qos: what ``ros2 bag play`` offers; the first message of a topic decides.
        """
        self.write_raw(topic, type_name, standard_types().serialize_cdr(message, type_name), stamp_ns, qos)

    def write_raw(
        self,
        topic: str,
        type_name: str,
        cdr: bytes | memoryview,
        stamp_ns: int,
        qos: Qos | None = None,
        typestore: Typestore | None = None,
    ) -> None:
        """Write a message that is serialised already; ``typestore`` knows the type if it is not a standard one.

        Raises:
            UserError: the topic has had another type, or the type is unknown.
        """
        self._embed_contract(stamp_ns)
        topic = absolute(topic)
        record = self._topics.get(topic)
        if record is None:
            record = self._connect(topic, type_name, qos or Qos(), typestore or standard_types())
        elif record.type != type_name:
            raise UserError(f"type of {topic}", type_name, f"{record.type}, as the messages before")
        self._file.write(record.channel, stamp_ns, cdr)

    def close(self) -> None:
        """Finish the file; without this it has no index and cannot be read."""
        try:
            self._embed_contract(0)
            self._file.flush()
            topics = list(self._topics.values())
            counts = [self._file.counts[topic.channel] for topic in topics]
            about = bag_metadata(f"{self.path.name}.mcap", topics, counts, *self._file.times_ns)
            self._file.finish(to_yaml(about))
        finally:
            self._file.close()
        metadata = to_yaml({"rosbag2_bagfile_information": about})
        (self.path / "metadata.yaml").write_text(metadata, encoding="utf-8")

    def _embed_contract(self, stamp_ns: int) -> None:
        if self._contract is not None:
            text, self._contract = self._contract.text, None
            self.write(CONTRACT_TOPIC, "std_msgs/msg/String", self.make.string(text), stamp_ns, LATCHED)

    def _connect(self, topic: str, type_name: str, qos: Qos, types: Typestore) -> TopicRecord:
        if type_name not in types.types:
            raise UserError(f"type of {topic}", type_name, "a standard type, or one given with its typestore")
        if type_name not in self._schemas:
            definition, _ = types.generate_msgdef(type_name, ros_version=2)
            self._schemas[type_name] = self._file.add_schema(type_name, "ros2msg", definition)
        channel = self._file.add_channel(topic, self._schemas[type_name], to_yaml(offered_qos(qos)))
        self._topics[topic] = record = TopicRecord(topic, type_name, qos, types.hash_rihs01(type_name), channel)
        return record

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def whole_or_gone(folder: Path) -> Iterator[None]:
    """Take away a folder that was made within, and empty ones above it, if an error ends what is within.

    What was there before stays.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        if folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            for each in made[1:]:
                each.rmdir()
        raise


def contract_qos(offered: Sequence[BagQos]) -> Qos:
    """The first profile that a bag says was offered, as contracts have it; the usual one where it says nothing."""
    if not offered:
        return Qos()
    best_effort = offered[0].reliability == QosReliability.BEST_EFFORT
    latched = offered[0].durability == QosDurability.TRANSIENT_LOCAL
    return Qos(
        reliability="best_effort" if best_effort else "reliable",
        durability="transient_local" if latched else "volatile",
        depth=min(max(1, offered[0].depth), 1000),
    )
