"""Where a LeRobot data set keeps what: v2.1 (a file an episode) and v3 (many episodes a file).

A folder with ``meta/info.json``; numbers in parquet files, pictures in videos. https://github.com/huggingface/lerobot
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from world_model_ros.core.errors import UserError

VERSIONS = ("v2.1", "v3.0")
DATA_V2 = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_V2 = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
DATA_V3 = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_V3 = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_V3 = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
PICTURES = "observation.images."
STATE, ACTION = "observation.state", "action"


@dataclass(frozen=True)
class StoredEpisode:
    """Where an episode is.

    Args:
        index: of the episode. length: frames. task: what was to be done.
        data: parquet file; the rows of the episode are those with its ``episode_index``.
        videos: feature -> (file, s at which the episode begins in it).
    """

    index: int
    length: int
    task: str
    data: Path
    videos: dict[str, tuple[Path, float]]


class LerobotDataset:
    """A data set being read.

    Attributes:
        fps: frames per second. features: as ``meta/info.json`` has them.

    Raises:
        UserError: no data set, or one of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._info: dict[str, Any] = json.loads((folder / "meta" / "info.json").read_text(encoding="utf-8"))
            self.version = str(self._info["codebase_version"])
            self.fps = float(self._info["fps"])
            self.features: dict[str, dict[str, Any]] = self._info["features"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError("data set", str(folder), f"a LeRobot folder with meta/info.json ({error})") from error
        if self.version[:2] not in ("v2", "v3"):
            raise UserError("data set: codebase_version", self.version, f"one of {VERSIONS}")

    def names(self, feature: str) -> list[str]:
        """Names of the numbers of a feature; older data sets nest them in a dictionary."""
        names = self.features.get(feature, {}).get("names")
        if isinstance(names, dict):
            names = [name for part in names.values() for name in part]
        if not isinstance(names, list):
            shape = self.features.get(feature, {}).get("shape", "?")
            raise UserError(f"data set: {feature}: names", names, f"a name for each of its {shape} numbers")
        return [str(name) for name in names]

    def cameras(self) -> list[str]:
        """Features that are videos."""
        return [name for name, about in self.features.items() if about.get("dtype") == "video"]

    def episodes(self) -> Iterator[StoredEpisode]:
        """All episodes in order."""
        yield from self._episodes_v3() if self.version.startswith("v3") else self._episodes_v2()

    def _episodes_v2(self) -> Iterator[StoredEpisode]:
        chunk = int(self._info.get("chunks_size", 1000))
        for line in (self.folder / "meta" / "episodes.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            index = int(row["episode_index"])
            place = {"episode_chunk": index // chunk, "episode_index": index}
            videos = {
                name: (self.folder / str(self._info.get("video_path") or VIDEO_V2).format(video_key=name, **place), 0.0)
                for name in self.cameras()
            }
            data = self.folder / str(self._info.get("data_path", DATA_V2)).format(**place)
            yield StoredEpisode(index, int(row["length"]), _task(row), data, videos)

    def _episodes_v3(self) -> Iterator[StoredEpisode]:
        for file in sorted((self.folder / "meta" / "episodes").rglob("*.parquet")):
            for row in parquet.read_table(file).to_pylist():
                place = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
                videos = {}
                for name in self.cameras():
                    at = {key: row[f"videos/{name}/{key}"] for key in ("chunk_index", "file_index")}
                    path = str(self._info.get("video_path") or VIDEO_V3).format(video_key=name, **at)
                    videos[name] = (self.folder / path, float(row[f"videos/{name}/from_timestamp"]))
                data = self.folder / str(self._info.get("data_path", DATA_V3)).format(**place)
                yield StoredEpisode(int(row["episode_index"]), int(row["length"]), _task(row), data, videos)


def _task(row: dict[str, Any]) -> str:
    tasks = row.get("tasks") or []
    return ", ".join(str(task) for task in tasks)
