"""Injects faults into a gate process that is tracking, and times braking, standstill and peak deceleration."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from world_model_ros.gate.factory import joints_max_age_s
from world_model_ros.nodes.probes.gate_lab import GateLab

_ON_ITS_WAY_S = 0.05  # in which a message that was sent has come


@dataclass(frozen=True)
class _Trial:
    """Times from when a fault could be detected, ms, and the largest deceleration as a share of its limit."""

    cause: str
    detect_ms: float
    still_ms: float
    deceleration: float


@dataclass(frozen=True)
class _Shown:
    """How a fault shows: when it could be detected (monotonic s), and what goes on meanwhile."""

    detectable: Callable[[], float]
    meanwhile: Callable[[], Any] | None = None


_Fault = Callable[[GateLab, "subprocess.Popen[bytes]"], _Shown]


def fault_times(lab: GateLab, name: str, trials: int) -> dict[str, Any]:
    """Bring a fault upon the gate ``trials`` times.

    Returns:
        ``p50`` and ``max``: ms from when the fault could be detected until the gate brakes; ``still_ms`` until
        the arm stands still, ``peak_deceleration`` as a share of the limit (p50 and max each); ``causes`` that the gate
        gave, ``trials``.
    """
    found = [_trial(lab, FAULTS[name]) for _ in range(trials)]
    if not found:
        return {"trials": 0}
    return {
        **_spread([each.detect_ms for each in found]),
        "trials": trials,
        "causes": dict(Counter(each.cause for each in found)),
        "still_ms": _spread([each.still_ms for each in found]),
        "peak_deceleration": _spread([each.deceleration for each in found]),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"p50": float(np.median(values)), "max": max(values)}


def _trial(lab: GateLab, fault: _Fault) -> _Trial:
    gc.collect()
    gc.freeze()  # all that was sent so far would be looked through again during a trial
    node, brain = lab.node, lab.brain()
    try:
        lab.until_moving()
        shown = fault(lab, brain)
        happened = len(node.sent)
        lab.until(lambda: node.state["state"] != "tracking", meanwhile=shown.meanwhile)
        cause = node.state["cause"]
        detectable = shown.detectable()
        detect_ms = max(0.0, node.changed - detectable) * 1e3
        lab.until(lambda: node.speed() < lab.still, meanwhile=shown.meanwhile)
        still_ms = (time.monotonic() - detectable) * 1e3
        lab.until(lambda: node.state["state"] == "disarmed")
        return _Trial(cause, detect_ms, still_ms, node.sent.deceleration(happened))
    finally:
        node.measuring = True
        brain.kill()
        brain.wait()


def _lose_brain(lab: GateLab, brain: subprocess.Popen[bytes], number: int) -> _Shown:
    os.kill(brain.pid, number)
    return _Shown(lambda: lab.node.commanded + _silence_s(lab))


def _lose_joints(lab: GateLab, _: subprocess.Popen[bytes]) -> _Shown:
    lab.node.measuring = False
    return _Shown(lambda: lab.node.measured + _joints_s(lab))


def _lose_all(lab: GateLab, brain: subprocess.Popen[bytes]) -> _Shown:
    """As when the network is lost: nothing reaches the gate any more."""
    os.kill(brain.pid, signal.SIGKILL)
    lab.node.measuring = False
    return _Shown(lambda: min(lab.node.commanded + _silence_s(lab), lab.node.measured + _joints_s(lab)))


def _flood(lab: GateLab, brain: subprocess.Popen[bytes]) -> _Shown:
    """The brain dies, and another sender floods the gate with commands to be refused, as fast as they go out."""
    os.kill(brain.pid, signal.SIGKILL)
    lab.wait(_ON_ITS_WAY_S)
    heard = lab.node.commanded  # from here on what is heard is the flood
    return _Shown(lambda: heard + _silence_s(lab), lab.propose_invalid)


def _turn_clock_back(lab: GateLab, _: subprocess.Popen[bytes]) -> _Shown:
    lab.node.leap(-1.0)
    now_s = time.monotonic()
    return _Shown(lambda: now_s)


def _silence_s(lab: GateLab) -> float:
    return lab.contract.deployment.gate.silence_ticks * lab.contract.tick_s


def _joints_s(lab: GateLab) -> float:
    return joints_max_age_s(lab.contract)


FAULTS: dict[str, _Fault] = {
    "brain_sigkill": lambda lab, brain: _lose_brain(lab, brain, signal.SIGKILL),
    "brain_sigstop": lambda lab, brain: _lose_brain(lab, brain, signal.SIGSTOP),
    "joint_states_stopped": _lose_joints,
    "all_silent": _lose_all,
    "flood": _flood,
    "clock_back": _turn_clock_back,
}
ON_CLOCK = ("clock_back",)  # faults that need a robot with a /clock of its own
