"""The contract's fields. Frozen, no unknown keys, every unit in the name or the docstring (SI, REP 103 frames)."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Range = tuple[Finite, Finite]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Joint(Strict):
    """A joint by name and the unit of its position."""

    name: str
    unit: Literal["rad", "m", "normalised"] = "rad"


class CameraStream(Strict):
    """RGB image as the model sees it: (height, width, 3) uint8."""

    kind: Literal["camera"]
    name: Name
    height: Count
    width: Count
    rate_hz: Positive


class MicrophoneStream(Strict):
    """PCM audio: the last ``window`` samples, (window, channels) float32 in -1 to 1."""

    kind: Literal["microphone"]
    name: Name
    sample_rate_hz: Positive
    channels: Count
    window: Count


class TaxelStream(Strict):
    """Grid of force sensors: (rows, cols, 3) float32, N, in the frame of the pad."""

    kind: Literal["taxels"]
    name: Name
    rows: Count
    cols: Count
    rate_hz: Positive


class WrenchStream(Strict):
    """Force (N) and torque (N m): (6,) float32 in ``frame``."""

    kind: Literal["wrench"]
    name: Name
    frame: str
    rate_hz: Positive


class JointStream(Strict):
    """Joint states: (len(joints), len(fields)) float32, mapped by name."""

    kind: Literal["joints"]
    name: Name
    joints: Annotated[list[str], Field(min_length=1)]
    fields: Annotated[list[Literal["position", "velocity", "effort"]], Field(min_length=1)] = ["position"]
    rate_hz: Positive

    @model_validator(mode="after")
    def _position_first(self) -> JointStream:
        if self.fields[0] != "position" or len(set(self.fields)) != len(self.fields):
            raise ValueError("fields must start with 'position' and name each field once")
        return self


Stream = Annotated[
    Union[CameraStream, MicrophoneStream, TaxelStream, WrenchStream, JointStream], Field(discriminator="kind")
]


class FingertipDisplacement(Strict):
    """Action: how far the commanded fingertip moves in one tick along ``axes`` of the base frame, m.

    ``bound_m`` is the largest displacement a tick on each axis; ``workspace_m`` the legal box of the fingertip x, y, z;
    an axis that is not in ``axes`` has equal ends there, and the fingertip is held at that value, pointing down.
    """

    kind: Literal["fingertip_displacement"]
    frame: str
    link: str
    axes: Annotated[list[Literal["x", "y", "z"]], Field(min_length=1)]
    bound_m: Positive
    workspace_m: tuple[Range, Range, Range]

    @model_validator(mode="after")
    def _box(self) -> FingertipDisplacement:
        for axis, (low, high) in zip("xyz", self.workspace_m):
            if axis in self.axes and not low < high:
                raise ValueError(f"workspace_m: {axis} is a free axis, so its low end must be below its high end")
            if axis not in self.axes and low != high:
                raise ValueError(f"workspace_m: {axis} is not in axes, so both its ends must be the same height")
        return self

    @property
    def size(self) -> int:
        return len(self.axes)


class JointDisplacement(Strict):
    """Action: how far each commanded joint moves in one tick, in the joint's unit, at most ``bound``."""

    kind: Literal["joint_displacement"]
    joints: Annotated[list[str], Field(min_length=1)]
    bound: Positive

    @property
    def size(self) -> int:
        return len(self.joints)


Action = Annotated[Union[FingertipDisplacement, JointDisplacement], Field(discriminator="kind")]


class Target(Strict):
    """Something a goal can be given for: a fingertip (a link of the URDF) or an object (known by its label)."""

    name: Name
    kind: Literal["fingertip", "object"]
    link: str | None = None

    @model_validator(mode="after")
    def _link(self) -> Target:
        if (self.kind == "fingertip") != (self.link is not None):
            raise ValueError("a fingertip target names its link, an object target has none")
        return self


class Label(Strict):
    """Training-only truth: the pose of a target, from a simulator or a tracker."""

    name: Name
    target: str


class Interface(Strict):
    """What a model must fit. Its hash is what a bundle binds to."""

    tick_hz: Positive
    base_frame: str
    joints: Annotated[list[Joint], Field(min_length=1)]
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
        for stream in self.streams:
            if stream.kind == "joints":
                _known(f"streams: {stream.name}: joints", stream.joints, joints)
        if self.action.kind == "joint_displacement":
            _known("action: joints", self.action.joints, joints)
        elif self.action.frame != self.base_frame:
            raise ValueError(f"action: frame must be the base frame {self.base_frame!r}")
        _known("labels: target", [label.target for label in self.labels], targets)
        if not any(stream.kind == "joints" for stream in self.streams):
            raise ValueError("streams: one stream of kind 'joints' is required; nothing is commanded without it")
        return self


