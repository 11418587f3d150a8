"""What of a bag cannot be exported costs itself alone, and is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from arm_bag import START_S, write_arm_bag

parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'lerobot'")
pytest.importorskip("av", reason="needs the extra 'lerobot'")

from world_model_ros.bags.storage.reader import BagReader  # noqa: E402
from world_model_ros.bags.storage.writer import BagWriter  # noqa: E402
from world_model_ros.cli import main  # noqa: E402
from world_model_ros.contract.contract import Contract  # noqa: E402

CAMERA, APPLIED = "/camera/front/image_raw", "/gate/applied"


def export(capsys: pytest.CaptureFixture[str], out: Path, *bags: Path) -> tuple[int, dict]:
    words = ["export-lerobot", *map(str, bags), "--contract", "tabletop_arm", "--out", str(out), "--codec", "h264"]
    status = main([*words, "--json"])
    said = capsys.readouterr()
    return status, json.loads(said.out) if said.out else {"error": said.err}


def features(out: Path) -> set[str]:
    return set(json.loads((out / "meta" / "info.json").read_text())["features"])


def test_a_whole_bag_has_everything(arm_bag: Path, tmp_path: Path, capsys) -> None:
    status, said = export(capsys, tmp_path / "set", arm_bag)
    assert status == 0
    assert said["notes"] == []
    assert {"action", "observation.state", "observation.images.front"} <= features(tmp_path / "set")


def test_an_export_without_action_says_so_and_what_could_be_one(
    contract: Contract, arm_bag: Path, tmp_path: Path, capsys
):
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in bag.raw_messages():
            out.write_raw("/teach/target" if topic == APPLIED else topic, kind, raw, at)
    status, said = export(capsys, tmp_path / "set", tmp_path / "bag")
    assert status == 0
    assert "action" not in features(tmp_path / "set")
    (line,) = said["notes"]
    assert line.startswith("bag: no action: ")
    assert "/teach/target (sensor_msgs/msg/JointState)" in line


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("topic", [CAMERA, APPLIED])
def test_messages_that_cannot_be_read_are_counted(arm_bag: Path, tmp_path: Path, capsys, topic: str, share: float):
    """All of a topic: it is left out. Some: the one before stands for them."""
    broken = 0
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "bag") as out:
        for i, (name, kind, at, raw) in enumerate(bag.raw_messages()):
            breaks = name == topic and (share == 1.0 or i % 10 < 3)
            broken += breaks
            out.write_raw(name, kind, raw[:40] if breaks else raw, at)
    status, said = export(capsys, tmp_path / "set", tmp_path / "bag")
    assert status == 0
    assert said["frames"] == pytest.approx(60, abs=8)
    assert [line for line in said["notes"] if line.startswith(f"bag: {topic}: {broken} messages left out")]
    kept = {CAMERA: "observation.images.front", APPLIED: "action"}[topic] in features(tmp_path / "set")
    assert kept == (share < 1.0)


def test_one_bag_that_cannot_be_exported_costs_itself_alone(contract: Contract, arm_bag: Path, tmp_path: Path, capsys):
    write_arm_bag(tmp_path / "bags" / "a", contract, 1.0)
    write_arm_bag(tmp_path / "bags" / "b", contract, 1.0, leave_out=("joints",))
    write_arm_bag(tmp_path / "bags" / "c", contract, 1.0, leave_out=("camera",))
    write_arm_bag(tmp_path / "bags" / "d", contract, 1.0)
    status, said = export(capsys, tmp_path / "set", tmp_path / "bags")
    assert status == 2
    assert said["episodes"] == 2
    assert [Path(name).name for name in said["failed"]] == ["b", "c"]
    table = parquet.read_table(next((tmp_path / "set" / "data").rglob("*.parquet")))
    assert np.unique(table["episode_index"].to_pylist()).tolist() == [0, 1]
    assert len(table) == said["frames"]
    status, said = export(capsys, tmp_path / "none", tmp_path / "bags" / "b")
    assert status == 2
    assert said["error"]["got"] == "joint_states"


def test_a_stamp_in_the_future_changes_nothing(arm_bag: Path, tmp_path: Path, capsys) -> None:
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in bag.raw_messages():
            if topic == "/joint_states" and at == START_S * 10**9 + 200_000_000:
                raw = raw[:4] + (2**31 - 1).to_bytes(4, "little") + raw[8:]
            out.write_raw(topic, kind, raw, at)
    tables = []
    for name, path in (("one", arm_bag), ("two", tmp_path / "bag")):
        assert export(capsys, tmp_path / name, path)[0] == 0
        tables.append(parquet.read_table(next((tmp_path / name / "data").rglob("*.parquet"))))
    assert tables[0].equals(tables[1])


def test_what_never_comes_again_after_a_pause_is_named(arm_bag: Path, tmp_path: Path, capsys) -> None:
    half = (START_S + 1) * 10**9
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in bag.raw_messages():
            if at <= half or topic != CAMERA:
                out.write_raw(topic, kind, raw, at + 200 * 10**9 * (at > half))
    status, said = export(capsys, tmp_path / "set", tmp_path / "bag")
    assert status == 0
    assert said["frames"] == pytest.approx(30, abs=2)
    assert "bag: no frames after the last pause: nothing came of ['front']" in said["notes"]


def test_commands_for_joints_of_others_are_no_action_and_counted(
    contract: Contract, arm_bag: Path, tmp_path: Path, capsys
) -> None:
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in bag.raw_messages():
            if topic == APPLIED:
                raw = out.make.joint_state(("wheel",), np.ones(1), np.ones(1), stamp_ns=at)
                out.write(topic, kind, raw, at)
            else:
                out.write_raw(topic, kind, raw, at)
    status, said = export(capsys, tmp_path / "set", tmp_path / "bag")
    assert status == 0
    assert "action" not in features(tmp_path / "set")
    others, none = said["notes"]
    assert others == "bag: /gate/applied: 100 messages of joints that the contract does not have"
    assert none == "bag: no action: nothing that can be read says what the robot was commanded"  # its topic is known


def test_joints_that_never_came_are_why_there_is_no_frame(
    contract: Contract, arm_bag: Path, tmp_path: Path, capsys
) -> None:
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in bag.raw_messages():
            if topic == "/joint_states":
                out.write(topic, kind, out.make.joint_state(contract.joint_names[:4], np.zeros(4), stamp_ns=at), at)
            else:
                out.write_raw(topic, kind, raw, at)
    status, said = export(capsys, tmp_path / "set", tmp_path / "bag")
    assert status == 2
    assert "no frames at all: nothing came of ['wrist_2_joint', 'wrist_3_joint']" in said["error"]["expected"]


def test_an_export_that_fails_leaves_nothing_in_its_way(
    arm_bag: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither half a data set, nor a folder that the next try stumbles over; what was there before stays."""
    from world_model_ros.lerobot.exporter import LerobotExport

    def interrupted(self: LerobotExport) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LerobotExport, "close", interrupted)
        assert export(capsys, tmp_path / "new" / "set", arm_bag)[0] == 130
    assert not (tmp_path / "new").exists()
    assert export(capsys, tmp_path / "new" / "set", arm_bag)[0] == 0
    status, said = export(capsys, tmp_path / "new" / "set", arm_bag)
    assert status == 2
    assert "a folder that does not exist yet" in said["error"]["expected"]
    assert "action" in features(tmp_path / "new" / "set")


def test_a_camera_that_stops_is_said_to_show_one_picture_to_the_end(contract: Contract, tmp_path: Path, capsys) -> None:
    write_arm_bag(tmp_path / "whole", contract, 4.0)
    stops = (START_S + 1) * 10**9
    with BagReader(tmp_path / "whole") as bag, BagWriter(tmp_path / "bag") as out:
        for topic, kind, at, raw in bag.raw_messages():
            if topic != CAMERA or at <= stops:
                out.write_raw(topic, kind, raw, at)
    status, said = export(capsys, tmp_path / "set", tmp_path / "bag")
    assert (status, said["frames"]) == (0, pytest.approx(120, abs=2))
    assert said["notes"] == ["bag: front: one picture stands for up to 3.0 s, in which no other one came"]
