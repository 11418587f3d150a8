"""Schema of a contract: interface (streams, joints, action, targets, labels) and deployment (topics, gate, limits).

Frozen, no unknown keys, every unit in the name or the docstring (SI, REP 103 frames).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from world_model_ros.contract.actions import Action, Box, Parts
from world_model_ros.contract.deployment.cameras import CameraGeometry
from world_model_ros.contract.deployment.driver import Driver
from world_model_ros.contract.deployment.gate import Command, CommandSource, GateSettings, JointLimit
from world_model_ros.contract.deployment.goals import GoalSettings
from world_model_ros.contract.field_types import (
    Count,
    Grown,
    MessageType,
    Name,
    Number,
    Pixels,
    Positive,
    Qos,
    Range,
    Strict,
    Topic,
    Version,
    known,
    once,
    same,
)
from world_model_ros.contract.hands import Hand, grippers, moved_hands
from world_model_ros.contract.senses import JointStream, Sense, Stream
from world_model_ros.contract.simulation import Simulation

Kind = TypeVar("Kind", bound=Sense)
Frame = Annotated[str, Field(min_length=1)]
TRANSFORMS = "tf2_msgs/msg/TFMessage"
_CHOOSES = {  # of several poses in a message
    "index": "geometry_msgs/msg/PoseArray",
    "tf_frame": TRANSFORMS,
    "detection": "vision_msgs/msg/Detection3DArray",
}


class Joint(Strict):
    """A joint by name and the unit of its position."""

    name: str
    unit: Literal["rad", "m", "normalised"] = "rad"


class Target(Grown):
    """Something a goal can be given for: a fingertip, an object, or something articulated.

    A fingertip is a link of the URDF that the action moves; where all parts of the action are free, it is known by its
    label, as an object is. Something articulated is a scalar, known by its label: how far a drawer, a door or a lid is
    open, in ``unit``.

    ``orientation`` says what of it a goal may ask: nothing (``free``), its ``yaw`` about the z axis of the base frame,
    where its own z ``axis`` points, or all of it (``full``). ``symmetry`` is how many turns about the z axis look the
    same, such as 4 for a cube.
    """

    later: ClassVar[tuple[str, ...]] = ("orientation", "symmetry", "unit")

    name: Name
    kind: Literal["fingertip", "object", "articulated"]
    link: str | None = None
    orientation: Literal["free", "yaw", "axis", "full"] = "free"
    symmetry: Count = 1
    unit: Literal["rad", "m", "normalised"] = "normalised"

    @property
    def measure(self) -> str:
        """What its place is measured in: m, or the unit of something articulated."""
        return self.unit if self.kind == "articulated" else "m"

    @model_validator(mode="after")
    def _fields(self) -> Target:
        if self.kind != "fingertip" and self.link is not None:
            raise ValueError("link: only a fingertip target has one")
        if self.kind == "articulated" and self.orientation != "free":
            raise ValueError("orientation: something articulated is a scalar and has none")
        if self.kind != "articulated" and self.unit != "normalised":
            raise ValueError("unit: only something articulated has one; poses are in m")
        if self.symmetry > 1 and self.orientation not in ("yaw", "full"):
            raise ValueError("symmetry: is of an orientation that is 'yaw' or 'full'")
        return self


class Label(Strict):
    """Training-only truth, of a simulator or a tracker: a target's pose, or the value of something articulated."""

    name: Name
    target: str


