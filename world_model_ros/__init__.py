"""A world-model brain for ROS 2 robots: sees, hears, feels, imagines, plans, behind a gate.

Everything that a program needs is a name of this package (``import world_model_ros as wm``), loaded when it is first
used: PyTorch comes with `train`, `export` and what is theirs, and with nothing else. See ``docs/python.md``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PLACES = {
    "bags.reader": ("BagReader", "Topic"),
    "bags.replay": ("Replay", "ReplayOptions", "replay"),
    "bags.ticks": ("BagTicks", "Tick"),
    "contract.contract": ("Contract", "load_contract"),
    "core.errors": ("UserError",),
    "core.goal": ("Goal", "PoseGoal"),
    "core.streams": ("Observation",),
    "core.trajectory": ("JointLimits", "Trajectory"),
    "learning.bundle_writer": ("write_bundle",),
    "learning.config": ("TrainConfig",),
    "learning.publish": ("export",),
    "learning.train_on_bags": ("train",),
    "planning.objective": ("Futures", "Goals", "Objective"),
    "planning.planner": ("PlanConfig",),
    "planning.solver": ("Planned", "Search", "Solver"),
    "runtime.brain": ("Brain",),
    "runtime.bundle": ("Bundle", "load_bundle"),
    "runtime.decision": ("Decision", "Decoded", "Imagined", "Memory"),
    "runtime.manifest": ("Manifest", "Sizes"),
    "safety.build": ("gate_for",),
    "safety.gate": ("Gate",),
    "safety.output": ("GateOutput",),
    "safety.states": ("State",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

if TYPE_CHECKING:
    from world_model_ros.bags.reader import BagReader, Topic
    from world_model_ros.bags.replay import Replay, ReplayOptions, replay
    from world_model_ros.bags.ticks import BagTicks, Tick
    from world_model_ros.contract.contract import Contract, load_contract
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.goal import Goal, PoseGoal
    from world_model_ros.core.streams import Observation
    from world_model_ros.core.trajectory import JointLimits, Trajectory
    from world_model_ros.learning.bundle_writer import write_bundle
    from world_model_ros.learning.config import TrainConfig
    from world_model_ros.learning.publish import export
    from world_model_ros.learning.train_on_bags import train
    from world_model_ros.planning.objective import Futures, Goals, Objective
    from world_model_ros.planning.planner import PlanConfig
    from world_model_ros.planning.solver import Planned, Search, Solver
    from world_model_ros.runtime.brain import Brain
    from world_model_ros.runtime.bundle import Bundle, load_bundle
    from world_model_ros.runtime.decision import Decision, Decoded, Imagined, Memory
    from world_model_ros.runtime.manifest import Manifest, Sizes
    from world_model_ros.safety.build import gate_for
    from world_model_ros.safety.gate import Gate
    from world_model_ros.safety.output import GateOutput
    from world_model_ros.safety.states import State

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
    "__version__",
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
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
