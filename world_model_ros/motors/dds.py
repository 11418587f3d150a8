"""Motor messages over DDS, by Cyclone DDS (the extra ``dds``); whole messages as bytes, in and out.

Types are described to Cyclone as the SDK that ``config/motors`` names has them, so that peers agree on them. Their
bytes are made and read by `motors.messages`: Cyclone's own way, field by field in Python, takes a hundred times as
long.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from cyclonedds.core import Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.idl import make_idl_struct
from cyclonedds.idl.types import array, float32, int16, uint8, uint32
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from world_model_ros.core.errors import UserError
from world_model_ros.motors.description import MOTORS, Motors

_CONFIG = """<CycloneDDS><Domain Id="any"><General><Interfaces>
<NetworkInterface name={interface} priority="default" multicast="default"/>
</Interfaces></General></Domain></CycloneDDS>"""


class DdsMotors:
    """A writer of commands and a reader of states.

    Args:
        motors: whose topics and types.
        domain: of DDS, 0 to 232; 0 is that of the robots.
        interface: of the network; empty takes what Cyclone DDS or CYCLONEDDS_URI chooses.

    Raises:
        UserError: there is no such interface or domain.
    """

    def __init__(self, motors: Motors, domain: int = 0, interface: str = "") -> None:
        try:
            # Kept: it ends with its object. One domain of a process has one configuration.
            self._domain = Domain(domain, _CONFIG.format(interface=quoteattr(interface))) if interface else None
            self._participant = DomainParticipant(domain)
        except Exception as error:  # DDSException, which says no more than a number
            legal = f"a domain from 0 to 232, and an interface of the network that is up ({error})"
            raise UserError("domain, network_interface", f"{domain}, {interface!r}", legal) from error
        self._kind = _with_bytes(_command_type(motors.command.type))
        state = _with_bytes(_state_type(motors.state.type))
        self._writer = DataWriter(self._participant, Topic(self._participant, motors.command.topic, self._kind, Qos()))
        self._reader = DataReader(self._participant, Topic(self._participant, motors.state.topic, state, Qos()))

    def send(self, stream: bytes) -> None:
        """Send a command."""
        sample = self._kind.__new__(self._kind)
        sample.stream = stream
        self._writer.write(sample)

    def take(self) -> bytes | None:
        """The newest state that has come since the last call; None if none has."""
        found = [each for each in self._reader.take(16) if hasattr(each, "stream")]
        return bytes(found[-1].stream) if found else None

    @property
    def heard(self) -> bool:
        """Whether anything listens to the commands."""
        return len(self._writer.get_matched_subscriptions()) > 0


def _with_bytes(kind: Any) -> Any:
    """A type whose samples are written from, and read as, the bytes in ``stream``."""

    def serialize(self: Any, *_: Any, **__: Any) -> bytes:
        stream: bytes = self.stream
        return stream

    def deserialize(cls: Any, data: bytes, *_: Any, **__: Any) -> Any:
        sample = cls.__new__(cls)
        sample.stream = data
        return sample

    kind.serialize, kind.deserialize = serialize, classmethod(deserialize)
    return kind


def _command_type(name: str) -> Any:
    module, _, short = name.rpartition(".")
    fields = {"mode": uint8, **dict.fromkeys(("q", "dq", "tau", "kp", "kd"), float32), "reserve": uint32}
    motor = make_idl_struct("MotorCmd_", f"{module}.MotorCmd_", fields)
    return make_idl_struct(
        short,
        name,
        {
            "mode_pr": uint8,
            "mode_machine": uint8,
            "motor_cmd": array[motor, MOTORS],
            "reserve": array[uint32, 4],
            "crc": uint32,
        },
    )


def _state_type(name: str) -> Any:
    module, _, short = name.rpartition(".")
    threes = dict.fromkeys(("gyroscope", "accelerometer", "rpy"), array[float32, 3])
    imu = make_idl_struct(
        "IMUState_", f"{module}.IMUState_", {"quaternion": array[float32, 4], **threes, "temperature": int16}
    )
    motor = make_idl_struct(
        "MotorState_",
        f"{module}.MotorState_",
        {
            "mode": uint8,
            **dict.fromkeys(("q", "dq", "ddq", "tau_est"), float32),
            "temperature": array[int16, 2],
            "vol": float32,
            "sensor": array[uint32, 2],
            "motorstate": uint32,
            "reserve": array[uint32, 4],
        },
    )
    return make_idl_struct(
        short,
        name,
        {
            "version": array[uint32, 2],
            "mode_pr": uint8,
            "mode_machine": uint8,
            "tick": uint32,
            "imu_state": imu,
            "motor_state": array[motor, MOTORS],
            "wireless_remote": array[uint8, 40],
            "reserve": array[uint32, 4],
            "crc": uint32,
        },
    )