class Interface(Strict):
    """What a model must fit. Its hash is what a bundle binds to."""

    tick_hz: Positive = Field(ge=0.1, le=1000.0)
    base_frame: str
    joints: list[Joint] = []
    streams: Annotated[list[Stream], Field(min_length=1)]
    action: Action
    targets: list[Target] = []
    labels: list[Label] = []

    @model_validator(mode="after")
    def _consistent(self) -> Interface:
        joints = [joint.name for joint in self.joints]
        targets = [target.name for target in self.targets]
        for what in ("joints", "streams", "targets", "labels"):
            names = [part.name for part in getattr(self, what)]
            doubled = {name for name in names if names.count(name) > 1}
            if doubled:
                raise ValueError(f"{what}: {sorted(doubled)} named more than once")
        for stream in self.of(JointStream):
            known(f"streams: {stream.name}: joints", stream.joints, joints)
        if self.action.kind == "joint_displacement" or self.action.kind == "parts":
            known("action: joints", self.action.joints, joints)
        elif self.action.frame != self.base_frame:
            raise ValueError(f"action: frame must be the base frame {self.base_frame!r}")
        known("labels: target", [label.target for label in self.labels], targets)
        once("labels: target", [label.target for label in self.labels])
        seen = {label.target for label in self.labels}
        seen |= {each.name for each in self.targets if each.link in [tip.link for tip in self.action.tips]}
        never = [name for name in targets if name not in seen]
        if never:
            raise ValueError(
                f"targets: nothing ever says where {never} are, so no model can learn it and no goal can be given:"
                " each needs a label, or to be the link of a fingertip that the action moves"
            )
        if self.action.free:
            return self
        if not joints:
            raise ValueError("joints: at least one is required, as not every part of the action is free")
        if not self.of(JointStream):
            raise ValueError("streams: one stream of kind 'joints' is required; nothing is commanded without it")
        linkless = [each.name for each in self.targets if each.kind == "fingertip" and each.link is None]
        if linkless:
            raise ValueError(f"targets: {linkless} need a link, as not every part of the action is free")
        return self

    @property
    def hands(self) -> tuple[Hand, ...]:
        """The fingertips that the action moves, in its order."""
        return moved_hands(self.action, [target.link for target in self.targets])

    @property
    def fingertips(self) -> dict[int, Hand]:
        """The targets that are fingertips, by their indices; without axes those that the action does not move."""
        hands = {hand.link: hand for hand in self.hands}
        tips = {k: target.link for k, target in enumerate(self.targets) if target.kind == "fingertip"}
        return {k: replace(hands.get(link, Hand(link)), target=k) for k, link in tips.items()}

    @property
    def action_units(self) -> tuple[str, ...]:
        """Unit of each of the C numbers of an action; ``1`` of what has none, as of a gripper."""
        joints = {joint.name: joint.unit for joint in self.joints}
        units: list[str] = []
        for part in self.action.parts if isinstance(self.action, Parts) else [self.action]:
            if part.kind == "joint_displacement":
                units += [joints[name] for name in part.joints]
            elif part.kind == "free":
                units += [column.unit or "1" for column in part.columns]
            else:
                units += [{"tip_rotation": "rad", "gripper": "1"}.get(part.kind, "m")] * len(part.components)
        return tuple(units)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The streams of a kind, in their order."""
        return [stream for stream in self.streams if isinstance(stream, kind)]


class Source(Strict):
    """A topic and its messages, and which of several poses in a message is meant.

    ``index`` is of the pose in a geometry_msgs/msg/PoseArray. ``tf_frame`` is whose pose it is in the transforms of a
    tf2_msgs/msg/TFMessage; those that never change come on the topic with ``_static`` behind its name. ``detection`` is
    the id or the class of what is meant in a vision_msgs/msg/Detection3DArray.
    """

    name: Name
    topic: Topic
    type: MessageType
    index: int | None = Field(None, ge=0)
    tf_frame: Frame | None = None
    detection: Frame | None = None

    @model_validator(mode="after")
    def _chosen(self) -> Source:
        for field, message_type in _CHOOSES.items():
            if (getattr(self, field) is not None) != (self.type == message_type):
                raise ValueError(f"{field}: is for a {message_type}, which needs one")
        return self

    @property
    def static_topic(self) -> str | None:
        """Where transforms come that never change; None of other messages."""
        return f"{self.topic}_static" if self.type == TRANSFORMS else None


class StreamSource(Source):
    """Where a stream comes from. ``source_shape`` is (height, width) of an image before resizing.

    ``latency_s`` is how much later than the measurement the driver stamps; samples count as that much older.
    ``frame`` is the link of the URDF that the sensor sits on: a pad's, or a microphone's, which hears along its x axis.
    """

    max_age_s: Positive
    required: bool = False
    qos: Qos = Qos()
    source_shape: tuple[Pixels, Pixels] | None = None
    latency_s: Number = Field(0.0, ge=0.0, le=1.0)
    frame: str | None = None


class LabelSource(Source):
    """Where a label comes from: a pose, or the value of something articulated, which counts from when it arrived."""

    type: Literal[
        "geometry_msgs/msg/PoseStamped",
        "geometry_msgs/msg/PoseArray",
        "tf2_msgs/msg/TFMessage",
        "vision_msgs/msg/Detection3DArray",
        "std_msgs/msg/Float32",
    ] = "geometry_msgs/msg/PoseStamped"


class TargetArea(Strict):
    """Where a target may be sent: the box x, y, z in m in the base frame, or the range of something articulated in its
    unit, ends included.

    Left out, a fingertip may be sent wherever its action may bring it, and an object into the boxes of all fingertips.
    A fingertip's box narrows that of its action. On axes that no action moves nothing is asked.
    """

    name: Name
    workspace_m: Box | None = None
    range: Range | None = None

    @model_validator(mode="after")
    def _order(self) -> TargetArea:
        if (self.workspace_m is None) == (self.range is None):
            raise ValueError("workspace_m: of a pose, or range: of a value; one of them")
        for axis, (low, high) in zip("xyz", self.workspace_m or ()):
            if low > high:
                raise ValueError(f"workspace_m: {axis}: the low end must not be over the high one")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError("range: the low end must not be over the high one")
        return self


class ActionSink(Strict):
    """Where an action of free parts goes, and where it is recorded: C numbers, in the order of the columns.

    A message holds for one tick. It has no stamp, and counts from when it arrived.
    """

    topic: Topic
    type: Literal["std_msgs/msg/Float64MultiArray"] = "std_msgs/msg/Float64MultiArray"


class Deployment(Strict):
    """Where this robot's data is and what it may do. May change without touching a model.

    ``without_commands`` says what counts as commanded in bags that have neither gate/applied nor a joint trajectory,
    because the robot was driven by other means: ``nothing``, or the ``measured`` joints. ``simulation`` is for the
    simulator of this package alone. ``action`` is of an action of free parts, which nothing here turns into commands.
    ``sources`` are all that send commands to the gate; left out, the brain alone does, and owns the gate. ``cameras``
    is what calibration found.
    """

    urdf: str | None = None
    streams: list[StreamSource]
    labels: list[LabelSource] = []
    targets: list[TargetArea] = []
    limits: list[JointLimit] = []
    command: Command | None = None
    sources: Annotated[list[CommandSource], Field(min_length=1)] | None = None
    action: ActionSink | None = None
    gate: GateSettings = GateSettings()
    goals: GoalSettings = GoalSettings()
    cameras: list[CameraGeometry] = []
    driver: Driver | None = None
    without_commands: Literal["nothing", "measured"] = "nothing"
    simulation: Simulation | None = None


class ContractFile(Strict):
    """A whole contract file."""

    format: Version
    name: Name
    interface: Interface
    deployment: Deployment

    @model_validator(mode="after")
    def _matching(self) -> ContractFile:
        joints = [joint.name for joint in self.interface.joints]
        streams = {stream.name: stream for stream in self.interface.streams}
        sources = [source.name for source in self.deployment.streams]
        same("deployment.streams", sources, list(streams))
        labels = [label.name for label in self.deployment.labels]
        same("deployment.labels", labels, [label.name for label in self.interface.labels])
        self._check_free()
        self._check_sources(joints)
        self._check_labels()
        for source in self.deployment.streams:
            stream = streams[source.name]
            if source.latency_s >= source.max_age_s:
                raise ValueError(
                    f"deployment.streams: {source.name}: max_age_s must be over latency_s, or nothing is fresh"
                )
            if stream.is_picture != (source.source_shape is not None):
                raise ValueError(
                    f"deployment.streams: {source.name}: source_shape is for cameras and depth, and they need one"
                )
            if isinstance(stream, JointStream) and not source.required and self.deployment.command is not None:
                raise ValueError(f"deployment.streams: {source.name}: joint states must be required to command")
        if self.deployment.command is not None:
            others = [name for other in self.deployment.command.others for name in other.joints]
            known("deployment.command.others: joints", others, joints)
            if len(others) == len(joints):
                raise ValueError("deployment.command.others: leave a joint to the first controller")
            cycles_a_tick = self.deployment.command.rate_hz / self.interface.tick_hz
            if self.deployment.gate.silence_ticks <= 1.0 + 0.5 / cycles_a_tick:
                raise ValueError("deployment.gate.silence_ticks: must be over 1 tick and half a cycle of the command")
            driver = self.deployment.driver
            scaling = driver.speed_scaling if driver is not None else None
            if scaling is not None and scaling.scales_controller and self.deployment.command.streamed:
                raise ValueError(
                    "deployment.driver.speed_scaling: scales_controller: must be false, as only trajectory controllers "
                    "scale their time"
                )
            if self.deployment.urdf is None:
                raise ValueError("deployment.urdf: a robot that is commanded needs a URDF")
            forces = any(stream.is_touch for stream in streams.values())
            if self.deployment.gate.max_force_n is not None and not forces:
                raise ValueError("deployment.gate.max_force_n: needs a stream of kind wrench or taxels")
        if self.deployment.simulation is not None:
            cameras = [name for name, stream in streams.items() if stream.is_picture]
            same("deployment.simulation.cameras", [each.name for each in self.deployment.simulation.cameras], cameras)
        areas = [area.name for area in self.deployment.targets]
        known("deployment.targets", areas, [target.name for target in self.interface.targets])
        once("deployment.targets", areas)
        self._check_areas()
        limited = [limit.name for limit in self.deployment.limits]
        known("deployment.limits", limited, joints)
        once("deployment.limits", limited)
        self._check_squeeze(joints)
        self._check_cameras()
        return self

    def _check_cameras(self) -> None:
        """`ValueError` of geometry of no camera, or of pictures of another size."""
        pictures = [stream.name for stream in self.interface.streams if stream.is_picture]
        shapes = {source.name: source.source_shape for source in self.deployment.streams}
        names = [each.name for each in self.deployment.cameras]
        known("deployment.cameras", names, pictures)
        once("deployment.cameras", names)
        for each in self.deployment.cameras:
            if each.size_px[::-1] != shapes[each.name]:
                raise ValueError(
                    f"deployment.cameras: {each.name}: size_px: got {list(each.size_px)}; legal: source_shape, the"
                    " other way round"
                )

    def _check_sources(self, joints: list[str]) -> None:
        """`ValueError` if sources of commands cannot be told apart, go past the gate, or are lost between commands."""
        command, sources = self.deployment.command, self.deployment.sources
        if sources is None:
            return
        if command is None:
            raise ValueError("deployment.sources: are of a robot that is commanded, which needs deployment.command")
        once("deployment.sources: name", [each.name for each in sources])
        topics = [each.topic.lstrip("/") for each in sources]
        once("deployment.sources: topic", topics)
        past = sorted({each.topic.lstrip("/") for each in command.controllers(joints)}.intersection(topics))
        if past:
            raise ValueError(f"deployment.sources: topic: got {past}; legal: any but those of controllers")
        below_hz = 2.0 * (self.deployment.gate.silence_ticks - 1.0) * command.rate_hz
        for each in sources:
            if each.rate_hz is not None and each.rate_hz >= below_hz:
                raise ValueError(
                    f"deployment.sources: {each.name}: rate_hz: got {each.rate_hz:g}; legal: below {below_hz:g}, or it"
                    " is lost between two commands, by gate.silence_ticks and command.rate_hz"
                )

    def _check_squeeze(self, joints: list[str]) -> None:
        """`ValueError` if a squeeze is not of a gripper's joint that is sent positions, or over its way."""
        ways = {
            joint.name: abs(joint.open - joint.closed)
            for gripper in grippers(self.interface.action)
            for joint in gripper.joints
        }
        command = self.deployment.command
        sent = {name: each.interface for each in command.controllers(joints) for name in each.joints} if command else {}
        for limit in self.deployment.limits:
            if limit.squeeze is None:
                continue
            where = f"deployment.limits: {limit.name}: squeeze: {limit.squeeze:g}"
            if limit.name not in ways:
                raise ValueError(f"{where}: is for joints that a part of kind gripper names: {sorted(ways)}")
            if limit.squeeze > ways[limit.name]:
                raise ValueError(f"{where}: at most {ways[limit.name]:g}, the way from open to closed")
            if sent.get(limit.name) in ("forward_velocity", "twist"):
                raise ValueError(f"{where}: its controller is sent no positions, but {sent[limit.name]}")

    def _check_free(self) -> None:
        """`ValueError` if an action of free parts has nowhere to go, or what only a robot with kinematics has."""
        deployment, free = self.deployment, self.interface.action.free
        if free != (deployment.action is not None):
            raise ValueError("deployment.action: is for an action whose parts are all free, which needs one")
        if not free:
            return
        for field in ("command", "sources", "driver", "simulation"):
            if getattr(deployment, field) is not None:
                raise ValueError(f"deployment.{field}: every part of the action is free, so there is none")
        if deployment.without_commands != "nothing":
            raise ValueError("deployment.without_commands: every part of the action is free, so only 'nothing'")

    def _check_labels(self) -> None:
        """`ValueError` if a label's message is not of what its target is."""
        kinds = {target.name: target.kind for target in self.interface.targets}
        of = {label.name: kinds[label.target] for label in self.interface.labels}
        for source in self.deployment.labels:
            value = source.type == "std_msgs/msg/Float32"
            if value != (of[source.name] == "articulated"):
                raise ValueError(
                    f"deployment.labels: {source.name}: type: something articulated has a std_msgs/msg/Float32, any"
                    " other target messages of poses"
                )

    def _check_areas(self) -> None:
        """`ValueError` if an area is not of what its target is, or a fingertip's is apart from that of the action."""
        tips = {tip.link: tip for tip in self.interface.action.tips}
        targets = {target.name: target for target in self.interface.targets}
        for area in self.deployment.targets:
            if (targets[area.name].kind == "articulated") != (area.range is not None):
                raise ValueError(f"deployment.targets: {area.name}: range: is of something articulated, and only of it")
            tip = tips.get(targets[area.name].link or "")
            for axis, (low, high) in enumerate(area.workspace_m or () if tip is not None else ()):
                assert tip is not None
                own = tip.workspace_m[axis]
                if "xyz"[axis] in tip.axes and (low > own[1] or high < own[0]):
                    raise ValueError(
                        f"deployment.targets: {area.name}: workspace_m: {'xyz'[axis]} must meet that of"
                        f" interface.action, {own[0]} to {own[1]}"
                    )
