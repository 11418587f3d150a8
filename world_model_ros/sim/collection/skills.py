"""Scripted gripper skills with one object, from true poses with noise, to gather data: carry, miss, shove, wander."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from world_model_ros.core.arrays import Float

SKILLS = {"carry": 0.62, "miss": 0.1, "shove": 0.13, "wander": 0.15}  # share of each
_NEAR_M, _NEAR_RAD = 0.008, 0.06  # of a waypoint it counts as there
_NEAR_OPEN = 0.04  # of a waypoint's opening
_GAIN, _UNDERWAY = 0.6, 0.6  # of the way that is left; share of the last move that the commanded tip has yet to make
GENTLY = 0.3  # of its speed, how fast what may break is set down
_HOVERING_M = 0.003  # of what is placed and not let go, over where it rests
_PATIENCE = 30  # ticks for a waypoint
ABOVE_M = (0.06, 0.12)  # of the object, before and after it is grasped
_LIFTED_M = 0.05  # of what is carried, over where it rested
_IN_THE_AIR = 0.45  # share of the places that objects are carried to
_DROPPED = 0.15  # share of the objects in the air that are let go there
_WILD = 0.03  # share of the ticks at which something else altogether is done
_MISS_M = (0.03, 0.07)
_REACH_M = 0.075  # from the middle of the object, where a shove begins


@dataclass(frozen=True)
class Sight:
    """Input of a skill: the fingertip's and the object's pose.

    Args:
        tip: (3,) commanded, m. yaw: of it, rad. opening: commanded, 0 closed to 1 open.
        item: (3,) place of the object, m. item_yaw: of one of its sides, rad.
    """

    tip: Float
    yaw: float
    opening: float
    item: Float
    item_yaw: float


@dataclass(frozen=True)
class Waypoint:
    """Where to go next: place (3,) m, yaw rad, opening; and how many ticks to stay there."""

    place: Float
    yaw: float
    opening: float
    stay: int = 0


class Skills:
    """Carries out one skill after the other, each a way over waypoints, drawn from a seed.

    Args:
        seed: of what is done, and of the noise.
        box: (2, 3) workspace of the fingertip, m. area: (2, 2) x and y in which objects are to be.
        bounds: (5,) of displacement x, y, z in m, yaw in rad, and opening, a tick.
    """

    def __init__(self, seed: int, box: Float, area: Float, bounds: Float) -> None:
        self._random = np.random.default_rng([seed, 0x5C111])
        self._box, self._area, self._bounds = box, area, bounds
        self._noise_m, self._noise_rad = self._random.uniform(0.0, 0.006), self._random.uniform(0.0, 0.04)
        self._wild, self._drift, self._last = _WILD, np.zeros(5), np.zeros(5)
        self._way: Iterator[Waypoint] = iter(())
        self._next: Waypoint | None = None
        self._left = self._stay = 0
        self._opening, self._stopped = np.inf, 0  # commanded a tick ago; ticks since it has closed no farther
        self._speed = 1.0

    def act(self, sight: Sight) -> Float:
        """Action (5,) over one tick."""
        stands = self._last[4] < -_NEAR_OPEN and sight.opening > self._opening - _NEAR_OPEN / 4
        self._opening, self._stopped = sight.opening, self._stopped + 1 if stands else 0
        self._sight = sight
        while self._next is None or self._there(sight):
            self._next = next(self._way, None)
            if self._next is None:
                self._way = self._begin()
                continue
            self._left, self._stay = _PATIENCE, self._next.stay
        goal = self._next
        turn = least(goal.yaw - sight.yaw)
        wanted = np.array([*(goal.place - sight.tip), turn, goal.opening - sight.opening])
        wanted = _GAIN * (wanted - _UNDERWAY * self._last)
        most = self._bounds * np.array([self._speed] * 4 + [1.0])
        scale = np.array([self._noise_m] * 3 + [self._noise_rad, 0.0])
        self._drift = 0.7 * self._drift + scale * self._random.standard_normal(5)
        move = wanted / max(1.0, float((np.abs(wanted[:3]) / most[:3]).max()))
        move[3:] = np.clip(wanted[3:], -most[3:], most[3:])
        if self._random.random() < self._wild:
            move[:4] = self._random.uniform(-most[:4], most[:4])
        move = np.clip(move + self._drift, -self._bounds, self._bounds)
        move[:3] = np.clip(sight.tip + move[:3], *self._box) - sight.tip
        self._last = move
        return move

    def _be_exact(self) -> None:
        """Do without noise."""
        self._wild, self._noise_m, self._noise_rad = 0.0, 0.0, 0.0

    def _there(self, sight: Sight) -> bool:
        """Whether the next waypoint is behind, or is given up."""
        goal = self._next
        assert goal is not None
        self._left -= 1
        apart = abs(least(goal.yaw - sight.yaw))
        near = np.linalg.norm(goal.place - sight.tip) < _NEAR_M + self._noise_m and apart < _NEAR_RAD + self._noise_rad
        stopped = self._stopped > 1 and goal.opening < sight.opening  # by what it holds: a gate squeezes no harder
        if near and (stopped or abs(goal.opening - sight.opening) < _NEAR_OPEN):
            self._stay -= 1
            return self._stay < 0
        return self._left < 0

    def _begin(self) -> Iterator[Waypoint]:
        """The next skill."""
        name = str(self._random.choice(list(SKILLS), p=list(SKILLS.values())))
        self._speed = self._random.uniform(0.5, 1.0)
        return self._ways()[name]()

    def _ways(self) -> dict[str, Callable[[], Iterator[Waypoint]]]:
        """What does each skill, by name."""
        return {"carry": self._carry, "miss": self._miss, "shove": self._shove, "wander": self._wander}

    # -- skills: each looks anew when it goes on -------------------------------------------------------------------

    def _carry(self) -> Iterator[Waypoint]:
        """Grasp the object, bring it somewhere, and let it go."""
        random, resting = self._random, self._sight.item[2]
        yaw = self._grasp_yaw()
        above = random.uniform(*ABOVE_M)
        wide = random.uniform(0.85, 1.0)
        yield Waypoint(self._over(above), yaw, wide)
        yield Waypoint(self._over(random.uniform(-0.006, 0.006)), yaw, wide)
        yield Waypoint(self._sight.tip, yaw, random.uniform(0.0, 0.15), int(random.integers(1, 4)))
        yield Waypoint(self._sight.tip + up(above), yaw, 0.0)
        for _ in range(int(random.integers(1, 4))):
            x, y = random.uniform(self._area[0], self._area[1])
            turned = yaw + random.uniform(-1.2, 1.2)
            high = random.uniform(min(resting + _LIFTED_M, self._box[1, 2]), self._box[1, 2])
            yield Waypoint(np.array([x, y, high]), turned, 0.0, int(random.integers(0, 5)))
            if random.random() > _IN_THE_AIR:
                break
        place, turned = self._sight.tip, self._sight.yaw
        if random.random() > _DROPPED:
            hanging = max(self._sight.tip[2] - self._sight.item[2], -0.03)  # of the tip over the object's middle
            low = np.array([*place[:2], resting + hanging + random.uniform(-0.002, 0.012)])
            yield Waypoint(low, turned, 0.0, int(random.integers(0, 2)))
            place = self._sight.tip
        yield Waypoint(place, turned, random.uniform(0.7, 1.0), int(random.integers(0, 2)))
        yield Waypoint(place + up(random.uniform(*ABOVE_M)), turned, random.uniform(0.7, 1.0))

    def _miss(self) -> Iterator[Waypoint]:
        """Close the gripper next to the object, and try again."""
        random = self._random
        angle, off = random.uniform(-np.pi, np.pi), random.uniform(*_MISS_M)
        aside = off * np.array([np.cos(angle), np.sin(angle), 0.0])
        yaw = self._grasp_yaw() + random.uniform(-0.6, 0.6)
        above = random.uniform(*ABOVE_M)
        yield Waypoint(self._over(above) + aside, yaw, 1.0)
        yield Waypoint(self._over(0.0) + aside, yaw, 1.0)
        yield Waypoint(self._sight.tip, yaw, 0.0, 1)
        yield Waypoint(self._sight.tip + up(above), yaw, random.uniform(0.0, 1.0))

    def _shove(self) -> Iterator[Waypoint]:
        """Go to one side of the object with closed fingers, and move it to the other."""
        random = self._random
        item, middle = self._sight.item, self._area.mean(0)
        inwards = np.arctan2(*(middle - item[:2])[::-1])
        angle = inwards + random.uniform(-1.5, 1.5)
        ahead = np.array([np.cos(angle), np.sin(angle), 0.0])
        yaw, opening = random.uniform(-0.7, 0.7), random.uniform(0.0, 0.3)
        yield Waypoint(self._over(random.uniform(*ABOVE_M)) - _REACH_M * ahead, yaw, opening)
        yield Waypoint(self._over(0.0) - _REACH_M * ahead, yaw, opening)
        yield Waypoint(self._sight.item + random.uniform(-0.03, 0.06) * ahead, yaw, opening)
        yield Waypoint(self._sight.tip + up(random.uniform(*ABOVE_M)), yaw, opening)

    def _wander(self) -> Iterator[Waypoint]:
        """Go to some places over the table."""
        low = np.minimum(self._box[0] + up(ABOVE_M[1]), self._box[1])
        for _ in range(int(self._random.integers(1, 4))):
            place = self._random.uniform(low, self._box[1])
            yield Waypoint(place, self._random.uniform(-1.2, 1.2), self._random.uniform(0.0, 1.0))

    def _over(self, height_m: float) -> Float:
        """A place (3,) that high over the middle of the object, in the workspace."""
        return np.clip(self._sight.item + up(height_m), *self._box)

    def _grasp_yaw(self) -> float:
        """Yaw at which the fingers close on two sides of the object; now and then the other two."""
        yaw, quarter = least(self._sight.item_yaw, 4), np.pi / 2
        return yaw + (0.0 if self._random.random() < 0.8 else float(self._random.choice([-quarter, quarter])))


class Carry(Skills):
    """Brings the object, or the empty fingertip, to a place, without noise, and holds it there.

    Args:
        goal: (3,) of the object's middle, or the fingertip, m. box, bounds: as of `Skills`.
        grasps: whether it is about the object.
        turn: yaw that the object is to have, rad; as it has without it. symmetry: how many turns of it look the same.
        sides: how many turns of it fingers may take it at: 4 of a block, 2 of what is long.
        over_m: how high over its goal it is brought before it is set down.
    """

    def __init__(
        self,
        goal: Float,
        box: Float,
        bounds: Float,
        grasps: bool = True,
        turn: float | None = None,
        symmetry: int = 4,
        sides: int = 4,
        over_m: float = 0.0,
    ) -> None:
        super().__init__(0, box, box[:, :2], bounds)
        self._sides, self._over_m = sides, over_m
        self._goal, self._grasps, self._turn, self._symmetry = goal, grasps, turn, symmetry
        self._be_exact()

    def _begin(self) -> Iterator[Waypoint]:
        if not self._grasps:
            yield Waypoint(np.clip(self._goal, *self._box), self._sight.yaw, 1.0, _PATIENCE)
            return
        self._speed, resting = 1.0, self._sight.item[2]
        yaw = least(self._sight.item_yaw, self._sides)
        yield Waypoint(self._over(ABOVE_M[0]), yaw, 1.0)
        yield Waypoint(self._over(0.0), yaw, 1.0)
        yield Waypoint(self._sight.tip, yaw, 0.0, 3)
        yield Waypoint(self._sight.tip + up(ABOVE_M[0]), yaw, 0.0)
        if self._turn is not None:
            yaw += least(self._turn - self._sight.item_yaw, self._symmetry)
        hanging = self._sight.tip - self._sight.item
        high = np.array([*self._goal[:2], max(self._goal[2] + self._over_m, resting + _LIFTED_M)])
        if self._over_m:  # up first, not into the side of what it is set on
            yield Waypoint(np.array([*self._sight.tip[:2], min(high[2] + hanging[2], self._box[1, 2])]), yaw, 0.0)
        yield Waypoint(np.clip(high + hanging, *self._box), yaw, 0.0)
        self._speed = GENTLY  # what it brings may break, on the table too
        low = np.array([*self._goal[:2], max(self._goal[2], resting + _HOVERING_M)])
        yield Waypoint(np.clip(low + hanging, *self._box), yaw, 0.0, _PATIENCE)


def least(turn: float, symmetry: int = 1) -> float:
    """The least turn, rad, that looks the same as one; ``symmetry`` of them do in a whole turn."""
    step = 2.0 * np.pi / symmetry
    return (turn + 0.5 * step) % step - 0.5 * step


def up(height_m: float) -> Float:
    return np.array([0.0, 0.0, height_m])
