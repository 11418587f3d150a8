"""Checks a contract's driver fields (speed scaling, readiness) against message types; notes driver topics left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from world_model_ros.check.stream_fit import Finding
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.driver import DriverField, Ready
from world_model_ros.contract.topics import absolute
from world_model_ros.convert.messages import ros_class
from world_model_ros.core.errors import UserError

_SCALING, _READY = ("speed_scaling", "speed_scaling_factor"), ("robot_program_running", "program_running")
_NUMBERS = ("std_msgs/msg/Float64", "std_msgs/msg/Float32")


def driver_fit(contract: Contract) -> Iterator[tuple[str, UserError | None, str | None]]:
    """Each field of ``deployment.driver``: what it is, what is wrong, and a note where its type cannot be looked at."""
    driver = contract.deployment.driver
    if driver is None:
        return
    scaling = [] if driver.speed_scaling is None else [driver.speed_scaling]
    for field in (*driver.ready, *scaling):
        what, package = f"driver {field.topic}", field.type.partition("/")[0]
        if find_spec(package) is None:
            yield what, None, f"{field.type} was not looked at: the package {package} is not installed here"
            continue
        try:
            driver_class(field)
        except UserError as error:
            yield what, error, None
        else:
            yield what, None, None


def unheard_driver(
    contract: Contract, topics: Mapping[str, Sequence[str]], resolve: Callable[[str], str] = absolute
) -> list[Finding]:
    """Notes on topics that usually say how fast a driver follows, or whether, and that the contract does not hear.

    Args:
        topics: types of each topic that something publishes, by its full name.
        resolve: gives the full name of a topic of the contract.
    """
    command, driver = contract.deployment.command, contract.deployment.driver
    if command is None:
        return []
    heard = set() if driver is None else {resolve(each.topic) for each in driver.ready}
    if driver is not None and driver.speed_scaling is not None:
        heard.add(resolve(driver.speed_scaling.topic))
    found = []
    for topic, types in sorted(topics.items()):
        last = topic.rpartition("/")[2]
        number, switch = set(types) & set(_NUMBERS), "std_msgs/msg/Bool" in types
        if topic in heard:
            continue
        if last in _SCALING and number:
            line = f"speed_scaling: {{topic: {topic}, type: {min(number)}, full: what it says at full speed}}"
            what = "a slowed controller's commands step"
        elif last in _READY and switch:
            line, what = f"ready: [{{topic: {topic}, type: std_msgs/msg/Bool}}]", "a stop has another name"
        else:
            continue
        words = f"{topic} is there and the contract does not hear it, so that {what}"
        found.append(Finding("driver", words, f"deployment.driver: {line}", "note"))
    return found


def driver_class(wanted: DriverField) -> Any:
    """The class of the messages that a field is in.

    Raises:
        UserError: there is none on this machine, or it has no such field, or one with values of another type.
    """
    try:
        kind = ros_class(wanted.type)
    except UserError as error:
        raise UserError(f"deployment.driver: {wanted.topic}: type", wanted.type, error.legal) from error
    _require_field(kind, wanted)
    return kind


def _require_field(kind: type, wanted: DriverField) -> None:
    where = f"deployment.driver: {wanted.topic}: "
    try:
        value = field_of(kind(), wanted.field)
    except AttributeError as error:
        legal = sorted(kind.get_fields_and_field_types())  # type: ignore[attr-defined]
        raise UserError(where + "field", wanted.field, f"one of {wanted.type}: {legal}") from error
    if isinstance(wanted, Ready):
        wrong = [each for each in wanted.values if type(each) is not type(value)]
        if wrong:
            raise UserError(
                where + "values", wrong, f"of type {type(value).__name__}, as {wanted.field} of {wanted.type}"
            )
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError(where + "field", wanted.field, f"a number of {wanted.type}, not {type(value).__name__}")


def field_of(message: Any, path: str) -> Any:
    """A field of a message; nested ones with dots."""
    for name in path.split("."):
        message = getattr(message, name)
    return message
