"""Bags -> one aligned cache, memory-mapped, one array a stream -> windows for training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from world_model_ros.bags.episode import aligned_episode
from world_model_ros.contract.contract import Contract, contract_from_text

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Cache:
    """Aligned ticks of all episodes, concatenated; N ticks, E episodes.

    Args:
        streams: name -> (N, ...) array in the contract's interface shape; microphones as float16.
        fresh: (N, streams) float32 0/1.
        applied: (N, C) float32.
        labels: (N, K, 7) float32, NaN where unknown.
        begins: first tick of each episode and N at the end, (E + 1,).
        validation: (E,) bool, the held-out episodes.
    """

    streams: dict[str, Array]
    fresh: NDArray[np.float32]
    applied: NDArray[np.float32]
    labels: NDArray[np.float32]
    begins: NDArray[np.int64]
    validation: NDArray[np.bool_]

    def starts(self, length: int, validation: bool) -> NDArray[np.int64]:
        """Every tick at which a window of ``length`` ticks begins and stays in its episode."""
        parts = [
            np.arange(begin, end - length + 1)
            for begin, end, held_out in zip(self.begins, self.begins[1:], self.validation)
            if held_out == validation
        ]
        return np.concatenate([*parts, np.zeros(0, np.int64)])


def build_cache(contract: Contract, bags: Sequence[Path], folder: Path, workers: int = 2, held_out: int = 20) -> Cache:
    """Read the bags once into ``folder``; a second call with the same bags and interface opens what is there.

    Args:
        held_out: one episode in this many is never trained on, but validates.
    """
    key = hashlib.sha256(
        json.dumps([contract.interface_hash, [[str(b), b.stat().st_mtime_ns] for b in bags]]).encode()
    ).hexdigest()
    done = folder / "cache.json"
    if not (done.is_file() and json.loads(done.read_text())["key"] == key):
        folder.mkdir(parents=True, exist_ok=True)
        _write(contract, bags, folder, workers)
        done.write_text(json.dumps({"key": key, "bags": [bag.name for bag in bags]}))
    return open_cache(contract, folder, held_out)


def open_cache(contract: Contract, folder: Path, held_out: int = 20) -> Cache:
    """Memory-map a cache."""

    def load(name: str) -> Array:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    begins = np.asarray(load("begins"), np.int64)
    count = len(begins) - 1
    return Cache(
        {stream.name: load(stream.name) for stream in contract.interface.streams},
        np.asarray(load("fresh"), np.float32),
        np.asarray(load("applied"), np.float32),
        np.asarray(load("labels"), np.float32),
        begins,
        np.arange(count) % held_out == held_out - 1 if count >= held_out else np.arange(count) == count - 1,
    )


def _read(arguments: tuple[str, str | None, str]) -> dict[str, Array]:
    text, folder, bag = arguments
    contract = contract_from_text(text, folder=None if folder is None else Path(folder))
    episode = aligned_episode(Path(bag), contract)
    out: dict[str, Array] = {}
    for stream in contract.interface.streams:
        value = episode.streams[stream.name]
        out[stream.name] = value.astype(np.float16) if stream.kind == "microphone" else value
    return out | {"fresh": episode.fresh.astype(np.float32), "applied": episode.applied, "labels": episode.labels}


def _write(contract: Contract, bags: Sequence[Path], folder: Path, workers: int) -> None:
    jobs = [(contract.text, None if contract.folder is None else str(contract.folder), str(bag)) for bag in bags]
    lengths: list[int] = []
    names = [stream.name for stream in contract.interface.streams] + ["fresh", "applied", "labels"]
    raw = {name: (folder / f"{name}.raw").open("wb") for name in names}
    kinds: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for episode in tqdm(pool.map(_read, jobs, chunksize=4), total=len(jobs), desc="align", unit="bag"):
            lengths.append(len(episode["fresh"]))
            for name in names:
                value = np.ascontiguousarray(episode[name])
                kinds[name] = (value.dtype, value.shape[1:])
                raw[name].write(value.tobytes())
    total = sum(lengths)
    for name, file in raw.items():
        file.close()
        dtype, shape = kinds[name]
        target = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (total, *shape))
        source = np.memmap(folder / f"{name}.raw", dtype, "r", shape=(total, *shape)) if target.size else target
        for begin in range(0, total, 4096):
            target[begin : begin + 4096] = source[begin : begin + 4096]
        (folder / f"{name}.raw").unlink()
    np.save(folder / "begins.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def drop_modalities(
    fresh: NDArray[np.float32], kinds: Sequence[str], random: np.random.Generator
) -> NDArray[np.float32]:
    """Take streams away from windows (B, L, streams), so that every subset of senses is met in training.

    Half of the windows lose their cameras for 3 to 15 ticks (one in ten for good); touch and sound vanish in 20 %
    of them, joints in 10 %.
    """
    out = fresh.copy()
    windows, ticks = fresh.shape[:2]
    for i, kind in enumerate(kinds):
        share = {"camera": 0.5, "joints": 0.1}.get(kind, 0.2)
        for b in np.flatnonzero(random.random(windows) < share):
            span = int(random.integers(3, 16)) if random.random() > 0.1 else ticks
            begin = int(random.integers(0, max(1, ticks - span + 1)))
            out[b, begin : begin + span, i] = 0.0
    return out
