"""Converts markers from plain data to visualization_msgs messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker as MarkerMsg
from visualization_msgs.msg import MarkerArray

from world_model_ros.convert.encodings.cdr_template import Template
from world_model_ros.view.markers.future_markers import Marker

_TYPES = {
    "line_strip": MarkerMsg.LINE_STRIP,
    "line_list": MarkerMsg.LINE_LIST,
    "sphere": MarkerMsg.SPHERE,
    "cube": MarkerMsg.CUBE,
    "cylinder": MarkerMsg.CYLINDER,
    "sphere_list": MarkerMsg.SPHERE_LIST,
    "text": MarkerMsg.TEXT_VIEW_FACING,
}


def marker_array(markers: Iterable[Marker], frame_id: str, stamp_ns: int) -> MarkerArray:
    """One message of all markers.

    Args:
        markers: from `world_model_ros.view.markers.future_markers`.
        frame_id: the frame their points are in (the contract's base frame).
        stamp_ns: time they hold for, ns.
    """
    return MarkerArray(markers=[_message(marker, frame_id, stamp_ns) for marker in markers])


class MarkerBytes:
    """`marker_array`, serialised: for markers that stay as they are but for their points and sizes."""

    def __init__(self, frame_id: str) -> None:
        self._frame_id = frame_id
        self._template = Template(self._make, serialize_message)

    def __call__(self, markers: Sequence[Marker], stamp_ns: int) -> bytes:
        if not markers:
            return bytes(serialize_message(MarkerArray()))
        numbers = [array for each in markers for array in (each.points, np.array(each.scale))]
        return self._template(numbers, [stamp_ns], *(_Look(each) for each in markers))

    def _make(self, numbers: list[NDArray[Any]], stamps_ns: list[int], *looks: _Look) -> MarkerArray:
        pairs = zip(looks, numbers[::2], numbers[1::2])
        markers = [replace(look.marker, points=points, scale=tuple(scale)) for look, points, scale in pairs]
        return marker_array(markers, self._frame_id, stamps_ns[0])


class _Look:
    """A marker but for its points and its size."""

    def __init__(self, marker: Marker) -> None:
        self.marker = marker
        colours, turn = marker.colours.tobytes(), marker.orientation
        self._key = (marker.kind, marker.namespace, marker.id, colours, marker.lifetime_s, marker.text, turn)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Look) and self._key == other._key


def _message(marker: Marker, frame_id: str, stamp_ns: int) -> MarkerMsg:
    message = MarkerMsg()
    message.header.frame_id = frame_id
    message.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    message.ns, message.id, message.type, message.action = (
        marker.namespace,
        marker.id,
        _TYPES[marker.kind],
        MarkerMsg.ADD,
    )
    message.scale.x, message.scale.y, message.scale.z = marker.scale
    message.color = _colour(marker.colours[0])
    lifetime_ns = round(marker.lifetime_s * 1e9)
    message.lifetime = Duration(sec=lifetime_ns // 10**9, nanosec=lifetime_ns % 10**9)
    message.text = marker.text
    turn = message.pose.orientation
    turn.x, turn.y, turn.z, turn.w = marker.orientation
    if marker.kind in ("sphere", "cube", "cylinder", "text"):
        message.pose.position = _point(marker.points[0])
    else:
        message.points = [_point(point) for point in marker.points]
        if len(marker.colours) == len(marker.points):
            message.colors = [_colour(colour) for colour in marker.colours]
    return message


def _point(xyz: Iterable[float]) -> Point:
    x, y, z = (float(value) for value in xyz)
    return Point(x=x, y=y, z=z)


def _colour(rgba: Iterable[float]) -> ColorRGBA:
    red, green, blue, alpha = (float(value) for value in rgba)
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)
