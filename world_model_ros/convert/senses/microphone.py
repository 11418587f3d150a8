"""Audio messages -> (samples, channels) float32 in -1 to 1, stamped with the time of the first sample; refuses mp3."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from world_model_ros.convert.encodings.image_rows import image_rows
from world_model_ros.convert.finite import finite
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.arrays import Floats
from world_model_ros.core.errors import UserError


@dataclass(frozen=True)
class MicrophoneConverter:
    """Audio messages of three types -> (stamp, (n, channels)).

    Args:
        name: stream name, for errors.
        channels: channels of the contract; a message with another number is refused.
        sample_rate_hz: rate of the contract, checked where the message has one.
    """

    name: str
    channels: int
    sample_rate_hz: float

    def __call__(self, message: Any) -> tuple[int, Floats]:
        """sensor_msgs/Image ``16SC1``: height = samples, width = channels."""
        if message.encoding != "16SC1":
            raise UserError(f"{self.name}: encoding", message.encoding, "'16SC1' (height = samples, width = channels)")
        self._check("channels (width)", int(message.width), self.channels)
        samples = image_rows(message, np.int16, 1, self.name)[..., 0]
        return stamp_ns(message), samples.astype(np.float32) / np.float32(32768)

    def data_stamped(self, message: Any) -> tuple[int, Floats]:
        """audio_common_msgs/AudioDataStamped of ros-drivers: little-endian int16 bytes (format ``wave``, not mp3)."""
        data = _field(message, "audio.data", self.name)
        kind = packed_kind(bytes(data[:_HEAD]), len(data))
        if kind is not None:
            raise UserError(f"{self.name}: audio.data", kind, "plain 16 bit samples (audio_capture: format:=wave)")
        if len(data) % (2 * self.channels):
            raise UserError(f"{self.name}: length of audio.data", len(data), f"whole frames of {self.channels} x int16")
        samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
        return stamp_ns(message), samples.reshape(-1, self.channels)

    def stamped(self, message: Any) -> tuple[int, Floats]:
        """audio_common_msgs/AudioStamped of mgonzs13: exactly one typed array is filled; interleaved channels."""
        info, data = _field(message, "audio.info", self.name), _field(message, "audio.audio_data", self.name)
        self._check("audio.info.channels", int(info.channels), self.channels)
        self._check("audio.info.rate", int(info.rate), int(self.sample_rate_hz))
        filled = [name for name in _SCALES if len(getattr(data, name))]
        if len(filled) != 1:
            raise UserError(f"{self.name}: audio.audio_data", filled, f"exactly one filled array of {list(_SCALES)}")
        offset, scale = _SCALES[filled[0]]
        samples = (np.asarray(getattr(data, filled[0]), np.float64) - offset) / scale
        finite(samples, self.name)
        if len(samples) % self.channels:
            raise UserError(f"{self.name}: samples", len(samples), f"a multiple of {self.channels} channels")
        return stamp_ns(message), np.clip(samples, -1, 1).astype(np.float32).reshape(-1, self.channels)

    def _check(self, what: str, value: int, legal: int) -> None:
        if value != legal:
            raise UserError(f"{self.name}: {what}", value, f"{legal}, as the contract says")


def _field(message: Any, path: str, where: str) -> Any:
    """Of a message of a package that has others of its name."""
    try:
        return attrgetter(path)(message)
    except AttributeError as error:
        raise UserError(f"{where}: message", type(message).__name__, f"one with a field {path}") from error


# Value of silence and of full scale.
_SCALES = {
    "float32_data": (0.0, 1.0),
    "int32_data": (0.0, 2.0**31),
    "int16_data": (0.0, 2.0**15),
    "int8_data": (0.0, 2.0**7),
    "uint8_data": (128.0, 2.0**7),
}


_HEAD = 4096  # bytes that are looked at
_PADDING = 4  # bytes that may follow the last frame, or be missing
_FILES = {b"ID3": "mp3", b"OggS": "Ogg", b"fLaC": "FLAC", b"RIFF": "a WAV file"}
_BIT_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, MPEG 1 layer 3
_BIT_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG 2 and 2.5
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def packed_kind(data: bytes, length: int | None = None) -> str | None:
    """What the bytes of a message are if they are no plain samples: ``mp3``, ``Ogg``, ``FLAC``, a WAV file; else None.

    Args:
        data: its beginning. length: of all of it.
    """
    for magic, name in _FILES.items():
        if data.startswith(magic):
            return name
    at, end = 0, len(data) if length is None else length
    while (frame := _mp3_frame(data[at : at + 4])) > 0:  # samples may look like the head of a frame, but not of all
        at += frame
        if abs(end - at) <= _PADDING:
            return "mp3"
        if at + 4 > len(data):
            return "mp3" if at < end else None
        if not _mp3_frame(data[at : at + 4]):
            return None
    return None


def _mp3_frame(head: bytes) -> int:
    """Length of an MPEG layer 3 frame by its head; 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, sampling = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sampling == 3:
        return 0
    bits = 1000 * (_BIT_RATES if version == 3 else _BIT_RATES_2)[rate]
    return (144 if version == 3 else 72) * bits // _SAMPLE_RATES[version][sampling] + (head[2] >> 1 & 1)
