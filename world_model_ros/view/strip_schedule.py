"""Chooses which imaginations are shown as strips: the live one, and those in which more really moved than before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.seen_motion import Motion
from world_model_ros.core.arrays import Frame
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.pictures.strip import Badge, Strip
from world_model_ros.view.timeline import Imagination, Timeline

_Decoded = tuple[tuple[Frame, ...], "NDArray[np.float64] | None"]
_WORTH_IT = 1.1  # a better strip must show this much more motion, so that few are decoded


class Story:
    """Strips of the present, and the most telling strip so far.

    Args:
        timeline: filled by others.
        decoder: of the bundle.
        tick_s: time between two imagined states.
        microphone: name of the stream whose sound is shown ahead, if the model imagines it.

    Attributes:
        zero_ns: from when the times of kept strips are told, as the first tick of a bag; None of a robot that runs.
    """

    def __init__(self, timeline: Timeline, decoder: FrameDecoder, tick_s: float, microphone: str | None = None) -> None:
        self._timeline = timeline
        self._decoder = decoder
        self._microphone = microphone
        self.zero_ns: int | None = None
        self._seconds = tuple(step * tick_s for step in timeline.steps)
        self._shown: tuple[Imagination, Frame, _Decoded] | None = None
        self._best: Motion | None = None

    def live(self, now_ns: int, badge: Badge) -> Strip | None:
        """The strip to show now: one imagination until its last real frame has been shown, then the newest.

        Args:
            now_ns: time in the clock of the stamps, ns.
            badge: what the robot is doing; the age is filled in.
        """
        newest = self._timeline.newest()
        set_back = self._shown and newest and newest.reference_ns < self._shown[0].reference_ns
        if self._shown is None or set_back:
            now = None if newest is None else self._timeline.now(newest)
            if newest is None or now is None:
                return None
            self._shown = (newest, now, self._decode(newest, now))
        imagination, now, (frames, sound) = self._shown
        age_s = max(0.0, (now_ns - imagination.reference_ns) * 1e-9)
        come_s = (self._timeline.newest_ns() - imagination.reference_ns) * 1e-9
        real = self._timeline.real(imagination)
        if self._timeline.over(imagination):
            self._shown = None
        return Strip(now, self._seconds, frames, real, imagination.goal, replace(badge, age_s=age_s), sound, come_s)

    def better(self) -> Strip | None:
        """A strip in which more is seen to happen than in all before; None if none came to its end."""
        found = self._timeline.most_moving()
        if found is None or not self._telling(found[0]):
            return None
        self._best, imagination = found
        now, real = self._timeline.now(imagination), self._timeline.real(imagination)
        if now is None:
            return None
        frames, sound = self._decode(imagination, now)
        at_s = None if self.zero_ns is None else max(0.0, (imagination.reference_ns - self.zero_ns) * 1e-9)
        return Strip(now, self._seconds, frames, real, imagination.goal, imagination.badge, sound, at_s=at_s)

    def _telling(self, motion: Motion) -> bool:
        if self._best is None or replace(motion, grey_levels=0.0) != replace(self._best, grey_levels=0.0):
            return self._best is None or motion > self._best
        return motion.grey_levels > _WORTH_IT * self._best.grey_levels

    def _decode(self, imagination: Imagination, now: Frame) -> _Decoded:
        """Frames at the steps, and sound at every tick up to the last of them."""
        chosen = [step - 1 for step in self._timeline.steps]
        if self._microphone is None:
            return self._decoder.frames(imagination.states[chosen], now), None
        decoded = self._decoder.decoded(imagination.states[: chosen[-1] + 1], now)
        assert decoded.frames is not None
        sound = decoded.senses.get(self._microphone)
        return tuple(decoded.frames[chosen]), None if sound is None else np.asarray(sound, np.float64)
