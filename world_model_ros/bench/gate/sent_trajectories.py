"""Collects the trajectories that a live gate sent, and evaluates them: ideal motion, hardest braking, violations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bench.gate.checker import Checker
from world_model_ros.bench.gate.executed_trajectories import Executed
from world_model_ros.contract.contract import Contract
from world_model_ros.core.trajectory import Trajectory

_EXACT_S = 0.055  # of a trajectory, before its points are sparse
_BEHIND_NS = 10_000_000  # a trajectory begins this long before it is sent
_JOINED = 20  # trajectories after which it does not matter where one began


class Sent:
    """The trajectories that a gate sent, oldest first.

    Args:
        start: configuration (J,) of the arm before the first; None until `begin`.
    """

    def __init__(self, contract: Contract, start: NDArray[np.float64] | None) -> None:
        self._contract = contract
        self._start = np.zeros(len(contract.joint_names)) if start is None else start
        self._all: list[Trajectory] = []
        self._sent_ns: list[int] = []

    def __len__(self) -> int:
        return len(self._all)

    def begin(self, start: NDArray[np.float64]) -> None:
        """Say where (J,) the arm stands before the first."""
        if not self._all:
            self._start = start

    def append(self, trajectory: Trajectory, now_ns: int) -> None:
        """Add a trajectory that came now."""
        self._all.append(trajectory)
        self._sent_ns.append(min(now_ns, trajectory.stamp_ns + _BEHIND_NS))

    def motion(self, now_ns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position and velocity (J,) that a perfect arm has."""
        started = [trajectory for trajectory in self._all[-_JOINED:] if trajectory.stamp_ns <= now_ns]
        return started[-1].sample(now_ns) if started else (self._start, np.zeros_like(self._start))

    def deceleration(self, since: int) -> float:
        """How hard any joint is to brake at most, since there were that many, as a share of its acceleration limit.

        As a controller follows what was sent, which it joins from where it is.
        """
        first = max(0, since - _JOINED)
        executed = Executed(self._all[first].positions[0], self._sent_ns[first])
        for i in range(first, len(self._all)):
            if i == since:
                executed.segments.clear()
            executed.now_ns = self._sent_ns[i]
            executed.take(self._all[i])
            executed.run(1.0 if i == len(self._all) - 1 else self._between_s(i))
        ends = np.array([state for _, before, after in executed.segments for state in (before, after)])
        braking = np.where(ends[:, 1] * ends[:, 2] < 0, np.abs(ends[:, 2]), 0.0)
        return float((braking / self._contract.limits().acceleration).max(initial=0.0))

    def _between_s(self, index: int) -> float:
        """Time to the next one; a cycle where the clock jumped back."""
        command = self._contract.deployment.command
        assert command is not None
        passed_s = (self._sent_ns[index + 1] - self._sent_ns[index]) * 1e-9
        return passed_s if passed_s > 0 else 1.0 / command.rate_hz

    def rest(self) -> dict[str, Any]:
        """What is left once no trajectory comes any more: the speed at its end, and its length in s."""
        last = self._all[-1]
        return {"speed_at_end": float(np.abs(last.velocities[-1]).max()), "length_s": float(last.times_s[-1])}

    def judged(self) -> dict[str, Any]:
        """What the independent checker says of all of them, followed on their own stamps."""
        checker = Checker(self._contract, self._start)
        before_ns = None
        for sent, sent_ns in zip(self._all, self._sent_ns):
            if before_ns is not None:
                passed_s = (sent_ns - before_ns) * 1e-9
                checker.passed(passed_s, late=passed_s > _EXACT_S)
            before_ns = checker.executed.now_ns = sent_ns
            checker.sent(sent)
        checker.passed(2.0, late=True)
        return {
            "trajectories": len(self._all),
            "violations": dict(checker.violations),
            "worst": dict(checker.worst),
            "boundary_acc_step": checker.boundary_acc_step,
            "nearest_m": checker.nearest_m,
        }
