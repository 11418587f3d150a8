"""tf2_msgs/TFMessage -> pose (7,) float32 of one frame in another: x y z in m, quaternion x y z w."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.convert.frames import FrameTree
from world_model_ros.convert.stamps import time_ns
from world_model_ros.core.errors import AbsentError, OtherMessage
from world_model_ros.core.orientation import unique

_BEGINNING_NS = 1_000_000_000  # of transforms, in which not all publishers have been heard


class TransformConverter:
    """tf2_msgs/TFMessage -> (stamp, (7,)) of ``tf_frame`` in ``frame``, each time that it is known anew.

    It remembers transforms. Its stamp is the newest time that all transforms between the two frames cover.

    Args:
        name: stream name, for errors.
        frame: in which the pose is. tf_frame: whose pose it is.
        max_age_s: a transform that is older than others by more than this is said to be lost.
    """

    def __init__(self, name: str, frame: str, tf_frame: str, max_age_s: float) -> None:
        self.name, self.frame, self.tf_frame = name, frame.removeprefix("/"), tf_frame.removeprefix("/")
        self._max_age_ns = round(max_age_s * 1e9)
        self._tree = FrameTree(name)
        self._last_ns = -1
        self._first_ns: int | None = None

    def forget(self) -> None:
        """Forget everything; called when the clock jumps back."""
        self._tree.forget()
        self._last_ns, self._first_ns = -1, None

    def __call__(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Take transforms that change.

        Raises:
            OtherMessage: they say nothing new of the frame; as `AbsentError`, that it cannot be found a second after
                the first ones came, or that where it is has become old.
            UserError: a transform on the way is none.
        """
        self._tree.take(message)
        heard_ns = max((time_ns(each.header.stamp) for each in message.transforms), default=0)
        if self._first_ns is None or heard_ns < self._first_ns:
            self._first_ns = heard_ns
        return self._found(heard_ns, heard_ns - self._first_ns < _BEGINNING_NS)

    def static(self, message: Any) -> tuple[int, NDArray[np.float32]]:
        """Take transforms that never change, of ``/tf_static``; raises as a call, but no `AbsentError`."""
        self._tree.take(message, static=True)
        return self._found(0, True)

    def _found(self, heard_ns: int, early: bool) -> tuple[int, NDArray[np.float32]]:
        try:
            way = self._tree.way(self.frame, self.tf_frame)
        except AbsentError as error:
            if early:  # other publishers come first
                raise OtherMessage(error.field, error.value, error.legal) from error
            raise
        if way.stamp_ns == self._last_ns:
            behind_ns = heard_ns - way.stamp_ns
            if behind_ns > self._max_age_ns:
                found = f"from {way.oldest}, {behind_ns * 1e-9:.2f} s older than others"
                legal = f"transforms that are at most max_age_s, {self._max_age_ns * 1e-9:g}, older"
                raise AbsentError(f"{self.name}: transform", found, legal)
            raise OtherMessage(f"{self.name}: transforms", "nothing new", f"some of {self.tf_frame!r}")
        pose = self._tree.pose(way)
        self._last_ns = way.stamp_ns
        pose[3:] = unique(pose[3:])
        return way.stamp_ns, pose.astype(np.float32)
