"""Writes bags as a LeRobot data set (v3): numbers in one parquet file, a video for each camera.

A bag is an episode, or one more after each long pause. The layout is what LeRobot's own loaders ask for:
``tasks.parquet`` has the task texts as its index, rows of one number are scalars, and pictures are found by the time at
which their episode begins in the video.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from world_model_ros.bags.episodes import TASK
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import absolute
from world_model_ros.core.errors import UserError
from world_model_ros.lerobot.frames import BagFrames, ExportedFrame
from world_model_ros.lerobot.layout import ACTION, DATA_V3, EPISODES_V3, PICTURES, STATE, TASKS_V3, VIDEO_V3
from world_model_ros.lerobot.video import VideoWriter

_FIRST = {"chunk_index": 0, "file_index": 0}
_EVERY = 10  # frames of which one counts for the statistics of pictures


class _Pixels(NamedTuple):
    """Of some pixels, 0 to 1: how many, and by colour (3,) the least, the largest, and sums of values and squares."""

    number: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]


class LerobotExport:
    """A data set being written; `add` episodes, then `close`.

    Args:
        folder: to be made; it must not exist.
        fps: frames a second of the data set; the newest messages at each are taken.
        codec: of the videos, h264 or av1.

    Attributes:
        notes: what is in the bags and not in the data set, a line each.
    """

    def __init__(self, folder: Path, contract: Contract, fps: int, codec: str) -> None:
        if folder.exists():
            raise UserError("out", str(folder), "a folder that does not exist yet")
        if not contract.joint_names:
            raise UserError(f"{contract.name}: joints", "none", "a robot with joints: data sets hold their positions")
        if not 0 < fps <= 1000:
            raise UserError("fps", fps, "1 to 1000")
        self._folder, self._contract, self._fps = folder, contract, fps
        self._codec = codec
        self.notes: list[str] = []
        self._videos: dict[str, VideoWriter] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._rows: list[dict[str, Any]] = []
        self._episodes: list[dict[str, Any]] = []
        self._tasks: list[str] = []
        self._seen: dict[str, list[_Pixels]] = {}

    @property
    def episodes(self) -> int:
        """How many there are so far."""
        return len(self._episodes)

    def add(self, path: Path, names: Mapping[str, str] | None = None) -> int:
        """Append a bag as an episode, or as several where it pauses; gives its number of frames.

        Raises:
            UserError: it lacks joint states or, unlike those before it, a camera or commands. What was added before
                stays as it was.
        """
        first = len(self._rows)
        starts: list[tuple[int, dict[str, int]]] = []  # rows, and frames of the videos, before each episode
        seen = {name: len(parts) for name, parts in self._seen.items()}
        try:
            with BagReader(path, names) as bag:
                task, frames = _task(bag), BagFrames(bag, self._contract, self._fps)
                for frame in frames:
                    if frame.index == 0:
                        starts.append((len(self._rows), {name: video.frames for name, video in self._videos.items()}))
                    self._add(frame, path)
                notes = [f"{path.name}: {line}" for line in frames.notes]
            if len(self._rows) == first:
                legal = "one in which joint states, cameras and commands overlap"
                raise UserError("bag", str(path), "; ".join([legal, *notes]))
        except UserError:
            del self._rows[first:]  # frames that are in a video already stay there, between two episodes
            for name, parts in self._seen.items():
                del parts[seen.get(name, 0) :]
            raise
        self.notes += notes
        ends = [*(start for start, _ in starts[1:]), len(self._rows)]
        for (start, begins), end in zip(starts, ends):
            self._end_episode(start, end, task, begins)
        return len(self._rows) - first

    def close(self) -> None:
        """Write the numbers and what describes them."""
        for video in self._videos.values():
            video.close()
        if not self._rows:
            raise UserError("bags", [], "at least one")
        features = self._features()
        columns = {
            key: pa.array([_cell(row[key], about) for row in self._rows], _type(about))
            for key, about in features.items()
            if key in self._rows[0]
        }
        self._write(DATA_V3.format(**_FIRST), pa.table(columns))
        self._write(EPISODES_V3.format(**_FIRST), pa.Table.from_pylist(self._episodes))
        self._write(TASKS_V3, _task_table(self._tasks))
        info = {
            "codebase_version": "v3.0",
            "robot_type": self._contract.name,
            "total_episodes": len(self._episodes),
            "total_frames": len(self._rows),
            "total_tasks": len(self._tasks),
            "chunks_size": 1000,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": DATA_V3,
            "video_path": VIDEO_V3 if self._videos else None,
            "features": features,
        }
        (self._folder / "meta" / "info.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
        (self._folder / "meta" / "stats.json").write_text(json.dumps(self._statistics()) + "\n", encoding="utf-8")

    def _add(self, frame: ExportedFrame, path: Path) -> None:
        row: dict[str, Any] = {STATE: frame.state.astype(np.float32).tolist()}
        if frame.action is not None:
            row[ACTION] = frame.action.astype(np.float32).tolist()
        row |= {"timestamp": frame.index / self._fps, "frame_index": frame.index, "episode_index": 0}
        row |= {"index": len(self._rows), "task_index": 0}
        shapes = {name: picture.shape for name, picture in frame.pictures.items()}
        if self._rows and (set(row) != set(self._rows[0]) or shapes != self._shapes):
            found = sorted({*row, *(f"{name} {shape}" for name, shape in shapes.items())})
            raise UserError("bag", f"{path}: {found}", "the same features as in the bags before it")
        self._shapes = shapes
        self._rows.append(row)
        for name, picture in frame.pictures.items():
            if name not in self._videos:
                place = self._folder / VIDEO_V3.format(video_key=PICTURES + name, **_FIRST)
                self._videos[name] = VideoWriter(place, self._fps, self._codec)
            self._videos[name].add(picture)
            if frame.index % _EVERY == 0:
                self._seen.setdefault(name, []).append(_pixels(picture))

    def _end_episode(self, first: int, end: int, task: str, begins: Mapping[str, int]) -> None:
        if task not in self._tasks:
            self._tasks.append(task)
        for row in self._rows[first:end]:
            row |= {"task_index": self._tasks.index(task), "episode_index": len(self._episodes)}
        length = end - first
        about: dict[str, Any] = {"episode_index": len(self._episodes), "tasks": [task], "length": length}
        about |= {"dataset_from_index": first, "dataset_to_index": end}
        for part in ("data", "meta/episodes", *(f"videos/{PICTURES}{name}" for name in self._videos)):
            about |= {f"{part}/chunk_index": 0, f"{part}/file_index": 0}
        for name in self._videos:
            begin = begins.get(name, 0)
            about[f"videos/{PICTURES}{name}/from_timestamp"] = begin / self._fps
            about[f"videos/{PICTURES}{name}/to_timestamp"] = (begin + length) / self._fps
        self._episodes.append(about)

    def _features(self) -> dict[str, Any]:
        names = list(self._contract.joint_names)
        units = [joint.unit for joint in self._contract.interface.joints]
        found: dict[str, Any] = {
            key: {"dtype": "float32", "shape": [len(names)], "names": names, "info": {"units": units}}
            for key in (STATE, ACTION)
            if key in self._rows[0]
        }
        for name, shape in self._shapes.items():
            found[PICTURES + name] = {"dtype": "video", "shape": list(shape), "names": ["height", "width", "channels"]}
        found["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
        for key in ("frame_index", "episode_index", "index", "task_index"):
            found[key] = {"dtype": "int64", "shape": [1], "names": None}
        return found

    def _statistics(self) -> dict[str, Any]:
        found = {}
        for key in self._rows[0]:
            values = np.array([row[key] for row in self._rows], np.float64).reshape(len(self._rows), -1)
            found[key] = _described(values)
        for name, parts in self._seen.items():
            found[PICTURES + name] = _of_pictures(parts)
        return found

    def _write(self, name: str, table: pa.Table) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, path)


def _task_table(tasks: Sequence[str]) -> pa.Table:
    """As pandas writes a frame with the column ``task_index`` and the texts as an index named ``task``.

    LeRobot reads a text as ``tasks.iloc[task_index].name``, so rows are in the order of ``task_index``.
    """
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())})
    types = {"task_index": ("int64", "int64"), "task": ("unicode", "object")}
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": held, "metadata": None}
        for name, (kind, held) in types.items()
    ]
    index = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    about = {"index_columns": ["task"], "column_indexes": [index], "columns": columns, "pandas_version": "2.0.0"}
    return table.replace_schema_metadata({"pandas": json.dumps(about)})


def _described(values: NDArray[np.float64]) -> dict[str, Any]:
    rows = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
    return {name: row.tolist() for name, row in rows.items()} | {"count": [len(values)]}


def _pixels(picture: NDArray[np.uint8]) -> _Pixels:
    """Every seventh pixel."""
    values = picture.reshape(-1, 3)[::7] / 255.0
    return _Pixels(len(values), values.min(0), values.max(0), values.sum(0), (values**2).sum(0))


def _of_pictures(parts: Sequence[_Pixels]) -> dict[str, Any]:
    """As `_described`, by colour."""
    count = sum(each.number for each in parts)
    mean = np.sum([each.total for each in parts], axis=0) / count
    spread = np.sqrt(np.maximum(np.sum([each.squares for each in parts], axis=0) / count - mean**2, 0.0))
    low, high = np.min([each.low for each in parts], axis=0), np.max([each.high for each in parts], axis=0)
    rows = {"min": low, "max": high, "mean": mean, "std": spread}
    return {name: row.reshape(3, 1, 1).tolist() for name, row in rows.items()} | {"count": [len(parts)]}


def _type(about: Mapping[str, Any]) -> pa.DataType:
    kind = pa.float32() if about["dtype"] == "float32" else pa.int64()
    return kind if about["shape"] == [1] else pa.list_(kind)


def _cell(value: Any, about: Mapping[str, Any]) -> Any:
    """A number by itself where there is one a row, as LeRobot has it."""
    return value[0] if about["shape"] == [1] and isinstance(value, list) else value


def _task(bag: BagReader) -> str:
    topic = bag.topics().get(absolute(TASK))
    if topic is None or topic.type != "std_msgs/msg/String":
        return ""
    return next((str(message.data) for _, _, _, message in bag.messages([topic.name])), "")
