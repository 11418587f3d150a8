"""A bag that lacks samples which the brain used does not replay to the same ticks, and says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from world_model_ros.bags.heard_samples import HeardSamples
from world_model_ros.bags.replay.replay import ReplayOptions, replay
from world_model_ros.bags.replay.report.page import verdict
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.commands.replay import _lines
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.stamps import stamp_ns

pytest.importorskip("torch", reason="the toy bundles are exported with torch")


@pytest.fixture(scope="module")
def lacking(contract: Contract, arm_bag: Path, toy_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag with ticks that lacks two of the pictures and one of the taxels that they used."""
    folder = tmp_path_factory.mktemp("lacking")
    brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu")
    replay(arm_bag, contract, brain, folder / "first", ReplayOptions(seed=3))
    with BagReader(folder / "first" / "bag") as bag, BagWriter(folder / "bag") as out:
        ticks = [json.loads(message.data)["stamps"] for _, _, _, message in bag.messages(["/tick"])]
        gone = {("/camera/front/image_raw", ticks[i]["front"]) for i in (7, 12)}
        gone.add(("/taxels/fingertip", ticks[12]["fingertip_taxels"]))
        for topic, kind, at, message in bag.messages():
            if topic != "/contract" and not (hasattr(message, "header") and (topic, stamp_ns(message)) in gone):
                out.write(topic, kind, message, at + 5_000_000 * (topic == "/tick"))
    return folder / "bag"


def test_a_replay_names_the_samples_that_are_not_in_the_bag(
    lacking: Path, contract: Contract, toy_bundle: Path, tmp_path: Path
) -> None:
    brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu")
    metrics = replay(lacking, contract, brain, tmp_path).metrics
    assert metrics["same_as_live"]["samples_lacking"] == {"front": 2, "fingertip_taxels": 1}
    assert metrics["same_as_live"]["observations_equal"] == metrics["ticks"] - 2
    said = "2 ticks used samples that are not in the bag, or over 5 ticks late: front 2, fingertip_taxels 1"
    assert said in verdict(metrics)[0]
    assert sum(said in line for line in _lines(metrics)) == 1


def test_the_recorder_counts_what_ticks_used_and_it_did_not_hear(
    lacking: Path, arm_bag: Path, contract: Contract
) -> None:
    samples, whole = HeardSamples(contract), HeardSamples(contract)
    with BagReader(lacking) as bag:
        for topic, _, _, raw in bag.raw_messages():
            samples.hear(topic, bytes(raw))
            whole.hear(topic, bytes(raw))
    with BagReader(arm_bag) as bag:  # what is missing comes after the ticks
        for topic, _, _, raw in bag.raw_messages():
            whole.hear(topic, bytes(raw))
    assert samples.lacking() == {"front": 2, "fingertip_taxels": 1}
    assert whole.lacking() == {}


def test_records_that_cannot_be_read_count_for_nothing(contract: Contract) -> None:
    samples = HeardSamples(contract)
    for text in (b"", b"{", b"[]", b'{"stamps": 3}', b'{"stamps": {"front": 1}, "fresh": {}}'):
        samples.hear("/tick", bytes(8) + text + b"\0")
    samples.hear("/camera/front/image_raw", b"abc")
    assert samples.lacking() == {}
