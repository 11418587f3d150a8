"""LeRobot data sets as other people's tools write them, small."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.lerobot.layout import DATA_V2, VIDEO_V2
from world_model_ros.lerobot.video import VideoWriter

FPS, SIZE = 20, (32, 40)
CAMERA = "observation.images.side"
JOINTS = ["hip", "knee", "claw"]
CONTRACT = """
format: 1
name: heron
interface:
  tick_hz: 10.0
  base_frame: base
  joints: [{name: knee}, {name: hip}, {name: claw, unit: normalised}]
  streams:
    - {kind: camera, name: side, height: 32, width: 40, rate_hz: 20.0}
    - {kind: joints, name: leg, joints: [hip, knee], rate_hz: 20.0}
    - {kind: joints, name: claw, joints: [claw], rate_hz: 20.0}
  action: {kind: joint_displacement, joints: [knee, hip], bound: 0.5}
deployment:
  streams:
    - {name: side, topic: side/image_raw, type: sensor_msgs/msg/Image, max_age_s: 0.1, source_shape: [32, 40]}
    - {name: leg, topic: leg/joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.1, required: true}
    - {name: claw, topic: claw/joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.1, required: true}
  limits:
    - {name: knee, position: [-1.5, 1.5], velocity: 2.0, effort: 5.0}
    - {name: hip, position: [-1.5, 1.5], velocity: 2.0, effort: 5.0}
    - {name: claw, position: [0.0, 1.0], velocity: 2.0, effort: 5.0}
  urdf: heron.urdf
  command:
    interface: joint_trajectory
    topic: leg_controller/joint_trajectory
    others: [{interface: joint_trajectory, topic: claw_controller/joint_trajectory, joints: [claw]}]
"""


def heron(text: str = CONTRACT) -> Contract:
    return contract_from_text(text)


def numbers(count: int) -> np.ndarray:
    """hip, knee and claw: (count, 3), rad and a share of 1."""
    t = np.arange(count)[:, None] / FPS
    return np.hstack([0.9 * np.sin(3 * t), 0.4 * np.cos(2 * t), 0.5 + 0.4 * np.sin(t)])


def shade(frame: int) -> int:
    return 30 + 6 * frame


def write_set(
    folder: Path,
    *,
    version: str = "v2.1",
    lengths: Sequence[int] = (9, 7, 8),
    names: Any = JOINTS,
    dtype: str = "video",
    change: Callable[[np.ndarray], np.ndarray] = lambda values: values,
    times: Callable[[int], np.ndarray] = lambda count: np.arange(count) / FPS,
    action: bool = True,
    row: Callable[[int], dict[str, Any]] = lambda episode: {"tasks": ["step over the log"]},
    tasks: Sequence[str] = ("step over the log", "stand"),
    task_index: Callable[[int], int] = lambda episode: 0,
) -> Path:
    """A set of a file an episode. ``change`` bends states and actions, ``row`` is what episodes.jsonl says besides."""
    width = change(numbers(1)).shape[1]
    wide = {"dtype": "float32", "shape": [width], "names": names}
    one = {"dtype": "int64", "shape": [1], "names": None}
    features: dict[str, Any] = {"observation.state": wide, CAMERA: {"dtype": dtype, "shape": [*SIZE, 3], "names": None}}
    features |= {"action": wide} if action else {}
    features |= {"timestamp": one | {"dtype": "float32"}}
    features |= dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), one)
    info = {"codebase_version": version, "fps": FPS, "total_episodes": len(lengths), "chunks_size": 1000}
    info |= {"data_path": DATA_V2, "video_path": VIDEO_V2 if dtype == "video" else None, "features": features}
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    lines = [json.dumps({"task_index": i, "task": text}) for i, text in enumerate(tasks)]
    (folder / "meta" / "tasks.jsonl").write_text("\n".join(lines) + "\n")
    rows = []
    for episode, count in enumerate(lengths):
        place = {"episode_chunk": 0, "episode_index": episode}
        values = change(numbers(count)).astype(np.float32)
        columns: dict[str, Any] = {"observation.state": pa.array(values.tolist(), pa.list_(pa.float32()))}
        columns |= {"action": pa.array((values + 0.01).tolist(), pa.list_(pa.float32()))} if action else {}
        columns |= {"timestamp": pa.array(times(count), pa.float32()), "frame_index": pa.array(range(count))}
        columns |= {"episode_index": pa.array([episode] * count), "index": pa.array(range(count))}
        columns["task_index"] = pa.array([task_index(episode)] * count)
        frames = [np.full((*SIZE, 3), shade(i), np.uint8) for i in range(count)]
        if dtype == "image":
            stored = [{"bytes": cv2.imencode(".png", frame)[1].tobytes(), "path": None} for frame in frames]
            columns[CAMERA] = pa.array(stored)
        else:
            with VideoWriter(folder / VIDEO_V2.format(video_key=CAMERA, **place), FPS, "h264") as video:
                for frame in frames:
                    video.add(frame)
        data = folder / DATA_V2.format(**place)
        data.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table(columns), data)
        rows.append(json.dumps({"episode_index": episode, "length": count} | row(episode)))
    (folder / "meta" / "episodes.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def as_v3(
    folder: Path, tasks: pa.Table | None = None, row: Callable[[int], dict[str, Any]] = lambda episode: {}
) -> Path:
    """The same set in the layout of version 3: one data file, a video file an episode, the rest in parquet too."""
    info = json.loads((folder / "meta" / "info.json").read_text())
    info |= {"codebase_version": "v3.0"}
    info["data_path"] = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    info["video_path"] = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    files = sorted((folder / "data").rglob("*.parquet"))
    parts = [parquet.read_table(file) for file in files]
    for file in files:
        file.unlink()
    parquet.write_table(pa.concat_tables(parts), folder / "data" / "chunk-000" / "file-000.parquet")
    place = folder / "videos" / CAMERA / "chunk-000"
    place.mkdir(parents=True)
    for number, video in enumerate(sorted((folder / "videos" / "chunk-000").rglob("*.mp4"))):
        video.rename(place / f"file-{number:03d}.mp4")
    rows = []
    for episode, part in enumerate(parts):
        about = {"episode_index": episode, "length": len(part), "data/chunk_index": 0, "data/file_index": 0}
        about |= {f"videos/{CAMERA}/chunk_index": 0, f"videos/{CAMERA}/file_index": episode}
        rows.append(about | {f"videos/{CAMERA}/from_timestamp": 0.0} | row(episode))
    (folder / "meta" / "episodes" / "chunk-000").mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(rows), folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet")
    if tasks is not None:
        parquet.write_table(tasks, folder / "meta" / "tasks.parquet")
    for name in ("tasks.jsonl", "episodes.jsonl"):
        (folder / "meta" / name).unlink()
    return folder
