"""vision_msgs/Detection3DArray -> pose (7,) float32 of the detection of one id or class: x y z in m, quaternion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.poses import seven_numbers
from world_model_ros.convert.stamps import frame_of, stamp_ns
from world_model_ros.core.errors import AbsentError, UserError
from world_model_ros.core.orientation import unique

_NAMED = 30  # things in an error


@dataclass(frozen=True)
class DetectionConverter:
    """vision_msgs/Detection3DArray in ``frame`` -> (stamp, (7,)) of what is called ``detection``.

    That is the detection of this id, else the hypothesis of this class with the highest score. The pose is that of the
    hypothesis; of a detection without any that of its box.
    """

    name: str
    frame: str
    detection: str

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Raises `AbsentError` if it is not among what is seen, and `UserError` for another frame or a broken pose."""
        if frame_of(message) != self.frame:
            raise UserError(f"{self.name}: header.frame_id", message.header.frame_id, repr(self.frame))
        try:
            found = sorted(self._candidates(message), key=lambda each: each[0])
            seen = sorted({name for each in message.detections for name in _names(each)}) if not found else []
        except AttributeError as error:
            legal = f"vision_msgs as of Humble and later ({error})"
            raise UserError(f"{self.name}: detections", "another layout", legal) from error
        if not found:
            raise AbsentError(f"{self.name}: detections", seen[:_NAMED], f"{self.detection!r} among ids and classes")
        pose = found[-1][1]
        numbers = seven_numbers(pose.position, pose.orientation, self.name)
        numbers[3:] = unique(numbers[3:])
        return stamp_ns(message), numbers.astype(np.float32)

    def _candidates(self, message: Any) -> Iterator[tuple[tuple[bool, float], Any]]:
        """How well each pose fits, and the pose."""
        for each in message.detections:
            if each.id == self.detection:
                best = max(each.results, key=lambda result: result.hypothesis.score, default=None)
                yield (True, 0.0), each.bbox.center if best is None else best.pose.pose
            for result in each.results:
                if result.hypothesis.class_id == self.detection:
                    yield (False, float(result.hypothesis.score)), result.pose.pose


def _names(detection: Any) -> Iterator[str]:
    yield from (result.hypothesis.class_id for result in detection.results)
    if detection.id:
        yield detection.id
