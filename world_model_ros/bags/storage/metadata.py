"""Makes the content of ``metadata.yaml`` in a rosbag2 folder (version 9, Jazzy and later), topics' QoS included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from world_model_ros.contract.field_types import Qos
from world_model_ros.core.installation.ros_distribution import ros_distribution

_FOREVER = {"sec": 9223372036, "nsec": 854775807}


@dataclass
class TopicRecord:
    """A topic of a bag that is written: its name and type, what ``ros2 bag play`` offers, the RIHS01 hash of its
    type, and its number in the file."""

    name: str
    type: str
    qos: Qos
    type_hash: str
    channel: int


def offered_qos(qos: Qos) -> list[dict[str, Any]]:
    """A contract's quality of service as bags write it."""
    return [
        {
            "history": "keep_last",
            "depth": qos.depth,
            "reliability": qos.reliability,
            "durability": qos.durability,
            "deadline": _FOREVER,
            "lifespan": _FOREVER,
            "liveliness": "automatic",
            "liveliness_lease_duration": _FOREVER,
            "avoid_ros_namespace_conventions": False,
        }
    ]


def bag_metadata(
    file: str, topics: Sequence[TopicRecord], counts: Sequence[int], start_ns: int, end_ns: int
) -> dict[str, Any]:
    """What rosbag2 wants to know of a bag in one file; times are of the first and the last message."""
    period = {
        "starting_time": {"nanoseconds_since_epoch": start_ns},
        "duration": {"nanoseconds": max(0, end_ns - start_ns)},
        "message_count": sum(counts),
    }
    return {
        "version": 9,
        "storage_identifier": "mcap",
        "relative_file_paths": [file],
        **period,
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": topic.name,
                    "type": topic.type,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": offered_qos(topic.qos),
                    "type_description_hash": topic.type_hash,
                },
                "message_count": count,
            }
            for topic, count in zip(topics, counts)
        ],
        "compression_format": "",
        "compression_mode": "",
        "files": [{"path": file, **period}],
        "custom_data": None,
        "ros_distro": ros_distribution() or "unknown",
    }


def to_yaml(data: Any) -> str:
    """YAML without anchors, which readers of ROS do not all follow."""
    return yaml.dump(data, Dumper=_Plain, sort_keys=False, default_flow_style=False)


class _Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True
