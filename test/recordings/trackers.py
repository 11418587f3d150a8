"""Messages of trackers: transforms, and of a detector, as vision_msgs of Humble and later has them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from world_model_ros.convert.messages import MessageMaker

TRANSFORMS = "tf2_msgs/msg/TFMessage"
DETECTIONS = "vision_msgs/msg/Detection3DArray"
S = 10**9
NOWHERE = [0.0, 0, 0, 0, 0, 0, 1]
_DEFINITIONS = {
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose",
    "BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size",
    "Detection3D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox3D bbox\nstring id",
    "Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections",
}


@cache
def typestore() -> Any:
    """The standard types and those of a detector."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in _DEFINITIONS.items():
        store.register(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    return store


@cache
def maker() -> MessageMaker:
    return MessageMaker(typestore().types.__getitem__)


def _pose(numbers: Any) -> Any:
    return maker().pose(numbers, 0, "").pose


def detection(name: str, *hypotheses: tuple[str, float, Any], box: Any = (0, 0, 0, 0, 0, 0, 1)) -> Any:
    """A thing of an id, and what it may be: class, score, and pose (7,)."""
    make = maker()
    results = [
        make.make(
            "vision_msgs/msg/ObjectHypothesisWithPose",
            hypothesis=make.make("vision_msgs/msg/ObjectHypothesis", class_id=kind, score=score),
            pose=make.make("geometry_msgs/msg/PoseWithCovariance", pose=_pose(pose), covariance=np.zeros(36)),
        )
        for kind, score, pose in hypotheses
    ]
    size = make.make("geometry_msgs/msg/Vector3", x=0.04, y=0.04, z=0.04)
    bbox = make.make("vision_msgs/msg/BoundingBox3D", center=_pose(box), size=size)
    return make.make("vision_msgs/msg/Detection3D", header=make.header(0), results=results, bbox=bbox, id=name)


def detections(*things: Any, stamp_ns: int = 5, frame: str = "world") -> Any:
    """All of them in one message."""
    return maker().make(DETECTIONS, header=maker().header(stamp_ns, frame), detections=list(things))


def transforms(*links: tuple[str, str, Any, int]) -> Any:
    """A message of (parent, child, pose (7,), stamp in ns)."""
    make, made = maker(), []
    for parent, child, pose, stamp_ns in links:
        place = make.make("geometry_msgs/msg/Vector3", **dict(zip("xyz", pose)))
        turn = make.make("geometry_msgs/msg/Quaternion", **dict(zip("xyzw", pose[3:])))
        transform = make.make("geometry_msgs/msg/Transform", translation=place, rotation=turn)
        fields = {"header": make.header(stamp_ns, parent), "child_frame_id": child, "transform": transform}
        made.append(make.make("geometry_msgs/msg/TransformStamped", **fields))
    return make.make(TRANSFORMS, transforms=made)
