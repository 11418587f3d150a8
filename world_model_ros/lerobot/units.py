"""Determines the unit of each joint in a LeRobot data set (stated, asked or default), and scales to the contract's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.lerobot.layout import UNREADABLE, LerobotDataset, StoredEpisode

# What a joint of the contract may be called in, the unit that is meant without a word first.
UNITS = {
    "rad": ("radians", "degrees", "percent"),
    "m": ("metres", "millimetres", "percent"),
    "normalised": ("fraction", "percent"),
}
_FACTOR = {"radians": 1.0, "degrees": math.pi / 180, "metres": 1.0, "millimetres": 1e-3, "fraction": 1.0}
_MAX_PLAUSIBLE = {"rad": 2 * math.pi + 0.1, "m": 10.0, "normalised": 1.5}  # more than this is surely another unit
_BEYOND = 2.0  # times the joint's limits
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Scaling:
    """How numbers of the data set become positions: ``scale * numbers + offset``, each (J,), rad, m or a share of 1.

    ``units`` says what was taken for what, by joint; ``beyond`` names joints whose numbers then pass their limits.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    units: Mapping[str, str]
    beyond: tuple[str, ...] = ()


def scaling(
    contract: Contract, spans: Mapping[str, tuple[float, float]], asked: Sequence[str], stated: Mapping[str, str]
) -> Scaling:
    """The units of each joint of the contract.

    Args:
        spans: lowest and highest number of each joint, where there are any.
        asked: ``UNIT`` for all joints that may have it, or ``JOINT:=UNIT``.
        stated: units by joint as the data set states them, which few do.

    Raises:
        UserError: no such unit or joint, or numbers that cannot be meant in a unit that was not stated.
    """
    told = dict(stated) | _told(contract, asked)
    scale, offset, units, beyond = [], [], {}, []
    for joint in contract.interface.joints:
        unit = told.get(joint.name, UNITS[joint.unit][0])
        limits = _limits(contract, joint.name)
        low, high = spans.get(joint.name, (0.0, 0.0))
        most = _MAX_PLAUSIBLE[joint.unit]
        if limits is not None:
            most = min(most, _BEYOND * max(abs(limits[0]), abs(limits[1])))
        if joint.name not in told and max(abs(low), abs(high)) > most:
            words = " or ".join(f"--units {joint.name}:={each}" for each in UNITS[joint.unit])
            legal = (
                f"{unit}, which are at most {most:.3g} here; say the unit: --units {UNITS[joint.unit][1]}, or {words}"
            )
            raise UserError(f"data set: {joint.name}", f"numbers from {low:.4g} to {high:.4g}", legal)
        a, b = _linear(joint.name, joint.unit, unit, limits)
        scale.append(a)
        offset.append(b)
        units[joint.name] = unit
        ends = a * low + b, a * high + b
        if limits is not None and (min(ends) < limits[0] - _ROUNDING or max(ends) > limits[1] + _ROUNDING):
            was = f"{joint.name} goes from {min(ends):.4g} to {max(ends):.4g}"
            beyond.append(f"{was}, its limits are {limits[0]:.4g} to {limits[1]:.4g}")
    return Scaling(np.array(scale), np.array(offset), units, tuple(beyond))


def spans_of(
    data: LerobotDataset, columns: Mapping[str, NDArray[np.intp]], joints: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Lowest and highest number of each joint in all files that can be read.

    Args:
        columns: feature -> place of each joint among its numbers.
    """
    low, high = np.full(len(joints), np.inf), np.full(len(joints), -np.inf)
    files = {each.data for each in data.episodes() if isinstance(each, StoredEpisode)}
    for file in sorted(files):
        for feature, places in columns.items():
            try:
                table = parquet.read_table(file, columns=[feature], use_threads=False)
                rows = np.array(table[feature].to_pylist(), np.float64)
                numbers = rows.reshape(len(rows), -1)[:, places]
            except UNREADABLE:
                continue  # whose episodes are named when they are read
            numbers = np.where(np.isfinite(numbers), numbers, np.nan)
            if len(numbers):
                low, high = np.fmin(low, np.fmin.reduce(numbers)), np.fmax(high, np.fmax.reduce(numbers))
    return {name: (float(a), float(b)) for name, a, b in zip(joints, low, high) if a <= b}


def _told(contract: Contract, asked: Sequence[str]) -> dict[str, str]:
    joints = {joint.name: joint.unit for joint in contract.interface.joints}
    every, named = {}, {}
    for word in asked:
        name, sign, unit = word.rpartition(":=")
        legal = UNITS[joints[name]] if name in joints else sorted({each for units in UNITS.values() for each in units})
        if sign and name not in joints:
            raise UserError("units", word, f"JOINT:=UNIT, with one of {list(joints)}")
        if unit not in legal:
            raise UserError("units", word, f"one of {list(legal)}")
        if sign:
            named[name] = unit
            continue
        # A percentage of an arm's range is nothing that a bare word may mean.
        for joint, kind in joints.items():
            if unit in UNITS[kind] and (unit != "percent" or kind == "normalised"):
                every[joint] = unit
    return every | named


def _linear(name: str, kind: str, unit: str, limits: tuple[float, float] | None) -> tuple[float, float]:
    """Factor and offset of a unit: percent are 0 to 100 of what is a share already, else -100 to 100 of the limits."""
    if unit != "percent":
        return _FACTOR[unit], 0.0
    if kind == "normalised":
        return 0.01, 0.0
    if limits is None:
        raise UserError(f"units: {name}", unit, "a joint whose limits contract or URDF state")
    return (limits[1] - limits[0]) / 200.0, 0.5 * (limits[0] + limits[1])


def _limits(contract: Contract, name: str) -> tuple[float, float] | None:
    """What contract or URDF say of one joint; other joints may lack theirs."""
    stated = {limit.name: limit.position for limit in contract.deployment.limits}
    if stated.get(name) is not None or contract.deployment.urdf is None:
        return stated.get(name)
    return {joint.name: joint.limit.position for joint in contract.description.joints}.get(name)
