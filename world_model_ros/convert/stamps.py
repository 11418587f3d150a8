"""Reads stamps (integer ns) and frames of message headers; says which types have stamps; the error of future stamps."""

from __future__ import annotations

from typing import Any

from world_model_ros.contract.schema import TRANSFORMS
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import MOST_AHEAD_NS


def stamp_ns(message: Any) -> int:
    """``header.stamp`` of a message, ns."""
    return time_ns(message.header.stamp)


def has_header(message_type: str) -> bool:
    """Whether messages of a type begin with a header, which says when they are of."""
    return is_stamped(message_type) and message_type != TRANSFORMS


def is_stamped(message_type: str) -> bool:
    """Whether messages of a type say when they are of; others are of when they arrive."""
    return not message_type.startswith("std_msgs/msg/") or message_type == "std_msgs/msg/Header"


def frame_of(message: Any) -> str:
    """``header.frame_id`` of a message as tf2 takes it: without the slash that names had before it."""
    return str(message.header.frame_id).removeprefix("/")


def time_ns(time: Any) -> int:
    """A builtin_interfaces Time or Duration, ns."""
    return int(time.sec) * 1_000_000_000 + int(time.nanosec)


def stamp_ahead(where: str, ahead_ns: int) -> UserError:
    """Error of a stamp that is too far ahead of the message's arrival to be right."""
    return UserError(f"{where}: stamp", f"{ahead_ns * 1e-9:.3f} s ahead", f"at most {MOST_AHEAD_NS * 1e-9} s ahead")
