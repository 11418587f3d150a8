"""What a replay that stopped hands to the one that goes on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from world_model_ros.core.errors import UserError
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.decision import Memory, Pursuit


@dataclass(frozen=True)
class ReplayState:
    """After a tick.

    Args:
        now_ns: of the last tick. index: of it.
        memory: that it left. reference: (J,) commanded then, or None.
    """

    now_ns: int
    index: int
    memory: Memory
    reference: NDArray[np.float64] | None

    def save(self, path: Path, brain: Brain) -> None:
        """Write a NumPy archive without pickles."""
        memory, pursuit = self.memory, self.memory.pursuit
        arrays: dict[str, NDArray[np.generic]] = {
            "now_ns": np.array(self.now_ns),
            "index": np.array(self.index),
            "belief": memory.belief,
            "warm": memory.warm,
            "fresh_start": np.array(memory.fresh_start),
            "reach": np.array(memory.reach),
            "model": np.array(_fingerprint(brain)),
        }
        if self.reference is not None:
            arrays["reference"] = np.asarray(self.reference, np.float64)
        if pursuit is not None:
            arrays |= {"pursuit_seen": pursuit.seen, "pursuit_code": pursuit.code}
            target = -1 if pursuit.target is None else pursuit.target
            arrays["pursuit_numbers"] = np.array([pursuit.stamp_ns, target, pursuit.blind_ticks], np.int64)
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
            stamp_ns, target, blind = (int(each) for each in found["pursuit_numbers"])
            pursuit = Pursuit(
                stamp_ns,
                found["pursuit_seen"],
                found["pursuit_code"],
                None if target < 0 else target,
                found.get("pursuit_aim"),
                blind,
            )
        memory = Memory(found["belief"], found["warm"], bool(found["fresh_start"]), pursuit, float(found["reach"]))
        return ReplayState(int(found["now_ns"]), int(found["index"]), memory, found.get("reference"))
    except (OSError, ValueError, KeyError) as error:
        raise UserError("resume", str(path), f"a memory.npz that a replay wrote ({error})") from error


def _fingerprint(brain: Brain) -> str:
    """Of all files of a model."""
    return hashlib.sha256(json.dumps(brain.bundle.manifest.files, sort_keys=True).encode()).hexdigest()
