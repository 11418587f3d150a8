"""Lets a brain watch bags, and compares what it forecasts from many ticks with what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.episode import target_poses, target_values
from world_model_ros.bags.align.ticks import BagTicks, Tick
from world_model_ros.bags.replay.horizon_errors import frame_errors, target_errors
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision, Imagined, Memory
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.brain_recipe import BrainRecipe
from world_model_ros.kinematics.motion import motion_if_any

SETTLE_TICKS = 5  # a belief is judged once it has seen this much
_LINEAR_TICKS = 2  # what "goes on as it went" is extrapolated from


@dataclass(frozen=True)
class Forecast:
    """Errors of one imagination, by step ahead; H steps. NaN where the truth is not known.

    Args:
        signal: a target, ``joints`` or the camera.
        model: error of the model, (H,): m for a target, mean over joints in rad, dB (peak signal to noise) for frames.
        copy_last: of assuming that everything stays as it is; linear: that it goes on as in the last two ticks.
        commanded: of assuming that joints do exactly what is commanded from now on; NaN where that says nothing.
        travel: how far the target really went in the H steps, m; 0 for other signals.
        inside: 1 where the 90 % region held the truth, 0 where not, (H,); None for other signals than targets.
        sigma: what the model itself expected to be off, (H,), m; None likewise.
        unit: of a target.
    """

    signal: str
    model: Float
    copy_last: Float
    linear: Float
    commanded: Float
    travel: float = 0.0
    inside: Float | None = None
    sigma: Float | None = None
    unit: str = "m"


@dataclass(frozen=True)
class ForecastJob:
    """One bag, with the arguments of `forecasts`; travels to another process."""

    bag: Path
    brain: BrainRecipe
    stride: int = 3
    shuffled: bool = False
    frames: bool = True

    def run(self) -> list[Forecast]:
        return forecasts(self.bag, *self.brain.make(), self.stride, self.shuffled, self.frames)

    def tried(self) -> list[Forecast] | UserError:
        """As `run`; what is wrong with a bag comes back, so that it costs that bag alone."""
        try:
            return self.run()
        except UserError as error:
            return error


def forecasts(
    bag: Path, contract: Contract, brain: Brain, stride: int = 3, shuffled: bool = False, frames: bool = True
) -> list[Forecast]:
    """Watch a bag, and from every ``stride``-th tick imagine what the executed actions lead to.

    Args:
        bag: folder or file.
        contract: of its robot.
        brain: made for the contract; policy ``watch`` is enough.
        stride: ticks between two imaginations.
        shuffled: imagine under the actions of another moment of the bag, half of it away: a control.
        frames: decode and score frames too.

    Raises:
        UserError: no such bag, or a required stream is not in it.
    """
    seen = watch(bag, contract, brain)
    ticks, applied, memories = seen.ticks, seen.applied, seen.memories
    horizon = brain.bundle.manifest.horizon
    places = target_poses(ticks, contract, motion_if_any(contract))[..., :3].astype(np.float64)
    values = target_values(ticks, contract).astype(np.float64)
    found: list[Forecast] = []
    starts = range(SETTLE_TICKS, len(ticks) - horizon, stride)
    for i, t in enumerate(starts):
        acts = starts[(i + len(starts) // 2) % len(starts)] if shuffled else t
        imagined = brain.imagine_executed(memories[t], np.stack(applied[acts + 1 : acts + 1 + horizon])[None])
        past, coming = ticks[t - _LINEAR_TICKS : t + 1], ticks[t + 1 : t + 1 + horizon]
        when = slice(t - _LINEAR_TICKS, t + 1 + horizon)
        found += _targets(contract, brain, imagined, places[when], values[when])
        found += _joints(contract, imagined, past, coming, np.stack(applied[t + 1 : t + 1 + horizon]))
        if frames:
            found += _frames(contract, brain, imagined, past[-1], coming)
    return found


@dataclass(frozen=True)
class Watched:
    """A bag as a brain saw it; one entry a tick.

    Args:
        applied: (C,) action that was applied before each tick.
        memories, decisions: after each.
    """

    ticks: list[Tick]
    applied: list[NDArray[np.float32]]
    memories: list[Memory]
    decisions: list[Decision]


def watch(bag: Path, contract: Contract, brain: Brain) -> Watched:
    """Let a brain watch a bag, without a goal.

    Raises:
        UserError: no such bag, or a required stream is not in it or never fresh.
    """
    session = BrainSession(brain)
    out = Watched([], [], [], [])
    with BagReader(bag) as reader:
        source = BagTicks(reader, contract)
        for tick in source:
            if tick.jumped:
                session.restart()
            done = session.step(session.inputs(tick.observation, tick.reference, applied=tick.applied))
            out.ticks.append(tick)
            out.applied.append(done.inputs.applied)
            out.memories.append(done.memory)
            out.decisions.append(done.decision)
    for each in contract.deployment.streams if out.ticks else ():
        if each.required and not any(tick.observation.fresh[each.name] for tick in out.ticks):
            why = source.counts[each.name].why or "none is fresh at a tick, or none has a joint of the contract"
            legal = f"messages that fit the contract {contract.name} ({why}); world-model check --bag says more"
            raise UserError(f"{bag.name}: {each.topic}", "messages that do not fit", legal)
    return out


def _targets(contract: Contract, brain: Brain, imagined: Imagined, places: Float, values: Float) -> list[Forecast]:
    """``places``: (ticks, K, 3) from the first tick that is extrapolated from to the end of the horizon; ``values``:
    (ticks, K)."""
    scale = brain.bundle.manifest.calibration.region_scale
    found = []
    for k, target in enumerate(contract.interface.targets):
        way = imagined.way(k, target)
        if way is None:
            continue
        real = values[:, k, None] if target.kind == "articulated" else places[:, k]
        past, truth = real[: _LINEAR_TICKS + 1], real[_LINEAR_TICKS + 1 :]
        guess, sigma = (each[0].astype(np.float64) for each in way)
        errors = target_errors(guess, truth, past[-1], sigma * scale)
        known = ~np.isnan(truth).any(-1)
        if not known.any():
            continue
        found.append(
            Forecast(
                target.name,
                errors.model,
                errors.copy_last,
                np.linalg.norm(_extrapolated(past, len(truth)) - truth, axis=-1),
                np.full(len(truth), np.nan),
                travel=float(np.linalg.norm(truth[-1] - past[-1])),
                inside=np.where(known, np.asarray(errors.inside), np.nan),
                sigma=sigma.mean(-1),
                unit=target.measure,
            )
        )
    return found


def _joints(
    contract: Contract,
    imagined: Imagined,
    past: Sequence[Tick],
    coming: Sequence[Tick],
    executed: NDArray[np.float32],
) -> list[Forecast]:
    if imagined.joints is None:
        return []
    nothing = np.full(len(contract.joint_names), np.nan)

    def measured(tick: Tick) -> Float:
        found = measured_positions(tick.observation, contract)
        return nothing if found is None else found

    truth = np.stack([measured(tick) for tick in coming])
    radians = [joint.unit == "rad" for joint in contract.interface.joints]
    commanded = np.full_like(truth, np.nan)
    action = contract.interface.action
    if action.kind == "joint_displacement":
        columns = [contract.joint_names.index(name) for name in action.joints]
        commanded[:] = measured(past[-1])
        commanded[:, columns] += np.cumsum(executed, 0)
    error = {
        "commanded": commanded - truth,
        "model": imagined.joints[0] - truth,
        "copy_last": measured(past[-1]) - truth,
        "linear": _extrapolated([measured(tick) for tick in past], len(coming)) - truth,
    }
    return [Forecast("joints", **{kind: np.abs(value[:, radians]).mean(-1) for kind, value in error.items()})]


def _frames(contract: Contract, brain: Brain, imagined: Imagined, now: Tick, coming: Sequence[Tick]) -> list[Forecast]:
    camera = first_camera(contract.interface)
    if camera is None or not now.observation.fresh[camera.name]:
        return []
    reference = np.asarray(now.observation.values[camera.name], np.uint8)
    frames = brain.decode(imagined.states[0], reference).frames
    if frames is None:
        return []
    seen = [h for h, tick in enumerate(coming) if tick.observation.fresh[camera.name]]
    real = [np.asarray(coming[h].observation.values[camera.name], np.uint8) for h in seen]
    errors, unknown = frame_errors([frames[h] for h in seen], real, reference), np.full(len(coming), np.nan)
    model, still = unknown.copy(), unknown.copy()
    model[seen], still[seen] = errors.model, errors.copy_last
    return [Forecast(camera.name, model, still, unknown, unknown)]


def _extrapolated(past: Sequence[Float] | Float, steps: int) -> Float:
    """What goes on as it went: (steps, n) after values (n,) at successive ticks."""
    slope = (past[-1] - past[0]) / (len(past) - 1)
    return past[-1] + np.arange(1, steps + 1)[:, None] * slope
