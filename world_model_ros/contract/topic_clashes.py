"""Refuses a contract that uses the package's own topics, or one topic both for a controller and for something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from world_model_ros.contract.deployment.gate import BRAIN
from world_model_ros.contract.schema import Deployment
from world_model_ros.contract.topics import absolute, is_own
from world_model_ros.core.errors import UserError

_LEGAL = "a topic that this package does not use itself, as it does command, tick, and all under gate/ and goal/"
Place = tuple[str, str]  # of a topic in a contract, and its name there


def refuse_clashes(deployment: Deployment, where: str = "", resolve: Callable[[str], str] = absolute) -> None:
    """Refuse topics of the robot that are the package's own, and two on which controllers listen and others talk.

    Args:
        deployment: of a contract.
        where: stands in front of the field of an error.
        resolve: the full name of a topic, as a node in a namespace has it.

    Raises:
        UserError: such a topic, with its place.
    """
    taken: dict[str, str] = {}
    sent, heard = list(_sent(deployment)), list(_heard(deployment))
    for field, topic in sent + heard:
        if is_own(topic, resolve):
            raise UserError(where + field, topic, _LEGAL)
    for field, topic in sent:
        for other, name in heard:
            taken.setdefault(resolve(name), other)
        if resolve(topic) in taken:
            raise UserError(where + field, topic, f"another topic than that of {taken[resolve(topic)]}")
        taken[resolve(topic)] = field


def _sent(deployment: Deployment) -> Iterator[Place]:
    """Where controllers listen."""
    if deployment.command is not None:
        yield "deployment.command.topic", deployment.command.topic
        for index, other in enumerate(deployment.command.others):
            yield f"deployment.command.others[{index}].topic", other.topic


def _heard(deployment: Deployment) -> Iterator[Place]:
    """What the robot and people say, and where an action of free parts is said."""
    gate, driver = deployment.gate, deployment.driver
    for kind, sources in (("streams", deployment.streams), ("labels", deployment.labels), ("gate.clouds", gate.clouds)):
        for source in sources:
            yield f"deployment.{kind}: {source.name}: topic", source.topic
    for sender in deployment.sources or ():
        if sender.kind != BRAIN:
            yield f"deployment.sources: {sender.name}: topic", sender.topic
    if deployment.action is not None:
        yield "deployment.action.topic", deployment.action.topic
    if gate.deadman is not None:
        yield "deployment.gate.deadman.topic", gate.deadman.topic
    if driver is not None and driver.speed_scaling is not None:
        yield "deployment.driver.speed_scaling.topic", driver.speed_scaling.topic
    for index, ready in enumerate(driver.ready if driver is not None else ()):
        yield f"deployment.driver.ready[{index}].topic", ready.topic
