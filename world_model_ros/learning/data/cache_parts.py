"""Aligns bags in parallel into parts of a cache, a file a bag, which are kept so that an interrupted build resumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from world_model_ros.bags.align.episode import Episode, aligned_episode
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Array
from world_model_ros.core.errors import UserError
from world_model_ros.core.parallel import worker_pool
from world_model_ros.core.progress import progress_bar
from world_model_ros.learning.data.quality import BagQuality, bag_quality

_FORMAT = 3  # of the parts; another number makes them anew
_BLOCK = 2**20
_STORED = {"microphone": np.float16, "depth": np.float16}  # by kind, where it is not the type of an observation


def has_values(contract: Contract) -> bool:
    """Whether a target is articulated; episodes have values to keep only then."""
    return any(target.kind == "articulated" for target in contract.interface.targets)


def contract_key(contract: Contract) -> str:
    """Hash of all in a contract that decides what an aligned episode is: the interface, and where streams come from."""
    deployment = contract.deployment
    sources = [each.model_dump(mode="json") for each in (*deployment.streams, *deployment.labels)]
    for each in sources:
        if not each.get("latency_s"):  # caches from before there were latencies stay good
            each.pop("latency_s", None)
    about = [
        _FORMAT,
        contract.interface_hash,
        sources,
        None if deployment.command is None else deployment.command.topic,
    ]
    if deployment.without_commands != "nothing":
        about.append(deployment.without_commands)
    if deployment.action is not None:
        about.append(deployment.action.model_dump(mode="json"))
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def bag_hash(bag: Path) -> str:
    """Hash of a bag's files, whatever they are called and however old they are; remembered for the life of a file."""
    digest = hashlib.sha256()
    for file in _files(bag):
        if file.suffix in (".mcap", ".db3", ".db3-wal", ".bag", ".zstd", ".yaml") and file.is_file():
            digest.update(file.suffix.encode())
            with file.open("rb") as content:
                while block := content.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def bag_hashes(bags: Sequence[Path], remembered: Path) -> list[str]:
    """Hashes of bags; those of files of the same size and time as in the file ``remembered`` are taken from there."""
    known: dict[str, str] = json.loads(remembered.read_text()) if remembered.is_file() else {}
    found: dict[str, str] = {}
    hashes = []
    for bag in bags:
        sizes = ([each.stat().st_size, each.stat().st_mtime_ns] for each in _files(bag))
        about = json.dumps([str(bag.resolve()), *sizes])
        if about not in found:
            found[about] = known.get(about) or bag_hash(bag)
        hashes.append(found[about])
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(json.dumps(found))
    return hashes


def _files(bag: Path) -> list[Path]:
    """Those of a bag; next to a single file, the log that a recorder may have left."""
    if bag.is_dir():
        return sorted(bag.iterdir())
    log = bag.with_name(f"{bag.name}-wal")
    return [bag, log] if log.is_file() else [bag]


def make_parts(
    contract: Contract, bags: Sequence[Path], keys: Sequence[str], folder: Path, workers: int
) -> Iterator[tuple[dict[str, Array], BagQuality] | UserError]:
    """The arrays and quality of each bag, in order, or why it cannot be read; those that an earlier call made are not
    made again.

    Args:
        keys: of the parts, one a bag.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(contract, bag, folder / f"{key}.npz") for bag, key in zip(bags, keys)]
    # Copies have one part.
    missing = list({job.part: job for job in jobs if not job.part.is_file()}.values())
    with worker_pool(workers) as pool:
        done = pool.map(_make, missing)
        total = len({job.part for job in jobs})
        bar = progress_bar(done, initial=total - len(missing), total=total, desc="align", unit="bag")
        failed = {job.part: error for job, error in zip(missing, bar) if error is not None}
    for job in jobs:
        if job.part in failed:
            yield failed[job.part]
            continue
        with np.load(job.part, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name != "quality"}
            yield arrays, BagQuality(**json.loads(str(archive["quality"])))


class _Job(NamedTuple):
    """A bag, and where its part goes; travels to another process."""

    contract: Contract
    bag: Path
    part: Path


def _make(job: _Job) -> UserError | None:
    """Write a part; why not, if its bag cannot be read."""
    contract, bag, part = job
    try:
        episode = aligned_episode(bag, contract)
    except UserError as error:
        return error
    arrays = _arrays(contract, episode)
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays.values())).hexdigest()
    quality = bag_quality(
        bag.name,
        contract,
        episode.now_ns,
        dict(episode.streams),
        episode.fresh,
        episode.stamps_ns,
        episode.applied,
        digest,
        episode.recorded_late_s,
    )
    unfinished = part.with_suffix(".part")
    with unfinished.open("wb") as out:
        np.savez(out, allow_pickle=False, quality=np.array(json.dumps(asdict(quality))), **arrays)
    unfinished.replace(part)
    return None


def _arrays(contract: Contract, episode: Episode) -> dict[str, Array]:
    out: dict[str, Array] = {}
    for stream in contract.interface.streams:
        value = episode.streams[stream.name]
        out[stream.name] = value.astype(_STORED.get(stream.kind, value.dtype), copy=False)
    out |= {"fresh": episode.fresh.astype(np.float32), "applied": episode.applied, "labels": episode.labels}
    return out | ({"values": episode.values} if has_values(contract) else {})
