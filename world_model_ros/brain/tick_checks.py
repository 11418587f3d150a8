"""Validates what a program passes to a brain (observation, actions, memory, tensors); each error names the field."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from world_model_ros.brain.decision import Memory
from world_model_ros.bundle.manifest import Manifest
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.joint_ranges import JointRanges
from world_model_ros.contract.senses import DepthStream
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.checks import finite, numbers, whole, whole_ns, within
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation
from world_model_ros.goals.pursuit import Pursuit, PushProgress

MOST = 1e9  # in the unit of a sense; what is larger was never measured
_MOST_APPLIED = 100.0  # times the bounds of an action: persons and planners may move the robot faster than plans do
_MOST_STEPS = 1e3


def check_observation(observation: object, contract: Contract, manifest: Manifest, ranges: JointRanges) -> None:
    """`UserError` of what is no observation of the streams of a model; ``ranges`` are those of its joints."""
    if not isinstance(observation, Observation):
        raise UserError("observation", observation, "an Observation")
    whole_ns("observation: now_ns", observation.now_ns)
    for field in ("values", "stamps_ns", "fresh"):
        if not isinstance(getattr(observation, field), Mapping):
            raise UserError(f"observation: {field}", getattr(observation, field), "a mapping by the names of streams")
        for name in getattr(observation, field):
            if name not in manifest.streams:
                raise UserError(f"observation: {field}", name, f"one of {list(manifest.streams)}")
    for name, stamp_ns in observation.stamps_ns.items():
        if whole_ns(f"observation: stamps_ns: {name}", stamp_ns) > observation.now_ns:
            legal = f"up to now_ns, {observation.now_ns}: no sample is from after the tick"
            raise UserError(f"observation: stamps_ns: {name}", stamp_ns, legal)
    for name in manifest.streams:
        if name not in observation.fresh:
            streams = list(manifest.streams)
            raise UserError("observation: fresh", sorted(observation.fresh), f"an entry for each of {streams}")
        fresh = observation.fresh[name]
        if not isinstance(fresh, bool | np.bool_):
            raise UserError(f"observation: fresh: {name}", fresh, "True or False")
        if fresh and name not in observation.values:
            raise UserError("observation: values", sorted(observation.values), f"{name} too, which is fresh")
        if fresh:
            _check_sense(name, observation.values[name], isinstance(contract.stream(name), DepthStream), ranges)


def _check_sense(name: str, value: object, gaps: bool, ranges: JointRanges) -> None:
    """`UserError` of numbers that no sensor measures; with ``gaps`` NaN is where nothing was measured."""
    found = numbers(value)
    if found is None:
        return  # the graph says which shape and type it takes
    wrong = ~(np.abs(found) <= MOST) & ~(gaps & np.isnan(found))
    if wrong.any():
        legal = f"numbers from {-MOST:g} to {MOST:g}" + (", NaN where nothing was measured" if gaps else "")
        raise UserError(f"observation: values: {name}", float(found[wrong][0]), legal)
    ranges.check(name, found, f"observation: values: {name}")


def check_places(contract: Contract, applied: Floats | None, reference: Float | None, ranges: JointRanges) -> None:
    """`UserError` of finite numbers of the right shape that no robot was commanded.

    Args:
        applied: (C,) action. reference: (J,) commanded joint positions. ranges: of the contract's joints.
    """
    if applied is not None:
        check_actions("applied", applied, contract)
    if reference is not None:
        ranges.check_commanded(reference, "reference")


def check_actions(field: str, actions: object, contract: Contract) -> None:
    """`UserError` of finite numbers (..., C) that are no actions of a robot, as in another unit."""
    found, most = np.asarray(actions, np.float64), _MOST_APPLIED * np.array(contract.interface.action.bounds)
    over = np.argwhere(np.abs(found) > most)
    if len(over):
        at = over[0].tolist()
        value, end = float(found[tuple(at)]), most[at[-1]]
        raise UserError(f"{field}{at}", value, f"a number from {-end:g} to {end:g}")


def check_memory(memory: object, like: Memory) -> None:
    """`UserError` of what no tick handed on; ``like`` is the memory of a brain that knows nothing yet."""
    if not isinstance(memory, Memory):
        raise UserError("memory", memory, "a Memory, of Brain.start or of the tick before")
    check_tensor("memory: belief", memory.belief, like.belief)
    check_tensor("memory: warm", memory.warm, like.warm)
    if not isinstance(memory.fresh_start, bool):
        raise UserError("memory: fresh_start", memory.fresh_start, "True or False")
    within("memory: reach", memory.reach, 0.0, 1.0)
    within("memory: since", memory.since, 1.0 / _MOST_STEPS, _MOST_STEPS)
    whole_ns("memory: planned_for", memory.planned_for)
    if memory.age is not None:
        whole("memory: age", memory.age)
    if not (memory.pursuit is None or isinstance(memory.pursuit, Pursuit)):
        raise UserError("memory: pursuit", memory.pursuit, "a Pursuit, or None")
    if not (memory.progress is None or isinstance(memory.progress, PushProgress)):
        raise UserError("memory: progress", memory.progress, "a PushProgress, or None")
    if not isinstance(memory.past, tuple | list):
        raise UserError("memory: past", memory.past, "pairs of a belief and an action")
    for pair in memory.past:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UserError("memory: past", pair, "pairs of a belief and an action")
        check_tensor("memory: past: belief", pair[0], like.belief)
        finite("memory: past: action", pair[1], *like.warm.shape[1:])


def check_tensor(field: str, value: object, like: Floats) -> None:
    """`UserError` of what a graph cannot take for ``like``, or of numbers that no model makes."""
    found = finite(field, value, *like.shape)
    kind = getattr(value, "dtype", type(value).__name__)
    if kind != like.dtype:
        raise UserError(field, str(kind), f"{like.dtype} ({', '.join(map(str, like.shape))})")
    if not np.abs(found).max(initial=0.0) <= MOST:
        raise UserError(field, float(found.flat[np.abs(found).argmax()]), f"numbers from {-MOST:g} to {MOST:g}")
