"""Builds and opens a cache of training data: bags aligned to ticks, one memory-mapped array a stream; data splits."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.storage.find import bag_names
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Array
from world_model_ros.core.errors import UserError
from world_model_ros.learning.data.cache_parts import bag_hashes, contract_key, has_values, make_parts
from world_model_ros.learning.data.quality import BagQuality, data_set_report


@dataclass(frozen=True)
class Cache:
    """Aligned ticks of all episodes, concatenated; N ticks, E episodes.

    Args:
        streams: name -> (N, ...) array in the contract's interface shape; microphones as float16.
        fresh: (N, streams) float32 0/1.
        applied: (N, C) float32.
        labels: (N, K, 7) float32, NaN where unknown.
        values: (N, K) float32 of targets that are articulated, NaN where unknown and for the others.
        begins: first tick of each episode and N at the end, (E + 1,).
        validation: (E,) bool, the held-out episodes.
        test: (E,) bool, episodes that neither train nor validate; None where there are too few for that.
    """

    streams: dict[str, Array]
    fresh: NDArray[np.float32]
    applied: NDArray[np.float32]
    labels: NDArray[np.float32]
    begins: NDArray[np.int64]
    validation: NDArray[np.bool_]
    test: NDArray[np.bool_] | None = None
    values: NDArray[np.float32] | None = None

    def known(self, target: int) -> NDArray[np.bool_]:
        """(N,) bool, the ticks at which something said where a target is, or what its value is."""
        told = [self.labels[:, target], *([] if self.values is None else [self.values[:, target, None]])]
        return np.any([np.isfinite(each).all(-1) for each in told], axis=0)

    @property
    def trained(self) -> NDArray[np.bool_]:
        """(E,) bool, the episodes that are trained on."""
        return ~self.validation if self.test is None else ~self.validation & ~self.test

    def split(self, bags: Sequence[str]) -> dict[str, list[str]]:
        """Names of the bags that are for ``train``, ``validation`` and ``test``; ``bags`` in the order of the cache."""
        test = np.zeros_like(self.validation) if self.test is None else self.test
        parts = {"train": self.trained, "validation": self.validation, "test": test}
        return {part: [bag for bag, taken in zip(bags, mask) if taken] for part, mask in parts.items()}

    def starts(self, length: int, validation: bool) -> NDArray[np.int64]:
        """Every tick at which a window of ``length`` ticks begins and stays in its episode; never of a test episode."""
        wanted = self.validation if validation else self.trained
        parts = [
            np.arange(begin, end - length + 1)
            for begin, end, taken in zip(self.begins, self.begins[1:], wanted)
            if taken
        ]
        return np.concatenate([*parts, np.zeros(0, np.int64)])


def build_cache(contract: Contract, bags: Sequence[Path], folder: Path, workers: int = 2, held_out: int = 20) -> Cache:
    """Read the bags once into ``folder``; a second call with the same bags and contract opens what is there.

    What was read is known by the content of bags and contract. A call that was broken off is gone on with.
    ``folder/quality.json`` says what the bags are worth, and which of them could not be read and are not in the cache.

    Args:
        held_out: one episode in this many is never trained on, but validates; of many, as many more are for tests.

    Raises:
        UserError: none of the bags can be read.
    """
    hashes = bag_hashes(bags, folder / "hashes.json")
    about = contract_key(contract)
    key = hashlib.sha256(json.dumps([about, hashes]).encode()).hexdigest()
    done = folder / "cache.json"
    if not _is_whole(folder, done, key):
        done.unlink(missing_ok=True)  # what is there is about to be overwritten
        parts = [hashlib.sha256(f"{about} {each}".encode()).hexdigest() for each in hashes]
        rows, unreadable = _write(contract, bags, parts, folder, workers)
        report = data_set_report(rows, contract, unreadable)
        (folder / "quality.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        sizes = {file.name: file.stat().st_size for file in folder.glob("*.npy")}
        done.write_text(json.dumps({"key": key, "bags": [row.bag for row in rows], "sizes": sizes}))
        shutil.rmtree(folder / "parts")
    return open_cache(contract, folder, held_out)


def _is_whole(folder: Path, done: Path, key: str) -> bool:
    """Whether a cache of that key is there, with all of its files."""
    try:
        about = json.loads(done.read_text(encoding="utf-8"))
        sizes = about.get("sizes", {})
        return about["key"] == key and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError):
        return False


def open_cache(contract: Contract, folder: Path, held_out: int) -> Cache:
    """Memory-map a cache."""

    def load(name: str) -> Array:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    begins = np.asarray(load("begins"), np.int64)
    count, labels = len(begins) - 1, np.asarray(load("labels"), np.float32)
    nothing = np.full(labels.shape[:2], np.nan, np.float32)
    episodes = np.arange(count)
    return Cache(
        {stream.name: load(stream.name) for stream in contract.interface.streams},
        np.asarray(load("fresh"), np.float32),
        np.asarray(load("applied"), np.float32),
        labels,
        begins,
        episodes % held_out == held_out - 1 if count >= held_out else episodes == count - 1,
        episodes % held_out == 0 if count >= 2 * held_out > 4 else None,
        np.asarray(load("values"), np.float32) if has_values(contract) else nothing,
    )


def _write(
    contract: Contract, bags: Sequence[Path], parts: Sequence[str], folder: Path, workers: int
) -> tuple[list[BagQuality], dict[str, str]]:
    """The cache of the bags that can be read; gives what they are worth, and why the others cannot be."""
    lengths: list[int] = []
    unreadable: dict[str, str] = {}
    quality: list[BagQuality] = []
    folder.mkdir(parents=True, exist_ok=True)
    names = [stream.name for stream in contract.interface.streams] + ["fresh", "applied", "labels"]
    names += ["values"] if has_values(contract) else []
    raw = {name: (folder / f"{name}.raw").open("wb") for name in names}
    kinds: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]] = {}
    for part, name in zip(make_parts(contract, bags, parts, folder / "parts", workers), bag_names(bags)):
        if isinstance(part, UserError):
            unreadable[name] = str(part)
            if len(unreadable) == len(bags):
                raise part
            continue
        episode, worth = part
        quality.append(replace(worth, bag=name))
        lengths.append(len(episode["fresh"]))
        for array in names:
            value = np.ascontiguousarray(episode[array])
            kinds[array] = (value.dtype, value.shape[1:])
            raw[array].write(value.tobytes())
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
    return quality, unreadable


_DROPPED = {"camera": 0.5, "depth": 0.5, "joints": 0.1}  # share of windows that lose a stream for a while, by kind


def drop_modalities(
    fresh: NDArray[np.float32], kinds: Sequence[str], random: np.random.Generator
) -> NDArray[np.float32]:
    """Take streams away from windows (B, L, streams), so that every subset of senses is met in training.

    Half of the windows lose their cameras for 3 to 30 ticks (one in ten for good); touch and sound vanish in 20 %
    of them, joints in 10 %.
    """
    out = fresh.copy()
    windows, ticks = fresh.shape[:2]
    for i, kind in enumerate(kinds):
        share = _DROPPED.get(kind, 0.2)
        for b in np.flatnonzero(random.random(windows) < share):
            span = min(ticks, int(random.integers(3, 31))) if random.random() > 0.1 else ticks
            begin = int(random.integers(0, max(1, ticks - span + 1)))
            out[b, begin : begin + span, i] = 0.0
    return out
