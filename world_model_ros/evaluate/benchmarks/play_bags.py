"""Generates play episodes of a benchmark and writes them as rosbags for training; loads the benchmark's contract."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.core.parallel import spread
from world_model_ros.evaluate.benchmarks.ogbench_play import Play
from world_model_ros.evaluate.benchmarks.ogbench_tasks import NAMES, TICK_NS, Values
from world_model_ros.evaluate.benchmarks.tick_messages import tick_messages

_START_NS = 1_000_000_000_000
_SENT_NS = 10_000_000  # from what is seen at a tick to the action that it leads to
_ACTION = "std_msgs/msg/Float64MultiArray"


def benchmark_contract(name: str) -> Contract:
    """The contract of a benchmark; `UserError` for a name that is unknown."""
    if name not in NAMES:
        raise UserError("benchmark", name, f"one of {list(NAMES)}")
    return load_contract(share_folder("config") / "benchmarks" / f"ogbench_{name.replace('-', '_')}.yaml")


def write_play(path: Path, contract: Contract, rows: Values) -> None:
    """Write an episode of `Play` as a bag: everything that is seen at a tick, and a little later what is done."""
    sink = contract.deployment.action
    assert sink is not None
    with BagWriter(path, contract, compress=True) as bag:
        for tick, action in enumerate(rows["action"]):
            now_ns = _START_NS + tick * TICK_NS
            values = {name: row[tick] for name, row in rows.items()}
            for _, topic, kind, message in tick_messages(contract, bag.make, values, now_ns):
                bag.write(topic, kind, message, now_ns)
            bag.write(sink.topic, _ACTION, bag.make.numbers(action), now_ns + _SENT_NS)


@dataclass(frozen=True)
class _Job:
    """One episode; travels to another process."""

    name: str
    path: Path
    seed: int


def collect_play(
    name: str, out: Path, episodes: int, workers: int = 1, progress: Callable[[], object] | None = None
) -> list[Path]:
    """Bags of the episodes with seeds 0 to ``episodes`` - 1; those that are there are kept.

    Args:
        out: folder of the bags. progress: is called for each that is there.
    """
    if episodes < 1:
        raise UserError("play", episodes, "1 or more")
    out.mkdir(parents=True, exist_ok=True)
    bags = [out / f"play_{seed:05d}" for seed in range(episodes)]
    jobs = [_Job(name, bag, seed) for seed, bag in enumerate(bags) if not bag.exists()]
    report = progress or (lambda: None)
    for _ in range(episodes - len(jobs)):
        report()
    for _ in spread(_collect, jobs, workers):
        report()
    return bags


def _collect(job: _Job) -> None:
    part = job.path.with_name("unfinished") / job.path.name
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(exist_ok=True)
    write_play(part, benchmark_contract(job.name), _play(job.name).episode(job.seed))
    part.rename(job.path)


@lru_cache(maxsize=1)
def _play(name: str) -> Play:
    return Play(name)
