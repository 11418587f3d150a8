"""Data sets of other people's tools: read, or one clear line; what is bad costs itself alone, and is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="needs the extra 'lerobot'")
pytest.importorskip("av", reason="needs the extra 'lerobot'")

import pyarrow.parquet as parquet  # noqa: E402
from lerobot_sets import CAMERA, CONTRACT, FPS, as_v3, heron, numbers, shade, write_set  # noqa: E402

from world_model_ros.bags.storage.reader import BagReader  # noqa: E402
from world_model_ros.cli import main  # noqa: E402
from world_model_ros.core.errors import UserError  # noqa: E402
from world_model_ros.lerobot.importer import ImportPlan, import_episodes, import_plan  # noqa: E402
from world_model_ros.lerobot.layout import DATA_V2, VIDEO_V2, LerobotDataset, LostEpisode  # noqa: E402

LEG, CLAW = "/leg/joint_states", "/claw/joint_states"


class Imported:
    """What an import gave."""

    def __init__(
        self, folder: Path, out: Path, names: dict[str, str] | None = None, units: tuple[str, ...] = ()
    ) -> None:
        self.data = LerobotDataset(folder)
        self.plan: ImportPlan = import_plan(self.data, heron(), names or {}, units)
        done = list(import_episodes(self.data, heron(), self.plan, out))
        self.bags = [each for each in done if not isinstance(each, LostEpisode)]
        self.lost = [str(each) for each in done if isinstance(each, LostEpisode)]

    def heard(self, topic: str, bag: int = 0) -> list[Any]:
        with BagReader(self.bags[bag]) as reader:
            return [message for _, _, _, message in reader.messages(reader.among([topic]))]

    def positions(self) -> np.ndarray:
        """hip, knee, claw of the first bag."""
        leg, claw = self.heard(LEG), self.heard(CLAW)
        return np.hstack([[m.position for m in leg], [m.position for m in claw]])

    def task(self, bag: int = 0) -> str | None:
        return next((m.data for m in self.heard("/task", bag)), None)


def place(folder: Path, pattern: str, episode: int) -> Path:
    return folder / pattern.format(video_key=CAMERA, episode_chunk=0, episode_index=episode)


def test_a_claw_has_its_own_topics_for_what_it_is_and_for_what_it_is_told(tmp_path):
    found = Imported(write_set(tmp_path / "set"), tmp_path / "bags")
    assert (len(found.bags), found.lost) == (3, [])
    assert found.heard(LEG)[0].name == ["hip", "knee"]
    assert found.heard(CLAW)[0].name == ["claw"]
    np.testing.assert_allclose(found.positions(), numbers(9), atol=1e-6)
    told = {topic: found.heard(f"/{topic}_controller/joint_trajectory") for topic in ("leg", "claw")}
    assert [each[0].joint_names for each in told.values()] == [["knee", "hip"], ["claw"]]
    np.testing.assert_allclose([m.points[0].positions[0] for m in told["claw"]], numbers(9)[:, 2] + 0.01, atol=1e-6)
    np.testing.assert_allclose([m.points[0].positions[1] for m in told["leg"]], numbers(9)[:, 0] + 0.01, atol=1e-6)


def test_controllers_that_are_told_something_each_cycle_get_their_actions_as_what_was_applied(tmp_path):
    text = CONTRACT.replace("interface: joint_trajectory", "interface: forward_position")
    data = LerobotDataset(write_set(tmp_path / "set", lengths=(4,)))
    bag = next(iter(import_episodes(data, heron(text), import_plan(data, heron(text), {}), tmp_path / "bags")))
    with BagReader(bag) as reader:
        assert not any("controller" in topic for topic in reader.topics())
        applied = [m for _, _, _, m in reader.messages(["/gate/applied"])]
    np.testing.assert_allclose(applied[2].position, numbers(4)[2, [1, 0, 2]] + 0.01, atol=1e-6)


@pytest.mark.parametrize(
    "names",
    [
        [JOINTS := ["hip", "knee", "claw"]],
        {"motors": ["hip", "knee", "claw"]},
        {"leg": {"a": ["hip", "knee"]}, "hand": ["claw"]},
        {"hip": 0, "knee": 1, "claw": 2},
        {"claw": 2, "hip": 0, "knee": 1},  # the places count, not the order in the file
        {"leg": {"knee": 1, "hip": 0}, "hand": ["claw"]},
        ["hip.pos", "knee.pos", "claw.position"],
    ],
)
def test_names_are_found_however_they_are_nested_or_ended(tmp_path, names):
    found = Imported(write_set(tmp_path / "set", lengths=(5,), names=names), tmp_path / "bags")
    np.testing.assert_allclose(found.positions(), numbers(5), atol=1e-6)


def test_numbers_without_names_can_be_told_by_their_places(tmp_path):
    folder = write_set(tmp_path / "set", lengths=(5,), names=None)
    with pytest.raises(UserError, match=r"\['\[0\]', '\[1\]', '\[2\]'\]; expected names \(or --map FROM:=TO\)"):
        import_plan(LerobotDataset(folder), heron(), {})
    found = Imported(folder, tmp_path / "bags", {"[0]": "hip", "[1]": "knee", "[2]": "claw"})
    np.testing.assert_allclose(found.positions(), numbers(5), atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "hipp",
            "hip",
            r"'hipp:=hip'; expected before ':=' one of \['claw', 'hip', 'knee', 'observation.images.side'\]",
        ),
        ("hip", "hipp", r"'hip:=hipp'; expected behind ':=' a joint or camera of the contract: \['claw', 'hip'"),
        (CAMERA, "leg", "behind ':='"),  # a stream, but no camera
    ],
)
def test_a_map_of_what_is_not_there_is_an_error(tmp_path, old, new, said):
    """Not a line without effect: it was mistyped."""
    with pytest.raises(UserError, match=said):
        import_plan(LerobotDataset(write_set(tmp_path / "set", lengths=(3,))), heron(), {old: new})


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["hip", "knee"], "a name for each of its 3 numbers"),
        (["hip", "hip", "claw"], "each name once"),
        ({"left": ["hip", "knee"], "right": ["hip"]}, "['claw', 'hip']"),  # left.hip and right.hip
    ],
)
def test_names_that_do_not_tell_numbers_apart_are_an_error(tmp_path, names, named):
    folder = write_set(tmp_path / "set", lengths=(3,), names=names)
    with pytest.raises(UserError, match="names") as refused:
        import_plan(LerobotDataset(folder), heron(), {})
    assert named in str(refused.value) or "['hip', 'claw']" in str(refused.value)


def in_degrees(values: np.ndarray) -> np.ndarray:
    return np.hstack([np.degrees(values[:, :2]), 100 * values[:, 2:]])


def test_degrees_and_percent_are_asked_for_and_never_taken_for_radians(tmp_path):
    folder = write_set(tmp_path / "set", lengths=(9,), change=in_degrees)
    with pytest.raises(UserError, match=r"data set: knee: got 'numbers from .* to 22\.9.*--units degrees") as refused:
        import_plan(LerobotDataset(folder), heron(), {})
    assert "--units knee:=degrees" in str(refused.value)
    with pytest.raises(UserError, match=r"data set: claw.*--units percent"):
        import_plan(LerobotDataset(folder), heron(), {}, ["degrees"])
    found = Imported(folder, tmp_path / "bags", units=("degrees", "percent"))
    np.testing.assert_allclose(found.positions(), numbers(9), atol=1e-6)
    told = found.heard("/leg_controller/joint_trajectory")[0].points[0].positions
    np.testing.assert_allclose(told, np.radians(np.degrees(numbers(9)[0, [1, 0]]) + 0.01), atol=1e-6)
    assert found.plan.scaling.units == {"knee": "degrees", "hip": "degrees", "claw": "percent"}
    assert any(note == "numbers are taken as degrees: knee, hip" for note in found.plan.notes)


def test_percent_of_an_arms_range_are_its_limits_and_have_to_be_asked_for_by_joint(tmp_path):
    def percent(values: np.ndarray) -> np.ndarray:
        return np.hstack([values[:, :2] / 1.5 * 100, values[:, 2:]])

    folder = write_set(tmp_path / "set", lengths=(9,), change=percent)
    found = Imported(folder, tmp_path / "bags", units=("hip:=percent", "knee:=percent"))
    np.testing.assert_allclose(found.positions(), numbers(9), atol=1e-5)
    for asked, named in (
        ("percent", "data set: knee"),  # a bare word means a share of 1, not an arm's range
        ("hip:=furlongs", "one of ['radians', 'degrees', 'percent']"),
        ("wing:=degrees", "JOINT:=UNIT"),
        ("claw:=degrees", "one of ['fraction', 'percent']"),
    ):
        with pytest.raises(UserError) as refused:
            import_plan(LerobotDataset(folder), heron(), {}, [asked])
        assert named in str(refused.value)


def test_numbers_that_pass_the_limits_a_little_are_radians_and_said(tmp_path):
    found = Imported(write_set(tmp_path / "set", lengths=(20,), change=lambda v: v * [2.0, 1, 1]), tmp_path / "bags")
    assert any(note.startswith("hip goes from") and "limits are -1.5 to 1.5" in note for note in found.plan.notes)


def test_pictures_in_the_parquet_file_are_read(tmp_path):
    found = Imported(write_set(tmp_path / "set", lengths=(6,), dtype="image"), tmp_path / "bags")
    pictures = [m.data for m in found.heard("/side/image_raw")]
    assert [int(each[0]) for each in pictures] == [shade(i) for i in range(6)]


def test_a_picture_that_cannot_be_decoded_costs_its_episode(tmp_path):
    folder = write_set(tmp_path / "set", lengths=(4, 4), dtype="image")
    path = place(folder, DATA_V2, 0)
    table = parquet.read_table(path)
    cells = table[CAMERA].to_pylist()
    cells[2]["bytes"] = b"no picture"
    column = table.column_names.index(CAMERA)
    parquet.write_table(table.set_column(column, CAMERA, pa.array(cells)), path)
    found = Imported(folder, tmp_path / "bags")
    assert [bag.name for bag in found.bags] == ["episode_000001"]
    assert f"{CAMERA}: row 2" in found.lost[0]


def test_a_camera_that_the_set_lacks_and_depth_that_it_has_are_said(tmp_path, capsys):
    folder = write_set(tmp_path / "set", lengths=(4,))
    info = json.loads((folder / "meta" / "info.json").read_text())
    info["features"]["observation.images.depth"] = dict(info["features"][CAMERA], info={"video.is_depth_map": True})
    info["features"]["observation.images.top"] = info["features"].pop(CAMERA)
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    (tmp_path / "heron.yaml").write_text(CONTRACT)
    words = ["import-lerobot", str(folder), "--contract", str(tmp_path / "heron.yaml"), "--out", str(tmp_path / "bags")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "camera side of the contract: no feature of the data set" in said
    assert "observation.images.depth: ignored, depth" in said
    assert "observation.images.top: ignored, the contract does not know it" in said


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("by rows", "stand"),
        ("by episode", "step over the log"),
        ("nobody", None),
    ],
)
def test_the_task_is_what_the_episode_or_else_its_rows_say(tmp_path, name, task):
    kinds: dict[str, dict[str, Any]] = {
        "by rows": {"row": lambda episode: {}, "task_index": lambda episode: 1},
        "by episode": {},
        "nobody": {"row": lambda episode: {}, "tasks": ()},
    }
    found = Imported(write_set(tmp_path / "set", lengths=(3,), **kinds[name]), tmp_path / "bags")
    assert found.task() == task


@pytest.mark.parametrize(
    ("said", "task"), [(4, "4"), ([4, "walk"], "4, walk"), (False, "False"), ({"a": 1}, "{'a': 1}")]
)
def test_a_task_that_is_no_text_is_one_all_the_same(tmp_path, said, task):
    found = Imported(write_set(tmp_path / "set", row=lambda episode: {"tasks": said}), tmp_path / "bags")
    assert [found.task(bag) for bag in range(len(found.bags))] == 3 * [task]


def pandas_table(texts: list[str], column: str, index: list[Any]) -> Any:
    table = pa.table({"task_index": list(range(len(texts))), column: texts})
    about = {"index_columns": index, "columns": [], "column_indexes": [], "pandas_version": "2.2.0"}
    return table.replace_schema_metadata({"pandas": json.dumps(about)})


@pytest.mark.parametrize(
    "tasks",
    [
        pandas_table(["walk", "step over the log"], "task", ["task"]),
        pandas_table(["walk", "step over the log"], "__index_level_0__", ["__index_level_0__"]),
        pandas_table(["walk", "step over the log"], "task", [{"kind": "range", "start": 0, "stop": 2, "step": 1}]),
        pa.table({"task": ["step over the log", "walk"], "task_index": [1, 0]}),
    ],
)
def test_version_3_tells_tasks_by_the_index_of_their_table(tmp_path, tasks):
    folder = as_v3(write_set(tmp_path / "set", task_index=lambda episode: 1), tasks)
    found = Imported(folder, tmp_path / "bags")
    assert (len(found.bags), found.task(1)) == (3, "step over the log")
    seen = [int(m.data[0]) for m in found.heard("/side/image_raw", 2)]
    np.testing.assert_allclose(seen, [shade(i) for i in range(8)], atol=2)  # videos are lossy


def test_version_3_without_texts_says_so(tmp_path):
    found = Imported(as_v3(write_set(tmp_path / "set")), tmp_path / "bags")
    assert found.task() is None
    assert any("tasks.parquet gives no texts" in note for note in found.data.notes)


def break_line(folder: Path) -> None:
    path = folder / "meta" / "episodes.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "", "{half a line", "   ", *lines[2:], ""]))


def shorten(folder: Path) -> None:
    path = place(folder, DATA_V2, 1)
    parquet.write_table(parquet.read_table(path).slice(0, 5), path)


def spoil_number(folder: Path) -> None:
    path = place(folder, DATA_V2, 1)
    table = parquet.read_table(path)
    rows = table["observation.state"].to_pylist()
    rows[3][1] = float("nan")
    column = pa.array(rows, pa.list_(pa.float32()))
    parquet.write_table(table.set_column(0, "observation.state", column), path)


def drop_column(folder: Path) -> None:
    path = place(folder, DATA_V2, 1)
    parquet.write_table(parquet.read_table(path).drop_columns(["action"]), path)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda folder: place(folder, DATA_V2, 1).unlink(), "episode_000001.parquet"),
        (lambda folder: place(folder, DATA_V2, 1).write_bytes(b"PAR1 and no more"), "episode_000001.parquet"),
        (lambda folder: place(folder, VIDEO_V2, 1).unlink(), "episode_000001.mp4"),
        (break_line, "line 3 of meta/episodes.jsonl"),
        (shorten, "7 rows of episode 1"),
        (spoil_number, "not finite in row 3"),
        (drop_column, "action: got 'absent'"),
    ],
)
def test_one_bad_episode_is_left_out_and_named_and_the_rest_goes_on(tmp_path, spoil, named):
    folder = write_set(tmp_path / "set")
    spoil(folder)
    found = Imported(folder, tmp_path / "bags")
    assert [bag.name for bag in found.bags] == ["episode_000000", "episode_000002"]
    assert len(found.lost) == 1
    assert named in found.lost[0]
    assert sorted(path.name for path in (tmp_path / "bags").iterdir()) == ["episode_000000", "episode_000002"]


def test_a_bad_row_of_version_3_costs_its_episode(tmp_path):
    folder = as_v3(write_set(tmp_path / "set"), row=lambda e: {"data/file_index": None} if e == 1 else {})
    found = Imported(folder, tmp_path / "bags")
    assert [bag.name for bag in found.bags] == ["episode_000000", "episode_000002"]
    assert found.lost[0].startswith("episode 1 is left out")


@pytest.mark.parametrize("begin_s", [float("nan"), float("inf"), -1.0])
def test_an_episode_of_version_3_that_begins_nowhere_in_its_video_is_left_out(tmp_path, begin_s):
    """Not shown with the pictures of the video's first one."""
    key = f"videos/{CAMERA}/from_timestamp"
    folder = as_v3(write_set(tmp_path / "set"), row=lambda e: {key: begin_s} if e == 1 else {})
    found = Imported(folder, tmp_path / "bags")
    assert [bag.name for bag in found.bags] == ["episode_000000", "episode_000002"]
    assert "from_timestamp" in found.lost[0]


