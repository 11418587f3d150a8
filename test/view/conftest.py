"""A short simulated episode to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract

TICKS = 40


@pytest.fixture(scope="session")
def episode(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    """Bag of a simulated arm that pushes an object."""
    pytest.importorskip("world_model_ros.sim.scenes.scene", reason="mujoco is not installed (extra 'sim')")
    from world_model_ros.sim.collection.collect import collect_episode, collection_scene
    from world_model_ros.sim.collection.operators import make_operator

    bag = tmp_path_factory.mktemp("bags") / "episode"
    operator = make_operator("scripted_push", 5, contract)
    with BagWriter(bag, contract) as writer:
        collect_episode(contract, collection_scene(contract, 5), 5, TICKS, operator, writer)
    return bag
