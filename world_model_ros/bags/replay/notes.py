"""Notes on a replayed bag: missing or stale streams, ignored topics, damage; errors of unusable required streams."""

from __future__ import annotations

from collections.abc import Mapping

from world_model_ros.bags.align.ticks import BagTicks
from world_model_ros.bags.bag_fit import BagFit
from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.bags.replay.output_bag import ReplayBag
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import CONTRACT_TOPIC
from world_model_ros.check.robot_fit import notes
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import PREDICTED, absolute
from world_model_ros.core.errors import UserError


def insist_on_required(
    reader: BagReader, source: BagTicks, contract: Contract, fresh: Mapping[str, float], live: bool, fit: BagFit
) -> None:
    """Without a required stream a replay says nothing; it may lack it because all of its messages are others, or
    stamped by another clock."""
    for each in contract.deployment.streams:
        count = source.counts[each.name]
        if not each.required or fresh[each.name]:
            continue
        if (count.why or count.messages or count.others) and not (live and not count.why):
            why = never_fresh(each.name, source, contract, fit)
            there = ", ".join(f"{topic.name} ({topic.type}, {topic.count})" for topic in reader.topics().values())
            what = f"messages that fit the contract {contract.name} ({why}); in the bag: {there}"
            unfit = count.dropped if count.why else count.messages + count.others
            raise UserError(f"{reader.path.name}: {each.topic}", f"{unfit} messages that do not fit", what)


def never_fresh(name: str, source: BagTicks, contract: Contract, fit: BagFit) -> str:
    """Why no tick saw a stream although it is in the bag."""
    wrong = [each for each in fit.findings(name) if each.level == "wrong" and each.what != "rate"]
    if wrong:
        return "; ".join(f"{each.what}: {each.found} -> {each.change}" for each in wrong)
    count = source.counts[name]
    if count.why or (count.absent and not count.messages):
        return count.why or count.absent
    age_s, limit_s = count.mean_offset_s(), contract.source(name).max_age_s
    return f"stamps are {age_s:.3f} s behind the bag's clock, at most {limit_s} s are fresh; or it is not on the ticks"


def never_fresh_reasons(
    source: BagTicks, contract: Contract, fresh: Mapping[str, float], fit: BagFit
) -> dict[str, str]:
    """Why, by stream, of each that is in the bag and that no tick saw."""
    found = dict(source.masked)
    for name, count in source.counts.items():
        if name not in found and not fresh[name] and (count.messages or count.others):
            found[name] = never_fresh(name, source, contract, fit)
    return found


def replay_notes(
    reader: BagReader, source: BagTicks, contract: Contract, beside: ReplayBag, fit: BagFit, reasons: Mapping[str, str]
) -> list[str]:
    """What a person should know about the bag, a line each.

    Args:
        reasons: why streams that are in the bag were never fresh.
    """
    topics = reader.topics()
    missing = [name for name, count in source.counts.items() if not count.messages and name not in reasons]
    lines = [f"{name}: not in the bag ({contract.source(name).topic}), masked" for name in missing]
    lines += [f"{name}: never fresh, masked: {why}" for name, why in reasons.items()]
    lines += [
        f"{name}: messages refused among those that had to be read, the first one for: {why}"
        for name, why in source.reasons.items()
        if name not in reasons
    ]
    known = source.topics() | {absolute(each) for each in recorded_topics(contract)} | {CONTRACT_TOPIC}
    lines += [
        f"{topic.name}: {topic.count} of {topic.type} ignored, the contract does not know it"
        for topic in topics.values()
        if topic.name not in known and not topic.name.startswith(absolute(PREDICTED))
    ]
    lines += [f"{topic}: {why}" for topic, why in reader.unreadable.items()]
    lines += beside.not_copied
    report = fit.report()
    looked = [each for each in report["topics"] if each["messages"] and each["stream"] not in reasons]
    return lines + notes({**report, "topics": looked}) + reader.damage
