"""A thousand goals with random timing, cancellation, replacement, queueing and a lost brain: each ends exactly once."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import numpy as np
import pytest
from ticks import NEAR, TICK_NS, id_of, pose

from world_model_ros.contract.deployment.goals import GoalSettings
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.errors import GoalError
from world_model_ros.goals.life.asked_types import Asked, Cancel, Refusal, Request, Wish, asked_from_json, asked_json
from world_model_ros.goals.life.goal_json import feedback_json, result_json
from world_model_ros.goals.life.life import QUEUE, REMEMBERED, Life, Result
from world_model_ros.goals.life.watch import Seen

GOALS = 1000
STATUSES = ("pursuing", "never seen: object_0", "image goal needs camera front", "joint_states stale", "error")


class Person:
    """Asks for things at random.

    Attributes:
        asked: ids of requests and refusals that have to have a result, and of wishes, which may join others.
    """

    def __init__(self, random: Random) -> None:
        self._random, self._stamp_ns = random, 1
        self.requests: list[str] = []
        self.wishes: list[str] = []

    @property
    def count(self) -> int:
        return len(self.requests) + len(self.wishes)

    def ask(self, life: Life, now_ns: int) -> Asked:
        random, drawn = self._random, self._random.random()
        if drawn < 0.1:
            return Cancel()
        if drawn < 0.2:
            alive = [each.id for each in life.goals]
            return Cancel(random.choice([*alive, *self.requests[-3:], id_of(2**100)]))
        number = self.count + 1
        if drawn < 0.25 and self.requests:  # an id again
            return Request(random.choice(self.requests[-20:]), (pose(0.1),))
        if drawn < 0.3:
            self.requests.append(id_of(number))
            return Refusal(id_of(number), "steps", "steps: none", ends=random.random() < 0.5)
        if drawn < 0.6:
            self.wishes.append(id_of(number))
            return self._wish(number, now_ns)
        self.requests.append(id_of(number))
        steps = tuple(pose(0.1 * k) for k in range(random.randint(1, 3)))
        times = [random.choice([None, random.uniform(0.05, 5.0)]) for _ in range(2)]
        return Request(id_of(number), steps, random.random() < 0.6, *times)

    def _wish(self, number: int, now_ns: int) -> Wish:
        random = self._random
        if random.random() < 0.3:
            return Wish(id_of(number), Goal("value", now_ns + number, "drawer", value=random.random()))
        if random.random() < 0.2:
            return Wish(id_of(number), Goal("joints", now_ns + number, joints=np.zeros(2, np.float32)))
        self._stamp_ns += random.random() < 0.7  # else with the stamp of the one before
        given_ns = random.choice([0, self._stamp_ns])
        return Wish(id_of(number), pose(random.random(), now_ns + number, f"object_{random.randint(0, 3)}"), given_ns)


class World:
    """Errors that shrink, stay, jump; and a brain that may be busy with something else."""

    def __init__(self, random: Random) -> None:
        self._random, self._of, self._left = random, "", 1.0

    def see(self, life: Life) -> Seen:
        random = self._random
        if life.goal_id != self._of or random.random() < 0.01:
            self._of, self._left = life.goal_id or "", random.uniform(0.0, 0.1)
        self._left *= random.choice([1.0, 0.9, 0.5])
        status = random.choice(STATUSES) if random.random() < 0.1 else "pursuing"
        errors = () if status == "error" else (self._error("object_0", self._left),)
        if random.random() < 0.1:
            errors = (*errors, self._error("drawer", float("inf")))
        if status == "pursuing" and errors and all(each.size < NEAR for each in errors):
            status = "reached"
        rule = "velocity" if random.random() < 0.02 else None
        expected_s = random.choice([None, 0.5])
        return Seen(status, errors, expected_s, random.random() < 0.3, rule, random.random() < 0.01)

    def _error(self, name: str, size: float) -> GoalError:
        return GoalError(name, "place", size, "m", NEAR, 0, (size,), (0,))


def bounded(life: Life) -> bool:
    watches = [each.watch for each in (*life.goals, *((life.kept,) if life.kept else ()))]
    small = all(len(each.lately) <= 16 and len(each.best) <= 4 for each in watches)
    return small and len(life.goals) <= QUEUE and len(life.over) <= REMEMBERED


@pytest.mark.parametrize("seed", range(4))
def test_each_goal_has_exactly_one_result_under_its_id_and_nothing_is_left(seed: int) -> None:
    random = Random(seed)
    person, world = Person(random), World(random)
    settings = GoalSettings(timeout_s=random.choice([None, 3.0]), stuck_s=random.choice([None, 2.0]), hold_s=0.2)
    life = again = Life(settings)
    now_ns, announced, results, others = 10**15, set[str](), list[Result](), list[Result]()
    while person.count < GOALS:
        now_ns += TICK_NS if random.random() > 0.01 else random.randint(-(10**12), 10**10)
        asked = tuple(person.ask(life, now_ns) for _ in range(random.choice([0] * 9 + [1, 1, 2, 5])))
        told = asked_from_json(json.loads(json.dumps(asked_json(asked))), pytest.fail)
        life, again = life.asked(asked, now_ns), again.asked(told, now_ns)
        results, others = [*results, *life.results], [*others, *again.results]
        announced |= {each.id for each in (*life.goals, *life.over)}
        seen = world.see(life)
        life, again = life.ticked(seen, now_ns), again.ticked(seen, now_ns)
        if random.random() < 0.005:
            results, others = [*results, *life.results], [*others, *again.results]
            life, again = life.lost(now_ns), again.lost(now_ns)
            assert life.goal is None
        results, others = [*results, *life.results], [*others, *again.results]
        assert life.goal_id is None or life.goal_id in announced
        assert bounded(life)
        assert life.current is None or json.loads(feedback_json(life.current))["id"] == life.current.id
    life, again = life.lost(now_ns), again.lost(now_ns)
    results, others = [*results, *life.results], [*others, *again.results]

    assert (life.goals, life.kept) == ((), None)
    ended = Counter(each.id for each in results if each.id is not None)
    assert set(ended) == announced
    assert set(ended.values()) == {1}
    assert set(person.requests) <= announced
    joined = [each for each in person.wishes if each not in announced]
    assert len(joined) < 0.3 * len(person.wishes)  # with poses of their stamp
    assert {each.reason for each in results} >= {"reached", "refused", "cancelled", "preempted", "lost"}
    assert [result_json(each) for each in results] == [result_json(each) for each in others]


def test_reasons_of_all_kinds_come_about() -> None:
    random = Random(99)
    person, world, life, reasons, now_ns = Person(random), World(random), Life(GoalSettings()), Counter[str](), 0
    while person.count < GOALS:
        now_ns += TICK_NS
        life = life.asked([person.ask(life, now_ns)] if random.random() < 0.1 else [], now_ns)
        reasons.update(each.reason for each in life.results)
        life = life.ticked(world.see(life), now_ns)
        reasons.update(each.reason for each in life.results)
    assert {"reached", "refused", "stuck", "timeout", "cancelled", "preempted"} <= reasons.keys()
