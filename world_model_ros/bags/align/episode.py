"""A recorded bag as arrays, one row per tick: samples, freshness, commanded joints, applied actions, target poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from world_model_ros.bags.align.ticks import BagTicks, Tick
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import Motion, motion_for


@dataclass(frozen=True)
class Episode:
    """T ticks of a bag; J joints, C action dimensions, K targets, streams in the contract's order.

    Args:
        now_ns: time of each tick, (T,) int64.
        streams: name -> (T, ...) in the shape and dtype of an observation; rows that are not fresh are zero and mean
            nothing.
        fresh: (T, streams) bool.
        stamps_ns: (T, streams) int64, stamp of the newest sample that was there, fresh or not; -1 where none.
        reference: (T, J) commanded joint positions, NaN where the bag does not say.
        applied: (T, C) float32, the action applied between tick t-1 and t; zero where nothing was commanded, so in
            row 0 always, unless the action is of free parts: then it is the newest message of that time.
        labels: (T, K, 7) float32 poses of the targets in the base frame, x y z in m and quaternion x y z w; NaN where
            unknown. A fingertip's comes from the measured joints.
        values: (T, K) float32, those of targets that are articulated; NaN where unknown, and of other targets.
        refused: messages that could not be read, by stream.
        recorded_late_s: how much later than their stamp messages are in the bag, mean by stream; streams of one robot
            differ by their clocks, and by what the way to the recorder took.
    """

    now_ns: NDArray[np.int64]
    streams: Mapping[str, NDArray[Any]]
    fresh: NDArray[np.bool_]
    stamps_ns: NDArray[np.int64]
    reference: NDArray[np.float64]
    applied: NDArray[np.float32]
    labels: NDArray[np.float32]
    values: NDArray[np.float32]
    refused: Mapping[str, int]
    recorded_late_s: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.now_ns)


def aligned_episode(path: str | Path, contract: Contract, names: Mapping[str, str] | None = None) -> Episode:
    """Run a bag through the streams of a contract and cut an observation at every tick.

    Args:
        names: topic in the bag -> topic of the contract.

    Raises:
        UserError: no such bag, a required stream is not in it or has another type, or it is shorter than a tick.
    """
    with BagReader(path, names) as bag:
        source = BagTicks(bag, contract)
        ticks = list(source)
    if not ticks:
        raise UserError("bag", str(path), "one in which all required streams overlap for a tick at least")
    streams = [stream.name for stream in contract.interface.streams]
    observations = [tick.observation for tick in ticks]
    reference = np.full((len(ticks), len(contract.joint_names)), np.nan)
    for row, tick in zip(reference, ticks):
        if tick.reference is not None:
            row[:] = tick.reference
    motion = None if contract.interface.action.free else motion_for(contract)
    return Episode(
        now_ns=np.array([each.now_ns for each in observations], np.int64),
        streams=MappingProxyType({name: _stacked(observations, name, contract) for name in streams}),
        fresh=np.array([[each.fresh[name] for name in streams] for each in observations], np.bool_),
        stamps_ns=np.array([[each.stamps_ns.get(name, -1) for name in streams] for each in observations], np.int64),
        reference=reference,
        applied=_applied(ticks, reference, contract, motion),
        labels=target_poses(ticks, contract, motion),
        values=target_values(ticks, contract),
        refused=dict(source.refused),
        recorded_late_s={name: count.mean_offset_s() for name, count in source.counts.items() if count.messages},
    )


def _stacked(observations: list[Observation], name: str, contract: Contract) -> NDArray[Any]:
    stream = contract.stream(name)
    rows = np.zeros((len(observations), *stream.shape), stream.dtype)
    for row, observation in zip(rows, observations):
        if observation.fresh[name]:
            row[...] = observation.values[name]
    return rows


def _applied(
    ticks: list[Tick], reference: NDArray[np.float64], contract: Contract, motion: Motion | None
) -> NDArray[np.float32]:
    applied = np.zeros((len(reference), contract.interface.action.size), np.float32)
    if motion is None:
        for row, tick in zip(applied, ticks):
            row[:] = tick.applied
        return applied
    for t in range(1, len(reference)):
        if np.isfinite(reference[t - 1 : t + 1]).all():
            applied[t] = motion.applied_action(reference[t - 1], reference[t])
    return applied


def target_poses(ticks: list[Tick], contract: Contract, motion: Motion | None) -> NDArray[np.float32]:
    """Poses (T, K, 7) of the targets, m and quaternion x y z w in the base frame; NaN where not known.

    From the labels, and those of links that the action moves from the measured joints. ``motion`` is None of a robot
    without kinematics.
    """
    targets = contract.interface.targets
    truths = {label.target: label.name for label in contract.interface.labels}
    labels = np.full((len(ticks), len(targets), 7), np.nan, np.float32)
    for k, target in enumerate(targets):
        if target.kind == "articulated":
            continue
        moved = target.link in [tip.link for tip in contract.interface.action.tips]
        for row, tick in zip(labels[:, k], ticks):
            if target.name in truths:
                pose = tick.labels.get(truths[target.name])
            else:
                pose = _tip_pose(tick.observation, contract, motion, target.link) if moved else None
            if pose is not None:
                row[:] = pose
    return labels


def target_values(ticks: list[Tick], contract: Contract) -> NDArray[np.float32]:
    """Values (T, K) of the targets that are articulated, from the labels; NaN where not known, and of the others."""
    targets = contract.interface.targets
    truths = {label.target: label.name for label in contract.interface.labels}
    values = np.full((len(ticks), len(targets)), np.nan, np.float32)
    for k, target in enumerate(targets):
        for t, tick in enumerate(ticks if target.kind == "articulated" else ()):
            told = tick.labels.get(truths[target.name])
            if told is not None:
                values[t, k] = told[0]
    return values


def _tip_pose(
    observation: Observation, contract: Contract, motion: Motion | None, link: str | None
) -> NDArray[np.float64] | None:
    """Pose (7,) of a fingertip at the measured joints; None if not all joints are measured."""
    assert isinstance(motion, ArmKinematics)
    measured: dict[str, float] = {}
    for stream in contract.interface.of(JointStream):
        if observation.fresh[stream.name]:
            measured.update(zip(stream.joints, observation.values[stream.name][:, 0].tolist()))
    if not all(name in measured for name in contract.joint_names):
        return None
    position, rotation = motion.tip(np.array([measured[name] for name in contract.joint_names]), link)
    return np.concatenate([position, pin.Quaternion(rotation).coeffs()])
