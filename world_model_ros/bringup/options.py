"""Options of a bringup and of a simulation as dataclasses, shared by launch files, commands and tests.

Example::

    simulation(SimulationOptions("my_arm", seed=3))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot

Value = bool | int | float | str
Options = TypeVar("Options", bound="BringupOptions")


def _option(default: Value, description: str = "") -> Any:
    """A field; one with a description is an argument of the launch file."""
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True)
class BringupOptions:
    """Options of `world_model_ros.bringup.processes.bringup`. Those with a description are launch arguments.

    Args:
        policy: ``model``, or ``random`` as a control.
        seed: of the brain's sampling.
        futures: picture to save the imagined frames to; empty saves none.
    """

    robot: str = field(
        default_factory=default_robot,
        metadata={"description": "contract file (.yaml), or the name of one of the package"},
    )
    model: str = _option("", "model bundle, name or folder; empty takes the one named like the robot")
    provider: str = _option("auto", "auto, cpu, cuda or tensorrt")
    rate_hz: float = _option(0.0, "of ticks; 0 takes the contract's, else a multiple of it")
    shadow: bool = _option(False, "only watch whoever drives the robot, and report how well that is predicted; no gate")
    dry_run: bool = _option(False, "the gate judges every command and sends none")
    speed_scale: float = _option(1.0, "0.05 to 1: share of the speed of all that is commanded; begin slowly")
    owner: str = _option(
        "", "source of the contract that owns the gate at the start, as brain; without it none does and nothing moves"
    )
    trajectory_player: bool = _option(
        False, "offer follow_joint_trajectory, as MoveIt asks for it, for the contract's source of kind moveit"
    )
    teleop: str = _option(
        "", "gamepad or twist: let a person drive, as the contract's source of kind person; empty starts none"
    )
    robot_state_publisher: str = _option(
        "auto", "auto, true or false: start one; auto leaves it out where a robot description is on its topic already"
    )
    rviz: bool = _option(False, "open rviz2 with the imagined futures")
    use_sim_time: bool = _option(False, "take the time from /clock")
    record: str = _option("", "bag to write; empty records nothing")
    policy: str = _option("model")
    seed: int = _option(0)
    futures: str = _option("")

    @classmethod
    def from_texts(cls: type[Options], texts: Mapping[str, str]) -> Options:
        """The options that a launch file got as texts.

        Raises:
            UserError: a text is of another type than its option.
        """
        values: dict[str, Any] = {each.name: each.parse(texts[each.name]) for each in launch_arguments(cls)}
        return cls(**values)


@dataclass(frozen=True)
class SimulationOptions(BringupOptions):
    """Options of `world_model_ros.bringup.processes.simulation`, whose simulator makes ``/clock``."""

    seed: int = _option(0, "of the scene and of the brain's sampling")
    unplug: str = _option("", "comma separated streams (name or kind) that the simulator does not publish")
    scenes: str = _option("plain", "how much simulated scenes differ: plain, varied or cluttered")


@dataclass(frozen=True)
class Argument:
    """A launch argument.

    Args:
        name: as in ``name:=value``.
        default: what it is when not given; its type is the argument's type.
        description: for ``ros2 launch --show-args``.
    """

    name: str
    default: Value
    description: str

    @property
    def default_text(self) -> str:
        """The default as a user would type it."""
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)

    def parse(self, text: str) -> Value:
        """The value of a text; `UserError` if it has another type."""
        if isinstance(self.default, bool):
            if text.lower() not in ("true", "false"):
                raise UserError(self.name, text, "true or false")
            return text.lower() == "true"
        if isinstance(self.default, (int, float)):
            try:
                return type(self.default)(text)
            except ValueError:
                legal = "a whole number" if isinstance(self.default, int) else "a number"
                raise UserError(self.name, text, legal) from None
        return text


def launch_arguments(options: type[BringupOptions]) -> list[Argument]:
    """The options that a launch file declares, in their order."""
    described = [each for each in fields(options) if each.metadata["description"]]
    return [Argument(each.name, _default(each), each.metadata["description"]) for each in described]


def _default(option: Field[Any]) -> Any:
    return option.default if option.default_factory is MISSING else option.default_factory()
