"""Prediction errors of a model that watches a robot, compared with assuming that nothing changes."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.bags.replay.horizon_errors import psnr_db
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision, Floats, Imagined, Memory
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.core.streams import Observation

_MOVING = 0.05  # of the largest action, on average over the horizon; below that the robot counts as still
_SETTLE_TICKS = 5  # a belief is judged once it has seen this much
_SURPRISES = 3000
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

    def add(self, model: float, copy: float, better: bool, inside: bool = False) -> None:
        self.count += 1
        self.model += model
        self.copy += copy
        self.better += better
        self.inside += inside


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
        imagined = self.brain.imagine(then.memory, actions[None])
        self._joints(group, then, imagined)
        self._targets(group, then, imagined)
        self._senses(group, then, imagined)

    def report(self) -> dict[str, Any]:
        """For JSON: ``horizon_s``, ``looks``, and for the robot ``moving`` and ``still`` by signal: ``unit``, and by
        horizon ``model``, ``copy_last`` and ``model_better`` (share); ``inside_region`` for targets."""
        tick_s = 1.0 / self._contract.interface.tick_hz
        surprises = np.array(self.surprises or [np.nan])
        return {
            "robot": self._contract.name,
            "model": self.brain.bundle.manifest.name,
            "ticks": self.ticks,
            "looks": {group: self.looks[group] for group in ("moving", "still")},
            "horizon_s": [round(step * tick_s, 6) for step in self.steps],
            "surprise": {
                "p50": _number(np.percentile(surprises, 50)),
                "p99": _number(np.percentile(surprises, 99)),
                "over_1": _number(np.mean(surprises > 1)) if self.surprises else None,
            },
            "moving": self._table("moving"),
            "still": self._table("still"),
        }

    def _table(self, group: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, unit in self._units.items():
            sums = [self._sums.get((group, name, step), _Sums()) for step in self.steps]
            if not any(each.count for each in sums):
                continue
            found[name] = {
                "unit": unit,
                "model": [_number(each.model / each.count) if each.count else None for each in sums],
                "copy_last": [_number(each.copy / each.count) if each.count else None for each in sums],
                "model_better": [_number(each.better / each.count) if each.count else None for each in sums],
            }
            if unit == "m, against belief":
                found[name]["inside_region"] = [
                    _number(each.inside / each.count) if each.count else None for each in sums
                ]
        return found

    def _joints(self, group: str, then: _Moment, imagined: Imagined) -> None:
        start = measured_positions(then.observation, self._contract)
        if start is None or imagined.joints is None:
            return
        for unit in _UNITS:
            chosen = [i for i, joint in enumerate(self._contract.interface.joints) if joint.unit == unit]
            for step in self.steps if chosen else ():
                real = measured_positions(self._moments[step].observation, self._contract)
                if real is not None:
                    name = "joints" if unit == "rad" else f"joints_{unit}"
                    guess = imagined.joints[0, step - 1]
                    self._error(group, name, unit, step, guess[chosen], real[chosen], start[chosen])

    def _targets(self, group: str, then: _Moment, imagined: Imagined) -> None:
        """Where a target is expected, and where it is believed once the camera has seen it."""
        start = then.decision.belief_poses
        if imagined.poses is None or imagined.sigma is None or start is None:
            return
        for step in self.steps:
            now = self._moments[step]
            real = now.decision.belief_poses
            seen = self._camera is None or now.observation.fresh[self._camera.name]
            if real is None or not seen:
                continue
            for k, target in enumerate(self._contract.interface.targets):
                off = imagined.poses[0, step - 1, k, :3] - real[k, :3]
                axes = np.maximum(self._scale * imagined.sigma[0, step - 1, k], 1e-9)
                model, copy = float(np.linalg.norm(off)), float(np.linalg.norm(start[k, :3] - real[k, :3]))
                inside = float(((off / axes) ** 2).sum()) <= 1.0
                self._units[target.name] = "m, against belief"
                self._sums[group, target.name, step].add(model, copy, model < copy, inside)

    def _senses(self, group: str, then: _Moment, imagined: Imagined) -> None:
        """Frames and the senses that are decoded as they are measured; sound is decoded as a spectrum and left out."""
        reference = self._frame(then.observation)
        chosen = imagined.states[0, [step - 1 for step in self.steps]]
        try:
            decoded = self.brain.decode(chosen, reference)
        except KeyError:  # a bundle of a robot without a camera decodes nothing
            return
        for i, step in enumerate(self.steps):
            now = self._moments[step].observation
            real = self._frame(now)
            if decoded.frames is not None and reference is not None and real is not None and self._camera is not None:
                model, copy = psnr_db(decoded.frames[i], real), psnr_db(reference, real)
                self._units[self._camera.name] = "dB"
                self._sums[group, self._camera.name, step].add(model, copy, model > copy)
            for stream in self._contract.interface.streams:
                both = now.fresh[stream.name] and then.observation.fresh[stream.name]
                if stream.is_touch and stream.name in decoded.senses and both:
                    values, before = now.values[stream.name], then.observation.values[stream.name]
                    self._error(group, stream.name, "N", step, decoded.senses[stream.name][i], values, before)

    def _frame(self, observation: Observation) -> NDArray[np.uint8] | None:
        if self._camera is None or not observation.fresh[self._camera.name]:
            return None
        return np.asarray(observation.values[self._camera.name], np.uint8)

    def _error(
        self, group: str, name: str, unit: str, step: int, guess: ArrayLike, real: ArrayLike, before: ArrayLike
    ) -> None:
        """Mean absolute error of a guess and of what was there before."""
        truth = np.asarray(real, np.float64)
        model, copy = (float(np.abs(np.asarray(each, np.float64) - truth).mean()) for each in (guess, before))
        self._units[name] = unit
        self._sums[group, name, step].add(model, copy, model < copy)


def _number(value: float | np.floating[Any]) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None
