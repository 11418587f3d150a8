"""Trains a chunk model on a cache of bags, and writes it as a bundle, with settings of its planner."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from math import pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.manifest import Sizes as BundleSizes
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.contract.schema import Interface
from world_model_ros.core.errors import UserError
from world_model_ros.learning.behaviour.chunk_belief import ChunkBelief
from world_model_ros.learning.behaviour.chunk_calibration import calibrate, calibrated_belief
from world_model_ros.learning.behaviour.chunk_graphs import ChunkPerceive, ChunkPlan, ChunkRollout
from world_model_ros.learning.behaviour.chunk_model import MOST_AHEAD, ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.chunk_training import ChunkConfig, fit_statistics, train_chunks
from world_model_ros.learning.behaviour.play_data import Play, exchanged
from world_model_ros.learning.behaviour.state.forward_kinematics import ForwardKinematics
from world_model_ros.learning.behaviour.state.layout import StateLayout
from world_model_ros.learning.behaviour.state.state_reader import StateReader
from world_model_ros.learning.data.cache import Cache, open_cache
from world_model_ros.learning.export.bundle_writer import write_bundle
from world_model_ros.planning.chunk_beam import ChunkBeam, ChunkSample, ChunkSearch
from world_model_ros.planning.solver import solver_named

BEAM, BEHAVIOUR = "beam", "behaviour"  # solvers, beside those that search freely
_CANDIDATES = 8  # that a rollout takes at a time


@dataclass(frozen=True)
class BeamConfig:
    """Settings of a plan.

    Args:
        samples: chunks a macro step, a multiple of ``spread``.
        macro_steps: how many of them are looked ahead. The plan before competes from two on.
        spread: new chunks for each future that is kept.
        every: ticks between two plans, at most those of a chunk; 0: as many. Plans made anew in a chunk waver.
        noise: size of the noise that chunks are sampled from; under one, they are more usual.
        solver: ``beam``; ``behaviour``, which does not choose; or one of `solver_named`, which searches
            freely.
    """

    samples: int = 64
    macro_steps: int = 5
    spread: int = 4
    every: int = 0
    noise: float = 1.0
    solver: str = BEAM

    def but(self, **changes: Any) -> BeamConfig:
        """These settings with some changed. `UserError` of one that there is not, or that makes no sense."""
        legal = [each.name for each in fields(self)]
        for name in changes:
            if name not in legal:
                raise UserError("planner", name, f"one of {legal}, of a model that plans by chunks")
        changed = replace(self, **changes)
        if changed.solver not in (BEAM, BEHAVIOUR):
            solver_named(changed.solver, BEAM, BEHAVIOUR)
        for name in legal[:-1]:
            least = 0 if name in ("every", "noise") else 1
            if getattr(changed, name) < least:
                raise UserError(name, getattr(changed, name), f"{least} or more")
        if changed.samples < 12 or changed.samples % changed.spread:
            raise UserError("samples", changed.samples, f"12 or more, a multiple of {changed.spread}")
        return changed

    def require(self, chunk: int) -> None:
        """`UserError` of settings that do not go with chunks of so many ticks."""
        if self.every > chunk:
            raise UserError("every", self.every, f"1 to {chunk}, the ticks of a chunk")
        if self.macro_steps * chunk > MOST_AHEAD:
            raise UserError("macro_steps", self.macro_steps, f"1 to {MOST_AHEAD // chunk}")


def play_of(reader: StateReader, cache: Cache) -> Play:
    """States and actions of a cache; what was not fresh counts as it was before."""
    values = []
    for number, name in enumerate(reader.streams):
        told, fresh = np.asarray(cache.streams[name], np.float32), cache.fresh[:, number] > 0.5
        never = sum(not fresh[begin:end].any() for begin, end in pairwise(cache.begins.tolist()))
        if never:
            legal = "bags in which every stream of a model of chunks is fresh at some tick; leave the others out"
            raise UserError(f"bags: {name}", f"never fresh in {never} of {len(cache.begins) - 1}", legal)
        values.append(torch.from_numpy(told[_last_fresh(fresh, cache.begins)]))
    actions = np.zeros_like(cache.applied)
    actions[:-1] = cache.applied[1:]  # a cache says what led to a tick, this what was done from it on
    actions[cache.begins[1:] - 1] = 0.0
    return Play(reader.layout, reader(values), torch.from_numpy(actions), torch.from_numpy(np.array(cache.begins)))


def _last_fresh(fresh: NDArray[np.bool_], begins: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each tick the newest in its episode that was fresh, or the first that will be."""
    found = np.arange(len(fresh))
    for begin, end in pairwise(begins.tolist()):
        there = np.flatnonzero(fresh[begin:end])
        if len(there):
            newest = np.maximum.accumulate(np.where(fresh[begin:end], np.arange(end - begin), -1))
            found[begin:end] = begin + np.where(newest < 0, there[0], newest)
    return found


