"""Parses motion scripts such as ``x=0.2 for 1; y=-0.1 for 0.5`` (m/s or rad/s, for s) into actions at ticks."""

from __future__ import annotations

import re

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

_LONGEST_S = 3600.0
_LEGAL = "parts such as 'x=0.2 y=-0.1 for 1.5', separated by ';': speeds in m/s or rad/s of {}, and seconds"


def action_axes(contract: Contract) -> tuple[str, ...]:
    """Names of the C action dimensions: axes of the base frame (with several fingertips: of each), or joints."""
    return contract.interface.action.components


def action_bounds(contract: Contract) -> Float:
    """(C,) the largest displacement a tick on each dimension, m or rad."""
    return np.array(contract.interface.action.bounds)


def parse_script(text: str, contract: Contract) -> Float:
    """(T, C) actions, m or rad a tick, of T ticks.

    Raises:
        UserError: it cannot be read or lasts more than an hour, an axis is not of this robot, or a speed is beyond the
            bound.
    """
    axes, tick_s, bounds = action_axes(contract), contract.tick_s, action_bounds(contract)
    legal = _LEGAL.format(", ".join(axes))
    parts, lasts_s = [], 0.0
    for part in filter(None, (each.strip() for each in text.split(";"))):
        found = re.fullmatch(r"((?:\w+=[-+.\deE]+\s+)*)for\s+([.\deE]+)", part)
        if found is None:
            raise UserError("script", part, legal)
        action = np.zeros(len(axes))
        try:
            seconds = float(found[2])
            for setting in found[1].split():
                name, _, value = setting.partition("=")
                action[axes.index(name)] = float(value) * tick_s
        except ValueError as error:
            raise UserError("script", part, legal) from error
        lasts_s += seconds
        if lasts_s > _LONGEST_S:
            raise UserError("script", part, f"at most {_LONGEST_S:g} s in all")
        over = np.flatnonzero(np.abs(action) > bounds * (1 + 1e-9))
        if len(over):
            raise UserError("script", part, f"speeds of at most {bounds[over[0]] / tick_s:g}")
        parts.append(np.tile(action, (round(seconds / tick_s), 1)))
    if not sum(len(part) for part in parts):
        raise UserError("script", text, legal)
    return np.concatenate(parts)