def test_a_set_that_does_not_list_its_episodes_is_read_by_its_files(tmp_path):
    folder = write_set(tmp_path / "set", row=lambda episode: {}, task_index=lambda episode: 1)
    (folder / "meta" / "episodes.jsonl").unlink()
    found = Imported(folder, tmp_path / "bags")
    assert (len(found.bags), found.task(2)) == (3, "stand")
    assert found.data.notes == ["no meta/episodes.jsonl: episodes are those that have a data file"]
    shutil.rmtree(folder / "data")
    with pytest.raises(UserError, match=r"meta/episodes\.jsonl, or data files"):
        Imported(folder, tmp_path / "again")


@pytest.mark.parametrize("index", [11_475, 95_600])
def test_an_episode_of_any_number_has_times_that_a_message_can_say(tmp_path, index):
    """Of those of DROID, say."""
    folder = write_set(tmp_path / "set", lengths=(9,))
    row = {"episode_index": index, "length": 9, "tasks": ["walk"]}
    (folder / "meta" / "episodes.jsonl").write_text(json.dumps(row) + "\n")
    table = parquet.read_table(place(folder, DATA_V2, 0))
    at = table.column_names.index("episode_index")
    number = {"episode_chunk": index // 1000, "episode_index": index}
    for pattern, key in ((DATA_V2, {}), (VIDEO_V2, {"video_key": CAMERA})):
        path = folder / pattern.format(**number, **key)
        path.parent.mkdir(parents=True)
        place(folder, pattern, 0).rename(path)
    parquet.write_table(table.set_column(at, "episode_index", pa.array([index] * 9)), folder / DATA_V2.format(**number))
    found = Imported(folder, tmp_path / "bags")
    assert (len(found.bags), found.lost) == (1, [])
    np.testing.assert_allclose(found.positions()[:, 0], numbers(9)[:, 0], atol=1e-6)


def test_blank_lines_are_no_episodes(tmp_path):
    folder = write_set(tmp_path / "set")
    path = folder / "meta" / "episodes.jsonl"
    path.write_text("\n" + path.read_text().replace("\n", "\n\n") + " \n")
    found = Imported(folder, tmp_path / "bags")
    assert (len(found.bags), found.lost) == (3, [])


@pytest.mark.parametrize(
    ("times", "step_s", "said"),
    [
        (lambda count: np.cumsum(np.full(count, 1 / 19)) + 0.004, 1 / 19, False),  # a clock of its own
        (lambda count: 1.7e9 + np.arange(count) / FPS, 1 / FPS, True),  # of the wall, which float32 rounds to 2 min
        (lambda count: np.zeros(count), 1 / FPS, True),
        (lambda count: np.arange(count) * 1e3 / FPS, 1 / FPS, True),  # in ms
        (lambda count: 0.2 * np.arange(count), 0.2, False),  # of every fourth frame
    ],
)
def test_times_are_the_sets_own_where_they_are_seconds_that_rise(tmp_path, times, step_s, said):
    found = Imported(write_set(tmp_path / "set", lengths=(9,), times=times), tmp_path / "bags")
    stamps = [m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in found.heard(LEG)]
    np.testing.assert_allclose(np.diff(stamps), step_s, atol=1e-4)
    words = ("timestamps do not rise", f"timestamps are no seconds at {FPS} frames a second")
    assert any(note.startswith(words) for note in found.data.notes) == said


def test_the_command_says_all_of_it(tmp_path, capsys):
    folder = write_set(tmp_path / "set", action=False)
    place(folder, VIDEO_V2, 2).unlink()
    (tmp_path / "heron.yaml").write_text(CONTRACT)
    words = ["import-lerobot", str(folder), "--contract", str(tmp_path / "heron.yaml"), "--out"]
    assert main([*words, str(tmp_path / "bags"), "--json"]) == 2  # as a replay of bags of which one cannot be read
    said = json.loads(capsys.readouterr().out)
    assert list(said["failed"]) == ["episode 2"]
    assert len(said["bags"]) == 2
    assert "no action in the data set: the bags have no commands" in said["notes"]
    assert said["units"] == {"knee": "radians", "hip": "radians", "claw": "fraction"}
    for episode in (0, 1):
        place(folder, VIDEO_V2, episode).unlink()
    assert main([*words, str(tmp_path / "none")]) == 2
    assert "episode 0 is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("info", "named"),
    [
        ("", r"meta/info\.json"),
        ("[]", r"meta/info\.json"),
        ('{"codebase_version": "v2.1", "fps": 30}', "features"),
        ('{"codebase_version": "v1.6", "fps": 30, "features": {}}', "v1.6"),
        ('{"codebase_version": "v2.1", "fps": 0, "features": {}}', "fps"),
        ('{"codebase_version": "v2.1", "fps": 30, "features": {}}', r"observation\.state: got 'absent'"),
    ],
)
def test_what_is_no_data_set_is_one_line(tmp_path, info, named):
    (tmp_path / "set" / "meta").mkdir(parents=True)
    (tmp_path / "set" / "meta" / "info.json").write_text(info)
    with pytest.raises(UserError, match=named):
        Imported(tmp_path / "set", tmp_path / "bags")


