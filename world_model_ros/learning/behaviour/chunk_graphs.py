"""Graphs of a chunk model, see `world_model_ros.bundle.signatures.signatures`."""

from __future__ import annotations

import torch
from torch import Tensor

from world_model_ros.contract.schema import Interface
from world_model_ros.learning.behaviour.chunk_model import ChunkModel
from world_model_ros.learning.behaviour.layout import Entry
from world_model_ros.learning.export.graph_modules import NamedGraph
from world_model_ros.planning.chunk_beam import ChunkBeam

_SHOWN = 8  # futures that lost, to be drawn
_SEEN_M = 0.002  # what a tracker's pose is believed to


class ChunkPerceive(NamedGraph):
    """Poses and scalars -> memory (2 R,): what is reported now and was a tick ago.

    What is not fresh goes on as the applied action lets the model expect. The surprise is by how much what is reported
    misses that, in units of what one usual tick in a hundred exceeds.
    """

    def __init__(self, model: ChunkModel, interface: Interface) -> None:
        super().__init__()
        self.model = model
        streams = [stream.name for stream in interface.streams]
        self.places = [streams.index(entry.name) for entry in model.layout.entries]
        self.targets = len(interface.targets)
        self.inputs = [*(entry.name for entry in model.layout.entries), "fresh", "applied", "memory", "reset"]
        self.outputs = ["memory_next", "poses", "sigma", "surprise", *_values(model)]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        model, layout = self.model, self.model.layout
        count = len(layout.entries)
        given = dict(zip(self.inputs[count:], tensors[count:]))
        reported = layout.state([each.reshape(1, -1) for each in tensors[:count]])
        chunk = given["applied"][None, None].expand(1, model.chunk_ticks, -1)
        memory = given["memory"][None]
        expected = model.imagine_chunk(memory, chunk)[:, 0, : layout.size]
        fresh = torch.cat(
            [given["fresh"][place].expand(1, entry.size) for entry, place in zip(layout.entries, self.places)], 1
        )
        reset = given["reset"][0]
        now = fresh * reported + (1.0 - fresh) * (1.0 - reset) * expected
        before = reset * now + (1.0 - reset) * memory[:, : layout.size]
        miss = ((reported - expected) / model.step_miss).abs() * fresh * (1.0 - reset)
        surprise = miss.amax(1) / model.usual_miss
        poses, sigma = target_poses(model, self.targets, now), torch.full((self.targets, 3), _SEEN_M)
        values = [target_values(model, self.targets, now)[0]] if _values(model) else []
        return (torch.cat([now, before], 1)[0], poses[0], sigma, surprise, *values)


class ChunkRollout(NamedGraph):
    """Memory and candidates (N, H, C) -> imagined states and what they mean; H is a number of whole chunks."""

    def __init__(self, model: ChunkModel, interface: Interface) -> None:
        super().__init__()
        self.model, self.targets = model, len(interface.targets)
        self.inputs, self.outputs = ["memory", "candidates"], ["states", "poses", "sigma", *_values(model)]

    def forward(self, memory: Tensor, candidates: Tensor) -> tuple[Tensor, ...]:
        states, spread = imagined(self.model, memory[None].expand(len(candidates), -1), candidates)
        return (states, *_means(self.model, self.targets, states, spread))


class ChunkPlan(NamedGraph):
    """One plan a call. What no goal is given for is asked to stay where it is."""

    def __init__(self, model: ChunkModel, interface: Interface, beam: ChunkBeam) -> None:
        super().__init__()
        self.model, self.beam, self.targets = model, beam, len(interface.targets)
        self.inputs = ["memory", "goal_poses", "goal_position_weights", "goal_values", "goal_value_weights"]
        things = model.layout.things
        if all(entry.scalar for entry in things):
            self.inputs = [name for name in self.inputs if "pos" not in name]
        if not any(entry.scalar for entry in things):
            self.inputs = [name for name in self.inputs if "value" not in name]
        self.inputs += ["bounds_low", "bounds_high", "warm", "noise"]
        self.outputs = ["chunk", "states", "poses", "sigma", *_values(model), "cost"]
        self.shown = next(
            (entry for entry in model.layout.entries if entry.target is not None and not entry.scalar), None
        )
        self.outputs += [] if self.shown is None else ["candidate_poses"]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.inputs, tensors))
        memory = given["memory"]
        goals = self._goals(given, memory)
        low, high, warm, noise = (given[name] for name in ("bounds_low", "bounds_high", "warm", "noise"))
        found = self.beam(memory, goals, low, high, warm, noise)
        spread = _spread(self.model, memory[None], found.states[None], found.chunk[None])
        means = [each[0] for each in _means(self.model, self.targets, found.states[None], spread)]
        out = [found.chunk, found.states, *means, found.cost]
        if self.shown is not None:
            out.append(found.futures[-_SHOWN - 1 : -1, :, self.model.layout.columns(self.shown)][..., :3])
        return tuple(out)

    def _goals(self, given: dict[str, Tensor], memory: Tensor) -> Tensor:
        layout, wanted = self.model.layout, []
        for entry in layout.things:
            begin = layout.columns(entry).start
            now = memory[begin : begin + entry.goal_size]
            if entry.scalar:
                asked = given["goal_values"][entry.target, None]
                weight = given["goal_value_weights"][entry.target]
            else:
                asked, weight = given["goal_poses"][entry.target, :3], given["goal_position_weights"][entry.target]
            counts = (weight > 0).to(now.dtype)
            wanted.append(counts * asked + (1.0 - counts) * now)
        goal = torch.cat(wanted)
        return torch.cat([goal, torch.ones_like(goal)])


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
    k, spreads = model.chunk_ticks, []
    now, before = memory, torch.zeros(len(states), 1, len(model.layout.entries))
    for begin in range(0, actions.shape[1], k):
        log = model.log_spread(now, actions[:, begin : begin + k])
        variance = before + torch.exp(2.0 * log)
        spreads.append(torch.sqrt(variance))
        now, before = states[:, begin + k - 1], variance[:, -1:]
    scale = model.sigma_scale[: actions.shape[1]]
    return torch.cat(spreads, 1) * scale


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


def _values(model: ChunkModel) -> list[str]:
    """Name of the output for scalars, where a target is one."""
    return ["values"] if any(entry.scalar and entry.target is not None for entry in model.layout.entries) else []


def _means(model: ChunkModel, targets: int, states: Tensor, spread: Tensor) -> list[Tensor]:
    """Poses (N, H, K, 7), sigma (N, H, K, 3) and, with scalars, values (N, H, K) of states (N, H, 2 R)."""
    n, h = states.shape[:2]
    flat = states.reshape(n * h, -1)[:, : model.layout.size]
    by_target: dict[int, Entry] = {entry.target: entry for entry in model.layout.entries if entry.target is not None}
    columns = [
        spread[..., model.layout.entries.index(by_target[k])] if k in by_target else torch.zeros(n, h)
        for k in range(targets)
    ]
    sigma = torch.stack(columns, -1)[..., None].expand(n, h, targets, 3)
    found = [target_poses(model, targets, flat).reshape(n, h, targets, 7), sigma]
    return found + ([target_values(model, targets, flat).reshape(n, h, targets)] if _values(model) else [])
