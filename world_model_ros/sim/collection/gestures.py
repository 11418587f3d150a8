"""Scripted motions of one or several hands for gathering data: each moves alone, or one pushes, others keep clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from world_model_ros.contract.actions import Action
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.goals.hands import Hands
from world_model_ros.sim.collection.policies import Coloured, Place, Policy, Reach, ScriptedPush, push_step, round_step
from world_model_ros.sim.scenes.draw import home_tips

SHARES = {"scripted_push": 0.5, "coloured": 0.3, "reach": 0.2}  # of one hand
SHARES_OF_HANDS = {"scripted_push": 0.35, "steady": 0.3, "coloured": 0.15, "reach": 0.2}
_BESIDE = {"still": 0.25, "rest": 0.25, "wander": 0.25, "reach": 0.25}  # what other hands do while one pushes
_GOALS = 8
_AT_GOAL_M = 0.015
_OFF_M = 0.08  # of a hand that does not push, from the middle of the object


def action_in_plane(contract: Contract) -> Action:
    """An action that displaces fingertips along x and y; `UserError` of a robot with another."""
    action = contract.interface.action
    if action.tips and all(tip.axes == ["x", "y"] for tip in action.tips):
        return action
    along = "".join(f", {tip.link} along {' and '.join(tip.axes)}" for tip in action.tips)
    raise UserError("interface.action", f"{action.kind}{along}", "displacements of fingertips along x and y")


class Gesture(Protocol):
    """Where the hands move next."""

    def act(self, tips: Float, item: Float) -> Float:
        """Displacements (T, 2) over one tick, m, from commanded fingertips (T, 2) and the object (2,)."""


@dataclass(frozen=True)
class Desk:
    """The places at which T hands work.

    Args:
        places: of each. hands: their workspaces. rest: (T, 2) m where they rest.
    """

    places: tuple[Place, ...]
    hands: Hands
    rest: Float

    @classmethod
    def of(cls, contract: Contract) -> Desk:
        """Desk of a robot whose action displaces fingertips along x and y; `UserError` for another."""
        action = action_in_plane(contract)
        hands = Hands.of(contract.interface.hands)
        objects = np.array(contract.simulation.objects_m).T
        places = tuple(Place(action.bounds[0], box, objects) for box in hands.boxes)
        return cls(places, hands, home_tips(contract))

    @property
    def shares(self) -> dict[str, float]:
        """How often each gesture is made."""
        return SHARES if len(self.hands) == 1 else SHARES_OF_HANDS


def make_gesture(name: str, seed: int, desk: Desk) -> Gesture:
    """A gesture by name, one of ``desk.shares``."""
    kinds: dict[str, type[ScriptedPush | Coloured | Reach]] = {
        "scripted_push": ScriptedPush,
        "coloured": Coloured,
        "reach": Reach,
    }
    if len(desk.hands) == 1:
        return OneHand(kinds[name](seed, desk.places[0]))
    if name in ("scripted_push", "steady"):
        return OnePushes(seed, desk, steadied=name == "steady")
    return EachAlone([kinds[name](seed + 7919 * i, place) for i, place in enumerate(desk.places)], desk.hands)


class OneHand:
    """The only hand of a robot."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def act(self, tips: Float, item: Float) -> Float:
        return self._policy.act(tips[0], item)[None]


class EachAlone:
    """Every hand does something of its own, on its side."""

    def __init__(self, policies: list[Coloured | Reach | ScriptedPush], hands: Hands) -> None:
        self._policies, self._hands = policies, hands

    def act(self, tips: Float, item: Float) -> Float:
        moves = np.array([policy.act(tip, item) for policy, tip in zip(self._policies, tips)])
        return self._hands.kept_apart(tips, moves)


