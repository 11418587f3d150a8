"""The report of a replay stands alone, and says the same as the numbers."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from arm_bag import write_arm_bag

from world_model_ros.bags.replay.model_comparison import compare
from world_model_ros.bags.replay.replay import Replay, replay
from world_model_ros.bags.replay.report.page import verdict, write_report
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.cli import main
from world_model_ros.commands.replay import _lines
from world_model_ros.contract.contract import Contract

torch = pytest.importorskip("torch", reason="the toy bundles are exported with torch")
pytest.importorskip("matplotlib", reason="reports need the extra 'report'")
pytest.importorskip("jinja2", reason="reports need the extra 'report'")


@pytest.fixture(scope="module")
def brain(toy_bundle: Path, contract: Contract) -> Brain:
    return Brain(load_bundle(toy_bundle, contract), contract, "cpu", policy="random")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, contract: Contract, arm_bag: Path, brain: Brain) -> Replay:
    return replay(arm_bag, contract, brain, tmp_path_factory.mktemp("out"))


class Page(HTMLParser):
    """Collects what a page would load from elsewhere, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href") and tag != "use"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_stands_alone_and_shows_pictures_plots_and_numbers(done: Replay, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", done, lambda moment: moment.now)
    page = Page((tmp_path / "report.html").read_text())
    assert all(load.startswith("data:image/jpeg;base64,") for load in page.loads)
    assert page.tags.count("svg") == 5
    assert page.tags.count("img") == 8 + len(done.worst)
    assert "script" not in page.tags
    for words in ("table_mic", "20 would-be commands", "the gate's rules accept", done.metrics["commands_sha256"][:16]):
        assert words in " ".join(page.text.split())


def test_what_a_bag_holds_is_text_and_not_markup(done: Replay, tmp_path: Path) -> None:
    metrics = done.metrics | {"bag": "<script>alert(1)</script>"}
    write_report(tmp_path / "report.html", Replay(metrics, (), (), done.journal, done.scores))
    assert "script" not in Page((tmp_path / "report.html").read_text()).tags


def test_the_verdict_says_what_was_missing_and_whether_the_model_is_of_use(
    contract: Contract, brain: Brain, tmp_path: Path
) -> None:
    write_arm_bag(tmp_path / "bag", contract, leave_out=("camera",))
    metrics = replay(tmp_path / "bag", contract, brain, tmp_path / "out").metrics
    assert "front: not in the bag (camera/front/image_raw), masked" in metrics["notes"]
    lines = " ".join(verdict(metrics))
    assert "Without front" in lines
    assert "arm, 1.2 s ahead" in lines
    assert "no better than repeating the present" in lines  # the toy knows nothing of joints
    assert "front" not in metrics["prediction"]


def test_a_bag_at_rest_is_said_to_judge_no_model(contract: Contract, brain: Brain, tmp_path: Path) -> None:
    write_arm_bag(tmp_path / "bag", contract, 3.0, rest_s=3.0)
    done = replay(tmp_path / "bag", contract, brain, tmp_path / "out")
    rows = done.metrics["prediction"]
    assert {name: (each["judged"], set(each["where_changed"]["ticks"])) for name, each in rows.items()} == {
        name: (False, {0}) for name in ("front", "arm", "object_0")
    }
    lines = " ".join(verdict(done.metrics))
    assert "This bag cannot judge the model: too little moved: front in 0 of 17 ticks, arm in 0 of 18" in lines
    assert "better than" not in lines
    write_report(tmp_path / "report.html", done)
    assert "cannot judge the model" in (tmp_path / "report.html").read_text()
    assert "cannot judge the model" in " ".join(_lines(done.metrics))


def test_a_bag_that_moves_in_part_is_judged_there_too(contract: Contract, brain: Brain, tmp_path: Path) -> None:
    write_arm_bag(tmp_path / "bag", contract, 5.0, rest_s=2.0)
    done = replay(tmp_path / "bag", contract, brain, tmp_path / "out")
    rows = done.metrics["prediction"]["arm"]
    where = rows["where_changed"]
    assert rows["judged"]
    still, moved = done.scores.series("joints_still_error", 12), where["ticks"][-1]
    assert where["of"][-1] == len(still) == 38
    assert moved == np.count_nonzero(still > 0.0) < 38, "at rest it is the same to the last digit"
    assert where["copy_last"][-1] == pytest.approx(rows["copy_last"][-1] * 38 / moved, rel=1e-5)
    (line,) = [each for each in verdict(done.metrics) if each.startswith("arm, ")]
    assert f"In the {moved} of 38 ticks in which it changed: " in line
    assert any("changed in ticks" in each and f"{moved} of 38" in each for each in _lines(done.metrics))


def test_only_topics_that_are_neither_the_contracts_nor_ours_are_named(
    contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
) -> None:
    assert contract.deployment.command is not None
    ours = ["goal/object_0/pose", "gate/state", "/diagnostics", "goal/cancel", contract.deployment.command.topic]
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "more") as out:
        for topic, kind, at, message in bag.messages():
            out.write(topic, kind, message, at)
        for topic in (*ours, "/weather"):
            out.write(topic, "std_msgs/msg/String", out.make.string("x"), at)
    notes = replay(tmp_path / "more", contract, brain, tmp_path / "out").metrics["notes"]
    assert [line for line in notes if "ignored" in line] == [
        "/weather: 1 of std_msgs/msg/String ignored, the contract does not know it"
    ]


def test_a_paired_comparison_knows_equal_from_better(
    done: Replay, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
) -> None:
    same = compare([done], [done])
    assert same["arm"]["difference"] == [0.0] * 12
    assert same["surprise"]["low"] == same["surprise"]["high"] == 0.0
    worse = replay(arm_bag, contract, brain, tmp_path)
    for (kind, _), values in worse.scores._values.items():
        if kind == "joints_error":
            for i in range(len(values)):
                values[i] += 1.0
    found = compare([done], [worse])["arm"]
    assert found["difference"] == pytest.approx([-1.0] * 12, abs=1e-5)
    assert all(high < 0 for high in found["high"])
    assert found["better"] == [1.0] * 12


@pytest.mark.slow
def test_the_command_replays_two_models_over_two_bags(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", str(arm_bag), str(arm_bag), "--model", str(toy_bundle), "--compare", str(toy_bundle)]
    assert main([*words, "--out", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["replays"]) == 4
    assert result["difference"]["front"]["difference"] == [0.0] * 12
    assert json.loads((tmp_path / "comparison.json").read_text())["models"] == ["toy", "toy"]
    assert (tmp_path / "arm-1-0" / "report.html").is_file()


def test_the_command_refuses_a_map_that_is_none(
    arm_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(arm_bag), "--map", "a=b", "--out", str(tmp_path)]) == 2
    assert "FROM:=TO" in capsys.readouterr().err


def test_a_long_replay_keeps_the_peaks_of_its_lines() -> None:
    from world_model_ros.bags.replay.report.plots import _thin

    values = np.zeros(100_000)
    values[77_777] = 9.0
    times, thin = _thin(np.arange(100_000.0), values)
    assert len(times) == 2000
    assert thin.max() == 9.0
    assert times[int(np.argmax(thin))] == 77_777.0
