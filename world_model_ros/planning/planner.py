"""The planner: proposals, a solver and an objective around a world model, so that one call is one plan.

Exists to be exported: the whole search is one ONNX graph. Each of the four parts is replaced on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

from torch import Tensor, nn

from world_model_ros.contract.schema import Interface
from world_model_ros.core.checks import like, whole
from world_model_ros.core.errors import UserError
from world_model_ros.planning.dynamics import Dynamics
from world_model_ros.planning.objective import Futures, GoalObjective, Goals, objective_named
from world_model_ros.planning.proposals import GoalProposals, Proposals
from world_model_ros.planning.solver import ICEM, Planned, Search, Solver, solver_named


@dataclass(frozen=True)
class PlanConfig:
    """Settings of a planner.

    Args:
        horizon: ticks ahead, H.
        solver: name of the solver, see `solver.SOLVERS`, or ``module:Class``.
        search: its settings, of its class ``Config``.
        objective: name of the objective, see `objective.OBJECTIVES`, or ``module:Class``.
        cost: its settings, of its class ``Config``.
        proposals: settings of the proposals.
    """

    horizon: int = 12
    solver: str = "icem"
    search: Solver.Config = field(default_factory=ICEM.Config)
    objective: str = "goal"
    cost: Any = field(default_factory=GoalObjective.Config)
    proposals: GoalProposals.Config = field(default_factory=GoalProposals.Config)

    def __post_init__(self) -> None:
        whole("planner: horizon", self.horizon, 1)
        search, cost = solver_named(self.solver).Config, objective_named(self.objective).Config
        kinds = (("search", search), ("cost", cost), ("proposals", GoalProposals.Config))
        for name, kind in kinds:
            if not isinstance(getattr(self, name), kind):
                raise UserError(f"planner: {name}", getattr(self, name), f"a {kind.__qualname__}")

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> PlanConfig:
        """Settings as a manifest has them; see `as_dict`. Those that no part has are left out.

        Raises:
            UserError: a part is missing, or no solver or objective is named so.
        """
        if not isinstance(told, Mapping) or not {each.name for each in fields(cls)} <= told.keys():
            raise UserError("planner", told, f"settings of each of {[each.name for each in fields(cls)]}")
        solver, objective = told["solver"], told["objective"]
        return cls(
            told["horizon"],
            solver,
            _filled(solver_named(solver).Config, told["search"]),
            objective,
            _filled(objective_named(objective).Config, told["cost"]),
            _filled(GoalProposals.Config, told["proposals"]),
        )

    def as_dict(self) -> dict[str, Any]:
        """Settings of each part under its name."""
        return asdict(self)

    def but(self, **changes: Any) -> PlanConfig:
        """These settings with some changed: ``solver`` and ``objective`` by name, any other in the part that has it.

        A part that is replaced by another starts from that one's own settings.

        Raises:
            UserError: no part has a setting of that name, or no solver or objective is named so.
        """
        config = self
        if "horizon" in changes:
            config = replace(config, horizon=whole("planner: horizon", changes.pop("horizon"), 1))
        if (solver := changes.pop("solver", self.solver)) != self.solver:
            old = self.search
            search = solver_named(solver).Config(old.samples, old.iterations)
            config = replace(config, solver=solver, search=search)
        if (objective := changes.pop("objective", self.objective)) != self.objective:
            config = replace(config, objective=objective, cost=objective_named(objective).Config())
        parts = {part: getattr(config, part) for part in ("search", "cost", "proposals")}
        for name, value in changes.items():
            holders = [part for part, settings in parts.items() if name in _names(settings)]
            if not holders:
                legal = sorted({each for settings in parts.values() for each in _names(settings)})
                raise UserError("planner", name, f"one of {legal}")
            for part in holders:
                like(f"planner: {name}", value, getattr(parts[part], name))
                if name in ("samples", "iterations"):
                    whole(f"planner: {name}", value, 1)
                parts[part] = replace(parts[part], **{name: value})
        return replace(config, **parts)


def _filled(config: type[Any], told: Mapping[str, Any]) -> Any:
    known = {each.name for each in fields(config)}
    return config(**{name: _frozen(value) for name, value in told.items() if name in known})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _names(settings: Any) -> list[str]:
    return [each.name for each in fields(settings)] if is_dataclass(settings) else []


class Planner(nn.Module):
    """Plans with a model.

    Args:
        model: dynamics and heads.
        interface: of the contract that the model is made for.
        config: settings.
    """

    def __init__(self, model: Dynamics, interface: Interface, config: PlanConfig | None = None) -> None:
        super().__init__()
        self.model, self.config = model, config or PlanConfig()
        self.proposals: Proposals = GoalProposals(model, interface, self.config.proposals)
        self.solver = solver_named(self.config.solver)(self.config.search)
        self.objective = objective_named(self.config.objective)(model, interface, self.config.cost)

    def forward(self, memory: Tensor, goals: Goals, low: Tensor, high: Tensor, warm: Tensor, noise: Tensor) -> Planned:
        """Plan from a belief.

        Args:
            memory: (S,).
            goals: what to reach.
            low: (H, C) lower bounds of the action at each step.
            high: (H, C) upper bounds.
            warm: (H, C) mean to start from.
            noise: (I, N, H, C), coloured, of unit variance.
        """

        def evaluate(candidates: Tensor) -> tuple[Tensor, Tensor]:
            states = self.model.imagine(memory, candidates)
            return states, self.objective(Futures(candidates, states), goals)

        reach = 0.5 * (high - low) * self.proposals.share(goals, low)
        proposed = self.proposals(memory, goals, low, high, warm)
        planned: Planned = self.solver(evaluate, Search(proposed, warm, reach, low, high, noise))
        return planned
