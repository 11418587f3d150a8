"""Where something articulated is moved from: at a handle that goes with it, by one of two hands, or from anywhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from world_model_ros.learning.behaviour.augment import Resting
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.handles import Handles
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout

LAYOUT = StateLayout(
    (
        Entry("left", 0, hand=True),
        Entry("right", 0, hand=True),
        Entry("drawer", -1, 0, True),
        Entry("button", -1, 1, True),
        Entry("lamp", -1, 2, True),
    )
)
HOME = torch.tensor([0.1, 0.5, 0.3])
HANDLE, PULL, BUTTON = torch.tensor([0.3, -0.2, 0.1]), torch.tensor([0.0, -1.0, 0.0]), torch.tensor([0.5, 0.1, 0.1])
TICKS, CHUNK = 40, 4


def episode(draw: torch.Generator, kind: int) -> Tensor:
    """The right hand pulls the drawer while the left one waits at home, or it presses the button; the lamp goes on
    wherever hands are; in one of ten pulls something else than the hand moves the drawer."""

    def anywhere() -> Tensor:
        return torch.tensor([0.4, 0.0, 0.2]) + 0.2 * torch.randn(3, generator=draw)

    rows, go = torch.zeros(TICKS, LAYOUT.size), torch.arange(TICKS).clamp(min=20) - 20
    rows[:, :3] = anywhere() + 0.01 * torch.randn(TICKS, 3, generator=draw).cumsum(0)
    noise = 0.002 * torch.randn(TICKS, 3, generator=draw)
    if kind % 3 == 0:
        rows[:, 6] = 0.006 * go
        rows[:, 3:6] = HANDLE + rows[:, 6:7] * PULL + noise if kind % 10 else anywhere()
        rows[:, :3] = HOME
    elif kind % 3 == 1:
        rows[:, 3:6], rows[20:, 7] = BUTTON + noise, 1.0
    else:
        rows[:, 3:6], rows[20:, 8] = anywhere(), 1.0
    return rows


@pytest.fixture(scope="module")
def play() -> Play:
    draw = torch.Generator().manual_seed(0)
    states = torch.cat([episode(draw, kind) for kind in range(90)])
    return Play(LAYOUT, states, torch.zeros(len(states), 1), torch.arange(91) * TICKS)


def fitted(play: Play) -> Handles:
    found = Handles(play.layout)
    found.fit(play, Resting.of(play), torch.arange(90), CHUNK)
    return found


def test_a_handle_goes_with_what_is_moved_by_it_and_a_lamp_has_none(play: Play):
    handles = fitted(play)
    assert handles.known.tolist() == [1.0, 1.0, 0.0]
    row, hand = torch.zeros(1, LAYOUT.size), torch.tensor([[[0.3, -0.3, 0.1], [0.5, 0.1, 0.1]]])
    row[0, 6] = 0.1
    ways = handles.ways(row, hand)[0]
    assert ways.shape == (3, 2, 3)
    torch.testing.assert_close(ways[0, 0], torch.zeros(3), atol=0.003, rtol=0)  # at the handle of the drawer 10 cm open
    torch.testing.assert_close(ways[0, 1], torch.tensor([-0.2, -0.4, 0.0]), atol=0.003, rtol=0)
    torch.testing.assert_close(ways[1, 1], torch.zeros(3), atol=0.003, rtol=0)
    assert not ways[2].any()


def test_nothing_that_never_moved_has_a_handle(play: Play):
    states = play.states.clone()
    states[:, 6] = 0.0
    assert fitted(Play(LAYOUT, states, play.actions, play.begins)).known.tolist() == [0.0, 1.0, 0.0]


def test_a_hand_that_never_moves_has_nothing_to_do_with_it(play: Play):
    states = play.states.clone()
    states[:, :3] = HOME
    handles = fitted(Play(LAYOUT, states, play.actions, play.begins))
    assert handles.known.tolist() == [1.0, 1.0, 0.0]
    torch.testing.assert_close(handles.start[0], HANDLE, atol=0.003, rtol=0)


def test_one_tick_tells_no_handle_and_a_value_out_of_what_was_seen_none_beyond_it(play: Play):
    seldom = play.states.clone()
    seldom[:, 7] = 0.0
    seldom[60:80, 7] = 1.0  # to the end of its episode: any line goes through one place
    assert fitted(Play(LAYOUT, seldom, play.actions, play.begins)).known.tolist() == [1.0, 0.0, 0.0]
    row, hand = torch.zeros(1, LAYOUT.size), torch.zeros(1, 1, 3)
    row[0, 6] = 5.0
    far = fitted(play).ways(row, hand)[0, 0, 0]
    torch.testing.assert_close(far, HANDLE + 0.006 * 19 * PULL, atol=0.01, rtol=0)


def test_networks_see_how_far_hands_are_from_handles_to_the_millimetre(play: Play):
    model = ChunkModel(LAYOUT, 1, ChunkSizes(chunk=2, behaviour=8, dynamics=8, distance=8))
    row = play.states[3 * TICKS + 25][None]  # the right hand pulls
    memory = torch.cat([row, row], 1)
    moved = memory.clone()
    moved[0, 3] += 0.001  # the right hand
    without = model.features(moved) - model.features(memory)
    model.handles = fitted(play)
    change = model.features(moved) - model.features(memory)
    assert change.shape == without.shape
    assert without.abs().max() < 0.02
    assert change.abs().max() == pytest.approx(0.03, rel=0.01)  # 3 % of what is usual
