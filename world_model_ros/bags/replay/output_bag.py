"""Writes a replay's bag: recorded messages and the brain's new ones; counts commands equal to the recorded ones."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from rosbags.interfaces import MessageDefinitionFormat
from rosbags.serde import SerdeError
from rosbags.typesys import TypesysError

from world_model_ros.bags.align.tick_log import TICK_TOPIC
from world_model_ros.bags.replay.replayed_tick import ReplayedTick
from world_model_ros.bags.storage.message_types import standard_types, types_of
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import CONTRACT_TOPIC, BagWriter, contract_qos
from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.tick_record import TickRecord, unstamped_values
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.field_types import Qos
from world_model_ros.contract.topics import COMMAND, PREDICTED, PREDICTED_STATES, SURPRISE, absolute, path_topic
from world_model_ros.convert.futures import placed_targets
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError

COMMAND_TOPIC = absolute(COMMAND)
_TRAJECTORY, _ACTION = "trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64MultiArray"
# A replay writes these itself; those of the recording would be taken for them.
_OWN = (TICK_TOPIC, absolute(SURPRISE), COMMAND_TOPIC, CONTRACT_TOPIC)


class ReplayBag:
    """Copies messages and adds the outcome of ticks.

    Args:
        writer: is owned by the caller.
        reader: of the recording.

    Attributes:
        left_out: topics that could not be copied, and why. commands: number of ``command`` messages.
    """

    def __init__(self, writer: BagWriter, reader: BagReader, contract: Contract) -> None:
        self._writer, self._reader, self._contract = writer, reader, contract
        self._camera = first_camera(contract.interface)
        self._latency_ns = 0 if self._camera is None else contract.latency_ns(self._camera.name)
        self._qos: dict[str, tuple[Qos, Any]] = {}
        self._hash = hashlib.sha256()
        self._recorded: dict[int, bytes] = {}
        self._ours: dict[int, bytes] = {}
        self.left_out: dict[str, str] = {}
        self._broken: dict[str, Counter[str]] = {}
        self.commands = 0

    @property
    def commands_sha256(self) -> str:
        """Hash of all ``command`` messages: bag time in ns (8 bytes, little endian) and CDR, one after the other."""
        return self._hash.hexdigest()

    @property
    def not_copied(self) -> list[str]:
        """Topics, and messages of topics, that could not be copied, a line each."""
        lines = [f"{topic}: {why}" for topic, why in self.left_out.items()]
        return lines + [
            f"{topic}: {sum(why.values())} messages not copied, the first one for: {next(iter(why))}"
            for topic, why in self._broken.items()
        ]

    def same_commands(self) -> tuple[int, int]:
        """How many commands the recording and the replay both have, and how many of them are equal to the last bit."""
        both = self._recorded.keys() & self._ours.keys()
        return len(both), sum(self._recorded[stamp] == self._ours[stamp] for stamp in both)

    def copy(self, topic: str, kind: str, bag_ns: int, raw: bytes) -> None:
        """A message of the recording; those of topics that a replay writes itself are left out."""
        if topic == COMMAND_TOPIC and kind == _TRAJECTORY:
            self._remember(raw)
        if topic in _OWN or topic.startswith(absolute(PREDICTED)) or topic in self.left_out:
            return
        try:
            if topic not in self._qos:
                self._qos[topic] = self._about(topic, kind)
            qos, types = self._qos[topic]
        except (UserError, TypesysError, SerdeError, KeyError, ValueError) as error:
            self.left_out[topic] = f"not copied: {kind}: {error}"
            return
        try:
            if self._reader.ros1:
                raw = bytes(types.ros1_to_cdr(raw, kind))
            self._writer.write_raw(topic, kind, raw, bag_ns, qos, types)
        except (UserError, TypesysError, SerdeError, KeyError, ValueError) as error:
            self._broken.setdefault(topic, Counter())[f"{kind}: {error}"] += 1

    def tick(self, told: ReplayedTick, reference: Any, goal: Any) -> None:
        """Record, surprise and command of a tick. How long it took is not in it, so that every replay is the same."""
        now_ns, decision, make = told.now_ns, told.decision, self._writer.make
        record = TickRecord(
            index=told.index,
            seed=told.seed,
            observation=told.tick.observation,
            applied=told.applied,
            reference=reference,
            goal=goal,
            decision=decision,
            missed=0,
            stages_ms={},
            restarted=told.restarted,
            gate_refusal=told.done.inputs.refusal,
            owner=None if told.live is None else told.live.owner,
            turns=1 if told.live is None else told.live.turns,
            unstamped=unstamped_values(told.tick.observation, self._contract),
            goal_id=told.done.inputs.goal_id,
            asked=told.done.inputs.asked,
            ended=told.done.ended,
        )
        self._writer.write(TICK_TOPIC, "std_msgs/msg/String", make.string(record.json()), now_ns)
        self._writer.write(SURPRISE, "std_msgs/msg/Float32", make.float32(decision.surprise), now_ns)
        if decision.trajectory is not None:
            cdr = self._command(_TRAJECTORY, make.trajectory(decision.trajectory), now_ns)
            if told.live is not None:
                self._ours[decision.trajectory.stamp_ns] = hashlib.sha256(cdr).digest()
        if decision.action is not None:
            cdr = self._command(_ACTION, make.numbers(decision.action), now_ns)
            if told.live is not None and told.live.action is not None:  # messages have no stamp, records do
                live = bytes(standard_types().serialize_cdr(make.numbers(told.live.action), _ACTION))
                self._ours[now_ns], self._recorded[now_ns] = cdr, live

    def _command(self, kind: str, message: Any, now_ns: int) -> bytes:
        """Write what was decided; gives its bytes."""
        cdr = bytes(standard_types().serialize_cdr(message, kind))
        self._writer.write_raw(COMMAND_TOPIC, kind, cdr, now_ns)
        self._hash.update(now_ns.to_bytes(8, "little") + cdr)
        self.commands += 1
        return cdr

    def future(self, told: ReplayedTick, imagined: Imagined) -> None:
        """Imagined states with the stamp of the frame they are decoded against, and the targets' paths."""
        now_ns, make = told.now_ns, self._writer.make
        frame_ns = now_ns
        if self._camera is not None and self._camera.name in told.tick.observation.stamps_ns:
            frame_ns = told.tick.observation.stamps_ns[self._camera.name] + self._latency_ns
        states = make.tensor(imagined.states[0], frame_ns)
        self._writer.write(PREDICTED_STATES, "sensor_msgs/msg/Image", states, now_ns)
        if imagined.poses is None:
            return
        times = [now_ns + h * self._contract.tick_ns for h in range(1, len(imagined.states[0]) + 1)]
        for name, k in placed_targets(self._contract).items():
            if told.decision.unknown(k):
                continue
            path = make.path(imagined.poses[0, :, k], times, self._contract.interface.base_frame)
            self._writer.write(path_topic(name), "nav_msgs/msg/Path", path, now_ns)

    def _about(self, topic: str, kind: str) -> tuple[Qos, Any]:
        connection = self._reader.connection(topic)
        if self._reader.ros1:
            if kind not in standard_types().types:
                raise UserError("message type", kind, "a standard type; those of ROS 1 alone cannot be written")
            return Qos(), standard_types()
        known = connection.msgdef.format != MessageDefinitionFormat.NONE
        types = types_of(kind, connection.msgdef) if known else standard_types()
        return contract_qos(connection.ext.offered_qos_profiles), types

    def _remember(self, raw: bytes) -> None:
        """A live command, in the one way it can be written: rclpy may leave bytes behind a message."""
        try:
            message = self._reader.decode(COMMAND_TOPIC, raw)
        except UserError:
            return
        cdr = bytes(standard_types().serialize_cdr(message, _TRAJECTORY))
        self._recorded[stamp_ns(message)] = hashlib.sha256(cdr).digest()
