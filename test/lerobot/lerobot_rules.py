"""A reader of LeRobot data sets that keeps to the rules of LeRobot's own loaders, and to nothing else.

LeRobot itself cannot be installed beside this package's torch. The rules are those of ``datasets/dataset_metadata.py``,
``io_utils.py``, ``dataset_reader.py``, ``feature_utils.py`` and ``video_utils.py`` of version 3.0, each said where it
is kept. Nothing of this package is used to read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

TOLERANCE_S = 1e-4  # of a frame's time from the one that is asked for
_INFO = {
    "codebase_version",
    "fps",
    "features",
    "total_episodes",
    "total_frames",
    "total_tasks",
    "chunks_size",
    "data_files_size_in_mb",
    "video_files_size_in_mb",
    "data_path",
    "video_path",
    "robot_type",
    "splits",
    "tools",
}


def pandas_index(table: pa.Table) -> str | None:
    """The column that pandas takes as the index, as the schema names it; None counts from 0."""
    stated = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    return next((name for name in stated if isinstance(name, str)), None)


class AsLerobotReads:
    """The data set at ``root``; items by their index, as ``LeRobotDataset[i]`` gives them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info: dict[str, Any] = json.loads((root / "meta/info.json").read_text())
        assert set(self.info) <= _INFO, "unknown keys are dropped with a warning"
        assert self.info["codebase_version"] == "v3.0"  # others have to be converted
        for about in self.info["features"].values():
            about["shape"] = tuple(about["shape"])  # DatasetInfo.__post_init__
        tasks = parquet.read_table(root / "meta/tasks.parquet")  # pd.read_parquet
        index = pandas_index(tasks)
        counted = list(range(len(tasks)))
        self.task_names: list[Any] = counted if index is None else tasks[index].to_pylist()  # tasks.iloc[i].name
        self.episodes = [row for file in self._files("meta/episodes") for row in parquet.read_table(file).to_pylist()]
        self.rows = [row for file in self._files("data") for row in self._cast(parquet.read_table(file)).to_pylist()]
        assert len(self.episodes) == self.info["total_episodes"]
        assert len(self.task_names) == self.info["total_tasks"]
        assert len(self.rows) == self.info["total_frames"]

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = dict(self.rows[index])
        episode = self.episodes[item["episode_index"]]
        assert episode["episode_index"] == item["episode_index"]
        assert episode["dataset_from_index"] <= item["index"] < episode["dataset_to_index"]
        for key in self._keys("video"):
            at = {name: episode[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
            path = self.root / self.info["video_path"].format(video_key=key, **at)
            item[key] = _frame_at(path, episode[f"videos/{key}/from_timestamp"] + item["timestamp"])
        item["task"] = self.task_names[item["task_index"]]
        return item

    def _files(self, folder: str) -> list[Path]:
        found = sorted((self.root / folder).glob("*/*.parquet"))  # load_nested_dataset
        assert found, folder
        return found

    def _keys(self, dtype: str) -> list[str]:
        return [key for key, about in self.info["features"].items() if about["dtype"] == dtype]

    def _cast(self, table: pa.Table) -> pa.Table:
        """As datasets.Features cast it: videos are no columns, one number is a value, more a list of that length."""
        fields = []
        for key, about in self.info["features"].items():
            if about["dtype"] == "video":
                continue
            kind = pa.from_numpy_dtype(np.dtype(about["dtype"]))
            fields.append(pa.field(key, kind if about["shape"] == (1,) else pa.list_(kind, about["shape"][0])))
        assert table.column_names == [each.name for each in fields]
        return table.cast(pa.schema(fields))


def _frame_at(path: Path, time_s: float) -> np.ndarray:
    """The frame nearest to a time, (H, W, 3); one that is not within the tolerance is an error."""
    with av.open(str(path)) as container:
        frames = [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    nearest, frame = min(frames, key=lambda each: abs(each[0] - time_s))
    assert abs(nearest - time_s) <= TOLERANCE_S, (nearest, time_s)
    return frame
