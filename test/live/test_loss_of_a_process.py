"""Brain or gate die while the arm moves: it brakes, stands still, and stays so."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
from observer import Observer, wait_until

from world_model_ros.bringup.run import Running

TICK_S = 0.1
CYCLE_S = 0.01
LATE_S = 0.02  # of the gate's cycle, and of what was on its way, on a busy machine


def _set_moving(observer: Observer) -> None:
    observer.go(0.65, -0.27)
    observer.wait_until_steady()
    observer.arm()
    wait_until(lambda: observer.speed() > 0.25, 15.0)


def test_a_killed_brain_is_braked_within_one_and_a_half_ticks_and_the_arm_stays_still(
    graph: tuple[Running, Observer],
) -> None:
    running, observer = graph
    _set_moving(observer)
    os.kill(running.pid("world_model"), signal.SIGKILL)
    killed, killed_ns = time.monotonic(), time.time_ns()
    wait_until(lambda: observer.states[-1][1]["state"] == "disarmed", 30.0)
    # By the gate's own clock: when this observer gets to hear of it is another thing.
    braking_ns = next(
        each["since_ns"] for when, each in observer.states if when > killed and each["state"] == "slowing"
    )
    assert (braking_ns - killed_ns) * 1e-9 <= 1.5 * TICK_S + CYCLE_S + LATE_S
    braking = killed + (braking_ns - killed_ns) * 1e-9
    still = next(when for when, _, v in observer.applied if when > braking and np.abs(v).max() < 1e-3)
    assert still - braking < 0.6  # at these limits a stop takes 0.2 to 0.4 s
    print(f"braking {(braking - killed) * 1e3:.0f} ms after the kill, still {(still - braking) * 1e3:.0f} ms later")
    time.sleep(0.5)  # the servos settle
    observer.go(0.4, 0.2, heard=False)
    before = observer.joints[-1][1]
    time.sleep(1.0)
    drift = np.abs(observer.joints[-1][1] - before).max()
    print(f"and moved by {drift * 1e3:.2f} mrad in the second after")
    assert drift < 2e-3
    assert observer.states[-1][1]["state"] == "disarmed"


def test_with_the_gate_killed_the_arm_comes_to_a_stop_by_itself(graph: tuple[Running, Observer]) -> None:
    running, observer = graph
    _set_moving(observer)
    os.kill(running.pid("command_gate"), signal.SIGKILL)
    killed = time.monotonic()
    time.sleep(1.2)
    assert not [when for when in observer.sent if when > killed + 0.2]
    stop = max(when for when, _, v in observer.joints if np.abs(v).max() > 0.02)
    print(f"the arm stood still {(stop - killed) * 1e3:.0f} ms after the gate was killed")
    late = [np.abs(v).max() for when, _, v in observer.joints if when > killed + 0.9]
    assert late
    assert max(late) < 0.02