class Qos(Strict):
    """Subscription quality of service; a best-effort publisher is only heard with ``best_effort``."""

    reliability: Literal["reliable", "best_effort"] = "reliable"
    durability: Literal["volatile", "transient_local"] = "volatile"
    depth: Count = 10


class StreamSource(Strict):
    """Where a stream comes from. ``source_shape`` is (height, width) of a camera's image before resizing."""

    name: Name
    topic: str
    type: str
    max_age_s: Positive
    required: bool = False
    qos: Qos = Qos()
    source_shape: tuple[Count, Count] | None = None


class LabelSource(Strict):
    name: Name
    topic: str
    type: Literal["geometry_msgs/msg/PoseStamped"] = "geometry_msgs/msg/PoseStamped"


class JointLimit(Strict):
    """Limits of one joint, in its unit, s and N m (N for slides)."""

    name: str
    position: Range
    velocity: Positive
    acceleration: Positive
    jerk: Positive
    effort: Positive

    @model_validator(mode="after")
    def _order(self) -> JointLimit:
        if not self.position[0] < self.position[1]:
            raise ValueError("position: the lower limit must be below the upper one")
        return self


class Command(Strict):
    """The controller the gate drives, and how often it writes."""

    interface: Literal["joint_trajectory"]
    topic: str
    rate_hz: float = Field(50.0, ge=10.0, le=1000.0)


class GateSettings(Strict):
    """When the gate brakes. Silence is in ticks of the interface, the rest in s, rad and N."""

    silence_ticks: Positive = 1.4
    disarm_after_s: Positive = 0.5
    command_max_age_s: Positive = 0.5
    tracking_tolerance: Positive = 0.15


class Deployment(Strict):
    """Where this robot's data is and what it may do. May change without touching a model."""

    urdf: str | None = None
    streams: list[StreamSource]
    labels: list[LabelSource] = []
    limits: list[JointLimit] = []
    command: Command | None = None
    gate: GateSettings = GateSettings()


class ContractFile(Strict):
    """A whole contract file."""

    format: Literal[1]
    name: Name
    interface: Interface
    deployment: Deployment

    @model_validator(mode="after")
    def _matching(self) -> ContractFile:
        joints = [joint.name for joint in self.interface.joints]
        streams = {stream.name: stream for stream in self.interface.streams}
        sources = [source.name for source in self.deployment.streams]
        _same("deployment.streams", sources, list(streams))
        labels = [label.name for label in self.deployment.labels]
        _same("deployment.labels", labels, [label.name for label in self.interface.labels])
        for source in self.deployment.streams:
            stream = streams[source.name]
            if (stream.kind == "camera") != (source.source_shape is not None):
                raise ValueError(f"deployment.streams: {source.name}: source_shape is for cameras, and they need one")
            if stream.kind == "joints" and not source.required and self.deployment.command is not None:
                raise ValueError(f"deployment.streams: {source.name}: joint states must be required to command")
        if self.deployment.command is not None:
            _same("deployment.limits", [limit.name for limit in self.deployment.limits], joints)
            cycles_a_tick = self.deployment.command.rate_hz / self.interface.tick_hz
            if self.deployment.gate.silence_ticks <= 1.0 + 0.5 / cycles_a_tick:
                raise ValueError("deployment.gate.silence_ticks: must be over 1 tick and half a cycle of the command")
            if self.deployment.urdf is None:
                raise ValueError("deployment.urdf: a robot that is commanded needs a URDF")
        elif self.deployment.limits:
            _known("deployment.limits", [limit.name for limit in self.deployment.limits], joints)
        return self


def _known(where: str, names: list[str], legal: list[str]) -> None:
    if unknown := [name for name in names if name not in legal]:
        raise ValueError(f"{where}: unknown {unknown}; legal: {legal}")


def _same(where: str, names: list[str], legal: list[str]) -> None:
    _known(where, names, legal)
    missing = [name for name in legal if name not in names]
    if missing:
        raise ValueError(f"{where}: missing {missing}")
    if len(names) != len(set(names)):
        raise ValueError(f"{where}: a name stands twice in {names}")
