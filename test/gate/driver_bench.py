"""A gate that hears a driver, with a modelled controller and arm, moving at about half of the robot's speed."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from gate_driver import CONTRACT

from world_model_ros.bench.gate.histories import Bench
from world_model_ros.bench.gate.trajectory_controllers import Setting
from world_model_ros.contract.deployment.driver import Driver, Ready, SpeedScaling

SCALING = SpeedScaling(topic="speed_scaling", type="std_msgs/msg/Float64", full=100.0)
READY = Ready(topic="program_running", type="std_msgs/msg/Bool")
FAR = np.array([0.0, -1.2, 1.4, -1.8, -1.57, 0.0])  # high over the table
VELOCITY = np.array([0.5, 0.3, -0.4, 0.3, 0.2, -0.6])

Kind = TypeVar("Kind", bound=Bench)


def moving(
    kind: type[Kind], settings: Driver, delay_s: float = 0.0, rest_s: float = 0.3, motion_s: float = 0.4
) -> Kind:
    """A bench of a kind that tracks commands, after a rest and a motion."""
    contract = replace(CONTRACT, deployment=CONTRACT.deployment.model_copy(update={"driver": settings}))
    made = kind(contract, Setting("4.42", 500.0, delay_s), FAR, seed=1)
    for each in settings.ready:
        made.gate.driver.hear_ready(each.topic, each.values[0])
    if settings.speed_scaling is not None:
        made.gate.driver.hear_scaling(100.0)
    made.run(rest_s)
    assert made.gate.arm(made.now_ns) is None
    made.run(motion_s, VELOCITY)
    assert made.gate.state.value == "tracking"
    return made
