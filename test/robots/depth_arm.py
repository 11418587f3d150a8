"""The tabletop arm with a depth camera beside its other senses."""

from __future__ import annotations

import yaml

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract


def depth_arm(**changes: object) -> Contract:
    """The contract; ``changes`` are of the stream in ``interface``."""
    arm = load_contract("tabletop_arm")
    data = yaml.safe_load(arm.text)
    stream = {"kind": "depth", "name": "above", "height": 32, "width": 48, "rate_hz": 15.0, "min_m": 0.2, "max_m": 1.5}
    data["interface"]["streams"].insert(1, stream | changes)
    source = {"name": "above", "topic": "camera/above/depth/image_rect_raw", "type": "sensor_msgs/msg/Image"}
    data["deployment"]["streams"].append(source | {"max_age_s": 0.3, "source_shape": [64, 96]})
    place = {"name": "above", "position_m": [0.9, 0.0, 0.8], "target_m": [0.5, 0.0, 0.0], "fovy_deg": 45.0}
    data["deployment"]["simulation"]["cameras"].append(place)
    return contract_from_text(yaml.safe_dump(data, sort_keys=False), "depth_arm", arm.folder)
