"""LeRobot data sets become bags and bags become data sets, with the same numbers and pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="needs the extra 'lerobot'")
pytest.importorskip("av", reason="needs the extra 'lerobot'")

import pyarrow.parquet as parquet  # noqa: E402

from world_model_ros.bags.align.episode import aligned_episode  # noqa: E402
from world_model_ros.bags.replay.horizon_errors import psnr_db  # noqa: E402
from world_model_ros.bags.storage.reader import BagReader  # noqa: E402
from world_model_ros.cli import main  # noqa: E402
from world_model_ros.contract.contract import Contract, contract_from_text  # noqa: E402
from world_model_ros.core.errors import UserError  # noqa: E402
from world_model_ros.lerobot.exporter import LerobotExport  # noqa: E402
from world_model_ros.lerobot.importer import import_episodes, import_plan  # noqa: E402
from world_model_ros.lerobot.layout import DATA_V2, VIDEO_V2, LerobotDataset  # noqa: E402
from world_model_ros.lerobot.video import VideoWriter, read_frames  # noqa: E402

FPS, LENGTHS = 30, (25, 40)
HEIGHT, WIDTH = 48, 64
JOINTS = ["shoulder", "elbow", "gripper"]
CAMERA = "observation.images.eye"
CONTRACT = """
format: 1
name: koala
interface:
  tick_hz: 10.0
  base_frame: base
  joints: [{name: elbow}, {name: shoulder}, {name: gripper, unit: normalised}]
  streams:
    - {kind: camera, name: eye, height: 48, width: 64, rate_hz: 30.0}
    - {kind: joints, name: arm, joints: [elbow, shoulder, gripper], rate_hz: 30.0}
  action: {kind: joint_displacement, joints: [elbow, shoulder, gripper], bound: 0.5}
deployment:
  streams:
    - {name: eye, topic: eye/image_raw, type: sensor_msgs/msg/Image, max_age_s: 0.1, source_shape: [48, 64]}
    - {name: arm, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.1, required: true}
