"""Simulated trajectory controllers that a gate drives, at several rates and delays; how far they exceed its limits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import JointLimits, Trajectory
from world_model_ros.sim.controller import JointTrajectoryController, Version

UPDATE_HZ = (100.0, 500.0, 1000.0)
JUDGED: tuple[Version, ...] = ("4.42", "4.17")  # in the field, and the last one that did not sample ahead
LATE_S = 0.020  # beyond what is promised: what is stated, not judged
LOSS = 0.01
OVER = 1.01


@dataclass(frozen=True)
class Setting:
    """One controller.

    Args:
        version, update_hz: see `JointTrajectoryController`.
        delay_s: each message takes an even draw up to this from the gate to it, in order.
        loss: share of the messages that never come.
    """

    version: Version
    update_hz: float
    delay_s: float
    loss: float = 0.0


def settings_for(transport_s: float) -> list[Setting]:
    """Every version at every rate: without delay, up to the stated transport, and up to `LATE_S`."""
    delays = dict.fromkeys((0.0, transport_s, LATE_S))
    return [Setting(version, rate, delay) for version, rate, delay in product(JUDGED, UPDATE_HZ, delays)]


def lossy_settings_for(transport_s: float) -> list[Setting]:
    """Both versions at the highest rate where one message in a hundred is lost: what is stated, not judged."""
    return [Setting(version, UPDATE_HZ[-1], transport_s, LOSS) for version in JUDGED]


class Follower:
    """One controller that a gate drives, and the most that it did as a share of the limits.

    Args:
        limits: of J joints.
        position: (J,) where it holds at the start.
        now_ns: time then.
        seed: of the delays and of when in a cycle it updates.

    Attributes:
        acceleration_ratio: the larger of the acceleration that it reports of its reference and of the second difference
            of its commands at its update rate.
        velocity_ratio: the first difference of its commands.
        over: updates whose acceleration was over `OVER`. updates: that were judged.
        refused: messages that it refused.
    """

    def __init__(self, setting: Setting, limits: JointLimits, position: Float, now_ns: int, seed: int) -> None:
        self.setting = setting
        self._limits = limits
        self._random = np.random.default_rng([seed, round(setting.update_hz), round(setting.delay_s * 1e6)])
        period_ns = round(1e9 / setting.update_hz)
        start_ns = now_ns + int(self._random.integers(period_ns))
        self.controller = JointTrajectoryController(
            limits.names, position, start_ns, setting.update_hz, setting.version
        )
        self._period_s = period_ns * 1e-9
        self._coming: list[tuple[int, Trajectory]] = []
        self._arrived_ns = now_ns
        self._before = np.zeros((0, len(limits.names)))  # the last two commands
        self.acceleration_ratio = self.velocity_ratio = 0.0
        self.over = self.updates = self.refused = 0

    def send(self, trajectory: Trajectory, now_ns: int) -> None:
        """The gate sends something; messages stay in order."""
        if self.setting.loss and self._random.random() < self.setting.loss:
            return
        delay_ns = round(self._random.uniform(0.0, self.setting.delay_s) * 1e9)
        self._arrived_ns = max(self._arrived_ns, now_ns + delay_ns)
        self._coming.append((self._arrived_ns, trajectory))

    def run(self, until_ns: int) -> None:
        """Let it update until a time, and judge what it did."""
        while self._coming and self._coming[0][0] < until_ns:
            arrival_ns, trajectory = self._coming.pop(0)
            self.refused += self.controller.receive(trajectory, arrival_ns) is not None
        said = self.controller.run(until_ns)
        if len(said.command) and self.controller.active:
            self._judge(np.concatenate([self._before, said.command]), said.acceleration)

    def restart(self, position: Float, now_ns: int) -> None:
        """Begin anew after the clock has leapt: hold a position (J,), and forget what was commanded."""
        self._coming.clear()
        self._arrived_ns = now_ns
        self.controller.set_clock(now_ns + int(self._random.integers(round(self._period_s * 1e9))))
        self.controller.activate(position)
        self._before = self._before[:0]

    def stop(self) -> None:
        """Take no part until `restart`."""
        self.controller.deactivate()
        self._coming.clear()

    def forget(self) -> None:
        """Judge only what comes from now on."""
        self.acceleration_ratio = self.velocity_ratio = 0.0
        self.over = self.updates = self.refused = 0

    def report(self) -> dict[str, Any]:
        return {
            "version": self.setting.version,
            "update_hz": self.setting.update_hz,
            "delay_ms": self.setting.delay_s * 1e3,
            "loss": self.setting.loss,
            "acceleration_ratio": self.acceleration_ratio,
            "velocity_ratio": self.velocity_ratio,
            "over": self.over,
            "updates": self.updates,
            "refused": self.refused,
        }

    def _judge(self, commands: Float, reported: Float) -> None:
        self._before = commands[-2:]
        velocity = np.abs(np.diff(commands, axis=0)) / self._period_s / self._limits.velocity
        steps = np.abs(np.diff(commands, 2, axis=0)) / self._period_s**2 / self._limits.acceleration
        shares = (np.abs(reported) / self._limits.acceleration).max(axis=1)
        count = len(shares)
        if len(steps):
            shares[count - len(steps) :] = np.maximum(shares[count - len(steps) :], steps.max(axis=1))
        self.acceleration_ratio = max(self.acceleration_ratio, float(shares.max()))
        self.velocity_ratio = max(self.velocity_ratio, float(velocity.max(initial=0.0)))
        self.over += int((shares > OVER).sum())
        self.updates += count


def together(reports: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The same controllers in several processes, as one list."""
    sums, worst = ("over", "updates", "refused"), ("acceleration_ratio", "velocity_ratio")
    return [
        same[0]
        | {name: sum(each[name] for each in same) for name in sums}
        | {name: max(each[name] for each in same) for name in worst}
        for same in zip(*reports)
    ]


def exceeded(reports: list[dict[str, Any]], transport_s: float) -> list[str]:
    """What breaks the promise of docs/safety.md, in words: 1 % of acceleration without delay, 5 % up to the stated
    transport, and the velocity limit in both."""
    found = []
    for each in reports:
        if each["delay_ms"] > transport_s * 1e3 + 1e-6 or each["loss"]:
            continue
        most = OVER if each["delay_ms"] == 0 else 1.05
        name = f"version {each['version']} at {each['update_hz']:g} Hz, {each['delay_ms']:g} ms"
        if each["acceleration_ratio"] > most:
            found.append(f"{name}: {each['acceleration_ratio']:.3f} of the acceleration limit; legal: {most}")
        if each["velocity_ratio"] > 1.0:
            found.append(f"{name}: {each['velocity_ratio']:.4f} of the velocity limit; legal: 1")
        if each["refused"]:
            found.append(f"{name}: {each['refused']} trajectories refused by the controller; legal: 0")
    return found
