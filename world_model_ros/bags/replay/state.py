"""Saves the state of a replay after a tick, and loads it so that the replay resumes there."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from math import ceil, inf, isinf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Memory
from world_model_ros.brain.interleaving import Reference
from world_model_ros.core.errors import UserError
from world_model_ros.goals.pursuit import Pursuit, PushProgress

# What NumPy raises of a file that is cut off, empty or something else, and what is missing in one of another kind.
_BROKEN = (OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True)
class ReplayState:
    """State of a replay after a tick.

    Args:
        now_ns: of the last tick. index: of it.
        left: memory and commanded positions (J,) or None after each of the last ticks, as `Interleaving.left`.
    """

    now_ns: int
    index: int
    left: tuple[tuple[Memory, Reference], ...]

    def save(self, path: Path, brain: Brain) -> None:
        """Write a NumPy archive without pickles."""
        memory = self.left[-1][0]
        pursuit = memory.pursuit
        arrays: dict[str, NDArray[np.generic]] = {
            "now_ns": np.array(self.now_ns),
            "index": np.array(self.index),
            "beliefs": np.stack([each.belief for each, _ in self.left]),
            "fresh_starts": np.array([each.fresh_start for each, _ in self.left]),
            "warm": memory.warm,
            "reach": np.array(memory.reach),
            "age": np.array(inf if memory.age is None else float(memory.age)),
            "planned_for": np.array(memory.planned_for, np.int64),
            "model": np.array(_fingerprint(brain)),
        }
        for i, (each, reference) in enumerate(self.left):
            if each.past:
                arrays[f"past_beliefs_{i}"] = np.stack([belief for belief, _ in each.past])
                arrays[f"past_actions_{i}"] = np.stack([action for _, action in each.past])
            if reference is not None:
                arrays[f"reference_{i}"] = np.asarray(reference, np.float64)
        if memory.progress is not None:
            progress = memory.progress
            arrays["push_stamp"] = np.array(progress.stamp_ns, np.int64)
            arrays["push"] = np.array([progress.left_m, progress.steps, progress.looking])
        if pursuit is not None:
            arrays |= {"pursuit_seen": pursuit.seen, "pursuit_code": pursuit.code}
            target = -1 if pursuit.target is None else pursuit.target
            arrays["pursuit_numbers"] = np.array([pursuit.stamp_ns, target], np.int64)
            arrays["pursuit_blind"] = np.array(pursuit.blind_steps)
            if pursuit.aim is not None:
                arrays["pursuit_aim"] = pursuit.aim
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)


def load_state(path: Path, brain: Brain) -> ReplayState:
    """Read what `ReplayState.save` wrote; `UserError` if it is something else or of another model."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = dict(archive)
        if str(found["model"]) != _fingerprint(brain):
            raise UserError("resume", str(path), f"the memory of the model {brain.bundle.manifest.name}")
        pursuit = None
        if "pursuit_seen" in found:
            stamp_ns, target = (int(each) for each in found["pursuit_numbers"])
            pursuit = Pursuit(
                stamp_ns,
                found["pursuit_seen"],
                found["pursuit_code"],
                None if target < 0 else target,
                found.get("pursuit_aim"),
                float(found["pursuit_blind"]),
            )
        progress = None
        if "push" in found:
            progress = PushProgress(int(found["push_stamp"]), *found["push"].tolist())
        warm, reach = found["warm"], float(found["reach"])
        ticks, planned_for = float(found.get("age", inf)), int(found.get("planned_for", 0))
        age = None if isinf(ticks) else ceil(ticks)
        left = []
        for i, (belief, fresh) in enumerate(zip(found["beliefs"], found["fresh_starts"])):
            past = tuple(zip(found.get(f"past_beliefs_{i}", ()), found.get(f"past_actions_{i}", ())))
            memory = Memory(belief, warm, bool(fresh), pursuit, reach, 1.0, progress, past, age, planned_for)
            left.append((memory, found.get(f"reference_{i}")))
        return ReplayState(int(found["now_ns"]), int(found["index"]), tuple(left))
    except _BROKEN as error:
        raise UserError("resume", str(path), "a memory.npz that a replay wrote, whole") from error


def _fingerprint(brain: Brain) -> str:
    """Of all files of a model."""
    return hashlib.sha256(json.dumps(brain.bundle.manifest.files, sort_keys=True).encode()).hexdigest()
