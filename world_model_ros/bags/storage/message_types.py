"""Message types for bags: ROS 2's own, those that a bag or a package defines, and decoders of their messages."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore

from world_model_ros.core.errors import UserError

Typestore = Any
_PADDING = 24
# What rosbags raises, depending on where a message is broken.
_BROKEN = (
    SerdeError,
    struct.error,
    ValueError,
    LookupError,
    AssertionError,
    TypeError,
    OverflowError,
    MemoryError,
)


@cache
def standard_types() -> Typestore:
    """Types of ROS 2 Jazzy, which Kilted shares."""
    return get_typestore(Stores.ROS2_JAZZY)


@cache
def types_of(type_name: str, definition: MessageDefinition) -> Typestore:
    """A typestore that knows one message type as the bag defines it; types without a definition are the standard ones.

    Each type stands alone, so one that cannot be parsed (a service event) spoils no other.

    Raises:
        UserError: the definition cannot be parsed, or there is none and the type is not standard.
    """
    try:
        if definition.format == MessageDefinitionFormat.NONE:
            if type_name not in standard_types().types:
                raise UserError("message type", type_name, "a type with a definition in the bag, or one of ROS 2 Jazzy")
            return standard_types()
        if type_name in standard_types().types and definition.data == _standard_definition(type_name):
            return standard_types()  # which compiles each type once for all bags
        store = get_typestore(Stores.EMPTY)
        if definition.format == MessageDefinitionFormat.MSG:
            store.register(get_types_from_msg(definition.data, type_name))
        else:
            for text in _idl_parts(definition.data):
                store.register(get_types_from_idl(text))
        store.get_msgdef(type_name)  # else a type that it mentions and lacks is only met with the first message
        return store
    except (*_BROKEN, TypesysError, SyntaxError, AttributeError, RecursionError) as error:
        raise UserError("message type", type_name, f"a definition that can be parsed ({error})") from error


def _standard_definition(type_name: str) -> str:
    return str(standard_types().generate_msgdef(type_name, ros_version=2)[0])


# Types that are read by the names of their fields, which a definition in a bag need not have.
_READ = (
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/CompressedImage",
    "geometry_msgs/msg/WrenchStamped",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseArray",
    "tf2_msgs/msg/TFMessage",
    "std_msgs/msg/Float32",
    "std_msgs/msg/Float64",
    "trajectory_msgs/msg/JointTrajectory",
    "std_msgs/msg/Float64MultiArray",
    "std_msgs/msg/String",
)


def _differing(types: Typestore, type_name: str) -> str | None:
    """A field of a standard type that a bag defines in another way; more fields do not matter."""
    defined, standard = types.fielddefs.get(type_name), standard_types().fielddefs.get(type_name)
    if defined is None or standard is None:
        return None
    fields = dict(defined[1])
    for name, about in standard[1]:
        if fields.get(name) != about:
            return f"{type_name}: {name}"
        deeper = next((found for each in _mentioned(about) if (found := _differing(types, each))), None)
        if deeper is not None:
            return deeper
    return None


class Decoder:
    """Serialised messages of one type -> messages.

    Args:
        type_name: ``package/msg/Name``.
        definition: what the bag says the type is.
        ros1: serialised as in ROS 1 rather than CDR.

    Raises:
        UserError: the type is unknown or cannot be parsed, or it is not what its name says.
    """

    def __init__(self, type_name: str, definition: MessageDefinition, ros1: bool) -> None:
        self._type = type_name
        self._types = types_of(type_name, definition)
        self._ros1 = ros1
        if type_name in _READ and self._types is not standard_types():
            field = _differing(self._types, type_name)
            if field is not None:
                raise UserError("message type", type_name, f"a definition like that of ROS 2 (it differs in {field})")

    def __call__(self, raw: bytes | memoryview) -> Any:
        """A message; raises `UserError` if the bytes are cut off or something else."""
        try:
            if self._ros1:
                return self._types.deserialize_ros1(raw, self._type)
            return self._types.deserialize_cdr(raw, self._type)
        except _BROKEN as error:
            if not self._ros1 and self._type in standard_types().types:
                for types in (self._types, standard_types()):  # rosbags guesses definitions of some old SQLite bags
                    message = _padded(types, self._type, raw)
                    if message is not None:
                        self._types = types
                        return message
            found = f"{len(raw)} bytes" if isinstance(raw, bytes | bytearray | memoryview) else raw
            raise UserError(f"{self._type}", found, f"the bytes of a whole message ({error})") from error


def _padded(types: Typestore, type_name: str, raw: bytes | memoryview) -> Any:
    """A message with a few bytes too many, as rclpy's ``serialize_message`` leaves after empty arrays; or None."""
    definition = types.get_msgdef(type_name)
    try:
        deserialize = definition.deserialize_cdr_le if raw[1] else definition.deserialize_cdr_be
        message, length = deserialize(raw[4:], 0, definition.cls, types)
    except _BROKEN:
        return None
    return message if 0 <= len(raw) - 4 - length <= _PADDING else None


def installed_types(type_name: str, share: Path) -> Typestore:
    """A typestore with a type that is not standard, from the ``.msg`` files of an installed package.

    Args:
        type_name: ``package/msg/Name``.
        share: folder that holds ``package/msg/Name.msg``, here and of the packages it depends on.

    Raises:
        UserError: a ``.msg`` file is missing or cannot be parsed.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    wanted, seen = [type_name], set(store.types)
    found: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        package, _, stem = name.split("/")
        path = share / package / "msg" / f"{stem}.msg"
        try:
            parsed = get_types_from_msg(path.read_text(encoding="utf-8"), name)
        except (OSError, TypesysError) as error:
            raise UserError("message type", type_name, f"a readable definition in {path}") from error
        found.update(parsed)
        wanted += [each for each in _mentioned(parsed) if each not in found]
    store.register(found)
    return store


def _mentioned(node: Any) -> Iterator[str]:
    """Every message type name in parsed definitions."""
    if isinstance(node, str):
        if node.count("/") == 2:
            yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _mentioned(value)
    elif isinstance(node, (tuple, list)):
        for value in node:
            yield from _mentioned(value)


def _idl_parts(text: str) -> list[str]:
    """The single IDL files that rosbag2 joins into one definition."""
    rule = "=" * 80 + "\n"
    if not text.startswith(rule + "IDL: "):
        return [text]
    return [part.split("\n", 1)[1] for part in text.split(rule)[1:]]
