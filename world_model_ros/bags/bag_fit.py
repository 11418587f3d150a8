"""Checks the messages of a bag against a contract, with the report that ``check --live`` makes of a running robot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from world_model_ros.bags.align.commanded_reference import command_topics, possible_commands, reference_sources
from world_model_ros.bags.align.routes import header_ns, source_types
from world_model_ros.bags.storage.reader import BagReader, Topic
from world_model_ros.check.driver_fit import unheard_driver
from world_model_ros.check.robot_fit import RobotFit
from world_model_ros.check.stream_fit import Finding, qos_findings, type_findings
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.topics import absolute, is_own
from world_model_ros.convert.actions import action_array
from world_model_ros.convert.senses.converters import legal_types
from world_model_ros.convert.stamps import has_header
from world_model_ros.core.errors import UserError

_SECOND_NS = 10**9


class BagFit:
    """Collects the messages of a bag.

    Args:
        bag: open. contract: of the robot.
        sparing: look into a picture a second only; stamps are counted of all.
    """

    def __init__(self, bag: BagReader, contract: Contract, sparing: bool = False) -> None:
        bag.assume(source_types(contract))
        self._bag, self._contract, self._sparing = bag, contract, sparing
        self._fit = RobotFit(contract, "the bag's clock")
        self._topics = bag.topics()
        self._streams: dict[str, list[str]] = {}
        self._static: dict[str, list[str]] = {}
        for source in contract.deployment.streams:
            topic = self._topics.get(absolute(source.topic))
            if topic is not None and topic.type == source.type:
                self._streams.setdefault(topic.name, []).append(source.name)
                if source.static_topic is not None:
                    self._static.setdefault(absolute(source.static_topic), []).append(source.name)
        self._told: dict[str, Callable[[Any, int], Any]] = {
            each.topic: each.now for each in reference_sources(bag, contract) if not each.shared
        }
        sink = contract.deployment.action
        if sink is not None and not self._no_action():
            self._told[absolute(sink.topic)] = lambda message, _: action_array(message, contract, sink.topic)
        self._wrong: dict[str, Counter[str]] = {name: Counter() for name in self._told}
        self._looked: dict[str, int] = {}

    @property
    def topics(self) -> set[str]:
        """Topics that are looked at."""
        return {*self._streams, *self._static, *self._told}

    def hear(self, topic: str, bag_ns: int, raw: bytes) -> None:
        """The next message."""
        if topic in self._static:
            self._hear_static(topic, raw)
        names = self._streams.get(topic, ())
        told = self._told.get(topic)
        if told is None and not names:
            return
        if names and self._passed_over(topic, names, bag_ns, raw):
            return
        try:
            message = self._bag.decode(topic, raw)
        except UserError as error:
            for name in names:
                self._broken(name, error, bag_ns, raw)
            if told is not None:
                self._wrong[topic][str(error)] += 1
            return
        for name in names:
            self._fit.add(name, message, bag_ns)
        if told is not None:
            try:
                told(message, bag_ns)
            except UserError as error:
                self._wrong[topic][str(error)] += 1

    def _hear_static(self, topic: str, raw: bytes) -> None:
        with suppress(UserError):
            message = self._bag.decode(topic, raw)
            for name in self._static[topic]:
                self._fit.streams[name].add_static(message)

    def findings(self, name: str) -> list[Finding]:
        """Findings about one stream's messages."""
        self._bound()
        return self._fit.findings(name)

    def report(self) -> dict[str, Any]:
        """As `RobotFit.report`."""
        self._bound()
        topics = [
            self._fit.topic(source.name, absolute(source.topic), self._about(source))
            for source in self._contract.deployment.streams
        ]
        seconds = (self._bag.end_ns - self._bag.start_ns) * 1e-9
        return self._fit.report(seconds, topics, self._commands())

    def _bound(self) -> None:
        """A stream may begin no later and end no earlier than others do; before that a bag has no robot."""
        times = [fit.times for fit in self._fit.streams.values() if fit.times.count]
        for fit in self._fit.streams.values() if times else ():
            fit.zero_ns = self._bag.start_ns
            fit.since_ns, fit.until_ns = min(each.first_ns for each in times), max(each.last_ns for each in times)

    def _passed_over(self, topic: str, names: list[str], bag_ns: int, raw: bytes) -> bool:
        """Whether a picture is only counted, because another one was looked at just before."""
        rows_and_columns = all(len(self._contract.stream(name).shape) == 3 for name in names)
        if not self._sparing or not rows_and_columns:
            return False
        last_ns = self._looked.get(topic)
        if last_ns is None or abs(bag_ns - last_ns) >= _SECOND_NS:
            self._looked[topic] = bag_ns
            return False
        try:
            stamp = header_ns(raw, topic, self._bag.ros1)
        except UserError:
            return False
        for name in names:
            self._fit.streams[name].arrived(stamp, bag_ns)
        return True

    def _broken(self, name: str, error: UserError, bag_ns: int, raw: bytes) -> None:
        fit = self._fit.streams[name]
        fit.refuse(error)
        stamp = bag_ns
        if has_header(self._contract.source(name).type):
            with suppress(UserError):
                stamp = header_ns(raw, name, self._bag.ros1)
        fit.arrived(stamp, bag_ns)

    def _about(self, source: StreamSource) -> list[Finding]:
        """What a bag says of a topic besides its messages."""
        name = absolute(source.topic)
        topic, legal = self._topics.get(name), legal_types(self._contract.stream(source.name).kind)
        if topic is None or not topic.count:
            return [self._missing(source, legal)]
        found = type_findings(source, legal, [topic.type])
        if topic.type != source.type:
            return found
        offered = getattr(self._bag.connection(name).ext, "offered_qos_profiles", [])
        found += qos_findings(
            source, [(each.reliability.name.lower(), each.durability.name.lower()) for each in offered]
        )
        senders = self._bag.senders(name)
        if len(senders) > 1 and not self._fit.streams[source.name].shared:
            found.append(Finding("publishers", f"{len(senders)}: {senders}", "one publisher a topic", "note"))
        if name in self._bag.assumed:
            found.append(Finding("type", "the bag has no schema for it", f"it is read as {source.type}", "note"))
        return found

    def _missing(self, source: StreamSource, legal: list[str]) -> Finding:
        level = "wrong" if source.required else "note"
        why = self._bag.unreadable.get(absolute(source.topic))
        if why is not None:
            return Finding("topic", why, "the recorder", level)
        alike = sorted(topic.name for topic in self._topics.values() if topic.type in legal and topic.count)
        taken = {absolute(each.topic) for each in self._contract.deployment.streams}
        free = [name for name in alike if name not in taken and not is_own(name)]
        change = f"deployment.streams: {source.name}: topic: one of {free}" if free else f"a topic of a type of {legal}"
        return Finding("topic", "not in the bag", f"{change}; or record it", level)

    def _commands(self) -> list[Finding]:
        """What the bag says that the robot was commanded."""
        found = [self._command(self._topics[topic]) for topic in self._told]
        found += self._no_action()
        driver = unheard_driver(self._contract, {topic.name: [topic.type] for topic in self._topics.values()})
        for topic in self._told:
            senders = self._bag.senders(topic)
            if len(senders) > 1:
                found.append(Finding("command", f"{senders} publish on {topic}", "one master a controller", "note"))
        return (found or self._not_told()) + driver

    def _no_action(self) -> list[Finding]:
        """That the topic of an action of free parts is not there, or is another."""
        sink = self._contract.deployment.action
        if sink is None:
            return []
        topic = self._topics.get(absolute(sink.topic))
        if topic is not None and topic.count and topic.type == sink.type:
            return []
        there = f"{absolute(sink.topic)} is not in the bag"
        if topic is not None and topic.count:
            there = f"{topic.name} is {topic.type}; the contract says {sink.type}"
        change = f"deployment.action: topic; or record it as {sink.type}: actions count as zeros without it"
        return [Finding("command", there, change, "note")]

    def _command(self, topic: Topic) -> Finding:
        wrong = self._wrong[topic.name]
        if not wrong:
            return Finding("command", f"{topic.count} messages on {topic.name}")
        count, first = sum(wrong.values()), next(iter(wrong))
        found = f"{count} of {topic.count} messages on {topic.name} cannot be read: {first}"
        return Finding("command", found, "what the robot is sent, as the left says", "note")

    def _not_told(self) -> list[Finding]:
        if self._contract.deployment.action is not None:
            return []  # it is judged where it is
        if self._contract.deployment.command is None:
            return []
        if self._contract.deployment.without_commands == "measured":
            return [Finding("command", "none in the bag; the measured joints stand for them")]
        named = {absolute(each.topic) for each in self._controllers()}
        there = [f"{topic.name} is {topic.type}" for topic in self._topics.values() if topic.name in named]
        wanted = [absolute(topic) for topic in command_topics(self._contract)]
        there += [f"the contract does not know {each}" for each in possible_commands(self._bag, self._contract)]
        found = f"nothing that can be read says what the robot was commanded{': ' if there else ''}{', '.join(there)}"
        change = f"record /gate/applied, or trajectory_msgs/msg/JointTrajectory on one of {wanted or 'its topics'}"
        change += "; or deployment.without_commands: measured"
        return [Finding("command", found, change, "note")]

    def _controllers(self) -> Any:
        command = self._contract.deployment.command
        return () if command is None else command.controllers(self._contract.joint_names)


def check_bag(path: str | Path, contract: Contract, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What is in a bag, next to what its contract says.

    Args:
        names: topic in the bag -> topic of the contract.

    Returns:
        As `RobotFit.report`, and ``left_out`` (by topic, why it cannot be read) and ``damage`` (a line each).

    Raises:
        UserError: there is no such bag, or it cannot be read at all.
    """
    with BagReader(path, names) as bag:
        fit = BagFit(bag, contract)
        for topic, _, bag_ns, raw in bag.raw_messages(bag.among(fit.topics)):
            fit.hear(topic, bag_ns, raw)
        return {**fit.report(), "left_out": bag.unreadable, "damage": bag.damage}
