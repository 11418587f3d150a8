"""Reads how a LeRobot data set (v2.0, v2.1 or v3.0) is laid out: its features, episodes, tasks, and their files.

A folder with ``meta/info.json``; numbers in parquet files, pictures in videos or in the parquet files. Data sets come
from many tools: names may be nested or missing, lines blank, files lost. What describes one episode and cannot be read
costs that episode. https://github.com/huggingface/lerobot
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from world_model_ros.core.errors import UserError

VERSIONS = ("v2.0", "v2.1", "v3.0")
DATA_V2 = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_V2 = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
DATA_V3 = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_V3 = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_V3 = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
TASKS_V3, TASKS_V2 = "meta/tasks.parquet", "meta/tasks.jsonl"
PICTURES = "observation.images."
STATE, ACTION = "observation.state", "action"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, pa.ArrowException)


@dataclass(frozen=True)
class StoredEpisode:
    """Where an episode is.

    Args:
        index: of the episode. length: frames.
        task: what was to be done; None if its rows say it by their ``task_index``.
        data: parquet file; the rows of the episode are those with its ``episode_index``.
        videos: feature -> (file, s at which the episode begins in it).
    """

    index: int
    length: int
    task: str | None
    data: Path
    videos: dict[str, tuple[Path, float]]


@dataclass(frozen=True)
class LostEpisode:
    """An episode that is left out, by its name, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} is left out: {self.reason}"


