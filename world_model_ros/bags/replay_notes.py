"""What a person should know about a replayed bag, and what makes a replay say nothing."""

from __future__ import annotations

from collections.abc import Mapping

from world_model_ros.bags.reader import BagReader
from world_model_ros.bags.replay_bag import ReplayBag
from world_model_ros.bags.ticks import BagTicks
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError


def insist_on_required(
    reader: BagReader, source: BagTicks, contract: Contract, fresh: Mapping[str, float], live: bool
) -> None:
    """Without a required stream a replay says nothing; it may lack it because all of its messages are others, or
    stamped by another clock."""
    for each in contract.deployment.streams:
        count = source.counts[each.name]
        if not each.required or fresh[each.name]:
            continue
        where = f"{reader.path.name}: {each.topic}"
        if count.why:
            there = ", ".join(f"{topic.name} ({topic.type}, {topic.count})" for topic in reader.topics().values())
            what = f"messages that fit the contract {contract.name} ({count.why}); in the bag: {there}"
            raise UserError(where, f"{count.dropped} messages that do not fit", what)
        if count.messages and not live:
            behind = f"stamps {count.mean_offset_s():.3f} s behind the bag's clock"
            what = f"stamps of that clock, at most {each.max_age_s} s old; was it recorded without use_sim_time?"
            raise UserError(where, behind, what)


def replay_notes(reader: BagReader, source: BagTicks, contract: Contract, beside: ReplayBag) -> list[str]:
    """What a person should know about the bag, a line each."""
    topics = reader.topics()
    missing = [each.name for each in contract.interface.streams if not source.counts[each.name].messages]
    lines = [f"{name}: not in the bag ({contract.source(name).topic}), masked" for name in missing]
    lines += [
        f"{name}: messages that a tick picked could not be read, the first one for: {count.why}"
        for name, count in source.counts.items()
        if count.why
    ]
    known = source.topics() | {"/contract", "/tick", "/command", "/surprise"}
    lines += [
        f"{topic.name}: {topic.count} of {topic.type} ignored, the contract does not know it"
        for topic in topics.values()
        if topic.name not in known and not topic.name.startswith("/predicted/")
    ]
    lines += [f"{topic}: not copied: {why}" for topic, why in beside.left_out.items()]
    return lines + reader.damage
