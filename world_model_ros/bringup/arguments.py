"""Arguments that the launch files share: one table, so that a new one cannot be forgotten in either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from world_model_ros.bringup.processes import Process, Value
from world_model_ros.contract.share_folder import default_robot
from world_model_ros.core.errors import UserError


@dataclass(frozen=True)
class Argument:
    """A launch argument.

    Args:
        name: as in ``name:=value``, and the keyword of `bringup` or `simulation` that it sets.
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


BRINGUP = (
    Argument("robot", default_robot(), "contract file (.yaml), or the name of one of the package"),
    Argument("model", "", "model bundle, name or folder; empty takes the one named like the robot"),
    Argument("provider", "auto", "auto, cpu, cuda or tensorrt"),
    Argument("rate_hz", 0.0, "of ticks; 0 takes the contract's, else a multiple of it"),
    Argument("shadow", False, "only watch whoever drives the robot, and report how well that is predicted; no gate"),
    Argument("dry_run", False, "the gate judges every command and sends none"),
    Argument("speed_scale", 1.0, "0.05 to 1: share of the speed of all that is commanded; begin slowly"),
    Argument(
        "robot_state_publisher",
        "auto",
        "auto, true or false: start one; auto leaves it out where a robot description is on its topic already",
    ),
    Argument("rviz", False, "open rviz2 with the imagined futures"),
    Argument("use_sim_time", False, "take the time from /clock"),
    Argument("record", "", "bag to write; empty records nothing"),
)
SIMULATION = (
    *BRINGUP,
    Argument("seed", 0, "of the scene and of the brain's sampling"),
    Argument("unplug", "", "comma separated streams (name or kind) that the simulator does not publish"),
    Argument("scenes", "plain", "how much simulated scenes differ: plain, varied or cluttered"),
)


def processes_from(
    make: Callable[..., list[Process]], arguments: tuple[Argument, ...], texts: Mapping[str, str]
) -> list[Process]:
    """Call `bringup` or `simulation` with the texts a launch file got."""
    return make(**{argument.name: argument.parse(texts[argument.name]) for argument in arguments})
