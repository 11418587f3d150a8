"""QoS profiles: of a stream as the contract states it, and of latched and static topics.

A subscription that cannot hear its publisher is not silent: rclpy's default event callbacks log a warning with the
policy that does not fit.
"""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from world_model_ros.contract.field_types import Qos

# Of /tf_static: several publishers are latched there, and some publish several times.
STATIC = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def qos_profile(qos: Qos) -> QoSProfile:
    """The profile that a contract asks for on a stream."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=ReliabilityPolicy[qos.reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )
