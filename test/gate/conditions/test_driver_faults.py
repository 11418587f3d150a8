"""What goes wrong in a robot's driver while it moves: each fault ends as docs/safety.md says, and nothing jumps.

Gate, trajectory controller and arm are the modelled ones of ``bench gate``; the driver between arm and gate is here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from driver_bench import FAR, READY, SCALING, VELOCITY, moving

from world_model_ros.bench.gate.histories import Bench
from world_model_ros.contract.deployment.driver import Driver
from world_model_ros.core.arrays import Float

TOLD = Driver(speed_scaling=SCALING, ready=[READY])
ALONE = Driver()
S = 10**9
STEP = 2.5


class Plant(Bench):
    """A robot whose driver can fail.

    Attributes:
        say: makes of true positions and velocities (J,) what the driver reports: stamp, positions, velocities, any
            number of messages.
        hand: how far (J,) a force from outside holds the arm away from its command.
    """

    @staticmethod
    def at_speed(settings: Driver, delay_s: float = 0.0) -> Plant:
        """One whose gate tracks commands at about half of the robot's speed."""
        made = moving(Plant, settings, delay_s, rest_s=0.5, motion_s=0.5)
        made.follower.forget()
        return made

    def __post_init__(self) -> None:
        self.say: Callable[[Float, Float], list[tuple[int, Float, Float]]] = self.right
        self.hand: Float | float = 0.0
        super().__post_init__()

    def right(self, position: Float, velocity: Float) -> list[tuple[int, Float, Float]]:
        return [(self.now_ns, position, velocity)]

    def report(self, position: Float, velocity: Float) -> None:
        for message in self.say(position + self.hand, velocity):
            self.gate.joint_state(*message)

    def scale(self, percent: float, told: bool = True, span_s: float = 0.3) -> None:
        """The operator turns the speed slider; the controller's time goes with it."""
        before, steps = 100 * self.follower.controller.scaling, round(span_s / 0.01)
        for step in range(1, steps + 1):
            now = before + (percent - before) * step / steps
            self.follower.controller.scaling = now / 100
            if told:
                self.gate.driver.hear_scaling(now)
            self.run(0.01, VELOCITY)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Args:
        name: as docs/safety.md has it.
        begin, end: what happens to a robot that moves, and what mends it.
        state, cause: of the gate, 1.2 s after it has begun.
        rule: by which arming is refused as long as it lasts; None if it is not.
        settings: what the contract says of the driver.
        within: what the controller's commands keep all the time: ``limits`` as docs/safety.md promises them, ``steps``
            of `STEP` times the velocity limit where the controller's time is scaled, or ``nothing``, where its clock
            leaps.
    """

    name: str
    begin: Callable[[Plant], object]
    end: Callable[[Plant], object]
    state: str
    cause: str
    rule: str | None = None
    settings: Driver = ALONE
    within: str = "limits"


def says(make: Callable[[Plant, Float, Float], list[tuple[int, Float, Float]]]) -> Callable[[Plant], object]:
    """From now on the driver reports that."""

    def begin(plant: Plant) -> None:
        plant.say = lambda position, velocity: make(plant, position, velocity)

    return begin


def mended(plant: Plant) -> None:
    plant.say, plant.hand, plant.stopped = plant.right, 0.0, None


def scaled(percent: float, told: bool = True) -> Callable[[Plant], object]:
    return lambda plant: plant.scale(percent, told)


def stops(told: bool) -> Callable[[Plant], object]:
    """The robot stands where it is at once; without ``told`` nothing else knows."""

    def begin(plant: Plant) -> None:
        plant.stopped = plant.measured
        if told:
            plant.gate.driver.hear_ready(READY.topic, False)
            plant.gate.driver.hear_scaling(0.0)
            plant.follower.controller.scaling = 0.0

    return begin


def released(plant: Plant) -> None:
    """The protective stop is acknowledged on the pendant."""
    plant.gate.driver.hear_ready(READY.topic, True)
    plant.gate.driver.hear_scaling(100.0)
    plant.follower.controller.scaling = 1.0
    plant.run(1.0)
    plant.stopped = None


def reflex(plant: Plant) -> None:
    """The robot's own controller stops it and drops the trajectory controller, as a Franka does."""
    plant._deactivate()


def recovered(plant: Plant) -> None:
    plant.follower.restart(plant._loose, plant.now_ns)


def pushed(rad: float) -> Callable[[Plant], object]:
    def begin(plant: Plant) -> None:
        for share in np.linspace(0.0, 1.0, 20):
            plant.hand = share * rad * np.array([1.0, 0, 0, 0, 0, 0])
            plant.run(0.01, VELOCITY)

    return begin


def alternating(plant: Plant, position: Float, velocity: Float) -> list[tuple[int, Float, Float]]:
    """A second driver publishes the joints of a robot that stands at home."""
    return [(plant.now_ns, FAR, 0.0 * FAR), (plant.now_ns, position, velocity)][:: 1 if plant.now_ns % 2 else -1]


def of_rate(hz: float) -> Callable[[Plant, Float, Float], list[tuple[int, Float, Float]]]:
    every = round(S / hz)
    return lambda plant, p, v: [(plant.now_ns, p, v)] if plant.now_ns % every < 10_000_000 else []


def held(index: int | None = None) -> Callable[[Plant], object]:
    """The driver repeats what it said last, of one joint or all, with new stamps."""

    def begin(plant: Plant) -> None:
        last = np.array(plant.measured)

        def say(position: Float, velocity: Float) -> list[tuple[int, Float, Float]]:
            position = np.array(position)
            position[index] = last[index]
            return [(plant.now_ns, position, velocity)]

        plant.say = say

    return begin


def mirrored(plant: Plant) -> None:
    """The driver reports the first joint with the other sign, as far as it moves from here."""
    start = np.array(plant.measured)

    def say(position: Float, velocity: Float) -> list[tuple[int, Float, Float]]:
        position = np.array(position)
        position[0] = 2 * start[0] - position[0]
        return [(plant.now_ns, position, velocity)]

    plant.say = say


def repeats(plant: Plant) -> None:
    """The driver's loop hangs; a bridge sends its last message again and again."""
    stamp, last = plant.now_ns, np.array(plant.measured)
    plant.say = lambda position, velocity: [(stamp, last, 0.0 * last)]


def leap(plant: Plant) -> None:
    """The time of the whole machine is set, forward by 5 s."""
    plant.now_ns += 5 * S
    plant.follower.controller.set_clock(plant.now_ns)


def twice(plant: Plant) -> None:
    for _ in range(2):
        plant.say = lambda position, velocity: []
        plant.run(0.05, VELOCITY)
        plant.say = plant.right
        plant.run(0.2, VELOCITY)


def nothing(plant: Plant) -> None:
    pass


def slows_itself(plant: Plant) -> None:
    """The robot goes at 30 % of what its controller says, which is not told: the arm falls behind."""
    for _ in range(40):
        plant.hand = plant.hand - 0.7 * 0.01 * VELOCITY
        plant.run(0.01, VELOCITY)


DISAGREE, STALE = "joint_states_disagree", "joint_states_stale"
TRACKS, DISARMS = ("tracking", "command", "state"), "disarmed"
FAULTS = [
    Fault("slider at 30 %, heard", scaled(30.0), scaled(100.0), *TRACKS, TOLD, "steps"),
    Fault("slider at 30 %, not heard", scaled(30.0, told=False), scaled(100.0, told=False), *TRACKS, within="steps"),
    Fault("slider at 30 % of a robot that slows by itself, not heard", slows_itself, mended, DISARMS, DISAGREE),
    Fault("pause, heard", scaled(0.0), scaled(100.0), *TRACKS, TOLD, "steps"),
    Fault(
        "protective stop, heard",
        stops(told=True),
        released,
        DISARMS,
        "driver_not_ready",
        "driver_not_ready",
        TOLD,
        "velocity",
    ),
    Fault("protective stop, not heard", stops(told=False), mended, DISARMS, DISAGREE),
    Fault("reflex, or a switched controller", reflex, recovered, DISARMS, DISAGREE),
    Fault("hand that holds the arm back", pushed(0.3), mended, DISARMS, DISAGREE),
    Fault("hand that leans on the arm", pushed(0.05), mended, *TRACKS),
    Fault("cable out", says(lambda plant, p, v: []), mended, DISARMS, STALE, STALE),
    Fault("cable loose", twice, nothing, *TRACKS),
    Fault("driver's clock ahead", says(lambda plant, p, v: [(plant.now_ns + S, p, v)]), mended, DISARMS, STALE, STALE),
    Fault("driver's clock behind", says(lambda plant, p, v: [(plant.now_ns - S, p, v)]), mended, DISARMS, STALE, STALE),
    Fault("clock of the machine set", leap, nothing, DISARMS, "clock_jump", within="nothing"),
    Fault("two drivers on one topic", says(alternating), mended, DISARMS, DISAGREE, "velocity"),
    Fault("old positions with new stamps", held(), mended, DISARMS, DISAGREE),
    Fault("one message again and again", repeats, mended, DISARMS, STALE, STALE),
    Fault("encoder that hangs", held(0), mended, DISARMS, DISAGREE),
    Fault("encoder that loses its zero", pushed(0.5), mended, DISARMS, DISAGREE),
    Fault(
        "degrees",
        says(lambda plant, p, v: [(plant.now_ns, np.degrees(p), np.degrees(v))]),
        mended,
        DISARMS,
        DISAGREE,
        "position",
    ),
    Fault("joint reported the wrong way round", mirrored, mended, DISARMS, DISAGREE),
    Fault(
        "positions that are not numbers",
        says(lambda plant, p, v: [(plant.now_ns, p * np.nan, v)]),
        mended,
        DISARMS,
        STALE,
        STALE,
    ),
    Fault("joint states at 2 Hz", says(of_rate(2.0)), mended, DISARMS, STALE, "velocity"),
    Fault("joint states at 10 Hz", says(of_rate(10.0)), mended, *TRACKS),
]


@pytest.mark.parametrize("delay_s", [0.0, 0.015])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_ends_as_documented_and_nothing_jumps(fault: Fault, delay_s: float) -> None:
    plant = Plant.at_speed(fault.settings, delay_s)
    fault.begin(plant)
    plant.run(1.2, VELOCITY)
    refusal = plant.gate.refusal(plant.now_ns)
    assert (plant.gate.state.value, plant.gate.cause.value) == (fault.state, fault.cause)
    assert (None if refusal is None else refusal.rule) == fault.rule
    fault.end(plant)
    still = plant.follower.controller.held[0]
    plant.run(1.0, VELOCITY)
    if fault.state == DISARMS:
        assert np.abs(plant.follower.controller.held[0] - still).max() < 1e-3  # what is mended moves nothing by itself
        assert plant.gate.state.value == "disarmed"
        assert plant.gate.arm(plant.now_ns) is None
    plant.run(0.6, -VELOCITY)
    assert plant.gate.state.value == "tracking"
    if fault.within == "limits":
        assert plant.follower.acceleration_ratio <= (1.05 if delay_s else 1.01)
    if fault.within != "nothing":
        assert plant.follower.velocity_ratio <= (1.0 if fault.within == "limits" else STEP)


def test_a_slider_that_is_not_heard_slows_nothing_at_a_controller_whose_time_it_scales() -> None:
    """Each trajectory sets the controller's time right again."""
    plant = Plant.at_speed(ALONE)
    before = plant.measured
    plant.run(0.5, VELOCITY)
    full = plant.measured - before
    plant.scale(30.0, told=False)
    before = plant.measured
    plant.run(0.5, VELOCITY)
    assert plant.measured - before == pytest.approx(full, rel=0.1)


def test_the_documentation_has_each_fault_and_what_it_ends_in() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "safety.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|`]+?) \| `(\w+)`", page.partition("## What goes wrong in a driver")[2], re.M))
    for fault in FAULTS:
        assert rows.get(fault.name) == (fault.cause if fault.state == DISARMS else fault.state), fault.name
    assert len(rows) >= len(FAULTS)
