"""Low-level motor messages of humanoids, as bytes: what DDS sends, what a C compiler makes of it, and its checksum.

Both kinds have room for 35 motors, an array of structs. In the stream (CDR) a struct begins where its first member may,
so the mode of the first motor stands in bytes that a C compiler leaves free; from its next member on both are the same,
but for the 4 bytes that the compiler has put in between. The checksum is of the C layout. Fields, layout and checksum
are told anew here from the public SDK that ``config/motors`` names; its checksum is CRC-32/MPEG-2 of the words of 32
bits (polynomial 0x04c11db7, begins with all ones, nothing reflected or inverted), each with its highest byte first.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.errors import UserError
from world_model_ros.motors.description import MOTORS

Record = NDArray[np.void]  # of one element

_MOTOR = np.dtype(
    [("mode", "u1"), *((each, "<f4") for each in ("q", "dq", "tau", "kp", "kd")), ("reserve", "<u4")], True
)
COMMAND = np.dtype(
    [
        ("mode_pr", "u1"),
        ("mode_machine", "u1"),
        ("motor_cmd", _MOTOR, MOTORS),
        ("reserve", "<u4", 4),
        ("crc", "<u4"),
    ],
    align=True,
)
_IMU = np.dtype(
    [
        ("quaternion", "<f4", 4),
        ("gyroscope", "<f4", 3),
        ("accelerometer", "<f4", 3),
        ("rpy", "<f4", 3),
        ("temperature", "<i2"),
    ],
    align=True,
)
_MEASURED = np.dtype(
    [
        ("mode", "u1"),
        *((each, "<f4") for each in ("q", "dq", "ddq", "tau_est")),
        ("temperature", "<i2", 2),
        ("vol", "<f4"),
        ("sensor", "<u4", 2),
        ("motorstate", "<u4"),
        ("reserve", "<u4", 4),
    ],
    align=True,
)
STATE = np.dtype(
    [
        ("version", "<u4", 2),
        ("mode_pr", "u1"),
        ("mode_machine", "u1"),
        ("tick", "<u4"),
        ("imu_state", _IMU),
        ("motor_state", _MEASURED, MOTORS),
        ("wireless_remote", "u1", 40),
        ("reserve", "<u4", 4),
        ("crc", "<u4"),
    ],
    align=True,
)
_FIRST_MODE = {COMMAND: 2, STATE: 70}  # where the stream has the mode of the first motor
_HEAD = b"\0\1\0\0"  # plain CDR, lowest byte first
_HEADS = (_HEAD[:2], b"\0\7")  # and that of XCDR2, which has nothing else for these types
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(message: Record) -> int:
    """CRC of all but the last word of a message."""
    words = np.frombuffer(message.tobytes(), "<u4")[:-1]
    reflected = zlib.crc32(words.astype(">u4").tobytes().translate(_REVERSED))
    return int(f"{reflected:032b}"[::-1], 2) ^ 0xFFFFFFFF


def empty_command() -> Record:
    """A command of nothing: all of it zeros, so every motor's mode and gains too."""
    return np.zeros(1, COMMAND)


def to_stream(message: Record) -> bytes:
    """A message for DDS, with its header."""
    at, packed = _FIRST_MODE[message.dtype], message.tobytes()
    mode = (at + 3) // 4 * 4
    return b"".join((_HEAD, packed[:at], packed[mode : mode + 1], bytes(1), packed[mode + 4 :]))


def from_stream(stream: bytes, kind: np.dtype[Any]) -> Record:
    """A message of DDS with its header; `UserError` if it is not one of this kind, or its checksum is wrong."""
    at, body = _FIRST_MODE[kind], stream[4:]
    if stream[:2] not in _HEADS:
        raise UserError("header", stream[:2].hex(), f"one of {[each.hex() for each in _HEADS]}")
    if not kind.itemsize - 4 <= len(body) < kind.itemsize:  # the end may be padded
        raise UserError("length", len(body), f"{kind.itemsize - 4} bytes")
    packed = b"".join((body[:at], bytes(2), body[at : at + 1], bytes(3), body[at + 2 :]))
    message: Record = np.frombuffer(packed[: kind.itemsize], kind)
    if checksum(message) != message["crc"][0]:
        raise UserError("crc", int(message["crc"][0]), f"{checksum(message)}, the checksum of the message")
    return message
