"""Log of a replay's ticks (surprise, timing, freshness, actions, commands the gate would refuse), with metrics."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.replay.replayed_tick import ReplayedTick
from world_model_ros.bags.replay.report.highlights import EvenSample, Worst
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Frame, percentiles
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import JointLimits
from world_model_ros.gate.rules import Refusal, judge

_FRAMES = 8
_WORST = 10
_EXAMPLES = 5


class Journal:
    """Accumulates the ticks of a replay, in order, for its metrics.

    Attributes:
        refused: commands that the gate's rules would have refused, by rule. accepted: the others.
        examples: (s since the first tick, the first refusals of the run in words).
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._names = [stream.name for stream in contract.interface.streams]
        self._camera = first_camera(contract.interface)
        self._limits = _limits(contract)
        self._times_ns, self._surprise, self._spent_ms = array("q"), array("d"), array("f")
        self._fresh, self._executed, self._wished = bytearray(), array("f"), array("f")
        self._frames: EvenSample[tuple[float, Frame]] = EvenSample(_FRAMES)
        self._worst: Worst[None] = Worst(_WORST)
        self._stages: dict[str, array[float]] = {}
        self._statuses: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.accepted = 0
        self.examples: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._times_ns)

    def add(self, told: ReplayedTick) -> None:
        """Add the next tick."""
        observation, decision = told.tick.observation, told.decision
        self._times_ns.append(told.now_ns)
        surprise = np.nan if told.surprise is None else told.surprise
        self._surprise.append(surprise)
        self._spent_ms.append(sum(decision.stages_ms.values()))
        for stage, ms in decision.stages_ms.items():
            self._stages.setdefault(stage, array("f")).append(ms)
        self._fresh.extend(observation.fresh[name] for name in self._names)
        self._executed.extend(told.applied.tolist())
        wished = np.full(len(told.applied), np.nan) if decision.chunk is None else decision.chunk[0]
        self._wished.extend(wished.tolist())
        self._statuses[decision.status] += 1
        if self._worst.wants(surprise, told.now_ns):
            self._worst.add(surprise, told.now_ns, None)
        if decision.trajectory is not None and self._limits is not None:
            age_s = self._contract.deployment.gate.command_max_age_s
            verdict = judge(decision.trajectory, self._limits, told.now_ns, age_s)
            if isinstance(verdict, Refusal):
                self.refused[verdict.rule] += 1
                if len(self.examples) < _EXAMPLES:
                    self.examples.append((self._seconds(told.now_ns), str(verdict)))
            else:
                self.accepted += 1
        frame = told.frame(self._camera)
        if frame is not None and self._frames.wants():
            self._frames.add((self._seconds(told.now_ns), frame.copy()))

    @property
    def first_ns(self) -> int:
        """Time of the first tick."""
        return self._times_ns[0]

    @property
    def names(self) -> list[str]:
        """Names of the streams, in the contract's order."""
        return list(self._names)

    def times_s(self) -> NDArray[np.float64]:
        """(T,) s since the first tick."""
        times = np.array(self._times_ns, np.int64)
        return np.asarray((times - times[0]) * 1e-9, np.float64)

    def surprise(self) -> NDArray[np.float64]:
        """(T,); NaN where the belief had just been started."""
        return np.array(self._surprise)

    def spent_ms(self) -> NDArray[np.float32]:
        """(T,) time that each tick took in the brain."""
        return np.array(self._spent_ms, np.float32)

    def fresh(self) -> NDArray[np.bool_]:
        """Whether each stream was fresh at each tick, (T, streams)."""
        return np.frombuffer(bytes(self._fresh), np.uint8).reshape(len(self), -1).astype(np.bool_)

    def executed(self) -> NDArray[np.float32]:
        """(T, C) action that was applied before each tick."""
        return np.array(self._executed, np.float32).reshape(len(self), -1)

    def wished(self) -> NDArray[np.float32]:
        """(T, C) first action of each plan; NaN where there was none."""
        return np.array(self._wished, np.float32).reshape(len(self), -1)

    def frames(self) -> list[tuple[float, Frame]]:
        """Some of what the first camera showed: s since the first tick, (H, W, 3) uint8 RGB."""
        return self._frames.items()

    def summary(self) -> dict[str, Any]:
        """Summary of the replay for ``metrics.json``."""
        surprise, times_s, fresh = self.surprise(), self.times_s(), self.fresh()
        finite = surprise[np.isfinite(surprise)]
        spread = percentiles(finite, (50, 95, 99)) if len(finite) else dict.fromkeys(("p50", "p95", "p99"))
        worst = [{"t": self._seconds(at), "value": value} for value, at, _ in self._worst.items()]
        return {
            "ticks": len(self),
            "seconds": float(times_s[-1]),
            "fresh": {name: float(share) for name, share in zip(self._names, fresh.mean(axis=0))},
            "statuses": dict(self._statuses),
            "surprise": {"mean": float(finite.mean()) if len(finite) else None, **spread, "worst": worst},
            "model_ms": _times(self.spent_ms()),
            "stages_ms": {stage: _times(np.array(laps)) for stage, laps in self._stages.items()},
            "gate": None
            if self._limits is None
            else {"accepted": self.accepted, "refused": dict(self.refused), "examples": self.examples},
        }

    def _seconds(self, now_ns: int) -> float:
        return (now_ns - self._times_ns[0]) * 1e-9


def _times(values: NDArray[Any]) -> dict[str, float]:
    return percentiles(values) | {"mean": float(values.mean())}


def _limits(contract: Contract) -> JointLimits | None:
    """Those that the gate judges by; None for a robot that is not commanded."""
    if contract.deployment.command is None:
        return None
    try:
        return contract.limits()
    except UserError:
        return None
