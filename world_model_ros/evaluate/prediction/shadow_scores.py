"""Prediction errors of a model that watches a robot, compared with assuming that nothing changes."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.replay.horizon_errors import Errors, distance_errors, frame_errors, target_errors
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision, Imagined, Memory
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.core.arrays import Floats
from world_model_ros.core.streams import Observation
from world_model_ros.evaluate.statistics import rounded

_MOVING = 0.05  # of the largest action, on average over the horizon; below that the robot counts as still
_SETTLE_TICKS = 5  # a belief is judged once it has seen this much
_SURPRISES = 3000
_BELIEVED = ", against belief"  # behind the unit of targets
_UNITS = {"rad": "rad", "m": "m", "normalised": "normalised"}


@dataclass(frozen=True)
class _Moment:
    observation: Observation
    applied: Floats
    memory: Memory
    decision: Decision


@dataclass
class _Sums:
    """Errors of one signal at one step ahead."""

    count: int = 0
    model: float = 0.0
    copy: float = 0.0
    better: int = 0
    inside: int = 0

    def add(self, model: float, copy: float, better: bool, inside: bool) -> None:
        self.count += 1
        self.model += model
        self.copy += copy
        self.better += better
        self.inside += inside

    def mean(self, of: str) -> float:
        return float(getattr(self, of)) / self.count if self.count else float("nan")


@dataclass
class ShadowScores:
    """Watches ticks and looks back: what was believed a horizon ago, under what was commanded since, led to what?

    Args:
        brain: that watches; its rollout and decode graphs are run by `look`.
    """

    brain: Brain
    ticks: int = 0
    looks: Counter[str] = field(default_factory=Counter)
    surprises: deque[float] = field(default_factory=lambda: deque(maxlen=_SURPRISES))

    def __post_init__(self) -> None:
        manifest, contract = self.brain.bundle.manifest, self.brain.contract
        self._contract, self._horizon = contract, manifest.horizon
        self._scale = manifest.calibration.region_scale
        self._camera = first_camera(contract.interface)
        self._moments: deque[_Moment] = deque(maxlen=self._horizon + 1)
        self._sums: dict[tuple[str, str, int], _Sums] = defaultdict(_Sums)
        self._units: dict[str, str] = {}
        self._since = 0  # ticks since the belief began
        quarter = self._horizon / 4
        self.steps = tuple(dict.fromkeys(max(1, round(quarter * share)) for share in (0.3, 1, 2, 3, 4)))

    def add(self, observation: Observation, applied: Floats, memory: Memory, decision: Decision) -> None:
        """A tick: what was seen, the action (C,) before it, the belief and decision after it."""
        self.ticks += 1
        self._since += 1
        self.surprises.append(decision.surprise)
        if self._since > _SETTLE_TICKS:
            self._moments.append(_Moment(observation, np.asarray(applied, np.float32), memory, decision))

    def forget(self) -> None:
        """The belief was started anew."""
        self._moments.clear()
        self._since = 0

    @property
    def ready(self) -> bool:
        """Whether a whole horizon lies behind."""
        return len(self._moments) > self._horizon

    def look(self) -> None:
        """Look back once, if `ready`: one rollout, and the decoding of a few of its states."""
        if not self.ready:
            return
        then, actions = self._moments[0], np.stack([each.applied for each in list(self._moments)[1:]])
        shares = np.abs(actions) / np.array(self._contract.interface.action.bounds)
        group = "moving" if shares.max(1).mean() > _MOVING else "still"
        self.looks[group] += 1
        imagined = self.brain.imagine_executed(then.memory, actions[None])
        self._joints(group, then, imagined)
        self._targets(group, then, imagined)
        self._senses(group, then, imagined)

    def report(self) -> dict[str, Any]:
        """For JSON: ``horizon_s``, ``looks``, and for the robot ``moving`` and ``still`` by signal: ``unit``, and by
        horizon ``model``, ``copy_last`` and ``model_better`` (share); ``inside_region`` for targets."""
        tick_s = 1.0 / self._contract.interface.tick_hz
        surprises = np.array(self.surprises or [np.nan])
        surprise = [*np.percentile(surprises, [50, 99]), np.mean(surprises > 1) if self.surprises else np.nan]
        return {
            "robot": self._contract.name,
            "model": self.brain.bundle.manifest.name,
            "ticks": self.ticks,
            "looks": {group: self.looks[group] for group in ("moving", "still")},
            "horizon_s": [round(step * tick_s, 6) for step in self.steps],
            "surprise": dict(zip(("p50", "p99", "over_1"), rounded(surprise))),
            "moving": self._table("moving"),
            "still": self._table("still"),
        }

    def _table(self, group: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, unit in self._units.items():
            sums = [self._sums.get((group, name, step), _Sums()) for step in self.steps]
            if not any(each.count for each in sums):
                continue
            shares = {"model": "model", "copy_last": "copy", "model_better": "better"}
            shares |= {"inside_region": "inside"} if unit.endswith(_BELIEVED) else {}
            found[name] = {"unit": unit} | {
                key: rounded([each.mean(of) for each in sums]) for key, of in shares.items()
            }
        return found

    def _joints(self, group: str, then: _Moment, imagined: Imagined) -> None:
        start = measured_positions(then.observation, self._contract)
        if start is None or imagined.joints is None:
            return
        for unit in _UNITS:
            chosen = [i for i, joint in enumerate(self._contract.interface.joints) if joint.unit == unit]
            name = "joints" if unit == "rad" else f"joints_{unit}"
            for step in self.steps if chosen else ():
                real = measured_positions(self._moments[step].observation, self._contract)
                if real is not None:
                    guess = imagined.joints[0, step - 1]
                    errors = distance_errors(guess[None, chosen], real[None, chosen], start[chosen])
                    self._add(group, name, unit, step, errors)

    def _targets(self, group: str, then: _Moment, imagined: Imagined) -> None:
        """Where a target is expected, and where it is believed once the camera has seen it."""
        for step in self.steps:
            now = self._moments[step]
            if self._camera is not None and not now.observation.fresh[self._camera.name]:
                continue
            for k, target in enumerate(self._contract.interface.targets):
                start, real = then.decision.believed(k, target), now.decision.believed(k, target)
                way = imagined.way(k, target)
                if start is None or real is None or way is None:
                    continue
                guess, axes = way[0][:, step - 1], self._scale * way[1][:, step - 1]
                errors = target_errors(guess, real[None], start, axes)
                self._add(group, target.name, f"{target.measure}{_BELIEVED}", step, errors)

    def _senses(self, group: str, then: _Moment, imagined: Imagined) -> None:
        """Frames and the senses that are decoded as they are measured; sound is decoded as a spectrum and left out."""
        if "decode" not in self.brain.bundle.manifest.graphs:  # that of a robot without a camera
            return
        reference = self._frame(then.observation)
        chosen = imagined.states[0, [step - 1 for step in self.steps]]
        decoded = self.brain.decode(chosen, reference)
        for i, step in enumerate(self.steps):
            now = self._moments[step].observation
            real = self._frame(now)
            if decoded.frames is not None and reference is not None and real is not None and self._camera is not None:
                self._add(group, self._camera.name, "dB", step, frame_errors([decoded.frames[i]], [real], reference))
            for stream in self._contract.interface.streams:
                both = now.fresh[stream.name] and then.observation.fresh[stream.name]
                if stream.is_touch and stream.name in decoded.senses and both:
                    values, before = now.values[stream.name], then.observation.values[stream.name]
                    errors = distance_errors(decoded.senses[stream.name][i][None], np.asarray(values)[None], before)
                    self._add(group, stream.name, "N", step, errors)

    def _frame(self, observation: Observation) -> NDArray[np.uint8] | None:
        if self._camera is None or not observation.fresh[self._camera.name]:
            return None
        return np.asarray(observation.values[self._camera.name], np.uint8)

    def _add(self, group: str, name: str, unit: str, step: int, errors: Errors) -> None:
        """Errors at one step ahead."""
        model, copy = float(errors.model[0]), float(errors.copy_last[0])
        inside = errors.inside is not None and bool(errors.inside[0])
        self._units[name] = unit
        self._sums[group, name, step].add(model, copy, model > copy if unit == "dB" else model < copy, inside)
