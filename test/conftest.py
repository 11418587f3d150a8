"""Things that tests of several rooms start from."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from arm_bag import write_arm_bag
from toy_bundle import write_toy_bundle

from world_model_ros.bringup.domain import local_environment, middleware_environment
from world_model_ros.contract.contract import Contract, load_contract

# Before anything of ROS starts: loopback only, in a domain of our own, with the profile that the demo has.
os.environ.update(local_environment())
if worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):  # workers side by side must not meet
    os.environ["ROS_DOMAIN_ID"] = str(1 + (int(os.environ["ROS_DOMAIN_ID"]) + 7 * int(worker)) % 100)
os.environ.update(middleware_environment("gate"))


DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
QUICK_S = 120  # a test that is not marked slow and takes this long fails: it hangs, or should be marked


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the whole graph are ``live``; what is live or needs a browser is ``slow``; the rest has to be quick."""
    for item in items:
        if item.path.parent.name == "live":
            item.add_marker(pytest.mark.live)
        if any(item.get_closest_marker(name) for name in ("live", "browser")):
            item.add_marker(pytest.mark.slow)
        if not any(item.get_closest_marker(name) for name in ("slow", "timeout")):
            item.add_marker(pytest.mark.timeout(QUICK_S))
    if worker:  # workers take files in this order: the long ones first, so that none is left alone with one at the end
        long = {item.path for item in items if item.get_closest_marker("slow")}
        count = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path not in long, -count[item.path], str(item.path)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutants", type=int, default=33, help="how many broken bags are replayed (%(default)s)")
    parser.addoption("--first-mutant", type=int, default=0, help="number of the first of them (%(default)s)")


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract("tabletop_arm")


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory, contract: Contract):
    """Folder of an `act` bundle that nobody may change."""
    return write_toy_bundle(tmp_path_factory.mktemp("models") / "toy", contract)


@pytest.fixture(scope="session")
def arm_bag(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    path = tmp_path_factory.mktemp("bags") / "arm"
    write_arm_bag(path, contract)
    return path


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Folder of recordings that nobody here made."""
    if not DATA.is_dir():
        pytest.skip(f"no recorded data at {DATA}")
    return DATA
