"""LeRobot data sets -> bags, an episode each, with the topics of a contract."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from world_model_ros.bags.lerobot_layout import ACTION, PICTURES, STATE, LerobotDataset, StoredEpisode
from world_model_ros.bags.lerobot_video import read_frames
from world_model_ros.bags.reference import USUAL_COMMAND
from world_model_ros.bags.writer import LATCHED, BagWriter
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import CameraStream, StreamSource
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory

TASK_TOPIC = "task"
_BEGIN_S, _APART_S = 1_000_000_000, 100_000  # bag time of the first episode, and from one to the next
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class ImportPlan:
    """What of a data set becomes which topic.

    Args:
        state, action: place of each contract joint among the data set's numbers, (J,); action None if there is none.
        cameras: feature -> (stream, source) of the contract.
        ignored: features that the contract has no stream for.
    """

    state: NDArray[np.intp]
    action: NDArray[np.intp] | None
    cameras: dict[str, tuple[CameraStream, StreamSource]]
    ignored: tuple[str, ...]


def import_plan(data: LerobotDataset, contract: Contract, names: Mapping[str, str]) -> ImportPlan:
    """Match features and joints with a contract by name.

    Args:
        names: feature or joint of the data set -> stream or joint of the contract.

    Raises:
        UserError: a joint of the contract is not in the data set, or joints must have more than a position.
    """
    for stream in contract.interface.streams:
        if stream.kind == "joints" and list(stream.fields) != ["position"]:
            raise UserError(
                f"{contract.name}: {stream.name}: fields", stream.fields, "position alone; LeRobot has no other"
            )
    cameras = {}
    for feature in data.cameras():
        wanted = names.get(feature, feature.removeprefix(PICTURES))
        for stream in contract.interface.streams:
            if stream.kind == "camera" and stream.name == wanted:
                cameras[feature] = (stream, contract.source(stream.name))
    known = {STATE, ACTION, "timestamp", "frame_index", "episode_index", "index", "task_index", *cameras}
    action = _places(data, ACTION, contract, names) if ACTION in data.features else None
    ignored = tuple(sorted(set(data.features) - known))
    return ImportPlan(_places(data, STATE, contract, names), action, cameras, ignored)


def import_episodes(data: LerobotDataset, contract: Contract, plan: ImportPlan, out: Path) -> Iterator[Path]:
    """Write ``out/episode_000000`` and so on; gives each bag when it is whole."""
    for episode in data.episodes():
        path = out / f"episode_{episode.index:06d}"
        out.mkdir(parents=True, exist_ok=True)
        writer = BagWriter(path, contract)
        try:
            with writer as bag:
                _write(bag, data, episode, contract, plan)
        except BaseException:
            shutil.rmtree(path)  # half an episode would pass for a whole one
            raise
        yield path


def _write(bag: BagWriter, data: LerobotDataset, episode: StoredEpisode, contract: Contract, plan: ImportPlan) -> None:
    table = _rows(data, episode)
    begin_ns = (_BEGIN_S + episode.index * _APART_S) * 10**9
    if episode.task:
        bag.write(TASK_TOPIC, "std_msgs/msg/String", bag.make.string(episode.task), begin_ns, LATCHED)
    videos = {feature: read_frames(*episode.videos[feature], episode.length, data.fps) for feature in plan.cameras}
    joints = [contract.source(stream.name) for stream in contract.interface.streams if stream.kind == "joints"]
    command = contract.deployment.command
    command_topic = USUAL_COMMAND if command is None else command.topic
    names = contract.joint_names
    for row in range(episode.length):
        now_ns = begin_ns + round(float(table["timestamp"][row]) * 1e9)
        for feature, (stream, source) in plan.cameras.items():
            message = _picture(bag, next(videos[feature]), stream, source, now_ns)
            bag.write(source.topic, source.type, message, now_ns, source.qos)
        state = bag.make.joint_state(names, table[STATE][row][plan.state], stamp_ns=now_ns)
        for source in {source.topic: source for source in joints}.values():
            bag.write(source.topic, source.type, state, now_ns, source.qos)
        if plan.action is not None:
            positions = table[ACTION][row][plan.action][None].astype(np.float64)
            sent = Trajectory(names, np.zeros(1), positions, np.zeros_like(positions), now_ns)
            bag.write(command_topic, "trajectory_msgs/msg/JointTrajectory", bag.make.trajectory(sent), now_ns)


def _rows(data: LerobotDataset, episode: StoredEpisode) -> dict[str, NDArray[Any]]:
    columns = [name for name in (STATE, ACTION, "timestamp", "frame_index") if name in data.features]
    try:
        table = parquet.read_table(
            episode.data, columns=columns, filters=[("episode_index", "=", episode.index)], use_threads=False
        )
    except (OSError, ValueError) as error:
        raise UserError(
            "data set", str(episode.data), f"a parquet file with the columns {columns} ({error})"
        ) from error
    if table.num_rows != episode.length:
        legal = f"{episode.length} rows of episode {episode.index}, as the data set says"
        raise UserError(f"data set: {episode.data.name}", f"{table.num_rows} rows", legal)
    table = table.sort_by("frame_index")
    found = {name: np.array(table[name].to_pylist(), np.float64) for name in columns}
    if not all(np.isfinite(values).all() for values in found.values()):
        raise UserError(f"data set: {episode.data.name}", "a number that is not finite", "finite numbers")
    return found


def _picture(bag: BagWriter, frame: NDArray[np.uint8], stream: CameraStream, source: StreamSource, now_ns: int) -> Any:
    """The message that the contract wants, at the size it wants."""
    height, width = source.source_shape or frame.shape[:2]
    if frame.shape[:2] != (height, width):
        frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if source.type != "sensor_msgs/msg/CompressedImage":
        return bag.make.image(frame, "rgb8", now_ns, stream.name)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality)
    header = bag.make.header(now_ns, stream.name)
    return bag.make.make(source.type, header=header, format="jpeg", data=data.reshape(-1))


def _places(data: LerobotDataset, feature: str, contract: Contract, names: Mapping[str, str]) -> NDArray[np.intp]:
    there = [names.get(name, name) for name in data.names(feature)]
    missing = [joint for joint in contract.joint_names if joint not in there]
    if missing:
        legal = f"names (or --map FROM:=TO) for {missing} too"
        raise UserError(f"data set: {feature}: names", data.names(feature), legal)
    return np.array([there.index(joint) for joint in contract.joint_names], np.intp)
