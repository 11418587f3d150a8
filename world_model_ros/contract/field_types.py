"""Field types that all parts of a contract share (names, numbers, QoS), and checks of lists of names."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

_LEAST, _MOST = 1e-9, 1e9  # of what is over 0: times, rates, sizes and masses are within; others from -1e9
_FARTHEST_M = 1000.0  # that anything is from the base frame, along each axis
_TYPE = r"^[a-z][a-z0-9_]*/msg/[A-Z][A-Za-z0-9]*$"
_MOST_COUNTED = 1_000_000  # samples of a window, messages of a queue
_MOST_PIXELS = 16_384  # of a side of a picture
_TOPIC = r"^/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*$"


def _no_switch(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number; YAML takes yes, no, on and off for true and false")
    return value


def _topic(name: str) -> str:
    if not re.fullmatch(_TOPIC, name):
        raise ValueError("a topic's name: parts with / between them, of letters, digits and _, none with a digit first")
    return name


def _message_type(name: str) -> str:
    if not re.fullmatch(_TYPE, name):
        raise ValueError("the name of a message type, as sensor_msgs/msg/JointState")
    return name


def _of_this_world(value: float) -> float:
    if not _LEAST <= value <= _MOST:
        raise ValueError(f"a number from {_LEAST:g} to {_MOST:g}")
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Topic = Annotated[str, AfterValidator(_topic), Field(json_schema_extra={"pattern": _TOPIC})]
Number = Annotated[float, BeforeValidator(_no_switch)]
MessageType = Annotated[str, AfterValidator(_message_type), Field(json_schema_extra={"pattern": _TYPE})]
Positive = Annotated[
    float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_no_switch), AfterValidator(_of_this_world)
]
Finite = Annotated[float, Field(ge=-_MOST, le=_MOST, allow_inf_nan=False), BeforeValidator(_no_switch)]
Metre = Annotated[float, Field(ge=-_FARTHEST_M, le=_FARTHEST_M, allow_inf_nan=False), BeforeValidator(_no_switch)]
Count = Annotated[int, Field(gt=0, le=_MOST_COUNTED), BeforeValidator(_no_switch)]
Pixels = Annotated[int, Field(gt=0, le=_MOST_PIXELS), BeforeValidator(_no_switch)]
Version = Annotated[Literal[1], BeforeValidator(_no_switch)]
Range = tuple[Finite, Finite]
Span = tuple[Metre, Metre]
Point = tuple[Metre, Metre, Metre]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grown(Strict):
    """A part of the interface that got fields later: those at their default are not written, so that hashes stay."""

    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = write(self)
        fields = type(self).model_fields
        return {key: value for key, value in told.items() if key not in self.later or value != fields[key].default}


class Qos(Strict):
    """Subscription quality of service; a best-effort publisher is only heard with ``best_effort``."""

    reliability: Literal["reliable", "best_effort"] = "reliable"
    durability: Literal["volatile", "transient_local"] = "volatile"
    depth: Count = 10


def known(where: str, names: list[str], legal: list[str]) -> None:
    if unknown := [name for name in names if name not in legal]:
        raise ValueError(f"{where}: unknown {unknown}; legal: {legal}")


def same(where: str, names: list[str], legal: list[str]) -> None:
    known(where, names, legal)
    missing = [name for name in legal if name not in names]
    if missing:
        raise ValueError(f"{where}: missing {missing}")
    once(where, names)


def once(where: str, names: list[str]) -> None:
    if len(names) != len(set(names)):
        raise ValueError(f"{where}: a name stands twice in {names}")
