"""Objectives: the cost of imagined futures, which a solver minimises; built in: goals, uncertainty and workspaces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from world_model_ros.contract.hands import sides
from world_model_ros.contract.schema import Interface
from world_model_ros.contract.senses import JointStream
from world_model_ros.planning.costs import apart_cost, behind_cost, outside_cost, reach_cost, trusted_cost
from world_model_ros.planning.dynamics import Dynamics
from world_model_ros.planning.named import class_named

REGION_SCALE = 2.5003  # radius of the 90 % ball of a 3-D Gaussian, in sigmas


@dataclass(frozen=True)
class Goals:
    """Goal tensors of one plan. A weight of zero switches a goal off.

    Args:
        poses: (K, 7), position in m and quaternion; None without targets.
        weights: (K,).
        joints: (J,) rad or m.
        joints_weight: (1,).
        codes: (V, D) of goal images by camera; None without one.
        code_weights: (V,).
        hands: (T,) how much each fingertip counts as the one that pushes; None where the first one does.
    """

    poses: Tensor | None
    weights: Tensor | None
    joints: Tensor
    joints_weight: Tensor
    codes: Tensor | None
    code_weights: Tensor | None
    hands: Tensor | None = None


class Futures(NamedTuple):
    """Candidates and what they lead to.

    Args:
        actions: (N, H, C), m or rad a tick.
        states: (N, H, S), imagined.
    """

    actions: Tensor
    states: Tensor


class JointReader(nn.Module):
    """Reads joint positions (N, J), rad or m in contract order, from predicted senses.

    Args:
        columns: for each joint its stream, and the column of its position in that stream's flat array.
    """

    def __init__(self, columns: Sequence[tuple[str, int]]) -> None:
        super().__init__()
        self.columns = list(columns)

    @classmethod
    def of(cls, interface: Interface) -> JointReader:
        """Where each joint's position is among the predicted senses of a model for this interface."""
        columns: dict[str, tuple[str, int]] = {}
        for stream in interface.of(JointStream):
            for j, joint in enumerate(stream.joints):
                columns.setdefault(joint, (stream.name, j * len(stream.fields)))
        return cls([columns[joint.name] for joint in interface.joints if joint.name in columns])

    def forward(self, senses: dict[str, Tensor]) -> Tensor:
        return torch.stack([senses[name][:, column] for name, column in self.columns], 1)


class Objective(nn.Module, ABC):
    """Base of objectives. A subclass gives `forward`, and perhaps a frozen dataclass ``Config`` of its settings.

    Args:
        model: dynamics and heads.
        interface: of the contract that the model is made for.
        config: settings; those of ``Config`` without them.
    """

    @dataclass(frozen=True)
    class Config:
        """No settings."""

    def __init__(self, model: Dynamics, interface: Interface, config: object | None = None) -> None:
        super().__init__()
        self.model, self.interface = model, interface
        self.config = self.Config() if config is None else config

    @abstractmethod
    def forward(self, futures: Futures, goals: Goals) -> Tensor:
        """Cost of each candidate (N,); smaller is better."""


