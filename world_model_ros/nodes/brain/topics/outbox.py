"""Publishes what a tick of the brain gives: the command first, a tick record, and imagined futures if subscribed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from nav_msgs.msg import Path
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, String
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision
from world_model_ros.brain.tick_record import TickRecord
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.encodings.cdr_template import Template
from world_model_ros.convert.encodings.trajectory_cdr import trajectory_cdr
from world_model_ros.convert.futures import joints_ahead, placed_targets, stamps_ahead
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.arrays import Floats
from world_model_ros.core.streams import Observation
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.view.marker_messages import MarkerBytes
from world_model_ros.view.markers.future_markers import candidate_marker, region_markers

_DOWN = (1.0, 0.0, 0.0, 0.0)  # quaternion x y z w of a tool that points down


class BrainOutbox:
    """Publishers of the brain. Publishing is thread-safe; creating and closing are not."""

    def __init__(self, node: Node, contract: Contract, brain: Brain) -> None:
        self._node, self._contract, self._brain = node, contract, brain
        self._make = MessageMaker(ros_class)
        self._camera = first_camera(contract.interface)
        self._latency_ns = 0 if self._camera is None else contract.latency_ns(self._camera.name)
        self._frame = contract.interface.base_frame
        self._places = placed_targets(contract)
        self._path = Template(
            lambda poses, stamps_ns: self._make.path(poses[0], stamps_ns, self._frame), serialize_message
        )
        self._markers = MarkerBytes(self._frame)
        sink = contract.deployment.action
        self._action, self._acting = None if sink is None or not brain.acts else sink.topic, False
        acting = {} if sink is None or self._action is None else {ros_class(sink.type): [sink.topic]}
        self._publishers: dict[str, Any] = {}
        free = contract.interface.action.free
        for kind, names in (
            *acting.items(),
            (JointTrajectory, [topics.PREDICTED_JOINTS, *([topics.COMMAND] if brain.acts and not free else [])]),
            (String, [topics.TICK]),
            (Float32, [topics.SURPRISE]),
            (Image, [topics.PREDICTED_STATES, topics.PREDICTED_CONTACT]),
            (Path, [topics.PREDICTED_PATH, *(topics.path_topic(name) for name in self._places)]),
            (MarkerArray, [topics.PREDICTED_CANDIDATES, *(topics.region_topic(name) for name in self._places)]),
        ):
            for topic in names:
                self._publishers[topic] = node.create_publisher(kind, topic, 10)
        self._publishers[topics.CONTRACT] = node.create_publisher(String, topics.CONTRACT, LATCHED)
        self._publishers[topics.CONTRACT].publish(self._make.string(contract.text))

    def close(self) -> None:
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)

    def command(self, decision: Decision) -> None:
        """The joint trajectory for the gate, stamped with the observation's time; or the action of free parts."""
        if decision.trajectory is not None:
            self._publishers[topics.COMMAND].publish(trajectory_cdr(decision.trajectory))
        if decision.action is None:
            self.stop()
        elif self._action is not None:
            self._acting = True
            self._publishers[self._action].publish(self._make.numbers(decision.action))

    def stop(self) -> None:
        """Zeros, once after the last action of free parts: nothing behind it says when it is over."""
        if self._acting and self._action is not None:
            self._acting = False
            nothing = np.zeros(self._contract.interface.action.size)
            self._publishers[self._action].publish(self._make.numbers(nothing))

    def tick(self, record: TickRecord) -> None:
        self._publishers[topics.TICK].publish(self._make.string(record.json()))

    def futures(self, decision: Decision, observation: Observation) -> None:
        """Surprise, and everything imagined that has a subscriber."""
        self._publishers[topics.SURPRISE].publish(self._make.float32(decision.surprise))
        self.imagined(decision, observation)

    def imagined(self, decision: Decision, observation: Observation) -> None:
        """What a decision imagined, if anything, as far as it has subscribers."""
        states, poses = decision.states, decision.poses
        if states is None:
            return
        now_ns = observation.now_ns
        reference_ns = now_ns if self._camera is None else observation.stamps_ns.get(self._camera.name)
        if reference_ns is not None:
            stamp_ns = reference_ns + self._latency_ns  # views know the frame by the stamp of its message
            self._publish(topics.PREDICTED_STATES, lambda: self._make.tensor(states, stamp_ns))
        if decision.contact is not None:
            self._publish(topics.PREDICTED_CONTACT, lambda: self._make.tensor(decision.contact, now_ns))
        joints = decision.joints
        if joints is not None:
            self._publish(topics.PREDICTED_JOINTS, lambda: trajectory_cdr(joints_ahead(self._contract, joints, now_ns)))
        self._publish(topics.PREDICTED_PATH, lambda: self._planned(decision, now_ns))
        lost = decision.candidates
        if lost is not None and decision.chunk is not None and decision.chunk.any():
            self._publish(topics.PREDICTED_CANDIDATES, lambda: self._markers(candidate_marker(lost), now_ns))
        if poses is None or decision.sigma is None:
            return
        for name, k in self._places.items():
            if decision.unknown(k):
                continue
            way, sigma = poses[:, k], decision.sigma[:, k]
            self._publish(topics.path_topic(name), partial(self._way, way, now_ns))
            self._publish(topics.region_topic(name), partial(self._region, name, way, sigma, now_ns))

    def _publish(self, topic: str, make: Any) -> None:
        """Make and publish a message if the topic has a subscriber and there is something to say."""
        publisher = self._publishers[topic]
        if publisher.get_subscription_count():
            message = make()
            if message is not None:
                publisher.publish(message)

    def _way(self, poses: Floats, now_ns: int, first: int = 1) -> bytes:
        """A path of poses (T, 7), the first one so many steps after now."""
        return self._path([poses], stamps_ahead(self._contract, len(poses), now_ns, first))

    def _planned(self, decision: Decision, now_ns: int) -> bytes | None:
        """The way of the commanded fingertip, now first."""
        points = self._brain.planned_path(decision)
        if points is None:
            return None
        poses = np.hstack([points, np.tile(_DOWN, (len(points), 1))])
        return self._way(poses, now_ns, first=0)

    def _region(self, name: str, poses: Floats, sigma: Floats, now_ns: int) -> bytes:
        semi_axes = sigma * self._brain.bundle.manifest.calibration.region_scale
        return self._markers(region_markers(name, poses[:, :3], semi_axes), now_ns)
