"""Scripted policies that gather data with one hand: they see true poses, and push, wander or reach with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.noise import coloured_noise

_CLEARANCE_M = 0.068  # between fingertip and object centre on the way round it


@dataclass(frozen=True)
class Place:
    """Where a hand works.

    Args:
        bound_m: largest displacement a tick on each axis.
        workspace: (2, 2), low and high of x and y.
        objects: (2, 2) likewise, where objects start and end.
    """

    bound_m: float
    workspace: Float
    objects: Float


class Policy(Protocol):
    """Where to move next."""

    def act(self, tip: Float, item: Float) -> Float:
        """Displacement (2,) of the fingertip over one tick, m, from the commanded fingertip (2,) and object (2,)."""


class ScriptedPush:
    """Goes behind the object and pushes it to a goal; another goal once it is there, or after a while."""

    def __init__(self, seed: int, place: Place) -> None:
        self._random = np.random.default_rng(seed)
        self._bound, self._area = place.bound_m, place.objects
        self._noise = self._random.uniform(0.001, 0.006)
        self._speed = place.bound_m
        self._ticks_left = 0
        self._goal = np.zeros(2)

    def act(self, tip: Float, item: Float) -> Float:
        if self._ticks_left <= 0 or np.hypot(*(self._goal - item)) < 0.015:
            low, high = self._area
            goals = self._random.uniform(low, high, (int(self._random.integers(1, 5)), 2))
            # Of a few goals the one that lies most nearly ahead, so that more time goes into pushing.
            self._goal = max(goals, key=lambda goal: _cosine(goal - item, item - tip))
            self._speed = self._bound * self._random.uniform(0.45, 1.0)
            self._ticks_left = int(self._random.integers(15, 45))
        self._ticks_left -= 1
        move = push_step(tip, item, self._goal, self._speed) + self._noise * self._random.standard_normal(2)
        if self._random.random() < 0.04:  # now and then something else altogether
            move = self._random.uniform(-self._bound, self._bound, 2)
        return np.clip(move, -self._bound, self._bound)


def _cosine(first: Float, second: Float) -> float:
    return float(first @ second / max(float(np.hypot(*first) * np.hypot(*second)), 1e-9))


def push_step(tip: Float, item: Float, goal: Float, speed: float) -> Float:
    """Displacement (2,) of at most ``speed`` m that brings the object nearer to the goal, or the tip behind it.

    All places are (2,) x and y in m.
    """
    away, ahead = tip - item, goal - item
    distance = float(np.hypot(*away))
    wanted = np.arctan2(-ahead[1], -ahead[0])  # from the object to the place behind it
    turn = (wanted - np.arctan2(away[1], away[0]) + np.pi) % (2 * np.pi) - np.pi
    if abs(turn) < 0.35 and distance < 2 * _CLEARANCE_M:
        left = float(np.hypot(*ahead))
        forward = ahead / max(left, 1e-6)
        sideways = away - (away @ forward) * forward
        move = forward * min(speed, left + max(distance - 0.045, 0.0)) - 0.8 * sideways
    elif distance > 2 * _CLEARANCE_M and abs(turn) > 0.35:  # come near first, past its side
        step = np.sign(turn) * min(abs(turn), 1.2)
        angle = np.arctan2(away[1], away[0]) + step
        move = item + 1.3 * _CLEARANCE_M * np.array([np.cos(angle), np.sin(angle)]) - tip
    else:  # round it on a circle
        step = np.sign(turn) * min(abs(turn), speed / _CLEARANCE_M)
        angle = np.arctan2(away[1], away[0]) + step
        move = item + 1.1 * _CLEARANCE_M * np.array([np.cos(angle), np.sin(angle)]) - tip
    return _limited(move, speed)


def round_step(tip: Float, item: Float, place: Float, speed: float) -> Float:
    """Displacement (2,) of at most ``speed`` m that brings the fingertip nearer to a place, round the object.

    All places are (2,) x and y in m. What is nearer to the object than a fingertip goes past it is approached straight.
    """
    way = place - tip
    share = np.clip((item - tip) @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
    passing = float(np.hypot(*(tip + share * way - item)))
    away, wanted = tip - item, place - item
    if passing >= min(_CLEARANCE_M, float(np.hypot(*wanted)), float(np.hypot(*away))) - 1e-3:
        return _limited(way, speed)
    turn = (np.arctan2(wanted[1], wanted[0]) - np.arctan2(away[1], away[0]) + np.pi) % (2 * np.pi) - np.pi
    step = np.sign(turn) * min(abs(turn), max(speed / _CLEARANCE_M, 0.6 * (np.hypot(*away) > 2 * _CLEARANCE_M)))
    angle = np.arctan2(away[1], away[0]) + step
    radius = 1.1 * _CLEARANCE_M
    return _limited(item + radius * np.array([np.cos(angle), np.sin(angle)]) - tip, speed)


def _limited(move: Float, length: float) -> Float:
    limited: Float = move * min(1.0, length / max(float(np.hypot(*move)), 1e-9))
    return limited


class Coloured:
    """Wanders by coloured noise and is drawn to the object."""

    def __init__(self, seed: int, place: Place) -> None:
        random = np.random.default_rng(seed)
        self._bound = place.bound_m
        pieces = coloured_noise(seed, (12, 30, 2), beta=2.0).reshape(-1, 2)  # three seconds each
        self._wander = pieces.astype(np.float64) * random.uniform(0.4, 0.8) * place.bound_m
        self._pull = random.uniform(0.06, 0.25)
        self._tick = 0

    def act(self, tip: Float, item: Float) -> Float:
        wander = self._wander[self._tick % len(self._wander)]
        self._tick += 1
        move: Float = np.clip(wander + self._pull * (item - tip), -self._bound, self._bound)
        return move


class Reach:
    """Goes to random places, straight, at random speeds, and rests there now and then; often close to the object."""

    def __init__(self, seed: int, place: Place) -> None:
        self._random = np.random.default_rng(seed)
        self._bound, self._workspace = place.bound_m, place.workspace
        self._goal: Float | None = None
        self._speed = place.bound_m
        self._rest = 0

    def act(self, tip: Float, item: Float) -> Float:
        if self._goal is None or self._rest < 0:
            near = self._random.random() < 0.4
            place = item + self._random.uniform(-0.12, 0.12, 2) if near else self._random.uniform(*self._workspace)
            self._goal = np.clip(place, *self._workspace)
            self._speed = self._bound * self._random.uniform(0.3, 1.2)
            self._rest = int(self._random.integers(0, 6))
        move = self._goal - tip
        length = float(np.hypot(*move))
        if length < 0.01:
            self._rest -= 1
        move = move * min(1.0, self._speed / max(length, 1e-9)) + 0.001 * self._random.standard_normal(2)
        return np.clip(move, -self._bound, self._bound)
