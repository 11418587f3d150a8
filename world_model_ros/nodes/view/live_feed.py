"""Collects from a running robot what the page of ``world-model view`` shows, and publishes goals set on the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Empty, Float32, String
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.futures import placed_targets
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.spin import make_executor, spin_for
from world_model_ros.nodes.view import predicted
from world_model_ros.view.outlook import Outlook, TargetPath
from world_model_ros.view.pictures.strip import Badge

_KEPT = 3000  # outlooks: five minutes at 10 Hz
_STALE_TICKS = 2  # predictions that are older belong to another tick


class LiveFeed:
    """A node of its own in a thread of its own. A tick is told when the next one comes, with all that was said of it.

    Args:
        contract: of the robot.

    Attributes:
        goals: targets that a goal can be sent for. refused: messages that could not be read.
    """

    live = True

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.goals = list(placed_targets(contract))
        self.refused = 0
        self._outlooks: tuple[Outlook, ...] = ()
        self._latest: dict[str, tuple[int, Any]] = {}
        self._before: dict[str, Any] | None = None
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = Node("view", context=self._context)
        self._inbox = StreamInbox(self._node, contract)
        self._make = MessageMaker(ros_class)
        self._listen()
        self._goal = {
            name: self._node.create_publisher(PoseStamped, topics.goal_topic(name), 10) for name in self.goals
        }
        self._cancel = self._node.create_publisher(Empty, topics.GOAL_CANCEL, 10)
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    @property
    def outlooks(self) -> Sequence[Outlook]:
        """The last five minutes or so; raises what ended the thread that hears of them."""
        if self._failure is not None:
            raise self._failure
        return self._outlooks

    def pursue(self, index: int, target: str, place: NDArray[np.float64]) -> None:
        """Send a goal, of any orientation."""
        pose = np.array([*place, 0.0, 0.0, 0.0, 0.0])
        now_ns = clock_ns(self._node)
        self._goal[target].publish(self._make.pose(pose, now_ns, self._contract.interface.base_frame))

    def drop_goal(self) -> None:
        """Send ``goal/cancel``."""
        self._cancel.publish(Empty())

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def _listen(self) -> None:
        read: dict[str, tuple[Any, Callable[[Any], Any], Any]] = {
            topics.SURPRISE: (Float32, lambda message: float(message.data), 10),
            topics.GATE_STATE: (String, predicted.gate, LATCHED),
            topics.PREDICTED_STATES: (Image, partial(predicted.rows, topics.PREDICTED_STATES), 10),
            topics.PREDICTED_CONTACT: (Image, partial(predicted.rows, topics.PREDICTED_CONTACT), 10),
            topics.PREDICTED_JOINTS: (
                JointTrajectory,
                lambda each: predicted.joints(each, self._contract.joint_names),
                10,
            ),
            topics.PREDICTED_CANDIDATES: (MarkerArray, predicted.segments, 10),
        }
        for name in self.goals:
            read[topics.path_topic(name)] = (Path, predicted.positions, 10)
            read[topics.region_topic(name)] = (MarkerArray, predicted.regions, 10)
        for topic, (kind, convert, qos) in read.items():
            self._node.create_subscription(kind, topic, partial(self._store, topic, convert), qos)
        self._node.create_subscription(String, topics.TICK, self._tick, 10)

    def _spin(self) -> None:
        executor = make_executor(self._context)
        executor.add_node(self._node)
        try:
            while not self._ended.is_set() and self._context.ok():
                spin_for(executor, 0.1)
        except Exception as error:
            self._failure = error
        finally:
            executor.shutdown()

    def _store(self, topic: str, convert: Callable[[Any], Any], message: Any) -> None:
        try:
            self._latest[topic] = clock_ns(self._node), convert(message)
        except UserError as error:
            self.refused += 1
            self._node.get_logger().warning(f"{topic}: {error}", throttle_duration_sec=5.0)

    def _tick(self, message: Any) -> None:
        try:
            record = predicted.json_object(message.data)
            record["now_ns"] = int(record["now_ns"])
            stamps = predicted.json_object(record.get("stamps"))
            record["stamps"] = {name: int(stamp) for name, stamp in stamps.items()}
            record["goal"] = predicted.json_object(record.get("goal"))
            record["stages_ms"] = predicted.json_object(record.get("stages_ms"))
            record["place"] = predicted.goal_place(record)
        except (UserError, ValueError, KeyError, TypeError) as error:
            self.refused += 1
            self._node.get_logger().warning(f"tick: {error!r}", throttle_duration_sec=5.0)
            return
        if self._before is not None:
            self._outlooks = (*self._outlooks[-_KEPT + 1 :], self._outlook(self._before))
        self._before = record

    def _outlook(self, record: dict[str, Any]) -> Outlook:
        """Of the tick before this moment, whose predictions have come meanwhile."""
        contract = self._contract
        seen = self._inbox.streams.observe(record["now_ns"], record["stamps"])
        states, contact = self._fresh(topics.PREDICTED_STATES), self._fresh(topics.PREDICTED_CONTACT)
        camera = first_camera(contract.interface)
        target, place = record["goal"].get("target"), record["place"]
        aimed = isinstance(target, str) and place is not None
        gate = self._latest.get(topics.GATE_STATE, (0, None))[1]
        return Outlook(
            now_ns=record["now_ns"],
            seconds=np.arange(1, (0 if states is None else len(states)) + 1, dtype=np.float64) * contract.tick_s,
            senses={name: seen.values[name] for name, fresh in seen.fresh.items() if fresh},
            camera=None if camera is None else camera.name,
            joints=measured_positions(seen, contract),
            joints_ahead=self._fresh(topics.PREDICTED_JOINTS),
            states=states,
            contact=None if contact is None else contact[:, 0],
            ways=self._ways(),
            candidates=self._candidates(),
            goal=(target, np.array(place, np.float32)) if aimed else None,
            badge=Badge(gate, record["stages_ms"].get("total"), self._fresh(topics.SURPRISE)),
            status=f"goal refused: {refused}"
            if (refused := record.get("refused_goal"))
            else str(record.get("status", "")),
        )

    def _fresh(self, topic: str) -> Any:
        """The newest of a topic; None if it is not of this tick or the one before."""
        at_ns, value = self._latest.get(topic, (0, None))
        age_ns = clock_ns(self._node) - at_ns
        return value if 0 <= age_ns <= _STALE_TICKS * self._contract.tick_ns else None

    def _ways(self) -> dict[str, TargetPath]:
        ways = {}
        for name in self.goals:
            path, regions = self._fresh(topics.path_topic(name)), self._fresh(topics.region_topic(name))
            if path is None or not regions:
                continue
            steps = sorted(regions)  # regions come for some steps; those between are like their neighbours
            known = np.array([regions[step] for step in steps])
            ahead = np.arange(1, len(path) + 1)
            axes = np.stack([np.interp(ahead, steps, column) for column in known.T], 1).astype(np.float32)
            ways[name] = TargetPath(path[0], path, axes)
        return ways

    def _candidates(self) -> NDArray[np.float32] | None:
        segments, states = self._fresh(topics.PREDICTED_CANDIDATES), self._fresh(topics.PREDICTED_STATES)
        each = 0 if states is None else len(states) - 1
        if segments is None or each < 1 or len(segments) % each:
            return None
        lines = segments.reshape(-1, each, 2, 3)
        whole: NDArray[np.float32] = np.concatenate([lines[:, :1, 0], lines[:, :, 1]], axis=1)
        return whole
