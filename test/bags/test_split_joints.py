"""Arm and gripper on two topics, or on one with two publishers: everything that reads a bag puts them together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from arm_bag import START_S, positions
from split_joints import ARM_JOINTS, HAND_JOINTS, split_contract, split_text

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.bag_fit import check_bag
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract, contract_from_text

STATE = "sensor_msgs/msg/JointState"
TOPICS = [("arm/joint_states", "hand/joint_states"), ("joint_states", "joint_states")]
MS = 1_000_000


def split_bag(source: Path, path: Path, contract: Contract, arm: str, hand: str) -> Path:
    """Joint states in two messages, the hand's stamped 3 ms later; every now and then it overtakes the arm's."""
    with BagReader(source) as bag, BagWriter(path) as out:
        rows = []
        for topic, kind, at, message in bag.messages():
            if topic == "/contract":
                continue
            if topic != "/joint_states":
                rows.append((topic, kind, at, message))
                continue
            delay = 5 * MS if at // (10 * MS) % 7 == 3 else 0
            for name, names, stamp, wait in ((arm, ARM_JOINTS, at, delay), (hand, HAND_JOINTS, at + 3 * MS, 0)):
                index = [list(message.name).index(joint) for joint in names]
                part = out.make.joint_state(names, message.position[index], np.zeros(len(names)), stamp_ns=stamp)
                rows.append((name, kind, stamp + wait, part))
        for topic, kind, at, message in sorted(rows, key=lambda row: row[2]):
            out.write(topic, kind, message, at)
    return path


@pytest.fixture(params=TOPICS, ids=["two topics", "one topic"])
def split(request: pytest.FixtureRequest, arm_bag: Path, tmp_path: Path) -> tuple[Contract, Path]:
    contract = split_contract(*request.param)
    return contract, split_bag(arm_bag, tmp_path / "split", contract, *request.param)


def test_an_episode_has_all_joints(split: tuple[Contract, Path]) -> None:
    contract, path = split
    episode = aligned_episode(path, contract)
    assert len(episode) == 20
    assert episode.refused == {}
    names = list(episode.streams)
    for name, joints in (("arm", ARM_JOINTS), ("hand", HAND_JOINTS)):
        assert episode.fresh[1:, names.index(name)].all()
        index = [contract.joint_names.index(joint) for joint in joints]
        stamps = episode.stamps_ns[1:, names.index(name)]
        expected = np.array([positions(int(stamp))[index] for stamp in stamps])
        assert np.abs(episode.streams[name][1:, :, 0] - expected).max() < 1e-3
    assert np.isfinite(episode.labels[1:, 0]).all()  # the fingertip, by all joints
    assert np.isfinite(episode.reference).all()


def test_measured_joints_stand_for_commands(split: tuple[Contract, Path]) -> None:
    contract, path = split
    text = contract.text.replace("deployment:\n", "deployment:\n  without_commands: measured\n")
    bare = path.parent / "bare"
    with BagReader(path) as bag, BagWriter(bare) as out:
        for topic, kind, at, raw in bag.raw_messages(set(bag.topics()) - {"/gate/applied"}):
            out.write_raw(topic, kind, raw, at)
    reference = aligned_episode(bare, contract_from_text(text)).reference
    expected = [positions(START_S * 10**9 + i * 100 * MS) for i in range(20)]
    assert np.abs(reference[1:] - expected[1:]).max() < 3e-3


def test_the_check_finds_nothing_wrong(split: tuple[Contract, Path]) -> None:
    contract, path = split
    result = check_bag(path, contract)
    assert result["fits"], result
    for topic in result["topics"]:
        assert not [each for each in topic["findings"] if each["what"] in ("content", "publishers") and each["change"]]


def test_a_data_set_has_all_joints(split: tuple[Contract, Path], tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra 'lerobot'")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'lerobot'")
    from world_model_ros.cli import main

    contract, path = split
    (tmp_path / "split.yaml").write_text(contract.text, encoding="utf-8")
    words = ["export-lerobot", str(path), "--contract", str(tmp_path / "split.yaml"), "--codec", "h264"]
    assert main([*words, "--out", str(tmp_path / "set"), "--json"]) == 0
    table = parquet.read_table(next((tmp_path / "set" / "data").rglob("*.parquet")))
    state = np.array(table["observation.state"].to_pylist())
    expected = np.array([positions(START_S * 10**9 + round(i / 30 * 1e9)) for i in range(len(state))])
    assert len(state) > 55
    assert np.abs(state[1:] - expected[1:]).max() < 0.01
    assert json.loads((tmp_path / "set" / "meta" / "info.json").read_text())["features"]["action"]["shape"] == [6]


def test_one_wrong_stamp_of_a_part_does_not_end_an_export(split: tuple[Contract, Path], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'lerobot'")
    pytest.importorskip("av", reason="needs the extra 'lerobot'")
    from world_model_ros.lerobot.frames import BagFrames

    contract, path = split
    with BagReader(path) as bag, BagWriter(tmp_path / "wrong") as out:
        count = 0
        for topic, kind, at, raw in bag.raw_messages():
            count += topic.endswith("joint_states")
            wrong = topic.endswith("joint_states") and count in (100, 101, 201)
            out.write_raw(topic, kind, raw[:4] + (2**31 - 1).to_bytes(4, "little") + raw[8:] if wrong else raw, at)
    with BagReader(path) as one, BagReader(tmp_path / "wrong") as two:
        frames = [list(BagFrames(bag, contract, 30)) for bag in (one, two)]
    assert len(frames[0]) == len(frames[1]) > 50
    assert all(np.array_equal(a.state, b.state) for a, b in zip(*frames))


def test_a_contract_that_lacks_a_joint_says_which(tmp_path: Path) -> None:
    from world_model_ros.core.errors import UserError

    text = split_text().replace("      joints:\n      - wrist_3_joint\n", "      joints:\n      - wrist_2_joint\n")
    text = text.replace("  - kind: joints\n    name: hand", "  - kind: joints\n    name: hand")
    contract = contract_from_text(text.replace("    - wrist_3_joint\n", "    - wrist_2_joint\n", 1))
    with pytest.raises(UserError, match=r"\['wrist_3_joint'\] in no stream"):
        contract.joint_ages_s()