class LerobotDataset:
    """A data set being read.

    Attributes:
        fps: frames per second. features: as ``meta/info.json`` has them.
        tasks: texts by ``task_index``.
        notes: what is missing of what describes it, and what was done about it.

    Raises:
        UserError: no data set, or one of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder, list[str]()
        self._listed: tuple[StoredEpisode | LostEpisode, ...] | None = None
        try:
            self._info: dict[str, Any] = json.loads((folder / "meta" / "info.json").read_text(encoding="utf-8"))
            self.version = str(self._info["codebase_version"])
            self.fps = float(self._info["fps"])
            self.features = self._described(self._info["features"])
        except UNREADABLE as error:
            raise UserError("data set", str(folder), f"a LeRobot folder with meta/info.json ({error})") from error
        if self.version[:2] not in ("v2", "v3"):
            raise UserError("data set: codebase_version", self.version, f"one of {VERSIONS}")
        if not 0.0 < self.fps < 1e4:
            raise UserError("data set: fps", self.fps, "a rate above 0")
        self.tasks = self._read_tasks()

    def _described(self, features: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Features of which a type is stated."""
        found = {}
        for name, about in features.items():
            marks = [about.get(key) for key in ("info", "video_info")] if isinstance(about, dict) else []
            if isinstance(about, dict) and all(mark is None or isinstance(mark, dict) for mark in marks):
                found[str(name)] = about
            else:
                self.notes.append(f"{name} is left out: meta/info.json does not describe it ({str(about)[:60]})")
        return found

    def _path(self, key: str, usual: str, place: dict[str, Any]) -> Path:
        """A file by the pattern that ``meta/info.json`` has under ``key``."""
        pattern = self._info.get(key) or usual
        try:
            return self.folder / str(pattern).format(**place)
        except UNREADABLE as error:
            raise UserError(f"data set: {key}", pattern, f"a pattern such as {usual} ({error!r})") from error

    def names(self, feature: str) -> list[str]:
        """Names of the numbers of a feature, out of whatever lists and dictionaries they are nested in.

        Where there are none, the numbers are called ``[0]``, ``[1]`` and so on.
        """
        about = self.features.get(feature)
        if about is None:
            raise UserError(f"data set: {feature}", "absent", f"a feature; there are {sorted(self.features)}")
        shape = about.get("shape")
        width = shape[-1] if isinstance(shape, list) and shape and isinstance(shape[-1], int) else None
        if width is not None and not 0 < width < 10_000:
            raise UserError(f"data set: {feature}: shape", shape, "how many numbers there are")
        names = list(_leaves(about.get("names")))
        if not names and width is not None:
            return [f"[{i}]" for i in range(width)]
        once = Counter(name for _, name in names)
        found = [name if once[name] == 1 else ".".join([*path, name]) for path, name in names]
        if width is not None and len(found) != width:
            raise UserError(f"data set: {feature}: names", found, f"a name for each of its {width} numbers")
        if len(set(found)) != len(found):
            raise UserError(f"data set: {feature}: names", found, "each name once")
        return found

    def cameras(self) -> list[str]:
        """Features that are pictures, in videos or in the parquet files; not those of depth."""
        return [name for name in self.pictures() if not self.is_depth(name)]

    def pictures(self) -> list[str]:
        return [name for name, about in self.features.items() if about.get("dtype") in ("video", "image")]

    def is_depth(self, feature: str) -> bool:
        """Whether a picture holds distances, by any of the three marks that LeRobot has had for it."""
        about = self.features[feature]
        marks = [about.get("info") or {}, about.get("video_info") or {}]
        return any(bool(mark.get(key)) for mark in marks for key in ("is_depth_map", "video.is_depth_map"))

    def is_video(self, feature: str) -> bool:
        return self.features[feature].get("dtype") == "video"

    def episodes(self) -> tuple[StoredEpisode | LostEpisode, ...]:
        """All episodes in order.

        Raises:
            UserError: nothing says which there are.
        """
        if self._listed is None:
            self._listed = tuple(self._episodes_v3() if self.version.startswith("v3") else self._episodes_v2())
        return self._listed

    def _episodes_v2(self) -> Iterator[StoredEpisode | LostEpisode]:
        path = self.folder / "meta" / "episodes.jsonl"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            self.notes.append("no meta/episodes.jsonl: episodes are those that have a data file")
            yield from self._episodes_by_file()
            return
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                index, length = int(row["episode_index"]), int(row["length"])
            except UNREADABLE as error:
                yield LostEpisode(f"line {number} of meta/episodes.jsonl", f"{error!r}")
                continue
            yield StoredEpisode(index, length, _task(row), *self._places_v2(index))

    def _episodes_by_file(self) -> Iterator[StoredEpisode | LostEpisode]:
        files = sorted((self.folder / "data").rglob("*.parquet"))
        if not files:
            raise UserError("data set", str(self.folder), "meta/episodes.jsonl, or data files")
        for file in files:
            number = re.search(r"(\d+)$", file.stem)
            try:
                index, rows = int(number[1] if number else "none"), parquet.read_metadata(file).num_rows
            except UNREADABLE as error:
                yield LostEpisode(file.name, f"{error}")
                continue
            _, videos = self._places_v2(index)
            yield StoredEpisode(index, rows, None, file, videos)

    def _places_v2(self, index: int) -> tuple[Path, dict[str, tuple[Path, float]]]:
        chunk = self._info.get("chunks_size") or 1000
        if not isinstance(chunk, int) or chunk < 1:
            raise UserError("data set: chunks_size", chunk, "a number of episodes")
        place = {"episode_chunk": index // chunk, "episode_index": index}
        videos = {
            name: (self._path("video_path", VIDEO_V2, {"video_key": name, **place}), 0.0)
            for name in self.cameras()
            if self.is_video(name)
        }
        return self._path("data_path", DATA_V2, place), videos

    def _episodes_v3(self) -> Iterator[StoredEpisode | LostEpisode]:
        files = sorted((self.folder / "meta" / "episodes").rglob("*.parquet"))
        if not files:
            raise UserError(
                "data set", str(self.folder), "parquet files in meta/episodes, which say where episodes are"
            )
        for file in files:
            try:
                rows = parquet.read_table(file).to_pylist()
            except UNREADABLE as error:
                yield LostEpisode(f"what {file.relative_to(self.folder)} lists", f"{error}")
                continue
            for row in rows:
                try:
                    yield self._episode_v3(row)
                except UNREADABLE as error:
                    yield LostEpisode(f"episode {row.get('episode_index')}", f"meta/episodes: {error!r}")

    def _episode_v3(self, row: dict[str, Any]) -> StoredEpisode:
        videos = {}
        for name in self.cameras():
            if not self.is_video(name) or row.get(f"videos/{name}/chunk_index") is None:
                continue
            at = {key: int(row[f"videos/{name}/{key}"]) for key in ("chunk_index", "file_index")}
            path = self._path("video_path", VIDEO_V3, {"video_key": name, **at})
            begin_s = float(row[f"videos/{name}/from_timestamp"])
            if not 0.0 <= begin_s < float("inf"):
                raise ValueError(f"videos/{name}/from_timestamp is {begin_s:g}; a time in the video is expected")
            videos[name] = (path, begin_s)
        place = {key: int(row[f"data/{key}"]) for key in ("chunk_index", "file_index")}
        data = self._path("data_path", DATA_V3, place)
        return StoredEpisode(int(row["episode_index"]), int(row["length"]), _task(row), data, videos)

    def _read_tasks(self) -> dict[int, str]:
        name = TASKS_V3 if self.version.startswith("v3") else TASKS_V2
        path = self.folder / name
        try:
            return _tasks_v3(path) if self.version.startswith("v3") else _tasks_v2(path)
        except UNREADABLE as error:
            self.notes.append(f"{name} gives no texts for task_index ({error})")
            return {}


def _leaves(names: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every name in lists and dictionaries, with the keys that lead to it; names of which a dictionary says the places
    are in the order of those."""
    if isinstance(names, dict):
        placed = [key for key, inner in names.items() if isinstance(inner, (int, float))]
        yield from ((path, str(key)) for key in sorted(placed, key=lambda key: float(names[key])))
        for key, inner in names.items():
            if key not in placed:
                yield from _leaves(inner, (*path, str(key)))
    elif isinstance(names, list):
        for inner in names:
            yield from _leaves(inner, path)
    elif names is not None:
        yield path, str(names)


def _tasks_v2(path: Path) -> dict[int, str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {int(row["task_index"]): str(row["task"]) for row in rows}


def _tasks_v3(path: Path) -> dict[int, str]:
    """Texts are the table's index, which pandas keeps as a column that the schema names; else a column ``task``."""
    table = parquet.read_table(path)
    stated = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    columns = [name for name in stated if isinstance(name, str)] or ["task"]
    return dict(zip(map(int, table["task_index"].to_pylist()), map(str, table[columns[0]].to_pylist())))


def _task(row: dict[str, Any]) -> str | None:
    """What an episode's description says; None if it says nothing."""
    tasks = row.get("tasks")
    texts = tasks if isinstance(tasks, list) else [] if tasks is None else [tasks]
    return ", ".join(str(task) for task in texts) or None
