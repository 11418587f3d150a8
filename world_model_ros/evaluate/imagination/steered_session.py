"""Steps a steered imagination and decodes its senses; measures its speed, and its errors against a simulator."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decoded
from world_model_ros.brain.imagination.steering import Steered, Steering, between
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import MicrophoneStream, TaxelStream
from world_model_ros.core.arrays import Float, Floats, Frame
from world_model_ros.evaluate.imagination.motion_script import action_bounds
from world_model_ros.evaluate.imagination.reference_simulator import Simulated, Truth
from world_model_ros.evaluate.statistics import SECONDS
from world_model_ros.view.pictures.sound_picture import log_mel
from world_model_ros.view.pictures.steered_picture import Inside

FRAMES_A_TICK = 4
_SLEW = 2 / 3  # of the largest action: how much one may differ from the one before it
_SAME_COLOUR = 0.22  # distance of two colours, each scaled to length 1, that still count as one
_COLOURED = 40  # least difference of the largest and smallest channel of a pixel that has a colour


@dataclass(frozen=True)
class InsideTick:
    """One imagined tick.

    Args:
        steered: where it is imagined to be, and what comes if the same action is held.
        decoded: `FRAMES_A_TICK` states on the way here, as senses; the last is this tick's.
        truth: of the simulator that runs alongside, if there is one.
        inside: the same, to be drawn.
        spent_s: for imagining and decoding.
    """

    steered: Steered
    decoded: Decoded
    truth: Truth | None
    inside: Inside
    spent_s: float


class Session:
    """Goes on tick by tick.

    Args:
        contract: of the robot.
        steering: where it starts.

    Attributes:
        actions: (C,) of each tick so far.
    """

    def __init__(self, contract: Contract, steering: Steering) -> None:
        self._contract, self._steering = contract, steering
        self._last: Floats | None = None
        self._move = np.zeros(contract.interface.action.size)
        self._slew = _SLEW * action_bounds(contract)
        self.actions: list[Float] = []
        self._microphone = next(iter(contract.interface.of(MicrophoneStream)), None)
        self._taxels = next(iter(contract.interface.of(TaxelStream)), None)

    def tick(self, action: ArrayLike, simulated: Simulated | None = None) -> InsideTick:
        """Steer by an action (C,), m or rad a tick; it is smoothed over a tick or two, as in the training data.

        A simulator that runs alongside gets the same command, and the imagination what its gate let through.
        """
        self._move += np.clip(np.asarray(action, np.float64) - self._move, -self._slew, self._slew)
        self.actions.append(self._move.copy())
        truth = None if simulated is None else simulated.tick(self._move)
        started = time.perf_counter()
        if truth is None:
            steered = self._steering.step(self._move)
        else:
            steered = self._steering.follow(truth.applied, truth.reference)
        states = between(steered.state if self._last is None else self._last, steered.state, FRAMES_A_TICK)
        decoded = self._steering.senses(states)
        spent_s = time.perf_counter() - started
        self._last = steered.state
        return InsideTick(steered, decoded, truth, self._inside(steered, decoded, truth), spent_s)

    def heard_ahead(self, tick: InsideTick) -> Float | None:
        """(H, B) log-mel of what follows if the action is held; None of a model that imagines no sound."""
        if self._microphone is None:
            return None
        bands = self._steering.senses(tick.steered.ahead.states[0]).senses.get(self._microphone.name)
        return None if bands is None else np.asarray(bands, np.float64)

    def _inside(self, steered: Steered, decoded: Decoded, truth: Truth | None) -> Inside:
        senses = {name: value[-1] for name, value in decoded.senses.items()}
        bands = None if self._microphone is None else senses.get(self._microphone.name)
        taxels = None if self._taxels is None else senses.get(self._taxels.name)
        contact = steered.ahead.contact
        real_bands, errors = None, None
        real = {} if truth is None else truth.senses
        if self._microphone is not None and self._microphone.name in real:
            real_bands = log_mel(real[self._microphone.name], self._microphone.sample_rate_hz)
        if truth is not None:
            errors = tuple(np.linalg.norm(steered.positions - truth.positions, axis=-1).tolist())
        return Inside(
            steered.count * self._contract.tick_ns * 1e-9,
            None if decoded.frames is None else decoded.frames[-1],
            None if bands is None else np.asarray(bands, np.float64),
            taxels,
            None if contact is None else float(contact[0, 0, 0]),
            None if truth is None else truth.frame,
            real_bands,
            real.get(self._taxels.name) if self._taxels is not None else None,
            errors,
        )


def speed(ticks: Sequence[InsideTick]) -> dict[str, float]:
    """Frames and ticks a second of imagining and decoding alone, and ms a frame (median)."""
    spent = [tick.spent_s for tick in ticks]
    return {
        "frame_ms": round(1e3 * float(np.median(spent)) / FRAMES_A_TICK, 2),
        "frames_per_s": round(FRAMES_A_TICK * len(spent) / sum(spent), 1),
        "ticks_per_s": round(len(spent) / sum(spent), 1),
    }


def beside_scores(
    ticks: Sequence[InsideTick], first: Truth, brain: Brain, contract: Contract, colour: Float | None
) -> dict[str, Any]:
    """How far an imagination came from the simulator.

    Args:
        ticks: with truths. first: the simulator before them.
        brain: reads frames. colour: of the first object, 0 to 1.

    Returns:
        By target, in m at `SECONDS`: how far it really ``moved_m``, the error ``model_m`` of the model's heads,
        ``decoded_m`` of what is read back from decoded frames, ``real_m`` of what the same reader makes of the real
        frames, and ``decoded_worst_5s_m``, the largest in the first 5 s. ``object_pixels``: how many pixels have the
        object's colour in the decoded frame over those in the real one, 1 is an object that kept its identity.
    """
    tick_s = contract.tick_s
    truths = [tick.truth for tick in ticks if tick.truth is not None]
    places = np.array([truth.positions for truth in truths])
    errors = {"moved_m": places - first.positions, "model_m": np.array([t.steered.positions for t in ticks]) - places}
    pairs = [(t.decoded.frames[-1], t.truth.frame) for t in ticks if t.decoded.frames is not None and t.truth]
    pixels = np.zeros(0)
    if pairs and all(real is not None for _, real in pairs):
        errors["decoded_m"] = np.array([brain.read(imagined) for imagined, _ in pairs]) - places
        errors["real_m"] = np.array([brain.read(real) for _, real in pairs if real is not None]) - places
        counts = [(_pixels(imagined, colour), _pixels(real, colour)) for imagined, real in pairs if real is not None]
        pixels = np.array([imagined / max(1, real) for imagined, real in counts])
    found: dict[str, Any] = {"seconds": [s for s in SECONDS if round(s / tick_s) <= len(ticks)], "targets": {}}
    for k, target in enumerate(contract.interface.targets):
        lengths = {name: np.linalg.norm(error[:, k], axis=-1) for name, error in errors.items()}
        rows: dict[str, Any] = {name: _at(length, tick_s) for name, length in lengths.items()}
        if "decoded_m" in lengths:
            early = lengths["decoded_m"][: round(5.0 / tick_s)]
            rows["decoded_worst_5s_m"] = None if np.isnan(early).all() else round(float(np.nanmax(early)), 4)
        found["targets"][target.name] = rows
    return found | {"object_pixels": _at(pixels, tick_s)}


def _pixels(frame: Frame, colour: Float | None) -> int:
    """How many pixels have a colour, whatever their brightness."""
    if colour is None:
        return 0
    pixels = frame.reshape(-1, 3).astype(np.float64)
    tone = pixels / np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), 1.0)
    near = np.linalg.norm(tone - colour / np.linalg.norm(colour), axis=1) < _SAME_COLOUR
    return int((near & (np.ptp(pixels, axis=1) > _COLOURED)).sum())


def _at(values: Float, tick_s: float) -> list[float | None]:
    """At `SECONDS`, as far as it goes; null where it is not known."""
    ends = [round(seconds / tick_s) for seconds in SECONDS]
    return [
        None if np.isnan(values[end - 1]) else round(float(values[end - 1]), 4) for end in ends if end <= len(values)
    ]
