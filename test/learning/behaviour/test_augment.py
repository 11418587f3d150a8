"""Things that lie elsewhere and hands put aside, in a made-up world whose laws are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from world_model_ros.learning.behaviour.augment import Aside, Resting, put_elsewhere
from world_model_ros.learning.behaviour.play_data import Play
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout

LAYOUT = StateLayout((Entry("hand", 1), Entry("grip", -1), Entry("felt", -1), Entry("cube", 4, 0, True)))
HAND, GRIP, FELT, CUBE = (LAYOUT.columns(entry) for entry in LAYOUT.entries)
CHUNK, TICKS, EPISODES = 4, 60, 40
GAIN = torch.tensor([0.05, 0.04, 0.03, 0.2, 0.3])  # m, m, m, rad, opening a tick at the bound


def world(seed: int = 0) -> Play:
    """A hand that moves as it is told, a grip too, and a cube that rests or, in its last third, is shoved."""
    random, states = torch.Generator().manual_seed(seed), []
    actions = torch.randn(EPISODES, TICKS, 5, generator=random).clamp(-1, 1) * 0.4
    for number in range(EPISODES):
        own = torch.zeros(TICKS, 5) + torch.rand(5, generator=random)
        own[1:] += (actions[number, :-1] * GAIN).cumsum(0)
        cube = torch.zeros(TICKS, 3) + torch.tensor([2.0 + number, 0.0, 0.02])
        cube[2 * TICKS // 3 :, 0] += 0.01 * torch.arange(TICKS - 2 * TICKS // 3)
        rows = torch.zeros(TICKS, LAYOUT.size)
        rows[:, HAND] = torch.cat([own[:, :3], torch.cos(own[:, 3:4]), torch.sin(own[:, 3:4])], 1)
        rows[:, GRIP], rows[:, FELT] = own[:, 4:], torch.rand(TICKS, 1, generator=random)
        rows[:, CUBE] = torch.cat([cube, torch.ones(TICKS, 1), torch.zeros(TICKS, 1)], 1)
        states.append(rows)
    begins = torch.arange(EPISODES + 1) * TICKS
    return Play(LAYOUT, torch.cat(states), actions.reshape(-1, 5), begins)


def windows(play: Play, count: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    at = play.starts(torch.arange(EPISODES), CHUNK)
    at = at[torch.randperm(len(at), generator=torch.Generator().manual_seed(1))[:count]]
    return play.window(at, CHUNK), play.chunk(at, CHUNK)


def test_a_hand_that_was_put_aside_arrives_where_it_did():
    play = world()
    aside = Aside.fit(play, Resting.of(play), torch.arange(EPISODES), CHUNK, torch.ones(5))
    assert aside is not None
    assert [(hand.entry, hand.axes) for hand in aside.hands] == [(LAYOUT.entries[0], (0, 1, 2, 3))]
    assert aside.follows.tolist() == [True, False]  # the grip, and what is felt
    window, chunk = windows(play)
    put, bent = aside.put(play, window, chunk, 0.5, torch.Generator().manual_seed(2))
    moved = (put != window).any(-1).any(-1)
    rests = (window[:, -1, CUBE] - window[:, 0, CUBE]).abs().sum(-1) < 1e-6
    assert 0.3 < moved[rests].float().mean() < 0.7
    assert not moved[~rests].any()
    assert torch.equal(put[:, 2:], window[:, 2:])
    assert torch.equal(put[..., CUBE], window[..., CUBE])
    assert torch.equal(bent[~moved], chunk[~moved])
    free = moved & (bent.abs() < 1.0).flatten(1).all(1)
    assert free.sum() > 50
    reached = put[:, 1, HAND][:, :3] + (bent * GAIN).sum(1)[:, :3]
    missed = (reached - window[:, -1, HAND][:, :3])[free].norm(dim=-1)
    apart = (put - window)[free][:, 1, HAND][:, :3].norm(dim=-1)
    assert missed.max() < 0.05 * apart.mean()
    grip = put[:, 1, GRIP][:, 0] + (bent * GAIN).sum(1)[:, 4]
    assert (grip - window[:, -1, GRIP][:, 0])[free].abs().max() < 0.05
    assert (put - window)[free][:, 1, GRIP].abs().max() > 0.2
    turned = torch.atan2(put[:, 1, 4], put[:, 1, 3]) + (bent * GAIN).sum(1)[:, 3]
    off = turned - torch.atan2(window[:, -1, 4], window[:, -1, 3])
    assert torch.atan2(torch.sin(off), torch.cos(off))[free].abs().max() < 0.02


def test_a_hand_that_moves_in_a_plane_is_put_aside_in_it():
    play = world()
    play.states[:, 2] = 0.03 + torch.randn(len(play.states), generator=torch.Generator().manual_seed(6)) * 2e-4
    aside = Aside.fit(play, Resting.of(play), torch.arange(EPISODES), CHUNK, torch.ones(5))
    assert aside is not None
    assert [hand.axes for hand in aside.hands] == [(0, 1, 3)]
    window, chunk = windows(play)
    put, _ = aside.put(play, window, chunk, 1.0, torch.Generator().manual_seed(2))
    assert torch.equal(put[..., 2], window[..., 2])
    assert (put - window)[..., :2].abs().max() > 0.02


def test_a_thing_that_is_tracked_with_jitter_rests_all_the_same():
    play = world()
    jitter = torch.randn(len(play.states), 3, generator=torch.Generator().manual_seed(4)) * 4e-4
    play.states[:, CUBE.start : CUBE.start + 3] += jitter
    resting = Resting.of(play)
    assert 1e-3 < float(resting.most) <= 5e-3
    at = play.starts(torch.arange(EPISODES), CHUNK)
    shoved = at % TICKS > 2 * TICKS // 3 + 1
    rests = resting(play.window(at, CHUNK))[:, 0]
    assert rests[at % TICKS < TICKS // 2].float().mean() > 0.97
    assert rests[shoved].float().mean() < 0.03


def test_actions_that_move_no_hand_bring_none_back():
    play = world()
    numb = Play(LAYOUT, play.states, torch.randn(play.actions.shape), play.begins)
    assert Aside.fit(numb, Resting.of(numb), torch.arange(EPISODES), CHUNK, torch.ones(5)) is None


def test_a_grip_is_put_no_farther_than_actions_bring_it_back():
    play = world()
    aside = Aside.fit(play, Resting.of(play), torch.arange(EPISODES), CHUNK, 0.1 * torch.ones(5))
    assert aside is not None
    most = 0.1 * CHUNK * float(GAIN[4])
    assert float(aside.most[0]) < 1.2 * most
    window, chunk = windows(play)
    put, _ = aside.put(play, window, chunk, 1.0, torch.Generator().manual_seed(2))
    assert 0.5 * most < (put - window)[..., GRIP].abs().max() < 1.2 * most


def test_joints_that_carry_hands_are_not_put_aside_and_nothing_is_without_a_hand():
    play = world()
    entries = (LAYOUT.entries[0], replace(LAYOUT.entries[1], joints=True, carries=True), *LAYOUT.entries[2:])
    carried = replace(play, layout=StateLayout(entries))
    aside = Aside.fit(carried, Resting.of(carried), torch.arange(EPISODES), CHUNK, torch.ones(5))
    assert aside is not None
    assert [entry.name for entry in aside.scalars] == ["felt"]
    handless = Play(StateLayout(LAYOUT.entries[1:]), play.states[:, GRIP.start :], play.actions, play.begins)
    assert Aside.fit(handless, Resting.of(handless), torch.arange(EPISODES), CHUNK, torch.ones(5)) is None


def test_a_grip_that_never_moves_explains_nothing():
    play = world()
    still = play.states.clone()
    still[:, : GRIP.stop] = 0.5
    numb = replace(play, states=still, actions=torch.zeros_like(play.actions))
    assert Aside.fit(numb, Resting.of(numb), torch.arange(EPISODES), CHUNK, torch.ones(5)) is None


def test_what_rests_apart_lies_where_it_once_lay_and_all_else_stays():
    play = world()
    window, _ = windows(play)
    window[::2, 2, HAND] = window[::2, 2, CUBE] + 0.02 * torch.eye(5)[0]  # a hand that comes near in between
    put = put_elsewhere(play, Resting.of(play), window, 1.0, torch.Generator().manual_seed(3))
    moved = (put != window).any(-1).any(-1)
    assert not moved[::2].any()
    rests = (window[:, -1, CUBE] - window[:, 0, CUBE]).abs().sum(-1) < 1e-6
    assert not moved[~rests].any()
    assert moved[1::2][rests[1::2]].float().mean() > 0.8
    own = [*range(HAND.start, FELT.stop)]
    assert torch.equal(put[..., own], window[..., own])
    assert torch.equal(put[moved][..., CUBE], put[moved][:, :1, CUBE].expand(-1, CHUNK + 2, -1))
    known = {tuple(row) for row in np.round(play.states[:, CUBE].numpy(), 5).tolist()}
    assert all(tuple(row) in known for row in np.round(put[moved][:, 0, CUBE].numpy(), 5).tolist())


def test_nothing_comes_from_episodes_that_do_not_train():
    play = world()
    trained = replace(play, pool=torch.arange(TICKS))  # the first episode, whose cube lies at x = 2
    window, chunk = windows(play)
    put = put_elsewhere(trained, Resting.of(play), window, 1.0, torch.Generator().manual_seed(3))
    moved = (put != window).any(-1).any(-1)
    assert moved.any()
    assert (put[moved][:, 0, CUBE.start] - 2.0).abs().max() < 0.5
    aside = Aside.fit(play, Resting.of(play), torch.arange(EPISODES), CHUNK, torch.ones(5))
    assert aside is not None
    put, _ = aside.put(trained, window, chunk, 1.0, torch.Generator().manual_seed(2))
    felt = put[:, 1, FELT][put[:, 1, FELT] != window[:, 1, FELT]]
    known = play.states[:TICKS, FELT].flatten()
    assert len(felt) > 50
    assert (felt[:, None] - known).abs().amin(1).max() < 1e-5


def test_no_hand_is_put_aside_near_what_it_pulls():
    play = world()
    layout = StateLayout((*LAYOUT.entries[:2], Entry("drawer", -1, 1, True), LAYOUT.entries[3]))
    states = play.states.clone()
    states[:, FELT] = 0.0
    states[5 * TICKS + 10 : 5 * TICKS + 14, FELT] = 0.01 * torch.arange(1.0, 5.0)[:, None]
    states[5 * TICKS + 14 : 6 * TICKS, FELT] = 0.05
    pulled = Play(layout, states, play.actions, play.begins)
    aside = Aside.fit(pulled, Resting.of(pulled), torch.arange(EPISODES), CHUNK, torch.ones(5))
    assert aside is not None
    assert len(aside.handles)
    window, chunk = windows(pulled, 2000)
    near = torch.cdist(window[:, 1, HAND][:, :3], aside.handles).amin(1) < 0.07
    put, bent = aside.put(pulled, window, chunk, 1.0, torch.Generator().manual_seed(2))
    moved = (put != window).any(-1).any(-1)
    assert near.sum() > 20
    assert not moved[near].any()
    assert torch.equal(bent[near], chunk[near])
    rests = aside.resting(window).all(1)
    assert moved[rests & ~near].float().mean() > 0.9