def tolerances(interface: Interface, layout: StateLayout, config: ChunkConfig) -> torch.Tensor:
    """How near to its goal each of `StateLayout.goal_parts` counts as there: m, the unit of something articulated, or
    of a yaw the length between cosine and sine. `UserError` of a tolerance for what no goal is given for."""
    found, own = [], dict(config.tolerances)
    named = {interface.targets[entry.target].name: entry for entry in layout.things if entry.target is not None}
    for name in own:
        if name not in named:
            raise UserError("tolerances", name, f"one of {sorted(named)}")
    for entry, _, yaw in layout.goal_parts():
        assert entry.target is not None
        target = interface.targets[entry.target]
        if yaw:
            found.append(2.0 * sin(0.5 * min(entry.fold * config.tolerance_turn_rad, pi)))
            continue
        by_unit = {"m": config.tolerance_m, "rad": config.tolerance_rad}
        usual = by_unit.get(target.unit, config.tolerance_share) if entry.scalar else config.tolerance_m
        found.append(own.get(target.name, config.tolerance_tip_m if entry.hand else usual))
    return torch.tensor(found)


def goals_of(interface: Interface, layout: StateLayout) -> dict[str, list[str]]:
    """What a model of chunks may be asked of each target, as manifests have it."""
    found = dict[str, list[str]]()
    for entry, _, yaw in layout.goal_parts():
        assert entry.target is not None
        asked = "value" if entry.scalar else "orientation" if yaw else "position"
        found.setdefault(interface.targets[entry.target].name, []).append(asked)
    return found


