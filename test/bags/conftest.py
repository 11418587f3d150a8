"""Recordings that the tests of bags share."""

from __future__ import annotations

from pathlib import Path

import pytest
from arm_bag import write_arm_bag

from world_model_ros.contract.contract import Contract, load_contract

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def arm() -> Contract:
    return load_contract("tabletop_arm")


@pytest.fixture(scope="session")
def arm_bag(tmp_path_factory: pytest.TempPathFactory, arm: Contract) -> Path:
    path = tmp_path_factory.mktemp("bags") / "arm"
    write_arm_bag(path, arm)
    return path


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Folder of recordings that nobody here made."""
    if not DATA.is_dir():
        pytest.skip(f"no recorded data at {DATA}")
    return DATA
