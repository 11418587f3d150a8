"""Generates training episodes by OGBench's scripted oracles, as in the benchmark's ``play`` data sets, one a seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from ogbench.manipspace.oracles.plan.button_plan import ButtonPlanOracle
from ogbench.manipspace.oracles.plan.cube_plan import CubePlanOracle
from ogbench.manipspace.oracles.plan.drawer_plan import DrawerPlanOracle
from ogbench.manipspace.oracles.plan.window_plan import WindowPlanOracle

from world_model_ros.evaluate.benchmarks.ogbench_tasks import Values, environment, values_of

STEPS = 1001  # an episode
# Of the oracle's plan, not of the action: as shares of the largest action, smoothed over ticks.
_NOISE, _SMOOTHING = 0.1, 0.5
_MOST_STACKED = 0.25  # share of an episode's goals that are stacks, where there are cubes enough; drawn for each


class Play:
    """A benchmark in which the oracles play: each pursues a goal drawn at random, then comes the next.

    Args:
        name: one of `ogbench_tasks.NAMES`.
        steps: an episode.
    """

    def __init__(self, name: str, steps: int = STEPS) -> None:
        self.name = name
        self._env = environment(name, terminate_at_goal=False, mode="data_collection", max_episode_steps=steps)
        options = {"env": self._env, "noise": _NOISE, "noise_smoothing": _SMOOTHING}
        self._oracles: dict[str, Any] = {"cube": CubePlanOracle(**options)}
        if name == "scene":
            others = {"button": ButtonPlanOracle, "drawer": DrawerPlanOracle, "window": WindowPlanOracle}
            self._oracles |= {kind: oracle(**options) for kind, oracle in others.items()}

    def episode(self, seed: int) -> Values:
        """Values of `ogbench_tasks.values_of` by tick, (T, ...), and ``action``, (T, 5), applied from that tick on.

        An episode in which the cube gets out of sight is played again, as the recipe does.
        """
        with _numbers_from(seed):
            rows = self._played(seed)
            while not _in_sight(rows) and self.name == "scene":
                rows = self._played(None)
        return rows

    def close(self) -> None:
        self._env.close()

    def _played(self, seed: int | None) -> Values:
        observation, info = self._env.reset(seed=seed)
        stacked = np.random.uniform(0.0, _MOST_STACKED) if "cube_1" in values_of(info) else 0.0  # noqa: NPY002
        oracle = self._oracles[info["privileged/target_task"]]
        oracle.reset(observation, info)
        rows: list[Values] = []
        over = False
        while not over:
            action = np.clip(np.array(oracle.select_action(observation, info)), -1.0, 1.0)
            rows.append({**values_of(info), "action": action})
            observation, _, terminated, truncated, info = self._env.step(action)
            over = terminated or truncated
            if oracle.done:
                goal, about = self._env.unwrapped.set_new_target(p_stack=stacked)
                oracle = self._oracles[about["privileged/target_task"]]
                oracle.reset(goal, about)
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _in_sight(rows: Values) -> bool:
    """Whether the cube of a scene stays where a camera sees it, or lies in the drawer."""
    y, z = rows["cube_0"][:, 1], rows["cube_0"][:, 2]
    return not (y >= 0.29).any() and not ((y <= -0.3) & ((z < 0.06) | (z > 0.08))).any()


@contextlib.contextmanager
def _numbers_from(seed: int) -> Iterator[None]:
    """NumPy's global generator, from which the oracles draw, seeded for a while and then as it was."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
