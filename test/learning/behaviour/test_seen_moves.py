"""What may move, in a made-up world of a lock, a drawer that it holds, and a cube that a hand takes along."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from world_model_ros.learning.behaviour.augment import Resting
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.seen_moves import SeenMoves
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout

LAYOUT = StateLayout(
    (Entry("hand", 0), Entry("cube", 0, 0, True), Entry("drawer", -1, 1, True), Entry("lock", -1, 2, True))
)
HANDLE = torch.tensor([0.4, 0.0, 0.1])
TICKS, CHUNK = 40, 4


def episode(draw: torch.Generator, kind: int) -> Tensor:
    """The hand opens the unlocked drawer by its handle; pulls at it while it is locked; or carries the cube."""
    rows = torch.zeros(TICKS, LAYOUT.size)
    go, noise = torch.arange(TICKS).clamp(min=10) - 10, 0.002 * torch.randn(TICKS, 3, generator=draw)
    cube = torch.tensor([0.2, 0.3, 0.02]) + 0.05 * torch.randn(3, generator=draw)
    way = torch.zeros(TICKS, 3)
    way[:, 1] = 0.005 * go
    if kind == 2:
        rows[:, :3], rows[:, 3:6] = cube + torch.tensor([0.0, 0.0, 0.02]) + way + noise, cube + way
        return rows
    rows[:, :3], rows[:, 3:6] = HANDLE + (way if kind == 0 else 0.0) + noise, cube
    rows[:, 6], rows[:, 7] = (0.005 * go if kind == 0 else 0.0), float(kind == 0)
    return rows


@pytest.fixture(scope="module")
def play() -> Play:
    draw, kinds = torch.Generator().manual_seed(0), [0, 1, 2] * 20
    states = torch.cat([episode(draw, kind) for kind in kinds])
    return Play(LAYOUT, states, torch.zeros(len(states), 1), torch.arange(len(kinds) + 1) * TICKS)


@pytest.fixture(scope="module")
def seen(play: Play) -> SeenMoves:
    found = SeenMoves(LAYOUT)
    found.fit(play, Resting.of(play), torch.arange(60), CHUNK)
    return found


def may(seen: SeenMoves, hand: list[float], cube: list[float], drawer: float, lock: float) -> list[float]:
    row = torch.tensor([*hand, *cube, drawer, lock])
    return seen(row.expand(1, CHUNK, -1))[0].tolist()


def test_a_thing_moves_only_with_the_hand_where_it_was_and_as_all_stood(seen: SeenMoves):
    away, cube = [0.4, 0.3, 0.3], [0.2, 0.3, 0.02]
    assert may(seen, [0.4, 0.0, 0.1], cube, 0.0, 1.0) == [0.0, 1.0, 0.0]  # at the handle, unlocked
    assert may(seen, [0.4, 0.0, 0.1], cube, 0.0, 0.0) == [0.0, 0.0, 0.0]  # locked
    assert may(seen, [0.4, 0.05, 0.1], cube, 0.0, 1.0) == [0.0, 0.0, 0.0]  # 5 cm beside the handle
    assert may(seen, [0.4, 0.05, 0.1], cube, 0.05, 1.0) == [0.0, 1.0, 0.0]  # where the handle then is
    assert may(seen, [0.2, 0.3, 0.04], cube, 0.0, 1.0) == [1.0, 0.0, 0.0]  # round the cube
    assert may(seen, [0.6, -0.3, 0.34], [0.6, -0.3, 0.32], 0.0, 1.0)[0] == 1.0  # wherever it is
    assert may(seen, [0.2, 0.33, 0.04], cube, 0.0, 1.0)[0] == 0.0
    assert may(seen, away, cube, 0.0, 1.0) == [0.0, 0.0, 0.0]


def test_a_way_that_comes_by_is_enough(seen: SeenMoves):
    row = torch.tensor([0.4, 0.3, 0.3, 0.2, 0.3, 0.02, 0.0, 1.0])
    way = row.repeat(1, CHUNK, 1)
    assert seen(way)[0, 1] == 0.0
    way[0, -1, :3] = HANDLE
    assert seen(way)[0, 1] == 1.0


def test_what_never_moved_does_not_say_where_others_may(play: Play):
    states = play.states.clone()
    states[:, 7] = 1e-5 * torch.rand(len(states), generator=torch.Generator().manual_seed(1))
    still = Play(LAYOUT, states, play.actions, play.begins)
    found = SeenMoves(LAYOUT)
    found.fit(still, Resting.of(still), torch.arange(60), CHUNK)
    assert may(found, [0.4, 0.0, 0.1], [0.2, 0.3, 0.02], 0.0, 0.002) == [0.0, 1.0, 0.0]


def test_all_may_move_where_nothing_says_what_is_near(play: Play):
    assert may(SeenMoves(LAYOUT), [9.0] * 3, [0.0] * 3, 0.0, 0.0) == [1.0, 1.0, 1.0]
    handless = SeenMoves(StateLayout(LAYOUT.entries[1:]))
    assert handless(torch.zeros(2, CHUNK, 5)).tolist() == [[1.0] * 3] * 2
    few = SeenMoves(LAYOUT)
    few.fit(play, Resting.of(play), torch.arange(3), CHUNK)
    assert may(few, [9.0] * 3, [0.0] * 3, 0.0, 0.0) == [1.0, 1.0, 0.0]  # the lock never moved


def test_what_may_not_move_is_imagined_as_it_is(play: Play, seen: SeenMoves):
    model = ChunkModel(LAYOUT, 1, ChunkSizes(chunk=CHUNK, behaviour=16, dynamics=16, distance=16))
    torch.nn.init.zeros_(model.dynamics[-1].weight)
    torch.nn.init.ones_(model.dynamics[-1].bias)  # all moves, for sure, by 1
    memory = torch.tensor([[0.4, 0.0, 0.1, 0.2, 0.3, 0.02, 0.0, 0.0]]).repeat(1, 2)
    chunk = torch.zeros(1, CHUNK, 1)
    assert (model.imagine_chunk(memory, chunk)[0, -1, 3:8] == memory[0, 3:8] + 1.0).all()
    model.seen_moves.load_state_dict(seen.state_dict())
    ahead = model.imagine_chunk(memory, chunk)[0, -1, :8]
    torch.testing.assert_close(ahead[3:], memory[0, 3:8], rtol=0, atol=0)
    torch.testing.assert_close(ahead[:3], memory[0, :3] + 1.0)
