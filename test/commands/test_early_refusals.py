"""What cannot come to anything is refused before a bag is read, an episode simulated or a second measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import world_model_ros as wm
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract

EVER = "1000000"  # episodes: what simulates first does not come back


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 2
    return capsys.readouterr().err


def test_a_replay_refuses_the_folder_of_the_second_bag_before_it_reads_the_first(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(arm_bag)
    out = tmp_path / "out"
    (out / "two" / "bag").mkdir(parents=True)
    words = ["replay", tmp_path / "one", tmp_path / "two", "--model", toy_bundle, "--out"]
    said = refused(capsys, *words, out)
    legal = "a folder that does not exist yet, or one with what a replay wrote; bag is of none"
    assert said == f"world-model replay: out: got '{out}/two'; expected {legal}\n"
    assert [each.name for each in out.iterdir()] == ["two"]
    (tmp_path / "file").write_text("")
    legal = f"a folder that can be made and written to, which {tmp_path / 'file'} forbids"
    said = refused(capsys, *words, tmp_path / "file" / "sub")
    assert said == f"world-model replay: out: got '{tmp_path / 'file' / 'sub' / 'one'}'; expected {legal}\n"


@pytest.mark.parametrize("command", ["train", "export-lerobot"])
def test_what_is_made_of_bags_is_not_written_into_one_nor_where_no_folder_can_be(
    arm_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    words = [command, arm_bag, "--contract" if command == "export-lerobot" else "--robot", "tabletop_arm", "--out"]
    for out in (arm_bag, arm_bag / "made" / "here"):
        said = refused(capsys, *words, out)
        assert said == f"world-model {command}: out: got '{out}'; expected a folder outside of the bag {arm_bag}\n"
    assert not (arm_bag / "made").exists()
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "sub"
    legal = f"a folder that can be made and written to, which {tmp_path / 'file'} forbids"
    assert refused(capsys, *words, out) == f"world-model {command}: out: got '{out}'; expected {legal}\n"


def test_a_program_does_not_train_in_a_bag(arm_bag: Path, contract: Contract) -> None:
    with pytest.raises(wm.UserError, match=r"^out: got .*a folder outside of the bag"):
        wm.train(contract, arm_bag, arm_bag / "run")
    assert not (arm_bag / "run").exists()


@pytest.mark.parametrize(
    "words", ["prediction", "calibration", "surprise", "drift", "tasks", "benchmark scene --train --play " + EVER]
)
def test_an_evaluation_refuses_a_provider_before_it_simulates(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = ["--out", tmp_path] if "benchmark" in words else ["--episodes", EVER]
    said = refused(capsys, "evaluate", *words.split(), *count, "--provider", "cpux")
    assert "provider: got 'cpux'" in said
    assert "simulates" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("robot", "goals", "refusal"),
    [
        ("tabletop_arm", "pose,grasp", "goals: got 'grasp'; expected a robot with one hand"),
        ("tabletop_arm", "pose,together", "goals: got 'together'; expected a robot with 2 fingertips"),
        ("tabletop_arm", "pose,drawer", "goals: got 'drawer'; expected a robot with"),
    ],
)
def test_an_evaluation_refuses_a_second_kind_of_task_before_it_runs_the_first(
    robot: str, goals: str, refusal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "tasks", "--robot", robot, "--goals", goals, "--oracle-only", "--control-episodes", EVER]
    assert refusal in refused(capsys, *words)


def test_a_training_refuses_settings_before_it_measures_threads_and_reads_bags(
    arm_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    words = ["train", arm_bag, "--robot", "tabletop_arm", "--out", tmp_path / "run"]
    said = refused(capsys, *words, "--horizon", 500, "--length", 600, 600)
    assert "horizon: got 500; expected 1 to " in said
    assert "finding out" not in said
    with pytest.raises(SystemExit, match="2"):
        main([*map(str, words), "--workers", "0"])
    assert "--workers: got '0'; expected a whole number of 1 or more" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_export_refuses_a_planner_and_a_folder_before_it_measures_and_calibrates(
    contract: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    from world_model_ros.learning.model.world_model import Sizes, WorldModel
    from world_model_ros.learning.training.train import save

    save(WorldModel(contract.interface, Sizes()), contract, tmp_path / "model.pt")
    for words, refusal in (
        (["--macro-steps", 3], "macro_steps"),
        (["--solver", "beam"], "solver: got 'beam'"),
        (["--out", tmp_path / "model.pt"], "a folder that can be made and written to"),
    ):
        said = refused(capsys, "export", tmp_path, "--name", "mine", "--out", tmp_path / "bundle", *words)
        assert refusal in said
        assert "measures" not in said
    assert [each.name for each in tmp_path.iterdir()] == ["model.pt"]


def test_a_view_refuses_a_moment_that_the_bag_does_not_have_before_it_opens_a_model(
    arm_bag: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for moment in ("1e9", "-1"):
        said = refused(capsys, "view", arm_bag, "--model", "none", f"--at={moment}")
        assert f"at: got {float(moment)}; expected 0 to " in said


def test_a_replay_is_not_written_into_its_bag(
    arm_bag: Path, contract: Contract, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = shutil.copytree(arm_bag, tmp_path / "bag")
    before = sorted(bag.iterdir())
    file = next(bag.glob("*.mcap"))
    brain = wm.Brain(wm.load_bundle(toy_bundle, contract), contract)
    for given, out in ((bag, bag), (bag, bag / "results"), (file, bag)):
        said = refused(capsys, "replay", given, "--model", toy_bundle, "--out", out)
        assert f"out: got '{out}'; expected a folder outside of the bag {given}" in said
        with pytest.raises(wm.UserError, match=r"^out: got .*a folder outside of the bag"):
            wm.replay(given, contract, brain, out)
    assert sorted(bag.iterdir()) == before


def test_a_training_refuses_what_is_no_bag_or_of_another_robot_before_it_measures_threads(
    arm_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    (tmp_path / "no.mcap").write_text("garbage")
    for bag, robot, refusal in (
        (tmp_path / "no.mcap", "tabletop_arm", "an MCAP file, which begins with the MCAP magic"),
        (arm_bag, "unitree_g1", "one of the robot unitree_g1"),
    ):
        said = refused(capsys, "train", bag, "--robot", robot, "--out", tmp_path / "run")
        assert refusal in said
        assert "finding out" not in said


@pytest.mark.parametrize("name", ["../x", "a/b", "..", " "])
def test_an_export_refuses_a_name_that_no_folder_has(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "export", "tabletop_arm", "--name", name, "--out", tmp_path / "bundle")
    assert f"name: got {name!r}; expected a name that a folder can have" in said
    assert list(tmp_path.iterdir()) == []


def test_a_bag_that_is_cut_off_is_said_to_be(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(next(arm_bag.glob("*.mcap")).read_bytes()[:200])
    for words in ([], ["--robot", "tabletop_arm"]):
        said = refused(capsys, "replay", cut, "--model", toy_bundle, "--out", tmp_path / "out", *words)
        assert "(cut off?)" in said
