"""Markers as plain data -> visualization_msgs."""

from __future__ import annotations

from collections.abc import Iterable

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker as MarkerMsg
from visualization_msgs.msg import MarkerArray

from world_model_ros.view.markers import Marker

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
        markers: from `world_model_ros.view.markers`.
        frame_id: the frame their points are in (the contract's base frame).
        stamp_ns: time they hold for, ns.
    """
    return MarkerArray(markers=[_message(marker, frame_id, stamp_ns) for marker in markers])


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
