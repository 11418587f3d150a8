"""A brain for ROS 2 robots: a world model of all their senses, futures that it imagines, plans, and a safety gate.

Everything that a program needs is a name of this package (``import world_model_ros as wm``), loaded when it is first
used: PyTorch comes with `train`, `export` and what is theirs, and with nothing else. Where a package is not installed
that a name needs, a `UserError` says what brings it. See ``docs/python.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

_PLACES = {
    "bags.storage.reader": ("BagReader", "Topic"),
    "bags.replay.replay": ("Replay", "ReplayOptions", "replay"),
    "bags.align.ticks": ("BagTicks", "Tick"),
    "contract.contract": ("Contract", "load_contract"),
    "core.errors": ("UserError",),
    "core.goals.goal": ("Goal", "PoseGoal", "ValueGoal"),
    "core.streams": ("Observation",),
    "core.trajectory": ("JointLimits", "Trajectory"),
    "learning.export.bundle_writer": ("write_bundle",),
    "learning.training.config": ("TrainConfig",),
    "learning.export.publish": ("export",),
    "learning.training.train_on_bags": ("train",),
    "planning.objective": ("Futures", "Goals", "Objective"),
    "planning.planner": ("PlanConfig",),
    "planning.solver": ("Planned", "Search", "Solver"),
    "brain.brain": ("Brain",),
    "bundle.bundle": ("Bundle", "load_bundle"),
    "brain.decision": ("Decision", "Decoded", "Imagined", "Memory"),
    "bundle.manifest": ("Manifest", "Sizes"),
    "gate.factory": ("gate_for",),
    "gate.gate": ("Gate",),
    "gate.output": ("GateOutput",),
    "gate.states": ("State",),
    "goals.subgoal": ("check_goal",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

if TYPE_CHECKING:
    from world_model_ros.bags.align.ticks import BagTicks, Tick
    from world_model_ros.bags.replay.replay import Replay, ReplayOptions, replay
    from world_model_ros.bags.storage.reader import BagReader, Topic
    from world_model_ros.brain.brain import Brain
    from world_model_ros.brain.decision import Decision, Decoded, Imagined, Memory
    from world_model_ros.bundle.bundle import Bundle, load_bundle
    from world_model_ros.bundle.manifest import Manifest, Sizes
    from world_model_ros.contract.contract import Contract, load_contract
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
    from world_model_ros.core.streams import Observation
    from world_model_ros.core.trajectory import JointLimits, Trajectory
    from world_model_ros.gate.factory import gate_for
    from world_model_ros.gate.gate import Gate
    from world_model_ros.gate.output import GateOutput
    from world_model_ros.gate.states import State
    from world_model_ros.goals.subgoal import check_goal
    from world_model_ros.learning.export.bundle_writer import write_bundle
    from world_model_ros.learning.export.publish import export
    from world_model_ros.learning.training.config import TrainConfig
    from world_model_ros.learning.training.train_on_bags import train
    from world_model_ros.planning.objective import Futures, Goals, Objective
    from world_model_ros.planning.planner import PlanConfig
    from world_model_ros.planning.solver import Planned, Search, Solver

__all__ = [
    "BagReader",
    "BagTicks",
    "Brain",
    "Bundle",
    "Contract",
    "Decision",
    "Decoded",
    "Futures",
    "Gate",
    "GateOutput",
    "Goal",
    "Goals",
    "Imagined",
    "JointLimits",
    "Manifest",
    "Memory",
    "Objective",
    "Observation",
    "PlanConfig",
    "Planned",
    "PoseGoal",
    "Replay",
    "ReplayOptions",
    "Search",
    "Sizes",
    "Solver",
    "State",
    "Tick",
    "Topic",
    "TrainConfig",
    "Trajectory",
    "UserError",
    "ValueGoal",
    "__version__",
    "check_goal",
    "export",
    "gate_for",
    "load_bundle",
    "load_contract",
    "replay",
    "train",
    "write_bundle",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from world_model_ros.core.installation.missing import imported

    value = getattr(imported(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
