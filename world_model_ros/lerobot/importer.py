"""Converts a LeRobot data set to bags, one per episode, with the topics and joints of a contract."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.align.commanded_reference import APPLIED_TOPIC, USUAL_COMMAND
from world_model_ros.bags.episodes import TASK
from world_model_ros.bags.storage.writer import LATCHED, BagWriter
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import CameraStream, JointStream
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.lerobot.layout import (
    ACTION,
    PICTURES,
    STATE,
    UNREADABLE,
    LerobotDataset,
    LostEpisode,
    StoredEpisode,
)
from world_model_ros.lerobot.rows import read_rows, stored_pictures
from world_model_ros.lerobot.units import Scaling, scaling, spans_of
from world_model_ros.lerobot.video import read_frames

_BEGIN_S, _APART_S = 1_000_000_000, 100_000  # bag time of the first episode, and from one to the next
_SPAN_S = 1_100_000_000  # after which they begin anew: a message can say no more than 2**31 s
_JPEG_QUALITY = 95
_KNOWN = {STATE, ACTION, "timestamp", "frame_index", "episode_index", "index", "task_index"}
_SUFFIXES = (".pos", ".position")  # that LeRobot's robots give joints


@dataclass(frozen=True)
class ImportPlan:
    """What of a data set becomes which topic.

    Args:
        state, action: place of each contract joint among the data set's numbers, (J,); action None if there is none.
        cameras: feature -> (stream, source) of the contract.
        scaling: how numbers become positions.
        ignored: features that do not come into the bags. notes: what a person should know besides.
    """

    state: NDArray[np.intp]
    action: NDArray[np.intp] | None
    cameras: dict[str, tuple[CameraStream, StreamSource]]
    scaling: Scaling
    ignored: tuple[str, ...]
    notes: tuple[str, ...] = ()


def import_plan(
    data: LerobotDataset, contract: Contract, names: Mapping[str, str], units: Sequence[str] = ()
) -> ImportPlan:
    """Match features and joints with a contract by name.

    Args:
        names: feature or joint of the data set -> stream or joint of the contract.
        units: that the data set has, see `units.scaling`.

    Raises:
        UserError: a joint of the contract is not in the data set, joints must have more than a position, or numbers
            are out of range for the assumed units.
    """
    if not contract.joint_names:
        raise UserError(f"{contract.name}: joints", "none", "a robot with joints: data sets hold their positions")
    for stream in contract.interface.of(JointStream):
        if list(stream.fields) != ["position"]:
            raise UserError(
                f"{contract.name}: {stream.name}: fields", stream.fields, "position alone; LeRobot has no other"
            )
    _check_names(data, contract, names)
    cameras = _cameras(data, contract, names)
    places = {STATE: _places(data, STATE, contract, names)}
    if ACTION in data.features:
        places[ACTION] = _places(data, ACTION, contract, names)
    stated = _stated_units(data, places[STATE], contract)
    chosen = scaling(contract, spans_of(data, places, contract.joint_names), units, stated)
    notes = [f"{unit}: {', '.join(joints)}" for unit, joints in _by_unit(chosen).items()]
    notes += chosen.beyond
    if ACTION not in data.features:
        notes.append("no action in the data set: the bags have no commands")
    shown = {stream.name for stream, _ in cameras.values()}
    notes += [
        f"camera {stream.name} of the contract: no feature of the data set, which has {data.pictures()}; see --map"
        for stream in contract.interface.of(CameraStream)
        if stream.name not in shown
    ]
    notes += [
        f"{stream.kind} {stream.name} of the contract: a data set has 8 bit colours alone; the bags have none of it"
        for stream in contract.interface.streams
        if stream.is_picture and not isinstance(stream, CameraStream)
    ]
    ignored = tuple(sorted(set(data.features) - _KNOWN - set(cameras)))
    return ImportPlan(places[STATE], places.get(ACTION), cameras, chosen, ignored, tuple(notes))


def import_episodes(
    data: LerobotDataset, contract: Contract, plan: ImportPlan, out: Path
) -> Iterator[Path | LostEpisode]:
    """Write ``out/episode_000000`` and so on; gives each bag when it is whole, and each episode that is left out."""
    out.mkdir(parents=True, exist_ok=True)
    for episode in data.episodes():
        if isinstance(episode, LostEpisode):
            yield episode
            continue
        path = out / f"episode_{episode.index:06d}"
        try:
            _import(path, data, episode, contract, plan)
        except UserError as error:
            yield LostEpisode(f"episode {episode.index}", str(error))
        else:
            yield path


def _import(path: Path, data: LerobotDataset, episode: StoredEpisode, contract: Contract, plan: ImportPlan) -> None:
    writer = BagWriter(path, contract)
    try:
        with writer as bag:
            _write(bag, data, episode, contract, plan)
    except BaseException:
        shutil.rmtree(path)  # half an episode would pass for a whole one
        raise


def _write(bag: BagWriter, data: LerobotDataset, episode: StoredEpisode, contract: Contract, plan: ImportPlan) -> None:
    rows = read_rows(data, episode, plan.action is not None)
    begin_ns = (_BEGIN_S + episode.index * _APART_S % _SPAN_S) * 10**9
    if rows.task:
        bag.write(TASK, "std_msgs/msg/String", bag.make.string(rows.task), begin_ns, LATCHED)
    pictures = {feature: _frames(data, episode, feature) for feature in plan.cameras}
    state = plan.scaling.scale * rows.state[:, plan.state] + plan.scaling.offset
    action = None
    if plan.action is not None and rows.action is not None:
        action = plan.scaling.scale * rows.action[:, plan.action] + plan.scaling.offset
    for row, since_s in enumerate(rows.times_s):
        now_ns = begin_ns + round(float(since_s) * 1e9)
        for feature, (stream, source) in plan.cameras.items():
            message = _picture(bag, next(pictures[feature]), stream, source, now_ns)
            bag.write(source.topic, source.type, message, now_ns, source.qos)
        _write_joints(bag, contract, state[row], now_ns)
        if action is not None:
            _write_command(bag, contract, action[row], now_ns)


def _write_joints(bag: BagWriter, contract: Contract, positions: NDArray[np.float64], now_ns: int) -> None:
    """Joint states (J,), on each topic those of its streams."""
    topics: dict[str, tuple[StreamSource, list[str]]] = {}
    for stream in contract.interface.of(JointStream):
        source = contract.source(stream.name)
        _, joints = topics.setdefault(source.topic, (source, []))
        joints += [name for name in stream.joints if name not in joints]
    for source, joints in topics.values():
        places = [contract.joint_names.index(name) for name in joints]
        message = bag.make.joint_state(tuple(joints), positions[places], stamp_ns=now_ns)
        bag.write(source.topic, source.type, message, now_ns, source.qos)


def _write_command(bag: BagWriter, contract: Contract, positions: NDArray[np.float64], now_ns: int) -> None:
    """Commanded positions (J,): to each controller those of its joints; where one is not sent trajectories, as what the
    gate applied."""
    command, names = contract.deployment.command, contract.joint_names
    controllers = [] if command is None else command.controllers(names)
    if any(each.interface != "joint_trajectory" for each in controllers):
        message = bag.make.joint_state(names, positions, np.zeros(len(names)), stamp_ns=now_ns)
        bag.write(APPLIED_TOPIC, "sensor_msgs/msg/JointState", message, now_ns)
        return
    parts = [(USUAL_COMMAND, list(names))]
    if command is not None:
        parts = [(each.topic, list(each.joints)) for each in controllers]
    for topic, joints in parts:
        at = positions[None, [names.index(name) for name in joints]]
        sent = Trajectory(tuple(joints), np.zeros(1), at, np.zeros_like(at), now_ns)
        bag.write(topic, "trajectory_msgs/msg/JointTrajectory", bag.make.trajectory(sent), now_ns)


def _frames(data: LerobotDataset, episode: StoredEpisode, feature: str) -> Iterator[NDArray[np.uint8]]:
    if data.is_video(feature):
        if feature not in episode.videos:
            raise UserError(f"data set: {feature}", "no video", "one for each episode")
        return read_frames(*episode.videos[feature], episode.length, data.fps)
    return stored_pictures(data.folder, episode, feature)


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


def _check_names(data: LerobotDataset, contract: Contract, names: Mapping[str, str]) -> None:
    """Raise `UserError` for a name that is mapped and not there, or that becomes nothing of the contract."""
    numbers = [name for feature in (STATE, ACTION) if feature in data.features for name in data.names(feature)]
    there = {*data.cameras(), *numbers}
    known = {*contract.joint_names, *(each.name for each in contract.interface.of(CameraStream))}
    for old, new in names.items():
        if old not in there:
            raise UserError("map", f"{old}:={new}", f"before ':=' one of {sorted(there)}")
        if new not in known:
            raise UserError("map", f"{old}:={new}", f"behind ':=' a joint or camera of the contract: {sorted(known)}")


def _cameras(
    data: LerobotDataset, contract: Contract, names: Mapping[str, str]
) -> dict[str, tuple[CameraStream, StreamSource]]:
    """Which picture is which camera: as given, or by its name with or without what stands before it."""
    cameras, taken = {}, set()
    for feature in data.cameras():
        bare = feature.removeprefix(PICTURES).removeprefix("observation.")
        wanted = [names[feature]] if feature in names else [bare, bare.replace(".", "_"), bare.rpartition(".")[2]]
        for stream in contract.interface.of(CameraStream):
            if stream.name in wanted and stream.name not in taken:
                cameras[feature] = (stream, contract.source(stream.name))
                taken.add(stream.name)
    return cameras


def _places(data: LerobotDataset, feature: str, contract: Contract, names: Mapping[str, str]) -> NDArray[np.intp]:
    said = data.names(feature)
    there = [names.get(name, name) for name in said]
    bare = [next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), name) for name in there]
    found = [there.index(joint) if joint in there else _only(bare, joint) for joint in contract.joint_names]
    missing = [joint for joint, place in zip(contract.joint_names, found) if place is None]
    if missing:
        raise UserError(f"data set: {feature}: names", said, f"names (or --map FROM:=TO) for {missing} too")
    return np.array(found, np.intp)


def _only(names: Sequence[str], joint: str) -> int | None:
    return names.index(joint) if names.count(joint) == 1 else None


def _stated_units(data: LerobotDataset, places: NDArray[np.intp], contract: Contract) -> dict[str, str]:
    """Units that the data set states, as those do that this package exports."""
    try:
        units = [str(each) for each in (data.features[STATE].get("info") or {})["units"]]
        known = {"rad": "radians", "m": "metres", "normalised": "fraction"}
        return {name: known[units[place]] for name, place in zip(contract.joint_names, places.tolist())}
    except UNREADABLE:
        return {}


def _by_unit(chosen: Scaling) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, unit in chosen.units.items():
        found.setdefault(f"numbers are taken as {unit}", []).append(name)
    return found
