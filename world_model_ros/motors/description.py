"""Motors of a robot by the names of their joints, read from YAML: index in a message, gains, topics and types.

``config/motors`` has the files that come with the package. What a file says of a maker's messages has its source there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.contract_text import read_text, read_yaml
from world_model_ros.contract.deployment.gate import Controller
from world_model_ros.contract.field_types import Number, Strict, once
from world_model_ros.contract.topics import ARMS_PACE, ARMS_READY
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import is_file
from world_model_ros.core.installation.share_folder import share_folder

MOTORS = 35  # that a message has room for
LEGS = 12  # motors before this one are those of the legs, which nothing here ever commands
_STIFFEST = 1e4  # of a gain

Index = Annotated[int, Field(ge=LEGS, lt=MOTORS)]


class DdsTopic(Strict):
    """A topic as DDS knows it, and the name of its type with its modules."""

    topic: Annotated[str, Field(pattern=r"^[\w/]+$")]
    type: Annotated[str, Field(pattern=r"^\w+(\.\w+)+$")]


class Motor(Strict):
    """The motor of a joint: its place in the messages, and the gains of its own controller, N m/rad and N m s/rad."""

    name: str
    motor: Index
    kp: Number = Field(gt=0.0, le=_STIFFEST)
    kd: Number = Field(ge=0.0, le=_STIFFEST)


class Motors(Strict):
    """What is commanded, and what is heard. ``weight`` is the motor whose position is the share of the command."""

    command: DdsTopic
    state: DdsTopic
    weight: Index
    joints: list[Motor] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> Motors:
        once("joints: name", [each.name for each in self.joints])
        once("joints: motor", [str(each.motor) for each in self.joints] + [str(self.weight)])
        return self

    def of(self, names: list[str] | tuple[str, ...]) -> list[Motor]:
        """Motors of joints that are all known, in this order."""
        known = {each.name: each for each in self.joints}
        return [known[name] for name in names]


def known_motors() -> list[str]:
    """Names of the files that come with the package."""
    return sorted(path.stem for path in (share_folder("config") / "motors").glob("*.yaml"))


def load_motors(name: str) -> Motors:
    """Read a file by path, or by the name of one that comes with the package.

    Raises:
        UserError: there is none, or something in it is wrong: the key, what it is, what it may be.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = share_folder("config") / "motors" / f"{name}.yaml"
    if not is_file(path):
        raise UserError("motors", name, f"a file (.yaml) or one of {known_motors()}")
    data = read_yaml(read_text(path), str(path))
    try:
        return Motors.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        legal = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        raise UserError(f"{path}: {place or 'motors'}", first.get("input"), legal) from error


def driven_by(contract: Contract, motors: Motors) -> list[Controller]:
    """The contract's controllers of trajectories whose joints have motors here.

    Raises:
        UserError: there is none, one has joints of which only some have motors, or the contract does not let the gate
            hear that the arms are not ours yet.
    """
    command, known = contract.deployment.command, [each.name for each in motors.joints]
    if command is None:
        raise UserError("deployment.command", "nothing", "interface: joint_trajectory, and a topic")
    found = []
    for index, each in enumerate(command.controllers(contract.joint_names)):
        place = "deployment.command" if index == 0 else f"deployment.command.others[{index - 1}]"
        unknown = [name for name in each.joints if name not in known]
        if len(unknown) == len(each.joints):
            continue
        if unknown:
            named = "interface.joints" if index == 0 else f"{place}.joints"
            raise UserError(named, unknown[0], f"one of {known}, or a controller of others that moves it")
        if each.interface != "joint_trajectory":
            raise UserError(f"{place}.interface", each.interface, "joint_trajectory, whose motions end in a stop")
        found.append(each)
    if not found:
        raise UserError("interface.joints", list(contract.joint_names), f"some of {known}")
    _require_driver(contract)
    return found


def _require_driver(contract: Contract) -> None:
    """`UserError` of a contract by which the gate would move arms that are not ours yet."""
    driver = contract.deployment.driver
    scaling = None if driver is None else driver.speed_scaling
    if scaling is None or scaling.topic != ARMS_PACE or scaling.full != 1.0 or not scaling.scales_controller:
        legal = f"{{topic: {ARMS_PACE}, type: std_msgs/msg/Float64}}, by which the gate waits for the arms"
        raise UserError("deployment.driver.speed_scaling", None if scaling is None else scaling.topic, legal)
    assert driver is not None
    if ARMS_READY not in [each.topic for each in driver.ready]:
        legal = f"{{topic: {ARMS_READY}, type: std_msgs/msg/Bool}} among them, by which the gate brakes"
        raise UserError("deployment.driver.ready", [each.topic for each in driver.ready], legal)
