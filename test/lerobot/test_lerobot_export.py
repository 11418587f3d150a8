"""What this package exports, LeRobot reads: texts, numbers and pictures of every episode, by its own rules."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="needs the extra 'lerobot'")
pytest.importorskip("av", reason="needs the extra 'lerobot'")

import pyarrow as pa
from lerobot_rules import AsLerobotReads, pandas_index
from lerobot_sets import CONTRACT, FPS, heron, numbers, shade

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.lerobot.exporter import LerobotExport
from world_model_ros.lerobot.layout import LerobotDataset

T0 = 1_600_000_000 * 10**9
STATE, ACTION, CAMERA = "observation.state", "action", "observation.images.side"
ONE_JOINT = """
format: 1
name: crank
interface:
  tick_hz: 10.0
  base_frame: base
  joints: [{name: turn}]
  streams: [{kind: joints, name: arm, joints: [turn], rate_hz: 20.0}]
  action: {kind: joint_displacement, joints: [turn], bound: 0.5}
deployment:
  streams: [{name: arm, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.1, required: true}]
"""


def record(
    path: Path,
    contract: Contract,
    count: int = 8,
    task: str = "",
    commands: bool = True,
    camera: bool = True,
    size: tuple[int, int] = (32, 40),
    empty: bool = False,
    other: bool = False,
) -> Path:
    """A bag with the leg and the claw on topics of their own, and controllers of their own. ``empty``: trajectories
    whose points are none. ``other``: somebody else's joints on the leg's topic."""
    with BagWriter(path, contract) as bag:
        if task:
            bag.write("task", "std_msgs/msg/String", bag.make.string(task), T0)
        for i, (hip, knee, claw) in enumerate(numbers(count)):
            now = T0 + i * 10**9 // FPS
            for topic, names, values in (("leg", ("knee", "hip"), (knee, hip)), ("claw", ("claw",), (claw,))):
                state = bag.make.joint_state(names, np.array(values), stamp_ns=now)
                bag.write(f"{topic}/joint_states", "sensor_msgs/msg/JointState", state, now)
                if other:
                    state = bag.make.joint_state(("wing",), np.zeros(1), stamp_ns=now)
                    bag.write(f"{topic}/joint_states", "sensor_msgs/msg/JointState", state, now)
                if commands:
                    at = np.array(values)[None] + 0.01
                    sent = bag.make.trajectory(Trajectory(names, np.zeros(1), at, np.zeros_like(at), now))
                    sent.points = [] if empty else sent.points
                    kind = "trajectory_msgs/msg/JointTrajectory"
                    bag.write(f"{topic}_controller/joint_trajectory", kind, sent, now)
            if camera:
                picture = bag.make.image(np.full((*size, 3), shade(i), np.uint8), "rgb8", now)
                bag.write("side/image_raw", "sensor_msgs/msg/Image", picture, now)
    return path


def export(out: Path, contract: Contract, *bags: Path) -> list[str]:
    """Writes the set; gives why bags were left out."""
    found, left_out = LerobotExport(out, contract, FPS, "h264"), []
    for bag in bags:
        try:
            found.add(bag)
        except UserError as error:
            left_out.append(str(error))
    found.close()
    return left_out


def test_lerobot_reads_every_text_number_and_picture(tmp_path):
    tasks = ["pick up the log", "put it down", "pick up the log"]
    bags = [record(tmp_path / f"b{i}", heron(), 6 + i, task) for i, task in enumerate(tasks)]
    export(tmp_path / "set", heron(), *bags)
    data = AsLerobotReads(tmp_path / "set")
    assert data.task_names == ["pick up the log", "put it down"]
    assert data.info["features"][STATE]["names"] == ["knee", "hip", "claw"]
    index = 0
    for episode, task in enumerate(tasks):
        assert data.episodes[episode]["tasks"] == [task]
        for frame, (hip, knee, claw) in enumerate(numbers(6 + episode)):
            item = data[index]
            assert (item["task"], item["frame_index"], item["index"]) == (task, frame, index)
            np.testing.assert_allclose(item[STATE], [knee, hip, claw], atol=1e-6)
            np.testing.assert_allclose(item[ACTION], np.array([knee, hip, claw]) + 0.01, atol=1e-6)
            np.testing.assert_allclose(item[CAMERA].mean(), shade(frame), atol=2)
            index += 1
    assert index == data.info["total_frames"]


def test_a_table_without_an_index_would_give_lerobot_numbers_for_texts():
    assert pandas_index(pa.table({"task_index": [0], "task": ["walk"]})) is None


def test_a_robot_of_one_joint_has_one_number_a_row(tmp_path):
    crank = contract_from_text(ONE_JOINT)
    with BagWriter(tmp_path / "bag", crank) as bag:
        for i in range(5):
            state = bag.make.joint_state(("turn",), np.array([0.1 * i]), stamp_ns=T0 + i * 10**9 // FPS)
            bag.write("joint_states", "sensor_msgs/msg/JointState", state, T0 + i * 10**9 // FPS)
    export(tmp_path / "set", crank, tmp_path / "bag")
    item = AsLerobotReads(tmp_path / "set")[3]
    assert item[STATE] == pytest.approx(0.3)
    assert (item["task"], ACTION in item) == ("", False)


@pytest.mark.parametrize(
    ("bag", "said"),
    [
        ({"commands": False}, ["no action: nothing that can be read says what the robot was commanded"]),
        (
            {"empty": True},
            ["no action: nothing that can be read", "/leg_controller/joint_trajectory: 8 messages left out"],
        ),
        ({"camera": False}, ["side: not in the bag (/side/image_raw)"]),
        ({"other": True}, []),
    ],
)
def test_what_an_export_lacks_it_says(tmp_path, capsys, bag, said):
    record(tmp_path / "bag", heron(), **bag)
    (tmp_path / "heron.yaml").write_text(CONTRACT)
    words = ["export-lerobot", str(tmp_path / "bag"), "--contract", str(tmp_path / "heron.yaml"), "--fps", str(FPS)]
    assert main([*words, "--codec", "h264", "--out", str(tmp_path / "set"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["frames"] == 8
    notes = "\n".join(found["notes"])
    assert all(words in notes for words in said), notes
    assert bool(notes) == bool(said)
    item = AsLerobotReads(tmp_path / "set")[2]
    assert (ACTION in item) == (not bag.get("empty") and bag.get("commands", True))


def test_a_bag_that_does_not_fit_is_left_out_and_named_and_those_after_it_are_whole(tmp_path):
    bags = [
        record(tmp_path / "first", heron(), 6, "walk"),
        record(tmp_path / "silent", heron(), 7, "swim", commands=False),
        record(tmp_path / "torn", heron(), 9, "fly"),
        record(tmp_path / "last", heron(), 8, "stand"),
    ]
    torn = tmp_path / "torn" / "torn.mcap"
    torn.write_bytes(torn.read_bytes()[:200])
    left_out = export(tmp_path / "set", heron(), *bags)
    assert "silent" in left_out[0]
    assert "the same features" in left_out[0]
    assert "torn" in left_out[1]
    data = AsLerobotReads(tmp_path / "set")
    assert data.task_names == ["walk", "stand"]
    assert [data[i]["task"] for i in (0, 5, 6, 13)] == ["walk", "walk", "stand", "stand"]
    np.testing.assert_allclose(data[6 + 7][CAMERA].mean(), shade(7), atol=2)
    np.testing.assert_allclose(data[6 + 7][STATE][1], numbers(8)[7, 0], atol=1e-6)


def test_a_picture_of_an_odd_size_is_refused_by_the_name_of_its_codec(tmp_path):
    odd = heron(CONTRACT.replace("source_shape: [32, 40]", "source_shape: [33, 41]"))
    with pytest.raises(UserError, match=r"video.*33.*41.*even numbers"):
        LerobotExport(tmp_path / "set", odd, FPS, "h264").add(record(tmp_path / "bag", odd, size=(33, 41)))


def test_an_export_says_its_units_so_that_an_import_need_not_ask(tmp_path):
    export(tmp_path / "set", heron(), record(tmp_path / "bag", heron()))
    about = LerobotDataset(tmp_path / "set").features[STATE]
    assert about["info"] == {"units": ["rad", "rad", "normalised"]}


def test_a_topic_that_is_not_there_is_named_with_those_that_are(tmp_path):
    bag = record(tmp_path / "bag", heron())
    other = heron(CONTRACT.replace("leg/joint_states", "legs/joint_states"))
    with pytest.raises(UserError, match=r"legs/joint_states.*leg/joint_states"):
        LerobotExport(tmp_path / "set", other, FPS, "h264").add(bag)
    with pytest.raises(UserError, match="fps"):
        LerobotExport(tmp_path / "set", other, 0, "h264")


def test_after_a_pause_or_a_clock_that_was_set_an_episode_of_its_own_begins(tmp_path):
    """Over the pause there would be millions of frames, all alike."""
    record(tmp_path / "whole", heron(), 9, "walk")
    with BagReader(tmp_path / "whole") as bag, BagWriter(tmp_path / "set_clock") as out:
        for topic, kind, at, raw in bag.raw_messages():
            out.write_raw(topic, kind, raw, at - (T0 if at < T0 + 4 * 10**9 // FPS else 0))
    made = LerobotExport(tmp_path / "set", heron(), FPS, "h264")
    assert made.add(tmp_path / "set_clock") == 9
    assert made.add(record(tmp_path / "next", heron(), 6, "stand")) == 6
    assert made.episodes == 3
    assert [line.partition(": ")[2] for line in made.notes] == [
        "a pause of 1600000000.0 s after 4 frames; what follows is an episode of its own"
    ]
    made.close()
    data = AsLerobotReads(tmp_path / "set")
    assert [each["length"] for each in data.episodes] == [4, 5, 6]
    for index, (frame, task) in enumerate([*((i, "walk") for i in range(9)), *((i, "stand") for i in range(6))]):
        item = data[index]
        assert item["task"] == task
        np.testing.assert_allclose(item[STATE][1], numbers(9)[frame, 0], atol=1e-6)
        np.testing.assert_allclose(item[CAMERA].mean(), shade(frame), atol=2)


def test_a_bag_that_breaks_off_after_a_pause_leaves_no_episode(tmp_path):
    record(tmp_path / "whole", heron())
    with BagReader(tmp_path / "whole") as bag, BagWriter(tmp_path / "changed") as out:
        for topic, kind, at, raw in bag.raw_messages():
            out.write_raw(topic, kind, raw, at)
        for topic, kind, at, raw in bag.raw_messages():
            out.write_raw(topic, kind, raw, at + 10**12)
    made = LerobotExport(tmp_path / "set", heron(), FPS, "h264")
    made.add(record(tmp_path / "first", heron(), 5))
    add, rows = made._add, made._rows

    def breaks_off(frame, path):
        if len(rows) == 5 + 11:
            raise UserError("bag", str(path), "a whole one")
        add(frame, path)

    made._add = breaks_off
    with pytest.raises(UserError, match="a whole one"):
        made.add(tmp_path / "changed")
    assert (made.episodes, len(made._rows)) == (1, 5)


def test_statistics_of_pictures_need_no_memory_for_pictures(tmp_path):
    made = LerobotExport(tmp_path / "set", heron(), FPS, "h264")
    picture = np.random.default_rng(1).integers(0, 255, (32, 40, 3), np.uint8)
    with BagWriter(tmp_path / "bag", heron()) as bag:
        for i in range(30):
            now = T0 + i * 10**9 // FPS
            for topic, names in (("leg", ("knee", "hip")), ("claw", ("claw",))):
                state = bag.make.joint_state(names, np.zeros(len(names)), stamp_ns=now)
                bag.write(f"{topic}/joint_states", "sensor_msgs/msg/JointState", state, now)
            bag.write("side/image_raw", "sensor_msgs/msg/Image", bag.make.image(picture + i, "rgb8", now), now)
    made.add(tmp_path / "bag")
    assert len(pickle.dumps(made._seen)) < 3 * 1000
    made.close()
    found = json.loads((tmp_path / "set" / "meta" / "stats.json").read_text())[CAMERA]
    values = np.concatenate([(picture + i).reshape(-1, 3)[::7] for i in (0, 10, 20)]) / 255.0
    assert found["count"] == [3]
    for name, row in (("mean", values.mean(0)), ("std", values.std(0)), ("min", values.min(0)), ("max", values.max(0))):
        np.testing.assert_allclose(np.ravel(found[name]), row, atol=1e-9)
        assert np.shape(found[name]) == (3, 1, 1)