JUNK: list[Any] = [None, "", 0, -1, "abc", [], {}, [1], {"a": 1}, 1e99, True, "{x}", ["hip"], "v3.0", float("nan")]


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a description, from its top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places_in(each, (*path, key)))]


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_whatever_stands_in_a_description_the_set_is_read_or_the_error_is_one_for_people(tmp_path, version):
    folder, random = write_set(tmp_path / "set", lengths=(2,), dtype="image"), np.random.default_rng(5)
    if version == "v3.0":
        as_v3_without_videos(folder)
    path = folder / "meta" / "info.json"
    whole = path.read_text()
    refused = 0
    for number in range(60):
        info = json.loads(whole)
        spots = [spot for spot in places_in(info) if spot]
        spot = spots[random.integers(len(spots))]
        holder = info
        for key in spot[:-1]:
            holder = holder[key]
        if random.random() < 0.3:
            del holder[spot[-1]]
        else:
            holder[spot[-1]] = JUNK[random.integers(len(JUNK))]
        path.write_text(json.dumps(info))
        try:
            Imported(folder, tmp_path / f"bags{number}")
        except UserError:
            refused += 1
    assert 5 < refused < 55


def as_v3_without_videos(folder: Path) -> None:
    (folder / "videos" / "chunk-000").mkdir(parents=True)
    as_v3(folder)
