"""The perceive, rollout and plan graphs of a chunk model as PyTorch modules to be exported.

Their tensors are those of `world_model_ros.bundle.signatures.signatures`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from world_model_ros.contract.schema import Interface
from world_model_ros.learning.behaviour.chunk_belief import SEEN, ChunkBelief
from world_model_ros.learning.behaviour.chunk_model import LEAST_SPREAD, ChunkModel
from world_model_ros.learning.behaviour.state.layout import folded_yaw
from world_model_ros.learning.behaviour.state.state_reader import StateReader
from world_model_ros.learning.export.graph_modules import NamedGraph
from world_model_ros.planning.chunk_beam import ChunkBeam, ChunkSample, ChunkSearch

_COUNTS = 0.5  # weight of a goal that counts
_SHOWN = 8  # futures that lost, to be drawn


class ChunkPerceive(NamedGraph):
    """Poses, scalars and joint states -> what is believed, see `ChunkBelief`."""

    def __init__(self, belief: ChunkBelief, reader: StateReader, interface: Interface) -> None:
        super().__init__()
        self.belief, self.reader, self.targets = belief, reader, len(interface.targets)
        self.inputs = [*reader.streams, "fresh", "applied", "memory", "reset"]
        self.outputs = ["memory_next", "poses", "sigma", "surprise", *_values(belief.model)]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        model, layout = self.belief.model, self.belief.model.layout
        given = {name: tensor[None] for name, tensor in zip(self.inputs, tensors)}
        reported = self.reader([given[name] for name in self.reader.streams])
        fresh = self.reader.fresh(given["fresh"])
        memory, surprise = self.belief(given["memory"], reported, fresh, given["applied"], given["reset"])
        state = memory[:, : layout.size]
        sigma = of_targets(model, self.targets, torch.sqrt(SEEN**2 + self.belief.sigma(memory) ** 2))
        values = [target_values(model, self.targets, state)[0]] if _values(model) else []
        return (memory[0], target_poses(model, self.targets, state)[0], sigma[0], surprise, *values)


class ChunkRollout(NamedGraph):
    """Memory and candidates (N, H, C) -> imagined states and what they mean; H is a number of whole chunks."""

    def __init__(self, belief: ChunkBelief, interface: Interface) -> None:
        super().__init__()
        self.belief, self.targets = belief, len(interface.targets)
        self.inputs, self.outputs = ["memory", "candidates"], ["states", "poses", "sigma", *_values(belief.model)]

    def forward(self, memory: Tensor, candidates: Tensor) -> tuple[Tensor, ...]:
        model, belief = self.belief.model, memory[None]
        states, spread = imagined(model, belief[:, : self.belief.state].expand(len(candidates), -1), candidates)
        return (states, *_means(model, self.targets, states, _since(self.belief, belief, spread)))


class ChunkPlan(NamedGraph):
    """One plan a call. What no goal is given for is asked to stay where it is; hands may go, and all may turn.

    A goal counts, or does not: one whose weight is less than a half does not, as of a hand that has nothing to do.
    """

    def __init__(self, belief: ChunkBelief, interface: Interface, beam: ChunkBeam | ChunkSample | ChunkSearch) -> None:
        super().__init__()
        self.belief, self.model, self.beam, self.targets = belief, belief.model, beam, len(interface.targets)
        model = belief.model
        self.inputs = ["memory", "goal_poses", "goal_position_weights", "goal_values", "goal_value_weights"]
        things = model.layout.things
        if all(entry.scalar for entry in things):
            self.inputs = [name for name in self.inputs if "pos" not in name]
        if not any(entry.scalar for entry in things):
            self.inputs = [name for name in self.inputs if "value" not in name]
        if any(entry.yaw_goals for entry in things):
            self.inputs.append("goal_rotation_weights")
        self.inputs += ["bounds_low", "bounds_high", "warm", "noise"]
        self.outputs = ["chunk", "states", "poses", "sigma", *_values(model), "cost"]
        self.shown = next(
            (entry for entry in model.layout.entries if entry.target is not None and not entry.scalar), None
        )
        self.outputs += [] if self.shown is None else ["candidate_poses"]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.inputs, tensors))
        belief = given["memory"][None]
        memory = belief[0, : self.belief.state]
        goals = self._goals(given, memory)
        low, high, warm, noise = (given[name] for name in ("bounds_low", "bounds_high", "warm", "noise"))
        found = self.beam(memory, goals, low, high, warm, noise)
        spread = _spread(self.model, memory[None], found.states[None], found.chunk[None])
        spread = _since(self.belief, belief, spread)
        means = [each[0] for each in _means(self.model, self.targets, found.states[None], spread)]
        out = [found.chunk, found.states, *means, found.cost]
        if self.shown is not None:
            out.append(found.futures[-_SHOWN - 1 : -1, :, self.model.layout.columns(self.shown)][..., :3])
        return tuple(out)

    def _goals(self, given: dict[str, Tensor], memory: Tensor) -> Tensor:
        wanted, asked = [], []
        for entry, part, yaw in self.model.layout.goal_parts():
            column = self.model.goal_columns[part.start : part.stop]
            now = memory[column]
            if entry.scalar:
                goal, weight = given["goal_values"][entry.target, None], given["goal_value_weights"][entry.target]
            elif yaw:
                goal = folded_yaw(given["goal_poses"][entry.target, None, 3:], entry.fold)[0]
                weight = given["goal_rotation_weights"][entry.target]
            else:
                goal, weight = given["goal_poses"][entry.target, :3], given["goal_position_weights"][entry.target]
            counts = (weight >= _COUNTS).to(now.dtype)
            wanted.append(counts * goal + (1.0 - counts) * now)
            stays = counts if entry.hand or yaw else torch.ones_like(counts)
            asked.append(stays.expand(part.stop - part.start))
        return torch.cat([*wanted, *asked])


def imagined(model: ChunkModel, memory: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """States (N, H, 2 R) that actions (N, H, C) lead to from memories (N, 2 R), and the spread (N, H, E) of entries."""
    k, states = model.chunk_ticks, []
    now = memory
    for begin in range(0, actions.shape[1], k):
        ahead = model.imagine_chunk(now, actions[:, begin : begin + k])
        states.append(ahead)
        now = ahead[:, -1]
    whole = torch.cat(states, 1)
    return whole, _spread(model, memory, whole, actions)


def _spread(model: ChunkModel, memory: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    """Standard deviation (N, H, E) of each entry, that of whole chunks before added up."""
    n, h, k = *actions.shape[:2], model.chunk_ticks
    begins = torch.stack([memory, *(states[:, end] for end in range(k - 1, h - 1, k))], 1).flatten(0, 1)
    variance = torch.exp(2.0 * model.log_spread(begins, actions.reshape(-1, k, actions.shape[2])))
    variance = variance.reshape(n, h // k, k, -1)
    ends = variance[:, :, -1:]
    variance = variance + (ends.cumsum(1) - ends)
    scale = model.sigma_scale[: actions.shape[1]]
    return (torch.sqrt(variance).flatten(1, 2) * scale).clamp(min=LEAST_SPREAD)


def _since(belief: ChunkBelief, memory: Tensor, spread: Tensor) -> Tensor:
    """Spread (N, H, E) of what is ahead of a memory (1, M), with that of what has not been seen for a while."""
    return torch.sqrt(spread**2 + belief.sigma(memory)[:, None] ** 2)


def target_poses(model: ChunkModel, targets: int, state: Tensor) -> Tensor:
    """Poses (N, K, 7) of targets in states (N, R); zero and upright for a scalar."""
    none = torch.zeros_like(state[:, :6])
    found = [torch.cat([none, torch.ones_like(none[:, :1])], -1)] * targets
    for entry in model.layout.entries:
        if entry.target is not None and not entry.scalar:
            found[entry.target] = model.layout.pose(entry, state)
    return torch.stack(found, 1)


def target_values(model: ChunkModel, targets: int, state: Tensor) -> Tensor:
    """Values (N, K) of targets that are scalars in states (N, R); zero for the others."""
    found = [torch.zeros_like(state[:, 0])] * targets
    for entry in model.layout.entries:
        if entry.target is not None and entry.scalar:
            found[entry.target] = state[:, model.layout.columns(entry).start]
    return torch.stack(found, 1)


def of_targets(model: ChunkModel, targets: int, spread: Tensor) -> Tensor:
    """Deviations (..., E) of entries as those of targets on each axis, (..., K, 3)."""
    found = [torch.zeros_like(spread[..., 0])] * targets
    for number, entry in enumerate(model.layout.entries):
        if entry.target is not None:
            found[entry.target] = spread[..., number]
    return torch.stack(found, -1)[..., None].expand(*spread.shape[:-1], targets, 3)


def _values(model: ChunkModel) -> list[str]:
    """Name of the output for scalars, where a target is one."""
    return ["values"] if any(entry.scalar and entry.target is not None for entry in model.layout.entries) else []


def _means(model: ChunkModel, targets: int, states: Tensor, spread: Tensor) -> list[Tensor]:
    """Poses (N, H, K, 7), sigma (N, H, K, 3) and, with scalars, values (N, H, K) of states (N, H, 2 R)."""
    n, h = states.shape[:2]
    flat = states.reshape(n * h, -1)[:, : model.layout.size]
    sigma = of_targets(model, targets, spread)
    found = [target_poses(model, targets, flat).reshape(n, h, targets, 7), sigma]
    return found + ([target_values(model, targets, flat).reshape(n, h, targets)] if _values(model) else [])
