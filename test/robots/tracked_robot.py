"""Robots of this package whose objects a tracker reports, and which have no other senses but their joints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from arm_bag import START_S, positions, velocities

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.installation.share_folder import share_folder

OBJECT = "tracker/object_0/pose"
PLACE = (0.5, 0.1, 0.03)


def tracked_text(name: str = "tabletop_arm") -> dict[str, Any]:
    """The contract of a robot of this package, as a mapping."""
    folder = share_folder("config") / "robots"
    data: dict[str, Any] = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    interface, deployment = data["interface"], data["deployment"]
    joints = [stream for stream in interface["streams"] if stream["kind"] == "joints"]
    pose = {"kind": "pose", "name": "object_0", "frame": interface["base_frame"], "rate_hz": 50.0}
    interface["streams"] = [*joints, pose]
    for target in interface["targets"]:
        if target["kind"] == "object":
            target["orientation"] = "yaw"
    names = [stream["name"] for stream in joints]
    source = {"name": "object_0", "topic": OBJECT, "type": "geometry_msgs/msg/PoseStamped", "max_age_s": 0.2}
    deployment["streams"] = [each for each in deployment["streams"] if each["name"] in names] + [source]
    deployment["gate"].pop("max_force_n", None)
    deployment["simulation"]["cameras"] = []
    return data


def tracked(name: str = "tabletop_arm") -> Contract:
    return contract_from_text(yaml.safe_dump(tracked_text(name)))


def write_tracked_bag(path: Path, contract: Contract, seconds: float, shift: float = 0.0) -> None:
    """The arm swings as it is told; the object stays where it is, but for the jitter of the tracker."""
    random, names = np.random.default_rng(0), contract.joint_names
    with BagWriter(path, contract) as bag:
        make, state = bag.make, "sensor_msgs/msg/JointState"
        for step in range(round(100 * seconds)):
            now_ns = START_S * 10**9 + step * 10_000_000
            at_ns = now_ns + round(shift * 1e9)
            moving = positions(at_ns), velocities(at_ns)
            bag.write("joint_states", state, make.joint_state(names, *moving, np.zeros(6), stamp_ns=now_ns), now_ns)
            bag.write("gate/applied", state, make.joint_state(names, *moving, stamp_ns=now_ns), now_ns)
            if step % 2 == 0:
                pose = [*(np.array(PLACE) + random.normal(0.0, 1e-4, 3)), 0, 0, 0, 1]
                message = make.pose(pose, now_ns, contract.interface.base_frame)
                bag.write(OBJECT, "geometry_msgs/msg/PoseStamped", message, now_ns)
                bag.write("labels/object_0/pose", "geometry_msgs/msg/PoseStamped", message, now_ns)
