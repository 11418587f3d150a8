"""Makes rosbags connections of a bag's channels, parses channels from MCAP records, and says why one is unreadable."""

from __future__ import annotations

import struct
from typing import Any

from rosbags.interfaces import Connection, ConnectionExtRosbag1, ConnectionExtRosbag2, MessageDefinition
from rosbags.interfaces import MessageDefinitionFormat as Format
from rosbags.rosbag2.metadata import parse_qos

SCHEMALESS = "?"  # type of a channel that does not say what it is
_FORMATS = {"ros2msg": Format.MSG, "ros2idl": Format.IDL, "omgidl": Format.IDL}
_NONE = MessageDefinition(Format.NONE, "")


def definition(encoding: str, text: str) -> MessageDefinition:
    """What a bag says a type is; of languages that are not ROS 2's, nothing."""
    return MessageDefinition(_FORMATS[encoding], text) if encoding in _FORMATS and text else _NONE


def channel(
    key: int,
    topic: str,
    encoding: str,
    schema: tuple[str, MessageDefinition] | None,
    qos: str,
    owner: Any,
    digest: str = "",
    count: int = 0,
) -> Connection:
    """A channel as a rosbags connection.

    Args:
        encoding: of its messages, ``cdr`` in ROS 2.
        schema: name and definition of its type; None if the bag does not say.
        qos: YAML of what was offered; what cannot be parsed is as good as nothing.
    """
    kind, about = schema or (SCHEMALESS, _NONE)
    try:
        offered = parse_qos(qos) if qos else []
    except Exception:  # whatever a recorder wrote there, messages can be read without it
        offered = []
    return Connection(key, topic, kind, about, digest, count, ConnectionExtRosbag2(encoding, offered), owner)


def unreadable(connection: Connection) -> str | None:
    """Why messages of a channel cannot be read, or None."""
    if isinstance(connection.ext, ConnectionExtRosbag1):
        return None
    encoding = connection.ext.serialization_format
    if encoding == "ros1":
        return "serialised as in ROS 1, not as in ROS 2 (cdr); convert the bag, with rosbags-convert for instance"
    if encoding != "cdr":
        return f"serialised as {encoding or 'nothing known'}, not as in ROS 2 (cdr)"
    return "without a schema, so its type is not known" if connection.msgtype == SCHEMALESS else None


def strings(data: bytes, at: int, count: int) -> tuple[list[str], int]:
    """``count`` MCAP strings with their length before them, and where they end.

    Raises:
        ValueError: one is longer than its record, or no text.
    """
    found = []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        if at + 4 + length > len(data):
            raise ValueError("a text that is longer than its record")
        found.append(data[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return found, at


class McapChannels:
    """Schemas and channels of an MCAP file, learned record by record.

    Attributes:
        known: connections by channel number, in the order of the file.
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._schemas: dict[int, tuple[str, MessageDefinition]] = {}
        self.known: dict[int, Connection] = {}

    def schema(self, body: bytes) -> None:
        """A schema record. Its text is kept only if it can be ROS 2's; those of others may be no text at all."""
        (key,) = struct.unpack_from("<H", body)
        (name, encoding), at = strings(body, 2, 2)
        text = strings(body, at, 1)[0][0] if encoding in _FORMATS else ""
        self._schemas[key] = (name, definition(encoding, text))

    def channel(self, body: bytes) -> None:
        """A channel record; one that repeats another changes nothing."""
        key, schema = struct.unpack_from("<HH", body)
        if key in self.known:
            return
        (topic, encoding), at = strings(body, 4, 2)
        self.known[key] = channel(key, topic, encoding, self._schemas.get(schema), _qos(body, at), self._owner)


def _qos(body: bytes, at: int) -> str:
    """What a channel's metadata says of quality of service; nothing if it cannot be read."""
    try:
        (length,) = struct.unpack_from("<I", body, at)
        at, end = at + 4, at + 4 + length
        while at < end:
            (key, value), at = strings(body, at, 2)
            if key == "offered_qos_profiles":
                return value
    except (struct.error, ValueError):
        pass
    return ""
