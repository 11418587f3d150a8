"""Reads the rows of one episode of a LeRobot data set: states, actions, times, task, and images stored with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from world_model_ros.core.errors import UserError
from world_model_ros.lerobot.layout import ACTION, STATE, UNREADABLE, LerobotDataset, StoredEpisode

_UNIT = 30.0  # times too far apart or too near: not by dropped frames, but in ms


@dataclass(frozen=True)
class EpisodeRows:
    """Numbers of an episode of N frames.

    Args:
        state: (N, W) as they are. action: (N, V); None if it was not asked for.
        times_s: (N,) since the first frame, rising.
        task: text of the task; empty where the data set has none.
    """

    state: NDArray[np.float64]
    action: NDArray[np.float64] | None
    times_s: NDArray[np.float64]
    task: str


def read_rows(data: LerobotDataset, episode: StoredEpisode, action: bool) -> EpisodeRows:
    """Read an episode.

    Times are the data set's where they are seconds that rise; else, as of wall clocks in float32 or in ms, frames are
    one after the other.

    Raises:
        UserError: no such file, other rows than the data set says, or numbers that are not finite.
    """
    wanted = [STATE, *([ACTION] if action else []), "timestamp", "frame_index", "task_index"]
    table = _table(episode, [name for name in wanted if name in _columns(episode)])
    if table.num_rows != episode.length or not episode.length:
        legal = f"{episode.length} rows of episode {episode.index}, as the data set says, and one at least"
        raise UserError(f"data set: {episode.data.name}", f"{table.num_rows} rows", legal)
    if "frame_index" in table.column_names:
        table = table.sort_by("frame_index")
    times_s = _numbers(table, "timestamp", episode)[:, 0] if "timestamp" in table.column_names else np.zeros(1)
    wrong = _wrong_times(times_s, episode.length, data.fps)
    if wrong is not None:
        times_s = np.arange(episode.length) / data.fps
        note = f"{wrong}, frames are taken as {1 / data.fps:.4g} s apart: as in episode"
        if not any(each.startswith(note) for each in data.notes):
            data.notes.append(f"{note} {episode.index}")
    return EpisodeRows(
        _numbers(table, STATE, episode),
        _numbers(table, ACTION, episode) if action else None,
        times_s - times_s[0],
        episode.task or _task(table, data),
    )


def _wrong_times(times_s: NDArray[np.float64], count: int, fps: float) -> str | None:
    """Why times cannot be those of ``count`` frames; None if they can."""
    apart = np.diff(times_s)
    if len(times_s) != count or not (apart > 0).all():
        return "timestamps do not rise"
    if len(apart) and not 1 / _UNIT < np.median(apart) * fps < _UNIT:
        return f"timestamps are no seconds at {fps:g} frames a second"
    return None


def stored_pictures(folder: Path, episode: StoredEpisode, feature: str) -> Iterator[NDArray[np.uint8]]:
    """Pictures (H, W, 3) uint8 RGB of an episode in order, out of the parquet file, or of the files that it names.

    Raises:
        UserError: one that cannot be read.
    """
    columns = _columns(episode)
    table = _table(episode, [name for name in (feature, "frame_index") if name in columns])
    if "frame_index" in table.column_names:
        table = table.take(pa.array(np.argsort(table["frame_index"].to_numpy(), kind="stable")))
    for row, cell in enumerate(table[feature] if feature in table.column_names else []):
        stored = cell.as_py()
        try:
            content = stored["bytes"] if isinstance(stored, dict) else stored
            if content is None:
                content = (folder / stored["path"]).read_bytes()
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        except (*UNREADABLE, cv2.error) as error:
            raise UserError(f"data set: {feature}: row {row}", f"{error}", "a picture, PNG or JPEG") from error
        if pixels is None:
            raise UserError(f"data set: {feature}: row {row}", f"{len(content)} bytes", "a picture, PNG or JPEG")
        yield np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    if table.num_rows != episode.length or feature not in table.column_names:
        raise UserError(f"data set: {feature}", f"no pictures in {episode.data.name}", f"{episode.length} pictures")


def _columns(episode: StoredEpisode) -> list[str]:
    try:
        return list(parquet.read_schema(episode.data).names)
    except UNREADABLE as error:
        raise UserError("data set", str(episode.data), f"a parquet file ({error})") from error


def _table(episode: StoredEpisode, columns: list[str]) -> pa.Table:
    """Columns of the episode's rows, in the order of the file."""
    try:
        return parquet.read_table(
            episode.data, columns=columns, filters=[("episode_index", "=", episode.index)], use_threads=False
        )
    except UNREADABLE as error:
        legal = f"a parquet file with the columns {columns} and episode_index ({error})"
        raise UserError("data set", str(episode.data), legal) from error


def _numbers(table: pa.Table, name: str, episode: StoredEpisode) -> NDArray[np.float64]:
    """A column as (N, W); `UserError` for rows of unequal length, and for what is not finite."""
    where = f"data set: {episode.data.name}: {name}"
    if name not in table.column_names:
        raise UserError(where, "absent", f"a column; there are {table.column_names}")
    rows: list[Any] = table[name].to_pylist()
    try:
        values = np.array(rows, np.float64).reshape(len(rows), -1)
    except (ValueError, TypeError) as error:
        raise UserError(where, f"{error}", "equally many numbers in every row") from error
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise UserError(where, f"a number that is not finite in row {bad[0]}", "finite numbers")
    return values


def _task(table: pa.Table, data: LerobotDataset) -> str:
    """By the rows' ``task_index``."""
    if "task_index" not in table.column_names:
        return ""
    found = dict.fromkeys(table["task_index"].to_pylist())
    return ", ".join(data.tasks[index] for index in found if index in data.tasks)
