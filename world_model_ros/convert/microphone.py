"""Audio messages -> (samples, channels) float32 in -1 to 1, stamped with the time of the first sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.stamps import finite, image_rows, stamp_ns
from world_model_ros.core.errors import UserError

Sound = NDArray[np.float32]


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

    def __call__(self, message: Any) -> tuple[int, Sound]:
        """sensor_msgs/Image ``16SC1``: height = samples, width = channels."""
        if message.encoding != "16SC1":
            raise UserError(f"{self.name}: encoding", message.encoding, "'16SC1' (height = samples, width = channels)")
        self._check("channels (width)", int(message.width), self.channels)
        samples = image_rows(message, np.int16, 1, self.name)[..., 0]
        return stamp_ns(message), samples.astype(np.float32) / np.float32(32768)

    def data_stamped(self, message: Any) -> tuple[int, Sound]:
        """audio_common_msgs/AudioDataStamped of ros-drivers: little-endian int16 bytes (format ``wave``, not mp3)."""
        data = message.audio.data
        if len(data) % (2 * self.channels):
            raise UserError(f"{self.name}: length of audio.data", len(data), f"whole frames of {self.channels} x int16")
        samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
        return stamp_ns(message), samples.reshape(-1, self.channels)

    def stamped(self, message: Any) -> tuple[int, Sound]:
        """audio_common_msgs/AudioStamped of mgonzs13: exactly one typed array is filled; interleaved channels."""
        info, data = message.audio.info, message.audio.audio_data
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


# Value of silence and of full scale.
_SCALES = {
    "float32_data": (0.0, 1.0),
    "int32_data": (0.0, 2.0**31),
    "int16_data": (0.0, 2.0**15),
    "int8_data": (0.0, 2.0**7),
    "uint8_data": (128.0, 2.0**7),
}