"""


@pytest.fixture(scope="module")
def koala() -> Contract:
    return contract_from_text(CONTRACT)


def state(episode: int) -> np.ndarray:
    t = np.arange(LENGTHS[episode])[:, None] / FPS
    return np.sin(t + np.arange(3) + episode).astype(np.float32)


def picture(episode: int, frame: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    smooth = np.stack([3 * x, 4 * y, np.full_like(x, 40 + 4 * frame)], -1)
    smooth[10:20, 2 * (frame % 20) : 2 * (frame % 20) + 8] = (250, 40, 40 + 80 * episode)
    return smooth.clip(0, 255).astype(np.uint8)


def rows(episode: int, first: int) -> dict[str, object]:
    count = LENGTHS[episode]
    return {
        "observation.state": pa.array(state(episode).tolist(), pa.list_(pa.float32())),
        "action": pa.array((state(episode) + 0.01).tolist(), pa.list_(pa.float32())),
        "timestamp": pa.array(np.arange(count) / FPS, pa.float32()),
        "frame_index": pa.array(range(count)),
        "episode_index": pa.array([episode] * count),
        "index": pa.array(range(first, first + count)),
        "task_index": pa.array([0] * count),
    }


def info(version: str, **paths: str) -> dict[str, object]:
    numbers = {"dtype": "float32", "shape": [3], "names": JOINTS}
    one = {"dtype": "int64", "shape": [1], "names": None}
    return {
        "codebase_version": version,
        "fps": FPS,
        "total_episodes": 2,
        "total_frames": sum(LENGTHS),
        "chunks_size": 1000,
        "features": {
            "observation.state": numbers,
            "action": numbers,
            CAMERA: {"dtype": "video", "shape": [HEIGHT, WIDTH, 3], "names": ["height", "width", "channels"]},
            "timestamp": one | {"dtype": "float32"},
            "next.reward": one,
        }
        | dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), one),
        **paths,
    }


def write_v21(folder: Path, codec: str) -> Path:
    """A file an episode."""
    (folder / "meta").mkdir(parents=True)
    paths = {"data_path": DATA_V2, "video_path": VIDEO_V2}
    (folder / "meta" / "info.json").write_text(json.dumps(info("v2.1", **paths)))
    lines = []
    for episode, length in enumerate(LENGTHS):
        place = {"episode_chunk": 0, "episode_index": episode}
        data = folder / DATA_V2.format(**place)
        data.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table(rows(episode, sum(LENGTHS[:episode]))), data)
        with VideoWriter(folder / VIDEO_V2.format(video_key=CAMERA, **place), FPS, codec) as video:
            for frame in range(length):
                video.add(picture(episode, frame))
        lines.append(json.dumps({"episode_index": episode, "tasks": ["wave"], "length": length}))
    (folder / "meta" / "episodes.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def import_all(folder: Path, contract: Contract, out: Path) -> list[Path]:
    data = LerobotDataset(folder)
    return list(import_episodes(data, contract, import_plan(data, contract, {}), out))


def frames_of(bag_path: Path) -> list[np.ndarray]:
    with BagReader(bag_path) as bag:
        return [m.data.reshape(HEIGHT, WIDTH, 3) for _, _, _, m in bag.messages(["/eye/image_raw"])]


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_a_v21_data_set_becomes_bags_that_align(tmp_path: Path, koala: Contract, codec: str) -> None:
    bags = import_all(write_v21(tmp_path / "set", codec), koala, tmp_path / "bags")
    assert [path.name for path in bags] == ["episode_000000", "episode_000001"]
    for episode, path in enumerate(bags):
        with BagReader(path) as bag:
            states = [m for _, _, _, m in bag.messages(["/joint_states"])]
            assert next(m.data for _, _, _, m in bag.messages(["/task"])) == "wave"
            assert bag.contract_text() == koala.text
        assert states[0].name == ["elbow", "shoulder", "gripper"]  # by name, not by place
        assert np.array_equal([m.position for m in states], state(episode)[:, [1, 0, 2]])
        for frame, found in enumerate(frames_of(path)):
            assert psnr_db(found, picture(episode, frame)) > 30
    aligned = aligned_episode(bags[1], koala)
    assert len(aligned) == 13  # every third of 40, each seen 1 ms later
    assert aligned.fresh.all()
    assert np.isfinite(aligned.reference).all()
    assert np.abs(aligned.reference[:, 0] - aligned.streams["arm"][:, 0, 0] - 0.01).max() < 1e-6


def test_an_encoder_leaves_the_thread_its_priority(tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)
    with VideoWriter(tmp_path / "x.mp4", FPS, "av1") as video:
        for _ in range(3):
            video.add(np.zeros((64, 64, 3), np.uint8))
            assert os.sched_getscheduler(0) == before
    assert os.sched_getscheduler(0) == before


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_an_encoder_keeps_its_settings_to_itself(tmp_path: Path, codec: str, capfd: pytest.CaptureFixture[str]) -> None:
    with VideoWriter(tmp_path / "x.mp4", FPS, codec) as video:
        video.add(np.zeros((64, 64, 3), np.uint8))
    said = capfd.readouterr()
    assert said.out + said.err == ""


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_there_and_back_gives_the_same_numbers_and_pictures(tmp_path: Path, koala: Contract, codec: str) -> None:
    bags = import_all(write_v21(tmp_path / "set", codec), koala, tmp_path / "bags")
    export = LerobotExport(tmp_path / "back", koala, FPS, codec)
    assert [export.add(bag) for bag in bags] == list(LENGTHS)
    export.close()
    back = LerobotDataset(tmp_path / "back")
    assert back.version == "v3.0"
    assert [(each.length, each.task) for each in back.episodes()] == [(25, "wave"), (40, "wave")]
    table = parquet.read_table(tmp_path / "back" / "data" / "chunk-000" / "file-000.parquet")
    order = [1, 0, 2]
    both = np.concatenate([state(0), state(1)])[:, order]
    assert np.array_equal(np.array(table["observation.state"].to_pylist(), np.float32), both)
    assert np.allclose(np.array(table["action"].to_pylist()), both + 0.01, atol=1e-6)
    assert table["index"].to_pylist() == list(range(65))
    again = import_all(tmp_path / "back", koala, tmp_path / "again")
    for episode, path in enumerate(again):
        frames = frames_of(path)
        assert len(frames) == LENGTHS[episode]
        assert min(psnr_db(found, picture(episode, i)) for i, found in enumerate(frames)) > 28
        with BagReader(path) as bag:
            positions = [m.position for _, _, _, m in bag.messages(["/joint_states"])]
        assert np.array_equal(np.array(positions, np.float32), state(episode)[:, order])
    statistics = json.loads((tmp_path / "back" / "meta" / "stats.json").read_text())
    assert statistics["observation.state"]["max"] == pytest.approx(both.max(0).tolist(), abs=1e-6)
    assert np.shape(statistics[CAMERA]["mean"]) == (3, 1, 1)


def test_the_commands_do_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "koala.yaml").write_text(CONTRACT)
    data = write_v21(tmp_path / "set", "h264")
    words = ["--contract", str(tmp_path / "koala.yaml"), "--out"]
    assert main(["import-lerobot", str(data), *words, str(tmp_path / "bags"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["bags"]) == 2
    assert found["ignored"] == ["next.reward"]
    assert (
        main(["export-lerobot", str(tmp_path / "bags"), "--codec", "h264", "--out", str(tmp_path / "back"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["frames"] == 65


def test_what_does_not_fit_is_named(tmp_path: Path, koala: Contract, contract: Contract) -> None:
    data = LerobotDataset(write_v21(tmp_path / "set", "h264"))
    with pytest.raises(UserError, match="position alone"):
        import_plan(data, contract, {})
    other = contract_from_text(CONTRACT.replace("elbow", "ellbogen"))
    with pytest.raises(UserError, match=r"shoulder.*elbow.*ellbogen"):
        import_plan(data, other, {})
    assert import_plan(data, other, {"elbow": "ellbogen"}).state.tolist() == [1, 0, 2]
    with pytest.raises(UserError, match=r"meta/info\.json"):
        LerobotDataset(tmp_path)
    with pytest.raises(UserError, match="40 frames"):
        list(
            read_frames(
                tmp_path / "set" / VIDEO_V2.format(video_key=CAMERA, episode_chunk=0, episode_index=0), 0.0, 40, FPS
            )
        )
    with pytest.raises(UserError, match="codec"):
        VideoWriter(tmp_path / "x.mp4", FPS, "mpeg1")


def test_half_an_episode_is_not_left_behind(tmp_path: Path, koala: Contract) -> None:
    folder = write_v21(tmp_path / "set", "h264")
    video = folder / VIDEO_V2.format(video_key=CAMERA, episode_chunk=0, episode_index=1)
    video.write_bytes(video.read_bytes()[:500])
    data = LerobotDataset(folder)
    done = list(import_episodes(data, koala, import_plan(data, koala, {}), tmp_path / "bags"))
    assert done[0] == tmp_path / "bags" / "episode_000000"
    assert "episode 1 is left out: video" in str(done[1])
    assert "a video that can be decoded" in str(done[1])
    assert [path.name for path in (tmp_path / "bags").iterdir()] == ["episode_000000"]