def _kept_off(tip: Float, move: Float, item: Float) -> Float:
    """A move (2,) that does not get in the way of who pushes: two stiff hands would squeeze the object."""
    away = tip - item
    distance = max(float(np.hypot(*away)), 1e-9)
    nearer = max(-float(move @ away) / distance - max(distance - _OFF_M, 0.0), 0.0)
    return move + nearer * away / distance


class OnePushes:
    """One hand pushes the object to a goal, and then perhaps another one; the others do something else meanwhile.

    Args:
        steadied: where that is possible, a hand stands by on the far side of the goal, or goes along with the object.
    """

    def __init__(self, seed: int, desk: Desk, steadied: bool) -> None:
        self._random = np.random.default_rng(seed)
        self._desk, self._steadied = desk, steadied
        self._bound = desk.places[0].bound_m
        self._noise = self._random.uniform(0.001, 0.006)
        self._ticks_left, self._speed = 0, self._bound
        self._goal = np.zeros(2)
        self._pusher, self._helper = 0, None
        self._along, self._standoff = False, 0.06
        self._beside: list[str] = []
        self._alone: dict[str, list[Policy]] = {
            "wander": [Coloured(seed + 31 * i, place) for i, place in enumerate(desk.places)],
            "reach": [Reach(seed + 37 * i, place) for i, place in enumerate(desk.places)],
        }

    def act(self, tips: Float, item: Float) -> Float:
        if self._ticks_left <= 0 or np.hypot(*(self._goal - item)) < _AT_GOAL_M:
            self._decide(tips, item)
        self._ticks_left -= 1
        moves = np.array([self._move(hand, tips[hand], item) for hand in range(len(tips))])
        if self._random.random() < 0.04:  # now and then something else altogether
            moves[self._pusher] = self._random.uniform(-self._bound, self._bound, 2)
        return self._desk.hands.kept_apart(tips, np.clip(moves, -self._bound, self._bound))

    def _move(self, hand: int, tip: Float, item: Float) -> Float:
        if hand == self._pusher:
            noise = self._noise * self._random.standard_normal(2)
            return push_step(tip, item, self._goal, self._speed) + noise
        if hand == self._helper:
            way = self._goal - item
            way = way / max(float(np.hypot(*way)), 1e-9)
            beyond = item if self._along else self._goal
            return round_step(tip, item, beyond + self._standoff * way, self._bound)
        what = self._beside[hand]
        if what in self._alone:
            return _kept_off(tip, self._alone[what][hand].act(tip, item), item)
        return round_step(tip, item, self._desk.rest[hand], self._speed) if what == "rest" else np.zeros(2)

    def _decide(self, tips: Float, item: Float) -> None:
        random, hands = self._random, self._desk.hands
        low, high = self._desk.places[0].objects
        goals = random.uniform(low, high, (_GOALS, 2))
        pushers = [hands.pusher(tips, item, goal) for goal in goals]
        helpers = [hands.helper(pusher, item, goal) for pusher, goal in zip(pushers, goals)]

        def worth(i: int) -> tuple[bool, bool, float]:
            ahead, away = goals[i] - item, item - tips[pushers[i]]
            cosine = float(ahead @ away) / max(float(np.hypot(*ahead) * np.hypot(*away)), 1e-9)
            return hands.reaches(pushers[i], item, goals[i]), self._steadied and helpers[i] is not None, cosine

        # Of some goals one that can be pushed to, and of those one that lies ahead; not always the best.
        best = max(random.permutation(_GOALS)[: int(random.integers(3, _GOALS + 1))].tolist(), key=worth)
        self._goal, self._pusher = goals[best], pushers[best]
        self._helper = helpers[best] if self._steadied else None
        self._along, self._standoff = bool(random.random() < 0.4), float(random.uniform(0.055, 0.075))
        self._speed = self._bound * random.uniform(0.45, 1.0)
        self._ticks_left = int(random.integers(20, 50))
        self._beside = [str(random.choice(list(_BESIDE), p=list(_BESIDE.values()))) for _ in tips]
