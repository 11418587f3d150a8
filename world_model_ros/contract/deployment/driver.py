"""Contract fields of what the gate hears from the robot's driver: speed scaling, and whether the robot is ready."""

from __future__ import annotations

from typing import Annotated, Union

from pydantic import Field, model_validator

from world_model_ros.contract.field_types import Positive, Qos, Strict, Topic, once

Told = Union[bool, int, float, str]


class DriverField(Strict):
    """One field of a message; nested ones with dots, as ``status.mode``."""

    topic: Topic
    type: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*/msg/[A-Za-z][A-Za-z0-9_]*$")]
    field: Annotated[str, Field(min_length=1)] = "data"
    qos: Qos = Qos()


class SpeedScaling(DriverField):
    """The share of its speed that the driver leaves to the robot; ``full`` is the value of all of it (UR: 100).

    With ``scales_controller`` the time of the trajectory controller is scaled (ros2_controllers' speed_scaling, UR's
    scaled_joint_trajectory_controller): the gate's time passes as slowly. Without, only the robot is slower: then the
    gate plans slower motions.
    """

    full: Positive = 1.0
    scales_controller: bool = True


class Ready(DriverField):
    """The robot follows its controller while the field has one of ``values``."""

    values: Annotated[list[Told], Field(min_length=1)] = [True]


class Driver(Strict):
    """What the gate hears of the driver. All of ``ready`` have to be so, or it brakes and cannot be armed."""

    speed_scaling: SpeedScaling | None = None
    ready: list[Ready] = []

    @model_validator(mode="after")
    def _consistent(self) -> Driver:
        once("ready: topic", [each.topic for each in self.ready])
        return self