def train_on_cache(contract: Contract, cache: Cache, out: Path, config: ChunkConfig) -> ChunkModel:
    """Train a chunk model, and go on where an earlier run in ``out`` was interrupted.

    Raises:
        UserError: targets are not reported by streams, or there is too little data.
    """
    interface = contract.interface
    reader = StateReader(contract, yaw_goals=config.yaw_goals)
    layout, play = reader.layout, play_of(reader, cache)
    trained = torch.from_numpy(np.flatnonzero(cache.trained))
    if not len(play.starts(trained, config.chunk)):
        raise UserError("bags", int(cache.trained.sum()), f"training episodes of more than {config.chunk} ticks")
    torch.manual_seed(config.seed)
    model = ChunkModel(layout, interface.action.size, config.sizes)
    play = replace(play, pool=play.ticks(trained))
    masks = torch.from_numpy(cache.validation), torch.from_numpy(cache.trained)
    for group in config.alike:
        play = exchanged(play, group)
        masks = masks[0].repeat(len(group)), masks[1].repeat(len(group))
    fit_statistics(model, play, torch.tensor(interface.action.bounds), torch.nonzero(masks[1])[:, 0])
    told = train_chunks(model, play, masks[0], tolerances(interface, layout, config), config, out, masks[1])
    about = {"kind": "chunks", "contract": contract.text, "sizes": asdict(config.sizes)}
    arms = {link: arm.arguments() for link, arm in reader.arms.items()}
    torch.save({**about, "weights": model.state_dict(), "arms": arms, "yaw_goals": config.yaw_goals}, out / "model.pt")
    told |= {"minutes": round(told["minutes"], 2)}
    (out / "train.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return model


def load_chunks(path: Path) -> tuple[ChunkModel, StateReader, Contract]:
    """A model, what reads states, and the contract, as `train_on_cache` wrote them."""
    told = torch.load(path, weights_only=True)
    contract = contract_from_text(told["contract"], str(path))
    arms = {link: ForwardKinematics(**arm) for link, arm in told.get("arms", {}).items()}
    reader = StateReader(contract, arms, told.get("yaw_goals", False))
    model = ChunkModel(reader.layout, contract.interface.action.size, ChunkSizes(**told["sizes"]))
    try:
        model.load_state_dict(told["weights"])
    except RuntimeError as error:
        raise UserError("weights", str(path), f"weights of this version ({' '.join(str(error).split())})") from error
    return model.eval(), reader, contract


def publish_chunks(
    run: Path, out: Path, name: str | None, planner: dict[str, Any], exporter: str | None = None
) -> Manifest:
    """Write the bundle of a run.

    Args:
        run: folder that `train_on_cache` wrote, with its cache.
        out: folder of the bundle.
        name: of the bundle; the robot's without it.
        planner: settings of `BeamConfig` that differ from the usual ones.
        exporter: see `learning.export.onnx_exporter.exporter_named`.
    """
    model, reader, contract = load_chunks(run / "model.pt")
    beam = BeamConfig().but(**planner)
    beam.require(model.chunk_ticks)
    for needed in ("train.json", "cache/cache.json"):
        if not (run / needed).is_file():
            raise UserError("run", str(run), f"a folder with {needed}, as `world-model train` writes it")
    told = json.loads((run / "train.json").read_text(encoding="utf-8"))
    horizon = beam.macro_steps * model.chunk_ticks
    cache = open_cache(contract, run / "cache", told["config"]["held_out"])
    play = play_of(reader, cache)
    held_out = torch.from_numpy(np.flatnonzero(cache.validation))
    calibration = calibrate(model, play, held_out, horizon)
    belief, held = calibrated_belief(model, play, held_out, horizon)
    provenance = {
        "training": told,
        "episodes": len(cache.begins) - 1,
        "ticks": len(cache.fresh),
        "held_out_episodes": int(np.sum(cache.validation)),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    return export_chunks(
        belief, reader, contract, out, name, beam, provenance, told["scores"], calibration | held, exporter
    )


def export_chunks(
    belief: ChunkBelief,
    reader: StateReader,
    contract: Contract,
    out: Path,
    name: str | None,
    beam: BeamConfig,
    provenance: dict[str, Any] | None = None,
    scores: dict[str, Any] | None = None,
    calibration: dict[str, Any] | None = None,
    exporter: str | None = None,
) -> Manifest:
    """Write a bundle of a model that is trained and calibrated."""
    interface, model = contract.interface, belief.model
    beam = replace(beam, every=beam.every or model.chunk_ticks)
    search: ChunkBeam | ChunkSample | ChunkSearch
    if beam.solver == BEAM:
        search = ChunkBeam(model, beam.samples, beam.macro_steps, beam.spread, beam.noise)
    elif beam.solver == BEHAVIOUR:
        search = ChunkSample(model, beam.samples, beam.macro_steps)
    else:
        solver = solver_named(beam.solver)
        search = ChunkSearch(model, solver(solver.Config(beam.samples, beam.macro_steps)))
    return write_bundle(
        out,
        contract,
        {
            "perceive": ChunkPerceive(belief, reader, interface),
            "rollout": ChunkRollout(belief, interface),
            "plan": ChunkPlan(belief, interface, search),
        },
        BundleSizes(
            state=belief.state,
            memory=belief.size,
            code=0,
            horizon=beam.macro_steps * model.chunk_ticks,
            candidates=beam.samples,
            iterations=beam.macro_steps,
        ),
        name,
        free={"candidates": _CANDIDATES},
        planner={"beta": 0.0 if beam.solver in (BEAM, BEHAVIOUR) else 2.0, "chunk": model.chunk_ticks, **asdict(beam)},
        provenance=provenance,
        scores=scores,
        calibration=calibration,
        goals=goals_of(interface, model.layout),
        exporter=exporter,
    )
