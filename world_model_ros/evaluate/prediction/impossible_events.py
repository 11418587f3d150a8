"""Measures how surprised a brain is by impossible events in simulation, and by the same episodes without them.

Each episode is run twice from the same seed, with the event and without; what differs is the event and what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.brain import Brain
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import MicrophoneStream, Sense, TaxelStream
from world_model_ros.evaluate.brain_recipe import BrainRecipe
from world_model_ros.evaluate.statistics import auroc
from world_model_ros.evaluate.tasks.closed_loop import ClosedLoop
from world_model_ros.evaluate.tasks.oracle import oracle_for
from world_model_ros.evaluate.tasks.task_draw import draw_task

Event = Literal["teleport", "vanish", "pass_through", "phantom_touch", "phantom_sound"]
EVENTS: tuple[Event, ...] = get_args(Event)

_BEFORE_TICKS = 8  # the belief settles, and the fingertip is under way
_WINDOW_TICKS = 5  # surprise counts from the event for so long
_PASSING_TICKS = 10  # a finger takes about that long through an object
_MOST_TICKS = 60
_CLOSE_M = 0.05  # between the fingertip and the middle of an object: they touch, or one is in the other
_JUMP_M = 0.10
_AWAY = (3.0, 3.0, 0.0)  # far outside of what the camera sees
_PHANTOM_N = 2.0  # over the middle taxels
_PHANTOM_HZ, _PHANTOM_LEVEL = 900.0, 0.3


@dataclass(frozen=True)
class Pair:
    """Largest surprise in the window of one episode with the event and without."""

    seed: int
    with_event: float
    without: float


def surprise_pair(event: Event, seed: int, contract: Contract, brain: Brain) -> Pair | None:
    """Run both episodes; None if the event found no occasion (a fingertip that never came close)."""
    ticks = _MOST_TICKS if event == "pass_through" else _BEFORE_TICKS + _WINDOW_TICKS
    usual, unusual = (_surprises(each, seed, contract, brain, ticks) for each in (None, event))
    begin = _occasion(event, usual.distance)
    if begin is None:
        return None
    window = slice(begin, begin + (_PASSING_TICKS if event == "pass_through" else _WINDOW_TICKS))
    return Pair(seed, float(max(unusual.surprise[window])), float(max(usual.surprise[window])))


@dataclass(frozen=True)
class PairJob:
    """One pair; travels to another process."""

    event: Event
    seed: int
    brain: BrainRecipe

    def run(self) -> Pair | None:
        return surprise_pair(self.event, self.seed, *self.brain.make())


def surprise_scores(event: Event, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Area under the ROC curve; shares of episodes with a surprise over 1, with the event and without; medians."""
    unusual, usual = [pair.with_event for pair in pairs], [pair.without for pair in pairs]
    scores: dict[str, Any] = {"event": event, "episodes": len(pairs)}
    if not pairs:
        return scores | {"auroc": None}
    return scores | {
        "first_seed": pairs[0].seed,
        "auroc": round(auroc(unusual, usual), 4),
        "noticed": round(float(np.mean(np.array(unusual) > 1.0)), 4),
        "false_alarms": round(float(np.mean(np.array(usual) > 1.0)), 4),
        "median_with": round(float(np.median(unusual)), 3),
        "median_without": round(float(np.median(usual)), 3),
    }


@dataclass(frozen=True)
class _Course:
    """By tick: surprise, and how far the nearest fingertip is from the middle of the object, m."""

    surprise: list[float]
    distance: list[float]


def _occasion(event: Event, distance: Sequence[float]) -> int | None:
    """Tick of the event. Passing through begins where the fingertip touches the object, or is about to."""
    if event != "pass_through":
        return _BEFORE_TICKS
    return next((t for t, far in enumerate(distance) if t >= _BEFORE_TICKS and far < _CLOSE_M), None)


def _surprises(event: Event | None, seed: int, contract: Contract, brain: Brain, ticks: int) -> _Course:
    loop = ClosedLoop(contract, brain, seed)
    oracle = oracle_for(contract)
    course = _Course([], [])
    try:
        task = replace(draw_task("push", seed, contract, loop.positions()), timeout_s=1e3)
        if event == "pass_through":
            loop.rig.robot.make_ghost(0)
        for tick in range(ticks):
            if tick == _BEFORE_TICKS:
                _happen(event, seed, loop, contract)
            command = oracle.command(task, loop.rig.reference, loop.places(), loop.rig.now_ns)
            loop.rig.send(command, loop.rig.now_ns + 1)
            loop.tick(None)
            assert loop.last is not None
            course.surprise.append(loop.last.surprise)
            course.distance.append(float(_distances(loop).min()))
    finally:
        loop.rig.robot.close()
    return course


def _distances(loop: ClosedLoop, place: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Of all fingertips from a place (2,), or from the first object, (T,), m."""
    place = loop.places()["object_0"][:2] if place is None else place
    return np.array([np.hypot(*(tip[:2] - place)) for tip in loop.tips().values()])


def _happen(event: Event | None, seed: int, loop: ClosedLoop, contract: Contract) -> None:
    random = np.random.default_rng([seed, 0x5A9])
    robot = loop.rig.robot
    if event == "teleport":
        low, high = np.array(contract.simulation.objects_m).T
        now = loop.places()["object_0"][:2]
        place = now
        while np.hypot(*(place - now)) < _JUMP_M or _distances(loop, place).min() < 0.08:
            place = random.uniform(low, high)
        robot.move_object(0, (float(place[0]), float(place[1]), 0.0))
    elif event == "vanish":
        robot.move_object(0, _AWAY)
    elif event in ("phantom_touch", "phantom_sound"):
        touched = event == "phantom_touch"
        kind: type[Sense] = TaxelStream if touched else MicrophoneStream
        rates_hz = {each.name: each.samples_hz for each in contract.interface.of(kind)}
        begin_ns = loop.rig.now_ns

        def tamper(name: str, stamp_ns: int, value: NDArray[Any]) -> NDArray[Any]:
            if name not in rates_hz:
                return value
            return _pushed(value) if touched else _knocked(value, (stamp_ns - begin_ns) * 1e-9, rates_hz[name])

        loop.tamper = tamper


def _pushed(value: NDArray[Any]) -> NDArray[Any]:
    """Taxels (rows, cols, 3) as if something pushed on the middle ones."""
    value = np.array(value, np.float32)
    rows, cols = value.shape[0] // 2, value.shape[1] // 2
    patch = value[rows - 1 : rows + 1, cols - 1 : cols + 1]
    patch[..., 2] += _PHANTOM_N / (patch.shape[0] * patch.shape[1])
    return value


def _knocked(value: NDArray[Any], begin_s: float, rate_hz: float) -> NDArray[Any]:
    """Sound (n, channels) with one ringing knock in it; ``begin_s``: from the knock to the first sample."""
    time = begin_s + np.arange(len(value)) / rate_hz
    knock = np.where(time >= 0.0, np.exp(-np.maximum(time, 0.0) * 60.0), 0.0) * np.sin(2 * np.pi * _PHANTOM_HZ * time)
    knocked: NDArray[Any] = value + _PHANTOM_LEVEL * knock[:, None].astype(np.float32)
    return knocked
