"""Collected episodes: complete, repeatable, with honest stamps, and collected once only."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.collection.collect import (
    FIRST_SEED,
    Silence,
    collect,
    collect_episode,
    collection_scene,
    random_silence,
)
from world_model_ros.sim.collection.operators import make_operator, operator_shares


@pytest.fixture(scope="module")
def bags(contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bags")
    collect(contract, out, 2, scenes="plain")
    return out


def read(bag: Path) -> dict[str, list[tuple[int, object]]]:
    messages: dict[str, list[tuple[int, object]]] = defaultdict(list)
    with BagReader(bag) as reader:
        for topic, _, time_ns, message in reader.messages():
            messages[topic].append((time_ns, message))
    return messages


@pytest.mark.slow
def test_every_stream_is_there_at_its_rate_and_the_contract_too(contract, bags):
    messages = read(bags / "episode_00000")
    ticks = json.loads((bags / "episode_00000" / "episode.json").read_text())["ticks"]
    seconds = ticks / contract.interface.tick_hz
    assert messages["/contract"][0][1].data == contract.text
    assert len(messages["/camera/front/image_raw"]) == ticks
    for topic, rate_hz in {
        "/joint_states": 100,
        "/taxels/fingertip": 100,
        "/force_torque_sensor_broadcaster/wrench": 100,
        "/microphone/table/audio": 50,
        "/gate/applied": 100,
        "/labels/object_0/pose": 50,
    }.items():
        assert len(messages[topic]) == pytest.approx(rate_hz * seconds, rel=0.05), topic


@pytest.mark.slow
def test_images_arrive_after_their_exposure_and_everything_else_at_once(bags):
    messages = read(bags / "episode_00000")
    for topic, rows in messages.items():
        if topic == "/contract":
            continue
        delays = [time_ns - stamp_ns(message) for time_ns, message in rows]
        if topic.startswith("/camera"):
            assert min(delays) >= 0
            assert max(delays) <= 40_000_000
        else:
            assert set(delays) == {0}, topic


@pytest.mark.slow
def test_the_arm_does_what_the_gate_applied_and_stays_in_the_workspace(contract, bags):
    messages = read(bags / "episode_00001")
    arm = ArmKinematics(contract)
    applied = {stamp_ns(message): message.position for _, message in messages["/gate/applied"]}
    measured = {stamp_ns(message): message.position for _, message in messages["/joint_states"]}
    places = np.array([arm.tip(applied[stamp])[0] for stamp in sorted(applied)])
    errors = [np.linalg.norm(arm.tip(measured[stamp])[0] - arm.tip(position)[0]) for stamp, position in applied.items()]
    assert max(errors) < 0.02
    assert np.ptp(places, axis=0)[:2].max() > 0.1
    low, high = np.array(contract.interface.action.workspace_m).T
    assert np.all(places[:, :2] > low[:2] - 0.04)
    assert np.all(places[:, :2] < high[:2] + 0.04)


@pytest.mark.slow
def test_a_finished_collection_is_not_done_again_and_a_lost_episode_comes_out_the_same(contract, bags):
    kept = (bags / "episode_00000" / "episode_00000.mcap").stat().st_mtime_ns
    before = read(bags / "episode_00001")
    for file in (bags / "episode_00001").iterdir():
        file.unlink()
    (bags / "episode_00001").rmdir()
    results = collect(contract, bags, 2)
    assert [result.seed for result in results] == [FIRST_SEED, FIRST_SEED + 1]
    assert (bags / "episode_00000" / "episode_00000.mcap").stat().st_mtime_ns == kept
    after = read(bags / "episode_00001")
    for topic in ("/camera/front/image_raw", "/taxels/fingertip", "/microphone/table/audio"):
        for (first_ns, first), (second_ns, second) in zip(before[topic], after[topic]):
            assert first_ns == second_ns
            np.testing.assert_array_equal(first.data, second.data)
    manifest = json.loads((bags / "manifest.json").read_text())
    assert manifest["episodes"] == 2
    assert manifest["interface_hash"] == contract.interface_hash


def told(folder: Path, *seeds: int) -> None:
    """Finished episodes of these seeds, as far as a collection looks at them."""
    for index, seed in enumerate(seeds):
        episode = folder / f"episode_{index:05d}"
        episode.mkdir(parents=True)
        about = {"name": episode.name, "seed": seed, "policy": "reach", "ticks": 60, "scenes": "plain"}
        (episode / "episode.json").write_text(json.dumps(about))


def test_episodes_of_another_robot_or_seed_do_not_count_as_these(contract, tmp_path):
    told(tmp_path, FIRST_SEED, FIRST_SEED + 1)
    with pytest.raises(UserError, match="seed: got 3; expected 0, of which "):
        collect(contract, tmp_path, 2, seed=3)
    assert not (tmp_path / "manifest.json").exists()
    assert len(collect(contract, tmp_path, 2, workers=1)) == 2
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    with pytest.raises(UserError, match="these are of tabletop_arm"):
        collect(load_contract("humanoid_upper_body"), tmp_path, 2)
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: got .*; expected a manifest"):
        collect(contract, tmp_path, 2)


def test_whose_episodes_they_are_is_written_before_the_first(contract, tmp_path):
    told(tmp_path, FIRST_SEED)
    with pytest.raises(RuntimeError, match="broken off"):
        collect(contract, tmp_path, 2, workers=1, run=_broken_off)
    assert json.loads((tmp_path / "manifest.json").read_text())["robot"] == contract.name


def _broken_off(job) -> None:
    raise RuntimeError("broken off")


def test_an_episode_begins_with_the_fingertip_away_from_the_object(contract):
    for seed in range(FIRST_SEED, FIRST_SEED + 20):
        scene = collection_scene(contract, seed)
        tip = ArmKinematics(contract).tip(np.array(scene.home))[0]
        assert np.hypot(*(tip[:2] - scene.objects[0].start[:2])) > 0.08
        assert tip[2] == pytest.approx(0.03, abs=1e-3)


def test_a_robot_that_no_operator_moves_is_refused_by_the_axes_that_its_action_has(contract):
    text = contract.text.replace("axes: [x, y]", "axes: [x, y, z]")
    text = text.replace("[-0.32, 0.32], [0.03, 0.03]]", "[-0.32, 0.32], [0.03, 0.1]]")
    with pytest.raises(UserError, match="fingertip along x and y and z"):
        operator_shares(contract_from_text(text))


def test_nonsense_is_refused_before_anything_is_written(contract, tmp_path):
    for episodes, seed, workers in ((0, 0, 1), (1, -1, 1), (1, 0, 0)):
        with pytest.raises(UserError):
            collect(contract, tmp_path / "bags", episodes, seed, workers)
    assert not (tmp_path / "bags").exists()


@pytest.mark.slow
def test_the_curriculum_mixes_scenes_and_the_manifest_says_which(contract, tmp_path):
    collect(contract, tmp_path, 3, seed=7)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert sum(manifest["scenes"].values()) == 3
    assert set(manifest["scenes"]) <= {"plain", "varied", "cluttered"}
    with pytest.raises(UserError, match="scenes"):
        collect(contract, tmp_path, 3, scenes="wild")


def test_some_episodes_lose_a_stream_for_a_while(contract):
    drawn = [random_silence(contract, seed, 80) for seed in range(300)]
    found = [each for each in drawn if each is not None]
    assert 0.3 < len(found) / len(drawn) < 0.5
    assert "joint_states" not in {each.topic for each in found}
    assert all(0.3e9 <= each.end_ns - each.begin_ns <= 3.0e9 for each in found)


@pytest.mark.slow
def test_a_silence_says_which_streams_it_takes_and_when(contract):
    silence = Silence(contract.source("front").topic, 1_000_000_000, 2_500_000_000)
    assert silence.words(contract) == "front from 1.0 to 2.5 s"


def test_a_silence_is_silent_in_the_bag_and_only_there(contract, tmp_path):
    topic = contract.source("wrist_wrench").topic
    with BagWriter(tmp_path / "bag", contract) as writer:
        silence = Silence(topic, 1_000_000_000, 2_000_000_000)
        operator = make_operator("reach", 1, contract)
        collect_episode(contract, collection_scene(contract, 3), 3, 30, operator, writer, silence)
    times = np.array([time_ns for time_ns, _ in read(tmp_path / "bag")["/" + topic]])
    gaps = np.diff(times)
    assert gaps.max() == pytest.approx(1.01e9, abs=0.02e9)
    assert (gaps > 0.02e9).sum() == 1
