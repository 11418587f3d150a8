"""More ticks than steps of the model: beliefs take turns, the plan goes on from tick to tick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from world_model_ros.brain.decision import Memory
from world_model_ros.brain.interleaving import Interleaving, turns_of
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.goals.pursuit import Pursuit

STEPS = 4


def fresh() -> Memory:
    return Memory(np.zeros(1, np.float32), np.zeros((STEPS, 2), np.float32))


def ticked(memory: Memory, number: int) -> Memory:
    """As a brain would: one more step in the belief, and a plan of its own."""
    after = memory.after(memory.belief + 1.0, np.full(2, number, np.float32), 2)
    return replace(after, warm=np.full((STEPS, 2), number, np.float32))


@pytest.mark.parametrize(("rate_hz", "turns"), [(0.0, 1), (10.0, 1), (20.0, 2), (80.0, 8)])
def test_a_rate_is_a_multiple_of_the_contracts(rate_hz: float, turns: int, contract: Contract) -> None:
    assert turns_of(rate_hz, contract) == turns


@pytest.mark.parametrize("rate_hz", [5.0, 15.0, 90.0, -10.0, float("nan"), float("inf"), 1e300])
def test_another_rate_is_refused_with_what_is_legal(rate_hz: float, contract: Contract) -> None:
    with pytest.raises(UserError, match="1 to 8 times the 10 Hz"):
        turns_of(rate_hz, contract)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_belief_goes_on_by_whole_steps_and_the_newest_plan_goes_on_with_every_tick(count: int) -> None:
    turns = Interleaving(fresh, count)
    for tick in range(6 * count):
        memory, before = turns.next()
        assert memory.belief == tick // count  # steps of this belief so far
        assert memory.fresh_start == (tick < count)
        assert before is None if tick < count else before == tick - count  # commanded a step ago
        assert (memory.warm == (0 if tick == 0 else tick - 1)).all()
        assert memory.since == 1.0 / count
        ago = [belief.item() for belief, _ in memory.past]
        assert ago == list(range(1, tick // count))[-2:]  # of this belief, and not from before its first tick
        assert [action[0] for _, action in memory.past] == [tick - count * (tick // count - each) for each in ago]
        turns.add(ticked(memory, tick), np.array(tick))


def test_a_refused_plan_is_no_start_for_the_next_tick_whose_belief_is_another() -> None:
    turns = Interleaving(fresh, 2)
    for tick in range(4):
        turns.add(ticked(turns.next()[0], tick + 1), None)
    turns.refused()
    memory, _ = turns.next()
    assert memory.belief == 2.0
    assert memory.reach == 0.5
    assert not memory.warm.any()


def test_what_is_left_is_all_that_the_next_ticks_need() -> None:
    turns = Interleaving(fresh, 2)
    pursuit = Pursuit(7, np.zeros((1, 3), np.float32), np.zeros(3, np.float32))
    for tick in range(5):
        memory = ticked(turns.next()[0], tick)
        turns.add(replace(memory, pursuit=pursuit), np.array(tick))
    again = Interleaving(fresh, 2, turns.left)
    for _ in range(2):
        one, other = turns.next(), again.next()
        assert one[0].belief == other[0].belief
        assert (one[0].warm == other[0].warm).all()
        assert one[0].pursuit is other[0].pursuit is pursuit
        assert one[1] == other[1]
        turns.add(one[0], one[1])
        again.add(other[0], other[1])
    turns.restart()
    assert all(memory.fresh_start for memory, _ in turns.left)


def test_following_a_record_does_what_was_done_live() -> None:
    turns = Interleaving(fresh, 2)
    for tick in range(4):
        turns.follow(tick < 2)  # both beliefs begin, which is no restart
        turns.add(ticked(turns.next()[0], tick), None)
    assert [float(memory.belief[0]) for memory, _ in turns.left] == [2.0, 2.0]
    turns.follow(True)
    turns.refused()
    memory, _ = turns.next()
    assert memory.fresh_start
    assert memory.reach == 0.5


def test_a_plan_goes_on_by_the_time_that_has_passed() -> None:
    warm = np.array([[0, 0], [1, 2], [2, 4]], np.float32)
    whole, half = Memory(warm[0], warm), Memory(warm[0], warm, since=0.5)
    np.testing.assert_array_equal(whole.shifted(), warm[[1, 2, 2]])
    np.testing.assert_allclose(half.shifted(), [[0.5, 1], [1.5, 3], [2, 4]])


@pytest.mark.parametrize("every", range(1, 6))
@pytest.mark.parametrize("count", range(1, 9))
def test_a_plan_goes_on_for_whole_steps_and_not_where_each_step_has_one(count: int, every: int) -> None:
    turns, ages = Interleaving(fresh, count), []
    for tick in range(3 * count * every):
        memory, _ = turns.next()
        ages.append(memory.age + 1 if memory.age is not None and memory.goes_on(every) else 0)
        turns.add(replace(ticked(memory, tick), age=ages[-1]), None)
    assert ages == ([0] * len(ages) if every == 1 else 3 * list(range(count * every)))
