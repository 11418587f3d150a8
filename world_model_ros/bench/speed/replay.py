"""``world-model bench replay``: measures how many times faster than real time a recorded or synthetic bag replays."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from world_model_ros.bags.replay.replay import replay
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.bench.speed.made_up_senses import Senses
from world_model_ros.brain.brain import Brain
from world_model_ros.contract.contract import Contract


def write_bag(path: Path, contract: Contract, seconds: float) -> Path:
    """A bag of made-up senses at live rates."""
    with BagWriter(path, contract) as bag:
        senses = Senses(contract, bag.types.__getitem__)
        stamps = [
            (round(number / rate_hz * 1e9), name)
            for name, rate_hz in senses.rates_hz.items()
            for number in range(int(seconds * rate_hz))
        ]
        for stamp_ns, name in sorted(stamps):
            source = contract.source(name)
            bag.write(source.topic, source.type, senses.message(name, stamp_ns), stamp_ns, source.qos)
    return path


def replay_times(bag: Path, contract: Contract, brain: Brain, repeats: int) -> dict[str, Any]:
    """Replay a bag several times.

    Returns:
        ``stages_ms`` of the last time, ``share_in_model`` of the whole time; ``real_time_factor`` and
        ``real_time_factor_without_model``: medians; ``ticks``, ``seconds`` of the bag, ``peak_rss_mb``.
    """
    found: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        for number in range(repeats):
            found.append(replay(bag, contract, brain, Path(folder) / str(number)).metrics)
    last = found[-1]
    factor, without = (
        [each[name] for each in found] for name in ("real_time_factor", "real_time_factor_without_model")
    )
    return {
        "stages_ms": {name: {"p50": each["p50"], "p99": each["p99"]} for name, each in last["stages_ms"].items()},
        "plan_ms": last["stages_ms"].get("plan", {}).get("p50"),
        "share_in_model": round(1.0 - median(one / other for one, other in zip(factor, without)), 4),
        "real_time_factor": round(median(factor), 2),
        "real_time_factor_without_model": round(median(without), 2),
        "dispersion": {"real_time_factor": {"least": round(min(factor), 2), "most": round(max(factor), 2)}},
        **{name: last[name] for name in ("bag", "ticks", "seconds", "peak_rss_mb")},
    }
