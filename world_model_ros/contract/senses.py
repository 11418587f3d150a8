"""Stream types of a contract (camera, depth, sound, touch, wrench, joints, pose, value): fields, shapes, units.

What a kind is like stands here once; no other room asks for it by name.

A new kind is a class here, and an entry in the table of each room that treats it in a way of its own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Union

from pydantic import Field, model_validator

from world_model_ros.contract.field_types import Count, Name, Pixels, Positive, Strict
from world_model_ros.core.streams import StreamRule

_HISTORY_S = 2.0


class Sense(Strict):
    """Base class of all kinds of streams.

    Attributes:
        axes: of an observation's array: numbers, or fields with a number or a list.
        dtype: of an observation's array.
        is_picture: of pixels, which are made smaller from a ``source_shape``.
        is_touch: of forces.
        has_samples: a message has several samples, and an observation a window of them, put together from messages.
        is_eager: no message may be passed over: others are needed besides the newest one.
        unit: of the values; empty where they have none.
        rate_field: the field that says how many samples a second there are.
    """

    axes: ClassVar[tuple[str | int, ...]]
    dtype: ClassVar[Literal["uint8", "float32"]] = "float32"
    is_picture: ClassVar[bool] = False
    is_touch: ClassVar[bool] = False
    has_samples: ClassVar[bool] = False
    is_eager: ClassVar[bool] = False
    unit: ClassVar[str] = ""
    rate_field: ClassVar[str] = "rate_hz"

    name: Name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an observation's array."""
        sizes = (getattr(self, axis) if isinstance(axis, str) else axis for axis in self.axes)
        return tuple(size if isinstance(size, int) else len(size) for size in sizes)

    @property
    def decoded_shape(self) -> tuple[int | None, ...]:
        """Shape of what a model decodes at one step; None stands for any size."""
        return self.shape

    @property
    def samples_hz(self) -> float:
        """Samples a second: messages, or what a microphone's have in them."""
        return float(getattr(self, self.rate_field))

    def rule(self, max_age_ns: int) -> StreamRule:
        """How the stream is buffered."""
        return StreamRule(self.name, max_age_ns, max(8, round(_HISTORY_S * self.samples_hz)))


class CameraStream(Sense):
    """RGB image as the model sees it: (height, width, 3) uint8."""

    axes = ("height", "width", 3)
    dtype = "uint8"
    is_picture = True

    kind: Literal["camera"]
    height: Pixels
    width: Pixels
    rate_hz: Positive


class DepthStream(Sense):
    """Distance along the view axis: (height, width, 1) float32, m; NaN where none was measured.

    What is nearer than ``min_m`` or farther than ``max_m`` counts as not measured.
    """

    axes = ("height", "width", 1)
    is_picture = True
    unit = "m"

    kind: Literal["depth"]
    height: Pixels
    width: Pixels
    rate_hz: Positive
    min_m: Positive
    max_m: Positive

    @model_validator(mode="after")
    def _order(self) -> DepthStream:
        if self.min_m >= self.max_m:
            raise ValueError("max_m: must be over min_m")
        return self


class MicrophoneStream(Sense):
    """PCM audio: the last ``window`` samples, (window, channels) float32 in -1 to 1."""

    axes = ("window", "channels")
    has_samples = True
    is_eager = True
    rate_field = "sample_rate_hz"

    kind: Literal["microphone"]
    sample_rate_hz: Positive
    channels: Count
    window: Count

    @property
    def decoded_shape(self) -> tuple[int | None, ...]:
        return (None,)  # a spectrum

    def rule(self, max_age_ns: int) -> StreamRule:
        # Messages hold at least a millisecond of sound, so this never runs out of room.
        return StreamRule(self.name, max_age_ns, 512, self.window, self.sample_rate_hz)


class TaxelStream(Sense):
    """Grid of force sensors: (rows, cols, 3) float32, N, in the frame of the pad."""

    axes = ("rows", "cols", 3)
    is_touch = True
    unit = "N"

    kind: Literal["taxels"]
    rows: Count
    cols: Count
    rate_hz: Positive


class WrenchStream(Sense):
    """Force (N) and torque (N m): (6,) float32 in ``frame``."""

    axes = (6,)
    is_touch = True
    unit = "N and N m"

    kind: Literal["wrench"]
    frame: str
    rate_hz: Positive


class JointStream(Sense):
    """Joint states: (len(joints), len(fields)) float32, mapped by name."""

    axes = ("joints", "fields")
    is_eager = True  # joints of several publishers may share a topic

    kind: Literal["joints"]
    joints: Annotated[list[str], Field(min_length=1)]
    fields: Annotated[list[Literal["position", "velocity", "effort"]], Field(min_length=1)] = ["position"]
    rate_hz: Positive

    @model_validator(mode="after")
    def _position_first(self) -> JointStream:
        if self.fields[0] != "position" or len(set(self.fields)) != len(self.fields):
            raise ValueError("fields must start with 'position' and name each field once")
        return self


class PoseStream(Sense):
    """Where something is in ``frame``: (7,) float32, x y z in m and quaternion x y z w, of which w is not below 0."""

    axes = (7,)
    unit = "m and parts of a quaternion"

    kind: Literal["pose"]
    frame: str
    rate_hz: Positive


class ValueStream(Sense):
    """One number: (1,) float32, such as how far a gripper is open."""

    axes = (1,)

    kind: Literal["value"]
    rate_hz: Positive


Stream = Annotated[
    Union[CameraStream, DepthStream, MicrophoneStream, TaxelStream, WrenchStream, JointStream, PoseStream, ValueStream],
    Field(discriminator="kind"),
]
