"""Goals and ticks that tests of their life are made of."""

from __future__ import annotations

from uuid import UUID

import numpy as np

from world_model_ros.contract.deployment.goals import GoalSettings
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.errors import GoalError
from world_model_ros.goals.life.asked_types import Asked, Request, Wish
from world_model_ros.goals.life.life import Life, Result
from world_model_ros.goals.life.watch import Seen

TICK_NS = 100_000_000
NEAR = 0.004


def id_of(number: int) -> str:
    return str(UUID(int=number))


def pose(x: float, stamp_ns: int = 0, target: str = "fingertip") -> Goal:
    return Goal("pose", stamp_ns, target, np.array([x, 0, 0, 0, 0, 0, 1], np.float32))


def request(number: int, *xs: float, **settings: object) -> Request:
    return Request(id_of(number), tuple(pose(x) for x in xs or (0.1,)), **settings)  # type: ignore[arg-type]


def wish(number: int, x: float = 0.1, stamp_ns: int = 1, given_ns: int = 0, target: str = "fingertip") -> Wish:
    return Wish(id_of(number), pose(x, stamp_ns, target), given_ns)


def error(size: float, name: str = "fingertip") -> GoalError:
    return GoalError(name, "place", size, "m", NEAR, 0, (size,), (0,))


def away(size: float, name: str = "fingertip", **said: object) -> Seen:
    status = "reached" if size < NEAR else "pursuing"
    return Seen(status, (error(size, name),), **said)  # type: ignore[arg-type]


class Run:
    """A life that is stepped by ticks.

    Attributes:
        ended: all results. now_ns: of the last tick.
    """

    def __init__(self, **settings: float) -> None:
        self.life, self.now_ns, self.ended = Life(GoalSettings(**settings)), 10**9, list[Result]()

    def tick(self, seen: Seen, *asked: Asked, passed_ns: int = TICK_NS) -> list[Result]:
        """One tick, at which it was asked and seen; the results that came of it."""
        self.now_ns += passed_ns
        self.life = self.life.asked(asked, self.now_ns)
        results = list(self.life.results)
        self.life = self.life.ticked(seen, self.now_ns)
        results += self.life.results
        self.ended += results
        return results

    def until_over(self, seen: Seen, ticks: int = 10_000) -> Result:
        """Ticks that are all alike, until something ends."""
        for _ in range(ticks):
            if results := self.tick(seen):
                (result,) = results
                return result
        raise AssertionError("nothing ended")
