"""Records long simulated episodes of pushing; measures how far imaginations of the actions drift in up to a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from world_model_ros.bags.align.episode import target_poses
from world_model_ros.brain.brain import Brain
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.evaluate.prediction.forecast import watch
from world_model_ros.evaluate.statistics import SECONDS, over_episodes, rounded
from world_model_ros.kinematics.motion import motion_if_any
from world_model_ros.sim.collection.collect import EpisodeResult, Job, collect_episode, collection_scene, finish
from world_model_ros.sim.collection.operators import Pusher

_SETTLE_TICKS = 10
_POLICY = "scripted_push"


@dataclass(frozen=True)
class LongEpisode:
    """Runs a job of `collect` for longer than usual, with pushes all the way.

    Args:
        seconds: how long; less if the object is lost.
    """

    seconds: float

    def __call__(self, job: Job) -> EpisodeResult:
        contract = job.contract
        ticks = _SETTLE_TICKS + 2 + round(self.seconds * contract.interface.tick_hz)
        operator = Pusher(contract, _POLICY, job.seed)
        scene = collection_scene(contract, job.seed)
        with job.writer() as writer:
            done = collect_episode(contract, scene, job.seed, ticks, operator, writer)
        return finish(job, EpisodeResult(job.name, job.seed, _POLICY, done.ticks, lost=done.lost, broken=done.broken))


def drift(bag: Path, contract: Contract, brain: Brain) -> dict[str, tuple[Float, Float]]:
    """Errors by target after each tick of one long imagination, and those of staying where it was, (T,) m each."""
    seen = watch(bag, contract, brain)
    horizon, begin = brain.bundle.manifest.horizon, _SETTLE_TICKS
    places = target_poses(seen.ticks, contract, motion_if_any(contract))[..., :3].astype(np.float64)  # (ticks, K, 3)
    actions = np.array(seen.applied[begin + 1 :], np.float32)
    memory, guesses = seen.memories[begin], []
    for first in range(0, len(actions), horizon):
        chunk = actions[first : first + horizon]
        whole = np.concatenate([chunk, np.zeros((horizon - len(chunk), chunk.shape[1]), np.float32)])
        imagined = brain.imagine_executed(memory, whole[None])
        assert imagined.poses is not None
        guesses.append(imagined.poses[0, : len(chunk), :, :3])
        memory = replace(memory, belief=imagined.states[0, -1])
    guess, truth = np.concatenate(guesses), places[begin + 1 :]
    return {
        target.name: (
            np.linalg.norm(guess[:, k] - truth[:, k], axis=-1),
            np.linalg.norm(places[begin, k] - truth[:, k], axis=-1),
        )
        for k, target in enumerate(contract.interface.targets)
    }


def drift_scores(episodes: Sequence[dict[str, tuple[Float, Float]]], tick_s: float) -> dict[str, Any]:
    """Mean errors, m, at `SECONDS` with 95 % intervals by episode; those that ended before do not count there."""
    scores: dict[str, Any] = {"seconds": list(SECONDS), "targets": {}}
    for name in episodes[0]:
        rows = []
        for index in (0, 1):
            table = np.full((len(episodes), 1, len(SECONDS)), np.nan)
            for e, episode in enumerate(episodes):
                for s, seconds in enumerate(SECONDS):
                    at = round(seconds / tick_s) - 1
                    if at < len(episode[name][index]):
                        table[e, 0, s] = episode[name][index][at]
            rows.append(table)
        model, still = (over_episodes(list(row)) for row in rows)
        scores["targets"][name] = {
            "episodes": (~np.isnan(rows[0][:, 0])).sum(0).tolist(),
            "model_m": rounded(model["mean"], 4),
            "ci95": [rounded(model[side], 4) for side in ("low", "high")],
            "copy_last_m": rounded(still["mean"], 4),
        }
    return scores
