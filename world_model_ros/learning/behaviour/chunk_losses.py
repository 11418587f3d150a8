"""Losses of a chunk model: of behaviour (flow matching), dynamics with their spread, and distance to the goal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from world_model_ros.learning.behaviour.augment import Aside, Resting, put_elsewhere
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, likely
from world_model_ros.learning.behaviour.play_data import GoalMix, Play

BEHAVED = GoalMix(0.15, 0.0, 100.0)
VALUED = GoalMix(0.3, 0.1, 100.0, 0.5)
ELSEWHERE = 0.5  # share of resting things that lie elsewhere, where there is room
MOVES = 0.5  # weight of the entropy of what moves
ASIDE = 0.4  # share of free hands that are put aside


@dataclass(frozen=True)
class ValueConfig:
    """Settings of the distance.

    Args:
        discount: of a macro step.
        expectile: of what follows that is believed: over one half is hopeful.
        near: share of the tolerance in which a goal counts as reached.
        ahead: how many macro steps lie between a state and the one whose value it learns from, one of these a batch:
            more carry news faster, and are no better than what was done.
    """

    discount: float = 0.98
    expectile: float = 0.9
    near: float = 0.85
    ahead: tuple[int, ...] = (1, 2, 4)


def memory_of(window: Tensor) -> Tensor:
    """Memories (B, 2 R) at the second row of windows (B, T, R)."""
    return torch.cat([window[:, 1], window[:, 0]], -1)


def flow_loss(
    model: ChunkModel, play: Play, at: Tensor, generator: torch.Generator, aside: Aside | None = None
) -> Tensor:
    """Flow matching of the chunks that were done."""
    k = model.chunk_ticks
    window, chunk, goals = play.window(at, k), play.chunk(at, k), play.goals(at, BEHAVED, generator, k)
    if aside is not None:
        window, chunk = aside.put(play, window, chunk, ASIDE, generator)
    memory = memory_of(window)
    done = (chunk / model.action_scale).flatten(1)
    noise = torch.randn(done.shape, generator=generator)
    time = torch.rand(len(at), 1, generator=generator)
    velocity = model.flow(model.features(memory), model.asked(memory, goals), (1.0 - time) * noise + time * done, time)
    return F.mse_loss(velocity, done - noise)


def dynamics_losses(
    model: ChunkModel,
    play: Play,
    at: Tensor,
    resting: Resting,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Squared error of the changes within a chunk with the entropy of what moves, and likelihood of what is left over.

    With a generator, some things lie elsewhere than they did, see `augment.put_elsewhere`.
    """
    k = model.chunk_ticks
    window, chunk = play.window(at, k), play.chunk(at, k)
    if generator is not None:
        window = put_elsewhere(play, resting, window, ELSEWHERE, generator)
    memory = memory_of(window)
    truth = window[:, 2:] - window[:, 1:2]
    changes, odds = model.changes(model.features(memory), chunk)
    moves = (~resting(window[:, 1:])).to(odds.dtype)
    wrong = (changes - truth / model.change_scale) ** 2 * model.moving(moves)[:, None]
    loss = wrong.mean() + MOVES * F.binary_cross_entropy_with_logits(odds, moves)
    with torch.no_grad():
        miss = (changes * model.change_scale * model.moving(likely(odds))[:, None] - truth) ** 2
    log_spread, likelihood = model.log_spread(memory, chunk), torch.zeros(())
    for number, entry in enumerate(model.layout.entries):
        squared = miss[..., model.layout.place(entry)]
        log = log_spread[..., number]
        likelihood = likelihood + (squared.shape[-1] * log + 0.5 * squared.sum(-1) * torch.exp(-2.0 * log)).mean()
    return loss, likelihood


def reached(state: Tensor, goals: Tensor, model: ChunkModel, tolerance: Tensor) -> Tensor:
    """Whether states (..., R) are at goals (..., 2 G): each part that counts within its tolerance (parts,)."""
    wanted, counts = goals.chunk(2, -1)
    miss = (state[..., model.goal_columns] - wanted) * counts
    here = torch.ones(state.shape[:-1], dtype=torch.bool)
    for number, (_, part, _) in enumerate(model.layout.goal_parts()):
        here &= miss[..., part].norm(dim=-1) <= tolerance[number]
    return here


def value_loss(
    model: ChunkModel,
    target: ChunkModel,
    play: Play,
    at: Tensor,
    tolerance: Tensor,
    config: ValueConfig,
    generator: torch.Generator,
    aside: Aside | None = None,
) -> Tensor:
    """Expectile regression of the value on what was done in the macro steps that followed."""
    k = model.chunk_ticks
    most = config.ahead[int(torch.randint(0, len(config.ahead), (), generator=generator))]
    goals, memory = play.goals(at, VALUED, generator, k), play.memory(at)
    steps = (play.left(at) // k).clamp(max=most)
    way = play.states[torch.minimum(at[:, None] + torch.arange(1, most * k + 1), (at + steps * k)[:, None])]
    there = reached(way, goals[:, None], model, config.near * tolerance).reshape(len(at), most, k).any(2)
    found = there.any(1)
    steps = torch.where(found, there.to(torch.float32).argmax(1), steps)
    if aside is not None:
        window = aside.put(play, play.window(at, k), play.chunk(at, k), ASIDE, generator)[0]
        memory = memory_of(window)
    with torch.no_grad():
        left = config.discount**steps
        ahead = target.values(play.memory(at + steps * k), goals).amin(0)
        backup = -(1.0 - left) / (1.0 - config.discount) + torch.where(found, 0.0, left * ahead)
        now = target.values(memory, goals).amin(0)
        weight = torch.where(backup >= now, config.expectile, 1.0 - config.expectile)
    values = model.values(memory, goals)
    return (weight * (backup - values) ** 2).mean()
