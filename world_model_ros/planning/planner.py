"""The sampling planner: iCEM (Pinneri et al. 2020) unrolled, so that one graph call is one plan.

Exists to be exported. Coloured noise comes in as an input; candidates are rolled out through the dynamics, elites kept
from one iteration to the next, the mean shifted in time from tick to tick (warm start), the best candidate chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from world_model_ros.planning.costs import apart_cost, behind_cost, outside_cost, reach_cost, trusted_cost
from world_model_ros.planning.fingers import Finger, pairs
from world_model_ros.planning.proposals import push_way

REGION_SCALE = 2.5003  # radius of the 90 % ball of a 3-D Gaussian, in sigmas


class Dynamics(Protocol):
    """What the planner needs of a world model. States are (N, S), those of candidates (N, H, S)."""

    def imagine(self, memory: Tensor, candidates: Tensor) -> Tensor: ...

    def positions(self, state: Tensor) -> Tensor: ...

    def sigmas(self, states: Tensor) -> Tensor: ...

    def senses(self, state: Tensor) -> dict[str, Tensor]: ...

    def code_head(self, state: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class PlanConfig:
    """Settings of the planner.

    Args:
        horizon: ticks ahead, H.
        samples: candidates of the first iteration, N; each later one has ``decay`` times fewer, but two elites' worth.
        iterations: I.
        elites: how many refit the mean; ``keep`` of them stay candidates of the next iteration.
        spread: first standard deviation, and its floor, as shares of the action bound; ``idle_spread`` is the share of
            it for a hand that has nothing to do while another pushes.
        standoff_m: distance from which a fingertip pushes an object.
        behind_weight: weight of `behind_cost` beside the object's distance.
        trust_m: a step ahead counts in full while its 90 % region reaches no further than this from the prediction,
            and less beyond: so the planner looks less far ahead where the model knows less.
        risk_weight: cost of a metre of that region, beside the metres to the goal.
        region_scale: semi-axes of the 90 % region in units of sigma.
        outside_weight: cost of a metre that a fingertip is imagined beyond its workspace and ``margin_m``.
        apart_m: how far hands keep to their own sides; ``apart_weight`` is the cost of a metre less.
    """

    horizon: int = 12
    samples: int = 40
    decay: float = 2.0
    iterations: int = 2
    elites: int = 10
    keep: int = 3
    spread: tuple[float, float] = (0.8, 0.12)
    idle_spread: float = 0.2
    standoff_m: float = 0.05
    behind_weight: float = 0.35
    trust_m: float = 0.06
    risk_weight: float = 0.1
    region_scale: float = REGION_SCALE
    outside_weight: float = 2.0
    margin_m: float = 0.01
    apart_m: float = 0.05
    apart_weight: float = 4.0

    def population(self, iteration: int) -> int:
        """Candidates of an iteration, 0 the first."""
        return min(self.samples, max(round(self.samples / self.decay**iteration), 2 * self.elites))


@dataclass(frozen=True)
class Goals:
    """Goal tensors of one plan; a weight of zero switches a goal off.

    Args:
        poses: (K, 7); weights (K,).
        joints: (J,), weight (1,).
        code: (D,), weight (1,).
        hands: (T,) how much each fingertip counts as the one that pushes; None where the first one does.
    """

    poses: Tensor | None
    weights: Tensor | None
    joints: Tensor
    joints_weight: Tensor
    code: Tensor | None
    code_weight: Tensor | None
    hands: Tensor | None = None


class Planned(NamedTuple):
    """Outcome of a plan.

    Args:
        chunk: (H, C) chosen, states (H, S) that it leads to, cost (1,).
        candidates: (N', H, C) of the last iteration, futures (N', H, S) their states.
    """

    chunk: Tensor
    states: Tensor
    cost: Tensor
    candidates: Tensor
    futures: Tensor


class Planner(nn.Module):
    """Plans with a model.

    Args:
        model: the dynamics and heads.
        config: settings.
        fingers: T targets that are fingertips. objects: indices of targets that are objects.
        joints: reads joint positions from predicted senses.
    """

    def __init__(
        self,
        model: Dynamics,
        config: PlanConfig,
        fingers: list[Finger],
        objects: list[int],
        joints: JointReader,
    ) -> None:
        super().__init__()
        self.model, self.config = model, config
        self.fingers, self.objects, self.joints = fingers, objects, joints
        self.late: Tensor
        self.register_buffer("late", torch.linspace(0.3, 1.0, config.horizon))

    def cost(self, states: Tensor, goals: Goals) -> Tensor:
        """Imagined states (N, H, S) -> cost of each candidate (N,). Late steps count more."""
        n, horizon, size = states.shape
        flat = states.reshape(n * horizon, size)
        cost = torch.zeros_like(states[..., 0])
        if goals.poses is not None and goals.weights is not None:
            positions = self.model.positions(flat).reshape(n, horizon, -1, 3)
            radius = self.config.region_scale * self.model.sigmas(states).mean(-1)  # (N, H, K)
            for k in range(positions.shape[2]):
                goal, weight = goals.poses[k, :3], goals.weights[k]
                each = reach_cost(positions[:, :, k], goal)
                if k in self.objects and self.fingers:
                    each = each + self.config.behind_weight * self._behind(positions, k, goal, goals.hands)
                cost = cost + weight * trusted_cost(each, radius[:, :, k], self.config.trust_m, self.config.risk_weight)
            cost = cost + goals.weights.amax(0) * self._trespass(positions)
        total = (cost * self.late).sum(1)
        last = states[:, -1]  # what a whole body or a whole picture shall be like, it shall be like at the end
        joints = self.joints(self.model.senses(last))
        total = total + horizon * goals.joints_weight * ((joints - goals.joints) ** 2).mean(-1)
        if goals.code is not None and goals.code_weight is not None:
            code = self.model.code_head(last)
            total = total + horizon * goals.code_weight * ((code - goals.code) ** 2).mean(-1)
        return total

    def _behind(self, positions: Tensor, k: int, goal: Tensor, hands: Tensor | None) -> Tensor:
        """`behind_cost` (N, H) of the hand that pushes object k, of targets at (N, H, K, 3)."""
        config, pushed = self.config, positions[:, :, k]
        if hands is None:
            return behind_cost(positions[:, :, self.fingers[0].target], pushed, goal, config.standoff_m)
        each = [behind_cost(positions[:, :, f.target], pushed, goal, config.standoff_m) for f in self.fingers]
        return (torch.stack(each, -1) * hands).sum(-1)

    def _trespass(self, positions: Tensor) -> Tensor:
        """What it costs (N, H) that fingertips leave their workspaces, or come to another's side."""
        config = self.config
        cost = torch.zeros_like(positions[:, :, 0, 0])
        for finger in self.fingers:
            if finger.axes:
                place = positions[:, :, finger.target][..., list(finger.axes)]
                low, high = (place.new_tensor(ends) for ends in (finger.low, finger.high))
                cost = cost + config.outside_weight * outside_cost(place, low, high, config.margin_m)
        for first, second, side in pairs(self.fingers):
            one, other = (positions[:, :, self.fingers[f].target][..., :2] for f in (first, second))
            cost = cost + config.apart_weight * apart_cost(one, other, one.new_tensor(side), config.apart_m)
        return cost

    def forward(self, memory: Tensor, goals: Goals, low: Tensor, high: Tensor, warm: Tensor, noise: Tensor) -> Planned:
        """Plan from a belief.

        Args:
            memory: (S,).
            goals: what to reach.
            low, high: bounds of the action at each step, (H, C).
            warm: mean to start from, (H, C).
            noise: coloured, unit variance, (I, N, H, C); a smaller population takes the first of it.
        """
        config = self.config
        reach = 0.5 * (high - low)
        reach = reach * self._busy(goals, low)
        mean, std = warm, config.spread[0] * reach
        kept = self._proposals(memory, goals, low, high, warm)
        newest: Planned | None = None
        for i in range(config.iterations):
            drawn = noise[i, : config.population(i) - kept.shape[0]] * std + mean
            candidates = torch.maximum(torch.minimum(torch.cat([kept, drawn]), high), low)
            states = self.model.imagine(memory, candidates)
            cost = self.cost(states, goals)
            _, order = torch.topk(-cost, config.elites)
            elites = candidates[order]
            mean = elites.mean(0)
            std = torch.maximum(elites.std(0), config.spread[1] * reach)
            kept = elites[: config.keep]
            # The kept elites are candidates again, so the newest best is never worse than the one before.
            newest = Planned(elites[0], states[order[0]], cost[order[:1]], candidates, states)
        assert newest is not None
        return newest

    def _busy(self, goals: Goals, like: Tensor) -> Tensor:
        """How much of the noise each column (C,) of the action gets: little where a hand has nothing to do.

        A search through what two hands may do at once is far longer than one through what one hand may.
        """
        share = torch.ones_like(like[0])
        if goals.hands is None or goals.weights is None:
            return share
        for number, finger in enumerate(self.fingers):
            idle = (goals.weights[finger.target] < 0.5) & (goals.hands[number] < 0.5) & (goals.hands.amax(0) > 0.5)
            share[finger.part] = torch.where(idle, self.config.idle_spread, 1.0)
        return share

    def _proposals(self, memory: Tensor, goals: Goals, low: Tensor, high: Tensor, warm: Tensor) -> Tensor:
        """Candidates worth trying before any noise: last plan, standing still, straight to what fingertips have for
        goals, where there are several also that with the others as in the last plan, and for each a push."""
        proposals = [warm, torch.zeros_like(warm)]
        moved = [finger for finger in self.fingers if finger.axes]
        if goals.poses is not None and goals.weights is not None and moved:
            now = self.model.positions(memory[None])[0]
            straight, joined = torch.zeros_like(warm), warm
            for finger in moved:
                k, part = finger.target, finger.part
                way = self._straight((goals.poses[k, :3] - now[k])[list(finger.axes)], low[:, part], high[:, part])
                wanted = torch.ones_like(low[0, 0]) if len(moved) == 1 else (goals.weights[k] > 0).to(low.dtype)
                straight = _with_part(straight, part, wanted * way)
                joined = _with_part(joined, part, wanted * way + (1.0 - wanted) * warm[:, part])
            proposals += [straight] if len(moved) == 1 else [straight, joined]
            proposals += [self._push(finger, goals.poses, goals.weights, now, low, high, straight) for finger in moved]
        return torch.stack(proposals)

    def _push(
        self, finger: Finger, poses: Tensor, weights: Tensor, now: Tensor, low: Tensor, high: Tensor, others: Tensor
    ) -> Tensor:
        """Chunk (H, C) in which a finger pushes the object that has a goal; without such a goal all of ``others``."""
        if not self.objects or not {0, 1} <= set(finger.axes):
            return others
        weight = weights[self.objects]
        share = (weight / weight.sum().clamp(min=1e-6))[:, None]
        item, goal = ((share * places[self.objects][:, :2]).sum(0) for places in (now, poses))
        step = 0.5 * (high - low)[:, finger.part].amax((0, 1))
        way = push_way(now[finger.target, :2], item, goal, self.config.standoff_m, step, low.shape[0])
        zero = torch.zeros_like(way[:, :1])
        columns = [way[:, axis : axis + 1] if axis < 2 else zero for axis in finger.axes]
        chunk = torch.maximum(torch.minimum(torch.cat(columns, 1), high[:, finger.part]), low[:, finger.part])
        return torch.where(weight.sum() > 0.0, _with_part(others, finger.part, chunk), others)

    def _straight(self, left: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Chunk (H, C) that covers ``left`` (C,) as fast as the bounds allow, the same share on every axis a tick."""
        room = torch.where(left > 0, high, -low).clamp(min=0.0)
        share = (room / (left.abs() + 1e-6)).amin(1)  # of the whole way, that each tick has room for
        gone = share.cumsum(0)
        taken = gone.clamp(max=1.0) - (gone - share).clamp(max=1.0)
        return torch.maximum(torch.minimum(left * taken[:, None], high), low)


def _with_part(whole: Tensor, part: slice, value: Tensor) -> Tensor:
    """A chunk (H, C) with other columns in one place."""
    return torch.cat([whole[:, : part.start], value, whole[:, part.stop :]], 1)


class JointReader(nn.Module):
    """Predicted senses -> joint positions (N, J) in contract order, rad or m."""

    def __init__(self, columns: list[tuple[str, int]]) -> None:
        super().__init__()
        self.columns = columns  # for each joint: its stream and the column of its position in the flat array

    def forward(self, senses: dict[str, Tensor]) -> Tensor:
        return torch.stack([senses[name][:, column] for name, column in self.columns], 1)
