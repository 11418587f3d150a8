"""Soak test: runs many ticks of a brain node's parts without middleware, and checks whether memory grows."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bench.speed.made_up_senses import Senses, rest
from world_model_ros.bench.speed.timing import spread
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.coverage_monitor import CoverageMonitor
from world_model_ros.brain.session import BrainSession
from world_model_ros.brain.tick_record import TickRecord, TickStatistics
from world_model_ros.bundle.bundle import Bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Streams

_PAGE = 4096
_SAMPLES = 20  # of memory, in the second half
_LEAST = 1000  # statistics and buffers are full by the middle
BLOCKS_PER_TICK, BYTES_PER_TICK = 0.1, 16.0  # more is growth: caches of Python fill for thousands of ticks


def soak(
    bundle: Bundle,
    contract: Contract,
    provider: str,
    threads: int,
    ticks: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Convert, store, observe, decide and make the messages of ``ticks`` ticks, as fast as they go.

    Returns:
        ``blocks_per_tick`` and ``bytes_per_tick``: over the second half, of what Python has allocated and of the
        resident memory; ``grows``; ``stages_ms`` of whole ticks in each half; ``rss_mib``.
    """
    if ticks < _LEAST:
        raise UserError("soak", ticks, f"{_LEAST} ticks or more")
    life = _Life(bundle, contract, provider, threads)
    laps = np.zeros(ticks)
    half, every = ticks // 2, max(1, ticks // 2 // _SAMPLES)
    blocks, resident = np.zeros(_SAMPLES), np.zeros(_SAMPLES)  # so that measuring takes no memory
    for number in range(ticks):
        before = perf_counter()
        life.tick(number)
        laps[number] = (perf_counter() - before) * 1e3
        sample, rest_ticks = divmod(number - half, every)
        if 0 <= sample < _SAMPLES and rest_ticks == 0:
            gc.collect()
            blocks[sample], resident[sample] = sys.getallocatedblocks(), _resident_bytes()
        if progress is not None:
            progress(1)
    a_tick = {"blocks_per_tick": _growth(blocks, every), "bytes_per_tick": _growth(resident, every)}
    return {
        **{name: round(value, 4) for name, value in a_tick.items()},
        "grows": a_tick["blocks_per_tick"] > BLOCKS_PER_TICK or a_tick["bytes_per_tick"] > BYTES_PER_TICK,
        "rss_mib": round(resident[-1] / 2**20, 1),
        "stages_ms": {"first_half": spread(laps[:half]), "second_half": spread(laps[half:])},
    }


class _Life:
    """What a brain node keeps, and does in a tick."""

    def __init__(self, bundle: Bundle, contract: Contract, provider: str, threads: int) -> None:
        self._contract = contract
        self._brain = Brain(bundle, contract, provider, threads)
        self._session = BrainSession(self._brain)
        self._senses = Senses(contract, ros_class)
        self._make = MessageMaker(ros_class)
        self._streams = Streams(contract.stream_rules())
        self._converters = {
            stream.name: converter_for(stream, contract.source(stream.name)) for stream in contract.interface.streams
        }
        self._sent = dict.fromkeys(self._converters, 0)
        self._statistics = TickStatistics()
        scale = bundle.manifest.calibration.region_scale
        self._coverage = CoverageMonitor(contract, self._brain.imagine, bundle.manifest.horizon, scale)
        self._reference = rest(contract) if bundle.manifest.kind == "act" else None

    def tick(self, number: int) -> None:
        now_ns = (number + 1) * self._contract.tick_ns
        for name, rate_hz in self._senses.rates_hz.items():
            due = int(now_ns * 1e-9 * rate_hz)
            for each in range(self._sent[name], due):
                sent_ns = round(each / rate_hz * 1e9)
                stamp_ns, value = self._converters[name](self._senses.message(name, sent_ns))
                self._streams.push(name, stamp_ns or sent_ns, value)  # without a stamp it counts from when it came
            self._sent[name] = due
        observation = self._streams.observe(now_ns)
        done = self._session.step(self._session.inputs(observation, self._reference))
        inputs, decision = done.inputs, done.decision
        if decision.trajectory is not None:
            self._make.trajectory(decision.trajectory)
        laps = dict(decision.stages_ms)
        record = TickRecord(number, inputs.seed, observation, inputs.applied, self._reference, None, decision, 0, laps)
        self._make.string(record.json())
        self._coverage.add(done.memory, inputs.applied, decision, observation.fresh)
        self._statistics.add(now_ns, laps)


def _resident_bytes() -> float:
    return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _growth(samples: NDArray[np.float64], every: int) -> float:
    """A tick, as the median between samples that are ``every`` ticks apart: a single step is no growth."""
    return float(np.median(np.diff(samples))) / every
