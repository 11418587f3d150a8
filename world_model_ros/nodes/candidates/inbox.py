"""Subscribes to candidates: motions that another planner or policy wants judged, as joint trajectories or actions.

``candidates/joints`` (trajectory_msgs/JointTrajectory), one motion a message: what MoveIt plans, what a policy in joint
space puts out. ``header.frame_id`` is ``request/name``; a new request replaces the one before it.
``candidates/actions`` (std_msgs/Float32MultiArray), one whole request: (candidates, ticks, action) in the contract's
action, m or rad a tick; ``layout.dim[0].label`` is its name. What a policy puts out that was trained on this robot.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Float32MultiArray
from trajectory_msgs.msg import JointTrajectory

from world_model_ros.contract.contract import Contract
from world_model_ros.convert.trajectory import trajectory_from
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory

MOST = 32  # candidates of a request
_MOST_POINTS = 1000


@dataclass(frozen=True)
class Request:
    """What is judged together.

    Args:
        name: of its sender's choice. version: counts changes; a higher one replaces this.
        offers: by name, a trajectory of some joints, or actions (any number, C).
        refused: by name, why it is none.
    """

    name: str
    version: int
    offers: dict[str, Trajectory | Floats] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class CandidateInbox:
    """The newest request. Callbacks convert and store; `newest` may be read from another thread."""

    def __init__(self, node: Node, contract: Contract) -> None:
        self._node, self._contract = node, contract
        self._lock = threading.Lock()
        self._newest = Request("", 0)
        self._subscriptions = [
            node.create_subscription(JointTrajectory, "candidates/joints", self._joints, MOST),
            node.create_subscription(Float32MultiArray, "candidates/actions", self._actions, 10),
        ]

    @property
    def newest(self) -> Request:
        with self._lock:
            return self._newest

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _joints(self, message: JointTrajectory) -> None:
        request, slash, name = message.header.frame_id.partition("/")
        request, name = (request, name) if slash else ("", request)
        before = self._newest if self._newest.name == request else Request(request, 0)
        offers, refused = dict(before.offers), dict(before.refused)
        offers.pop(name, None)
        refused.pop(name, None)
        try:
            if len(message.points) > _MOST_POINTS:
                raise UserError("candidate: points", len(message.points), f"at most {_MOST_POINTS}")
            if len(offers) >= MOST:
                raise UserError("candidates", f"{len(offers) + 1} in request {request!r}", f"at most {MOST}")
            offers[name] = trajectory_from(message, where="candidate")
        except UserError as error:
            refused[name] = str(error)
        self._store(request, offers, refused)

    def _actions(self, message: Float32MultiArray) -> None:
        request = message.layout.dim[0].label if message.layout.dim else ""
        try:
            chunks = _chunks(message, self._contract.interface.action.size)
            self._store(request, {str(i): chunk for i, chunk in enumerate(chunks)}, {})
        except UserError as error:
            self._store(request, {}, {"": str(error)})

    def _store(self, request: str, offers: dict[str, Trajectory | Floats], refused: dict[str, str]) -> None:
        if len(refused) > MOST:
            refused = dict(list(refused.items())[-MOST:])
        with self._lock:
            self._newest = Request(request, self._newest.version + 1, offers, refused)


def _chunks(message: Any, size: int) -> Floats:
    """(N, ticks, C) of a Float32MultiArray with three dimensions."""
    sizes = [int(each.size) for each in message.layout.dim]
    if len(sizes) != 3 or sizes[2] != size or not 1 <= sizes[0] <= MOST or not sizes[1]:
        raise UserError("candidates/actions: layout sizes", sizes, f"[1 to {MOST} candidates, ticks, {size}]")
    offset = int(message.layout.data_offset)
    values = np.asarray(message.data, np.float32)[offset:]
    if len(values) != sizes[0] * sizes[1] * sizes[2]:
        raise UserError("candidates/actions: length of data", len(values), f"{sizes[0] * sizes[1] * sizes[2]}")
    if not np.isfinite(values).all():
        raise UserError("candidates/actions: data", "a number that is not finite", "finite numbers")
    return values.reshape(sizes)
