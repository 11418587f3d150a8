"""How late a camera is, read off a recording in which the robot starts and stops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from arm_bag import HOME, START_S
from free_robot import free_contract

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.latency import stream_lags
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError

LATE_S = 0.085
PICTURE = np.random.default_rng(5).integers(0, 255, (128, 128, 3), dtype=np.uint8)


def moves(seconds: float, beat: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Times and positions of a joint that starts and stops, irregularly or with a period of ``beat`` s."""
    times = np.arange(0.0, seconds, 0.01)
    random = np.random.default_rng(1)
    speed, on, left = np.zeros(len(times)), False, 0.0
    for i in range(len(times)):
        left -= 0.01
        if left <= 0:
            on, left = not on, random.uniform(0.2, 1.0) if beat is None else beat / 2
        speed[i] = 1.0 if on else 0.0
    return times, np.cumsum(speed) * 0.01


def record(
    path: Path, contract: Contract, seconds: float = 25.0, beat: float | None = None, still: bool = False
) -> None:
    """The arm moves; the camera's picture turns with it, and is stamped ``LATE_S`` after it was taken."""
    times, travelled = moves(seconds, beat)
    travelled = travelled * (not still)
    with BagWriter(path, contract) as bag:
        make = bag.make
        for i, (at, way) in enumerate(zip(times, travelled)):
            now = round((START_S + at) * 1e9)
            state = make.joint_state(contract.joint_names, HOME + 0.1 * way, np.zeros(6), np.zeros(6), stamp_ns=now)
            bag.write("joint_states", "sensor_msgs/msg/JointState", state, now)
            if i % 3 == 0:
                taken = float(np.interp(at - LATE_S, times, travelled))
                image = make.image(np.roll(PICTURE, round(60 * taken), 1), "rgb8", now, "front")
                bag.write("camera/front/image_raw", "sensor_msgs/msg/Image", image, now)


def test_without_joints_it_is_how_late_things_follow_the_hand(tmp_path):
    """A cube that is carried, by a tracker that stamps it late; the quaternions' signs mean nothing."""
    contract, (times, travelled) = free_contract(), moves(25.0)
    with BagWriter(tmp_path / "bag", contract) as bag:
        for i, (at, way) in enumerate(zip(times, travelled)):
            now, sign = round((START_S + at) * 1e9), 1.0 - 2.0 * (i % 2)
            taken = float(np.interp(at - LATE_S, times, travelled))
            for topic, x in (("effector/pose", way), ("cube_0/pose", taken)):
                pose = bag.make.pose([x, 0.0, 0.1, 0.0, 0.0, 0.0, sign], now, "world")
                bag.write(topic, "geometry_msgs/msg/PoseStamped", pose, now)
            bag.write("gripper/opening", "std_msgs/msg/Float32", bag.make.float32(taken), now)
    lags = {lag.stream: lag for lag in stream_lags(tmp_path / "bag", contract)}
    assert set(lags) == {"cube_0", "opening"}
    for lag in lags.values():
        assert lag.behind == "effector"
        assert lag.sure
        assert lag.seconds == pytest.approx(LATE_S, abs=0.015)


@pytest.fixture(scope="module")
def bag(tmp_path_factory, contract):
    path = tmp_path_factory.mktemp("late") / "bag"
    record(path, contract)
    return path


def test_the_lag_of_the_camera_is_found(bag, contract):
    (lag,) = stream_lags(bag, contract)
    assert lag.stream == "front"
    assert lag.seconds == pytest.approx(LATE_S, abs=0.012)
    assert lag.sure


def test_the_command_says_which_key_to_set(bag, capsys):
    assert main(["latency", str(bag)]) == 0
    assert "deployment.streams: front: latency_s: 0.0" in capsys.readouterr().out
    assert main(["latency", str(bag), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lags"][0]["sure"] is True


def changed(path: Path, bag: Path, change) -> Path:
    """The bag with other camera messages: ``change(make, index, bag time, bytes)`` gives type and message."""
    with BagReader(bag) as reader, BagWriter(path) as out:
        for i, (topic, kind, at, raw) in enumerate(reader.raw_messages()):
            if topic == "/camera/front/image_raw":
                out.write(topic, *change(out.make, i, at, reader.decode(topic, raw)), at)
            else:
                out.write_raw(topic, kind, raw, at)
    return path


def compressed(make, _: int, at: int, image):
    kind = "sensor_msgs/msg/CompressedImage"
    return kind, make.make(kind, header=image.header, format="jpeg", data=np.zeros(9, np.uint8))


def cut_off(make, number: int, at: int, image):
    image.data = image.data[: 99 if number % 40 < 12 else None]
    return "sensor_msgs/msg/Image", image


@pytest.mark.parametrize(
    ("change", "lags", "said"),
    [
        (compressed, 0, "front: /camera/front/image_raw is sensor_msgs/msg/CompressedImage, the contract says"),
        (cut_off, 1, "messages left out, the first one for: front: length of data: got 99"),
    ],
)
def test_what_cannot_be_looked_at_is_said(bag, tmp_path, capsys, change, lags, said):
    other = changed(tmp_path / "other", bag, change)
    assert main(["latency", str(other), "--robot", "tabletop_arm", "--json"]) == (0 if lags else 1)
    found = json.loads(capsys.readouterr().out)
    assert len(found["lags"]) == lags
    assert any(said in line for line in found["notes"]), found["notes"]


def test_a_steady_beat_fits_at_many_lags_and_is_not_sure(tmp_path, contract):
    record(tmp_path / "beat", contract, beat=0.3)
    (lag,) = stream_lags(tmp_path / "beat", contract)
    assert not lag.sure


@pytest.mark.parametrize(
    ("seconds", "still", "words"), [(8.0, False, "at least 15 s"), (25.0, True, "starts and stops")]
)
def test_too_short_or_without_motion_it_says_what_to_record(tmp_path, contract, seconds, still, words):
    record(tmp_path / "bag", contract, seconds, still=still)
    with pytest.raises(UserError, match=words):
        stream_lags(tmp_path / "bag", contract)


def test_with_its_latency_a_sample_counts_as_that_much_older(bag, contract):
    text = contract.text.replace("max_age_s: 0.2, source_shape", "max_age_s: 0.3, latency_s: 0.085, source_shape")
    assert text != contract.text
    late = contract_from_text(text, folder=contract.folder)
    before, after = aligned_episode(bag, contract), aligned_episode(bag, late)
    column = list(before.streams).index("front")
    shifted = dict(zip(after.now_ns.tolist(), after.stamps_ns[:, column].tolist()))
    compared = [
        (now - shifted[now]) - (now - stamp)
        for now, stamp in zip(before.now_ns.tolist(), before.stamps_ns[:, column].tolist())
        if now in shifted
    ]
    assert len(compared) > 100
    assert set(compared[2:]) == {85_000_000}
    assert late.interface_hash == contract.interface_hash


def test_a_latency_over_the_age_limit_leaves_nothing_fresh_and_is_refused(contract):
    with pytest.raises(UserError, match="latency_s"):
        contract_from_text(
            contract.text.replace("max_age_s: 0.2, source_shape", "max_age_s: 0.2, latency_s: 0.3, source_shape")
        )