class GoalObjective(Objective):
    """Distance to the goals, late steps more than early ones, with a push from behind, as far as the model knows.

    With distance d, region radius r, trust t = min(1, trust_m / r) and late weights w(h) from 0.3 to 1:

    J = sum_h w(h) (sum_k weight_k (d_kh t_kh + risk_weight r_kh) + max_k weight_k trespass_h) + H (joints + code)
    """

    @dataclass(frozen=True)
    class Config:
        """Settings.

        Args:
            standoff_m: distance from which a fingertip pushes an object.
            behind_weight: weight of `behind_cost` relative to the object's distance.
            trust_m: a step ahead counts in full while its 90 % region reaches no further than this from the
                prediction, and less beyond: so the planner looks less far ahead where the model knows less.
            risk_weight: cost of a metre of that region, relative to the metres to the goal.
            region_scale: semi-axes of the 90 % region in units of sigma.
            outside_weight: cost of a metre that a fingertip is imagined beyond its workspace and ``margin_m``.
            margin_m: how far beyond its workspace a fingertip costs nothing.
            apart_m: how far hands keep to their own sides.
            apart_weight: cost of a metre less.
        """

        standoff_m: float = 0.05
        behind_weight: float = 0.35
        trust_m: float = 0.06
        risk_weight: float = 0.1
        region_scale: float = REGION_SCALE
        outside_weight: float = 2.0
        margin_m: float = 0.01
        apart_m: float = 0.05
        apart_weight: float = 4.0

    def __init__(self, model: Dynamics, interface: Interface, config: GoalObjective.Config | None = None) -> None:
        super().__init__(model, interface, config)
        self.config: GoalObjective.Config
        self.fingers = list(interface.fingertips)
        moved = [hand for hand in interface.fingertips.values() if hand.axes]
        self._areas = [(hand.target, list(hand.axes), hand.low.tolist(), hand.high.tolist()) for hand in moved]
        pairs = sides([hand.box for hand in moved])
        self._sides = [(moved[one].target, moved[other].target, side.tolist()) for one, other, side in pairs]
        self.objects = [k for k, target in enumerate(interface.targets) if target.kind == "object"]
        self.joints = JointReader.of(interface)

    def forward(self, futures: Futures, goals: Goals) -> Tensor:
        states = futures.states
        n, horizon, size = states.shape
        cost = torch.zeros_like(states[..., 0])
        if goals.poses is not None and goals.weights is not None:
            positions = self.model.positions(states.reshape(n * horizon, size)).reshape(n, horizon, -1, 3)
            radius = self.config.region_scale * self.model.sigmas(states).mean(-1)  # (N, H, K)
            for k in range(positions.shape[2]):
                goal, weight = goals.poses[k, :3], goals.weights[k]
                each = reach_cost(positions[:, :, k], goal)
                if k in self.objects and self.fingers:
                    each = each + self.config.behind_weight * self._behind(positions, k, goal, goals.hands)
                cost = cost + weight * trusted_cost(each, radius[:, :, k], self.config.trust_m, self.config.risk_weight)
            cost = cost + goals.weights.amax(0) * self._trespass(positions)
        late = [0.3 + 0.7 * h / max(horizon - 1, 1) for h in range(horizon)]  # by Python: a constant of any graph
        total = (cost * states.new_tensor(late)).sum(1)
        last = states[:, -1]  # a whole body or a whole picture counts at the end alone
        joints = self.joints(self.model.senses(last))
        total = total + horizon * goals.joints_weight * ((joints - goals.joints) ** 2).mean(-1)
        if goals.codes is not None and goals.code_weights is not None:
            code = self.model.code_head(last)  # of the first camera
            total = total + horizon * goals.code_weights[:1] * ((code - goals.codes[0]) ** 2).mean(-1)
        return total

    def _behind(self, positions: Tensor, k: int, goal: Tensor, hands: Tensor | None) -> Tensor:
        """`behind_cost` (N, H) of the hand that pushes object k, of targets at (N, H, K, 3)."""
        standoff_m, pushed = self.config.standoff_m, positions[:, :, k]
        if hands is None:
            return behind_cost(positions[:, :, self.fingers[0]], pushed, goal, standoff_m)
        each = [behind_cost(positions[:, :, finger], pushed, goal, standoff_m) for finger in self.fingers]
        return (torch.stack(each, -1) * hands).sum(-1)

    def _trespass(self, positions: Tensor) -> Tensor:
        """What it costs (N, H) that fingertips leave their workspaces, or come to another's side."""
        config = self.config
        cost = torch.zeros_like(positions[:, :, 0, 0])
        for target, axes, *ends in self._areas:
            place = positions[:, :, target][..., axes]
            low, high = (place.new_tensor(end) for end in ends)
            cost = cost + config.outside_weight * outside_cost(place, low, high, config.margin_m)
        for first, second, side in self._sides:
            one, other = (positions[:, :, target][..., :2] for target in (first, second))
            cost = cost + config.apart_weight * apart_cost(one, other, one.new_tensor(side), config.apart_m)
        return cost


OBJECTIVES: dict[str, type[Objective]] = {"goal": GoalObjective}
"""Objectives by name. Any other is named ``module:Class``."""


def objective_named(name: str) -> type[Objective]:
    """The objective of that name, or the class that ``module:Class`` names; `UserError` if there is none."""
    return class_named("objective", name, OBJECTIVES, Objective)
