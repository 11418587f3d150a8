"""What is articulated has no place, so no path of it is published, and none is recorded."""

from __future__ import annotations

from pathlib import Path

from free_robot import free_contract, write_free_bundle
from quiet_node import QuietNode

from world_model_ros.bags.recorded_topics import recorded_topics
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.nodes.brain.topics.outbox import BrainOutbox
from world_model_ros.nodes.candidates.inbox import CandidateInbox
from world_model_ros.nodes.candidates.server import CandidateServer


def test_paths_are_of_targets_with_a_place_wherever_they_are_named(tmp_path: Path) -> None:
    contract = free_contract(drawer=True)
    brain = Brain(load_bundle(write_free_bundle(tmp_path / "free", contract), contract), contract, "cpu", 1)
    placed = [target.name for target in contract.interface.targets if target.name != "drawer"]
    node = QuietNode()
    BrainOutbox(node, contract, brain)
    CandidateServer(node, contract, brain, CandidateInbox(node, contract))
    paths = {"predicted/path", *(f"{of}/{name}/path" for of in ("predicted", "candidates/best") for name in placed)}
    assert {topic for topic in node.said if topic.endswith("/path")} == paths
    recorded = {topic for topic in recorded_topics(contract) if topic.endswith(("/path", "/region"))}
    assert recorded == {topic for topic in node.said if topic.startswith("predicted/")} & recorded
    assert {f"predicted/{name}/region" for name in placed} < recorded
