"""Imagines the future of replayed ticks under the executed actions, and scores it against what the bag then shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.replay.horizon_errors import (
    CHANGED_TOUCH,
    HorizonErrors,
    distance_errors,
    frame_errors,
    last_scored,
    target_errors,
)
from world_model_ros.bags.replay.replayed_tick import ReplayedTick
from world_model_ros.bags.replay.report.highlights import Moment, Worst
from world_model_ros.bags.seen_motion import MostMoving, pushed_by, seen_motion
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Imagined
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.arrays import Frame

_WORST = 4
_LEAD = 3  # ticks from the start of a worst moment's imagination to the surprise
Future = Callable[[ReplayedTick, Imagined], None]


class LookAhead:
    """Takes ticks in order, holds one horizon of them, and scores the oldest when its future is there.

    Args:
        moments: how many imaginations to keep for drawing, those in which most moves.
        future: gets each imagination.
        turns: ticks in a step of the model.

    Attributes:
        scores: by step and kind. telling: kept imaginations. worst: those that led to the largest surprises.
        model_s: time spent in the model.
    """

    def __init__(self, contract: Contract, brain: Brain, moments: int, future: Future, turns: int) -> None:
        self._contract, self._brain, self._future = contract, brain, future
        self._horizon = brain.bundle.manifest.horizon
        self._camera = first_camera(contract.interface)
        self._turns = turns
        self._window: deque[ReplayedTick] = deque(maxlen=self._horizon * turns + 1)
        self.scores = HorizonErrors(self._horizon, contract.tick_s)
        self.telling: MostMoving[Moment] = MostMoving(moments, self._horizon * contract.tick_ns)
        self._first_ns: int | None = None
        self.worst: Worst[Moment] = Worst(_WORST)
        self.model_s = 0.0

    def add(self, tick: ReplayedTick) -> None:
        """The next tick of the replay."""
        self._first_ns = tick.now_ns if self._first_ns is None else self._first_ns
        if tick.tick.jumped:  # no future leads over a pause
            self._window.clear()
        self._window.append(tick)
        if len(self._window) == self._window.maxlen:
            now, *coming = list(self._window)[:: self._turns]  # every one's action is of a whole step
            self._look(now, coming)

    def prediction(self) -> dict[str, dict[str, Any]]:
        """Scores by stream and target that could be compared: ``horizon_s``, ``model`` and ``copy_last`` (it stays as
        it is), lists by step, and their ``unit``; ``where_changed`` as of `HorizonErrors`, and ``judged``: whether it
        changed often enough to tell a model from no model."""
        found: dict[str, dict[str, Any]] = {}
        units = sorted({joint.unit for joint in self._contract.interface.joints})
        joints = [stream.name for stream in self._contract.interface.of(JointStream)[:1]]
        said = f"mean absolute error, {' and '.join(units)}"
        kinds = [(name, "joints_error", "joints_still_error", said) for name in joints]
        if self._camera is not None:
            kinds.insert(0, (self._camera.name, "psnr_db", "psnr_still_db", "PSNR, dB; more is better"))
        for stream in self._contract.interface.streams:
            if stream.is_touch:
                name, unit = stream.name, f"mean absolute error, {stream.unit}"
                kinds.append((name, f"{name}_error", f"{name}_still_error", unit))
        for target in self._contract.interface.targets:
            model, still = (f"{target.name}_{kind}_{target.measure}" for kind in ("error", "still_error"))
            kinds.append((target.name, model, still, f"mean error, {target.measure}"))
        seconds = [row["seconds"] for row in self.scores.table()]
        for name, model, still, unit in kinds:
            curve = self.scores.curve(model)
            if any(value is not None for value in curve):
                rows = {"horizon_s": seconds, "model": curve, "copy_last": self.scores.curve(still)}
                found[name] = rows | {"unit": unit, "kind": model}
                found[name] |= {"where_changed": self.scores.where_changed(model, still)}
                found[name] |= {"judged": self._judged(found[name])}
        return found

    def _judged(self, rows: dict[str, Any]) -> bool:
        """Whether it changed in a horizon of ticks at least, or in half of the few that there are."""
        end = last_scored(rows)
        ticks, of = (rows["where_changed"][key][end] for key in ("ticks", "of"))
        return bool(ticks >= min(self._horizon, (of + 1) // 2))

    def _look(self, now: ReplayedTick, coming: list[ReplayedTick]) -> None:
        executed = np.stack([each.applied for each in coming])[None]
        started = perf_counter()
        imagined = self._brain.imagine_executed(now.memory, executed)
        self.model_s += perf_counter() - started
        self._future(now, imagined)
        self._score_joints(now, coming, imagined)
        self._score_targets(now, coming, imagined)
        frame = now.frame(self._camera)
        if frame is None:
            return
        started = perf_counter()
        decoded = self._brain.decode(imagined.states[0], frame)
        self.model_s += perf_counter() - started
        self._score_touch(now, coming, decoded.senses)
        assert decoded.frames is not None
        real = [each.frame(self._camera) for each in coming]
        seen = [(h, truth) for h, truth in enumerate(real, start=1) if truth is not None]
        errors = frame_errors([decoded.frames[h - 1] for h, _ in seen], [truth for _, truth in seen], frame)
        self.scores.add([h for h, _ in seen], errors, "psnr_db", "psnr_still_db")
        steps = sorted({max(1, round(self._horizon * share)) for share in (0.25, 0.5, 0.75, 1.0)})
        motion = seen_motion(frame, [real[h - 1] for h in steps], pushed=self._pushed([now, *coming]))
        if motion is not None:
            moment = self._moment(now, frame, decoded.frames, real, steps, now.surprise)
            self.telling.add(now.now_ns, motion, moment)
        to = coming[min(_LEAD, self._horizon) - 1]
        if to.surprise is not None and self.worst.wants(to.surprise, to.now_ns):
            steps = [step for step in (1, 2, 3, 4) if step <= self._horizon]
            moment = self._moment(now, frame, decoded.frames, real, steps, to.surprise)
            self.worst.add(to.surprise, to.now_ns, moment)

    def _moment(
        self,
        now: ReplayedTick,
        frame: Frame,
        imagined: NDArray[np.uint8],
        real: list[Frame | None],
        steps: list[int],
        surprise: float | None,
    ) -> Moment:
        seconds = tuple(h * self._contract.tick_ns * 1e-9 for h in steps)
        guesses, truths = tuple(imagined[h - 1] for h in steps), tuple(real[h - 1] for h in steps)
        at_s = (now.now_ns - (self._first_ns or 0)) * 1e-9
        return Moment(frame, now.now_ns, at_s, seconds, guesses, truths, surprise)

    def _pushed(self, ticks: list[ReplayedTick]) -> int:
        """How far something went that is none of the robot's own, as far as labels tell."""
        own = {target.name for target in self._contract.interface.targets if target.kind == "fingertip"}
        names = [label.name for label in self._contract.interface.labels if label.target not in own]
        labels = [each.tick.labels for each in ticks]
        return pushed_by([told[name][:3] for told in labels if name in told] for name in names)

    def _score_joints(self, now: ReplayedTick, coming: list[ReplayedTick], imagined: Imagined) -> None:
        steps, real = _known(each.measured for each in coming)
        if now.measured is not None and imagined.joints is not None and steps:
            errors = distance_errors(imagined.joints[0, _rows(steps)], real, now.measured)
            self.scores.add(steps, errors, "joints_error", "joints_still_error")

    def _score_targets(self, now: ReplayedTick, coming: list[ReplayedTick], imagined: Imagined) -> None:
        """Those targets that the bag has labels for."""
        truths = {label.target: label.name for label in self._contract.interface.labels}
        scale = self._brain.bundle.manifest.calibration.region_scale
        for k, target in enumerate(self._contract.interface.targets):
            label = truths.get(target.name, "")
            before, way = now.tick.labels.get(label), imagined.way(k, target)
            steps, real = _known(each.tick.labels.get(label) for each in coming)
            if before is not None and way is not None and steps:
                guess, sigma = (each[0, _rows(steps)] for each in way)
                size, unit = guess.shape[-1], target.measure
                errors = target_errors(guess, real[:, :size], before[:size], sigma * scale)
                kinds = (f"{target.name}_{kind}" for kind in (f"error_{unit}", f"still_error_{unit}", "inside_region"))
                self.scores.add(steps, errors, *kinds)

    def _score_touch(self, now: ReplayedTick, coming: list[ReplayedTick], senses: Mapping[str, NDArray[Any]]) -> None:
        for stream in self._contract.interface.streams:
            before = now.tick.observation.values.get(stream.name)
            if not stream.is_touch or stream.name not in senses or before is None:
                continue
            steps, real = _known(each.tick.observation.values.get(stream.name) for each in coming)
            if steps:
                errors = distance_errors(senses[stream.name][_rows(steps)], real, before, CHANGED_TOUCH)
                self.scores.add(steps, errors, f"{stream.name}_error", f"{stream.name}_still_error")


def _known(values: Iterable[NDArray[Any] | None]) -> tuple[list[int], NDArray[Any]]:
    """The steps, from 1, of those that are there, and these as one array."""
    there = [(step, value) for step, value in enumerate(values, start=1) if value is not None]
    return [step for step, _ in there], np.array([value for _, value in there])


def _rows(steps: list[int]) -> NDArray[np.intp]:
    return np.array(steps, np.intp) - 1
