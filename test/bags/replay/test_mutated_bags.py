"""Whatever a bag holds, a replay ends in a report or in one clear error: no traceback, no hang, no flood of memory.

The long version: ``scripts/test -s test/bags/replay/test_mutated_bags.py --mutants 1000``; with ``--first-mutant 500``
it goes on where another left off.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

import pytest
from arm_bag import write_arm_bag
from bag_mutations import MESSAGES, Message, mutant, serialised, write

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch", reason="the toy bundles are exported with torch")

PATIENCE_S = 60
MEMORY_MB = 2000


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> list[Message]:
    path = tmp_path_factory.mktemp("base") / "arm"
    write_arm_bag(path, contract, 1.6)
    with BagReader(path) as bag:
        return [(topic, kind, at, bytes(raw)) for topic, kind, at, raw in bag.raw_messages() if topic != "/contract"]


@pytest.fixture
def alarm():
    """A hang becomes an error."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda: signal.alarm(PATIENCE_S)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def outcome(bag: Path, model: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """``report`` or ``error`` of the command as a user runs it; whatever else is raised fails the test."""
    status = main(["replay", str(bag), "--robot", "tabletop_arm", "--model", str(model), "--out", str(out), "--json"])
    said = capsys.readouterr()
    if status == 0:
        assert json.loads(said.out)["ticks"] > 0
        assert (out / "report.html").stat().st_size > 10_000
        return "report"
    assert status == 2
    assert said.err.splitlines()[-1].startswith("world-model replay: ")
    return "error"


def test_mutated_bags_end_in_a_report_or_an_error(
    toy_bundle: Path, messages: list[Message], tmp_path: Path, alarm, request: pytest.FixtureRequest, capsys
) -> None:
    ends: Counter[tuple[str, str]] = Counter()
    first = request.config.getoption("--first-mutant")
    for number in range(first, first + request.config.getoption("--mutants")):
        alarm()
        folder = tmp_path / str(number)
        folder.mkdir()
        bag, way = mutant(folder, messages, number)
        ends[way, outcome(bag, toy_bundle, folder / "out", capsys)] += 1
        shutil.rmtree(folder)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with capsys.disabled():
        print(json.dumps({f"{way}: {end}": count for (way, end), count in sorted(ends.items())} | {"mb": peak_mb}))
    assert {end for _, end in ends} == {"report", "error"}
    assert peak_mb < MEMORY_MB


def test_a_whole_ros_1_bag_ends_in_a_report(toy_bundle: Path, messages: list[Message], tmp_path: Path, capsys) -> None:
    bag = write(tmp_path / "bag", serialised(messages, "ros1"), "ros1")
    assert outcome(bag, toy_bundle, tmp_path / "out", capsys) == "report"


@pytest.mark.parametrize("kind", ["mcap", "ros1"])
@pytest.mark.parametrize("mutation", MESSAGES, ids=lambda each: each.__name__)
def test_every_kind_of_broken_message_is_survived(
    toy_bundle: Path, messages: list[Message], tmp_path: Path, alarm, mutation, kind: str, capsys
) -> None:
    import random

    alarm()
    bag = write(tmp_path / "bag", mutation(serialised(messages, kind), random.Random(1)), kind)
    outcome(bag, toy_bundle, tmp_path / "out", capsys)
