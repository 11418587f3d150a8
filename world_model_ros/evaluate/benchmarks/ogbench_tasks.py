"""Wraps OGBench's manipulation tasks (Park et al. 2025): observed state, actions, wanted values, and success.

Start, goal, length and success are the benchmark's own. Values have the names that `ogbench_play` records.
"""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import ogbench.manipspace  # noqa: F401  its import makes the environments known to gymnasium

from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError

Values = dict[str, Float]

PREFIX = "ogbench-"  # in front of the name of each
NAMES = ("cube-single", "cube-double", "scene")
GOALS = 5  # a benchmark
TICK_NS = 50_000_000
COLUMNS = 5  # of an action: x, y, z, yaw, closing; each in -1..1
_LEVEL = (0.0, 0.0, 0.0, 1.0)


def environment(name: str, **options: Any) -> Any:
    """The gymnasium environment of a benchmark; `UserError` for a name that is unknown."""
    if name not in NAMES:
        raise UserError("benchmark", name, f"one of {list(NAMES)}")
    gymnasium.logger.min_level = gymnasium.logger.ERROR  # it warns of its own spaces
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*DISPLAY environment variable is missing")  # nothing is drawn
        return gymnasium.make(f"{name}-v0", disable_env_checker=True, **options)


def values_of(info: dict[str, Any]) -> Values:
    """What is seen at a tick, from what the environment says with its observation.

    ``effector`` and ``cube_0``, ``cube_1``: (7,) x y z in m, quaternion x y z w, frame of the arm's base; that of the
    effector turns about z alone. ``opening``: (1,) 0 open to 1 closed. ``contact``: (1,) 0 to 1. ``joints``: (6,) rad.
    ``drawer``: (1,) 0 closed to -0.16 m. ``window``: (1,) 0 closed to 0.2 m. ``button_0``, ``button_1``: (1,) 0 locks
    the drawer or the window, 1 does not. A benchmark without cubes, drawer, or the like has none of their names.
    """
    half = float(info["proprio/effector_yaw"][0]) / 2
    out = {
        "effector": np.array([*info["proprio/effector_pos"], 0.0, 0.0, np.sin(half), np.cos(half)]),
        "opening": _one(info["proprio/gripper_opening"]),
        "contact": _one(info["proprio/gripper_contact"]),
        "joints": np.array(info["proprio/joint_pos"], float),
    }
    for key, value in info.items():
        kind, _, rest = key.removeprefix("privileged/").partition("_")
        if key.startswith("privileged/block_") and rest.endswith("_pos"):
            number = rest.removesuffix("_pos")
            w, x, y, z = info[f"privileged/block_{number}_quat"]
            out[f"cube_{number}"] = np.array([*value, x, y, z, w])
        elif kind in ("drawer", "window") and rest == "pos":
            out[kind] = _one(value)
        elif kind == "button" and rest.endswith("_state"):
            out[f"button_{rest.removesuffix('_state')}"] = _one(value)
    return out


def _one(value: object) -> Float:
    return np.array(value, float).reshape(1)


class Task:
    """The five goals of a benchmark, one after the other.

    Args:
        name: one of `NAMES`.
    """

    def __init__(self, name: str) -> None:
        self._env = environment(name)
        self._inner = self._env.unwrapped
        self.steps: int = self._env.spec.max_episode_steps  # an episode has at most so many
        self.over = True  # nothing is to be done before the next `reset`

    def reset(self, seed: int, goal: int) -> tuple[Values, Values]:
        """Begin anew; returns what is seen, and the values that are wanted.

        A wanted cube stands level and square to the base; the benchmark judges its position alone, within 4 cm.

        Args:
            seed: of the start, which differs a little from the benchmark's; the same seed is the same start.
            goal: 1 to `GOALS`.
        """
        if not 1 <= goal <= GOALS:
            raise UserError("goal", goal, f"1 to {GOALS}")
        _, info = self._env.reset(seed=seed, options={"task_id": goal, "render_goal": False})
        self.over = False
        return values_of(info), self._wanted()

    def step(self, action: Float) -> tuple[Values, bool]:
        """Apply an action (5,) for a tick; returns what is then seen, and whether the goal is reached.

        Raises:
            UserError: the action has another shape, or is not within -1..1.
        """
        action = np.asarray(action, float)
        if action.shape != (COLUMNS,) or not (np.abs(action) <= 1.0).all():
            raise UserError("action", action.tolist(), f"{COLUMNS} numbers, each -1 to 1")
        _, _, reached, late, info = self._env.step(action)
        self.over = bool(reached or late)
        return values_of(info), bool(info["success"])

    def put(self, cube: int, position: Float) -> None:
        """Move a cube by hand to (3,) m, at once and at rest; it keeps its orientation."""
        joint = self._inner.data.joint(f"object_joint_{cube}")
        joint.qpos[:3] = position
        joint.qvel[:] = 0.0

    def values(self) -> Values:
        """What is seen now, also after something was moved by hand."""
        return values_of(self._inner.compute_ob_info())

    @property
    def table_m(self) -> Float:
        """(2, 2) lowest and highest x, y of where the benchmark places cubes."""
        bounds: Float = self._inner._object_sampling_bounds
        return bounds

    def close(self) -> None:
        self._env.close()

    def _wanted(self) -> Values:
        inner = self._inner
        wanted = {
            f"cube_{i}": np.array([*inner.data.mocap_pos[body], *_LEVEL])
            for i, body in enumerate(inner._cube_target_mocap_ids)
        }
        if hasattr(inner, "_target_drawer_pos"):
            wanted |= {"drawer": _one(inner._target_drawer_pos), "window": _one(inner._target_window_pos)}
            wanted |= {f"button_{i}": _one(state) for i, state in enumerate(inner._target_button_states)}
        return wanted
