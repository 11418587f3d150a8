"""The command line: quick, one line for a mistake, JSON for machines."""

import importlib.metadata
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from world_model_ros import __version__, cli
from world_model_ros.cli import COMMANDS, main
from world_model_ros.commands import info
from world_model_ros.core.installation.share_folder import share_folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_a_summary_that_asks_ends_in_its_question_mark(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["bench", "live", "--help"])
    assert "which process takes what? options:" in " ".join(capsys.readouterr().out.split())


def test_help_lists_all_commands_and_loads_nothing_heavy():
    heavy = ("rclpy", "torch", "mujoco", "onnxruntime", "cv2", "pinocchio")
    code = (
        "import sys; from world_model_ros.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert all(command in done.stdout for command in COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_says_its_version_and_loads_nothing_heavy_for_it():
    code = "import sys; from world_model_ros.cli import main\ntry: main(['--version'])\nexcept SystemExit as end: "
    code += "print(end.code, [name for name in ('rclpy', 'numpy', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [f"world-model {__version__}", "0 []"]


def test_a_reader_that_has_seen_enough_is_no_error():
    code = "import sys; from world_model_ros.cli import main; sys.exit(main(['check', 'unitree_g1']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as head does, only sooner
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_what_the_output_cannot_encode_is_written_as_an_escape(tmp_path: Path):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    urdf = share_folder("config") / "robots" / "tabletop_arm.urdf"
    words = ["new-robot", "--urdf", str(urdf), "--out", str(tmp_path / "my é.yaml")]
    command = [sys.executable, "-m", "world_model_ros.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **plain})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}/my \\udcc3\\udca9.yaml: " in done.stdout


@pytest.mark.parametrize("name", ["new arm.yaml", "it's.yaml", "arm.yaml"])
def test_commands_that_are_printed_can_be_typed(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    urdf, out = share_folder("config") / "robots" / "tabletop_arm.urdf", tmp_path / name
    assert main(["new-robot", "--urdf", str(urdf), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (check,) = (line for line in lines if line.startswith("then:"))
    (launch,) = (line for line in lines if line.startswith("with a model:"))
    assert shlex.split(check.removeprefix("then:")) == ["world-model", "check", str(out)]
    assert shlex.split(launch)[-2] == f"robot:={out}"


def test_a_full_disk_is_one_line():
    code = "import sys; from world_model_ros.cli import main; sys.exit(main(['check', 'unitree_g1']))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.stderr == "world-model check: output: got 'No space left on device'; expected a disk with room left\n"
    assert done.returncode == 2


@pytest.mark.parametrize("command", [["demo"], ["train", "."], ["collect"], ["imagine"], ["bench", "live"]])
def test_a_seed_below_0_is_refused_before_anything_starts(command: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main([*command, "--seed", "-1"])
    assert left.value.code == 2
    assert "argument --seed: got '-1'; expected a whole number of 0 or more" in capsys.readouterr().err


def test_info_says_which_ros_and_what_it_found(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ros"]
    assert found["rmw"].startswith("rmw_")
    assert "cpu" in found["providers"]
    assert "tabletop_arm" in found["robots"]
    assert None not in (found["libraries"][name] for name in ("numpy", "cv2", "pinocchio", "onnxruntime"))


def test_info_knows_every_build_of_opencv_and_what_pip_did_not_install(monkeypatch: pytest.MonkeyPatch):
    def only(name: str):
        def version(asked: str) -> str:
            if asked == name:
                return "4.2"
            raise importlib.metadata.PackageNotFoundError(asked)

        return version

    for build in ("opencv-python", "opencv-python-headless", "opencv-contrib-python"):
        monkeypatch.setattr("importlib.metadata.version", only(build))
        assert info._library("cv2") == "4.2"
    monkeypatch.setattr("importlib.metadata.version", only("nothing"))
    assert info._library("cv2") == "there"
    assert info._library("no_such_module") is None


def test_check_of_a_damaged_model_says_what_is_wrong(tmp_path, capsys: pytest.CaptureFixture[str]):
    model = tmp_path / "copy"
    shutil.copytree(share_folder("models") / "tabletop_arm", model)
    assert main(["check", str(model)]) == 0
    weights = model / "weights.bin"
    damaged = bytearray(weights.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    weights.write_bytes(damaged)
    capsys.readouterr()
    assert main(["check", str(model), "--json"]) == 1
    wrong = [check for check in json.loads(capsys.readouterr().out)["checks"] if not check["fits"]]
    assert len(wrong) == 1
    assert "weights.bin" in wrong[0]["error"]


def test_tensors_that_do_not_fit_are_one_line_with_the_first_their_number_and_what_to_do(tmp_path, capsys):
    assert main(["check", "tabletop_arm", "--robot", "gripper_arm"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert main(["check", "tabletop_arm", "--robot", "gripper_arm", "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    wrong = [
        each["what"]
        for each in checks
        if not each["fits"] and (" input " in each["what"] or " output " in each["what"])
    ]
    assert len(wrong) > 20
    (line,) = (line for line in lines if " input " in line or " output " in line)
    assert line.startswith(
        f"  {len(wrong)} tensors do not fit: perceive: input arm float32 (6, 2), not float32 (7, 2); "
    )
    assert "; perceive: input since float32 (5, 2), not float32 (any, 5); " in line
    assert f"; and {len(wrong) - 3} more (--json lists them) -> " in line
    assert line.endswith("give the contract of tabletop_arm (--robot), or train and export a model of gripper_arm")
    assert "<name>" not in "".join(lines)


def test_one_tensor_of_a_model_of_this_robot_that_does_not_fit_is_to_be_exported_anew(tmp_path, capsys):
    model = shutil.copytree(share_folder("models") / "unitree_g1", tmp_path / "model")
    told = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    told["graphs"]["perceive"]["inputs"]["strange"] = {"shape": [1], "dtype": "float32"}
    (model / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    assert main(["check", str(model)]) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "strange" in line)
    assert line == (
        "  a tensor does not fit: perceive: input strange, which unitree_g1 lacks"
        f" -> export it anew: `world-model export CHECKPOINT --out {model}`"
    )


def test_a_bundle_is_checked_against_the_robot_that_it_names(tmp_path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", "unitree_g1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["robot"] == "unitree_g1"
    assert main(["check", "unitree_g1", "--robot", "tabletop_arm"]) == 1
    model = tmp_path / "copy"
    shutil.copytree(share_folder("models") / "unitree_g1", model)
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | {"robot": "mine"}))
    capsys.readouterr()
    assert main(["check", str(model)]) == 2
    assert "expected --robot FILE, the contract of mine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "tabletop_arm", "--live", "soon"], "got 'soon'; expected 0.5 to 3600 seconds"),
        (["check", "tabletop_arm", "--live", "nan"], "got 'nan'; expected 0.5 to 3600 seconds"),
        (["bench", "gate", "--rate", "fast"], "got 'fast'; expected 10 to 1000 Hz"),
        (["view", "a.mcap", "--mp4", "film.txt"], "got 'film.txt'; expected a file name that ends in .mp4"),
        (["view", "a.mcap", "--png", "film"], "got 'film'; expected a file name that ends in .png"),
        (["imagine", "--script", "reach", "--png", "a.jpg"], "got 'a.jpg'; expected a file name that ends in .png"),
        (["view", "a.mcap", "--port", "80000"], "got '80000'; expected 1 to 65535"),
        (["imagine", "--port", "http"], "got 'http'; expected 1 to 65535"),
        (["bench", "gate", "--frames", "1.5"], "got '1.5'; expected a whole number of "),
    ],
)
def test_an_option_that_cannot_be_is_named_with_what_is_legal(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["check", "no_such_model"], "what: got 'no_such_model'; expected a bundle (a folder with manifest.json, or "),
        (["check", "no_such_model"], ") or a contract (a .yaml file, or one of ['gripper_arm', "),
        (["check", "gripper_arm", "--robot", "tabletop_arm"], "what: got 'gripper_arm'; expected a bundle ("),
        (["evaluate", "tasks", "--robot", "gripper_arm"], "model: got 'nothing'; expected --model, a bundle made for"),
        (["demo", "--robot", "no_such_robot"], "tabletop_arm"),
        (["demo", "--goals", "dance"], "pose"),
        (["collect", "--episodes", "0"], "episodes"),
        (["view"], "bag: got None; expected a bag or --live, one of the two"),
        (["view", "a.mcap", "--live"], "bag: got 'a.mcap'; expected a bag or --live, one of the two"),
        (["evaluate", "tasks", "--lose", "nose"], "lose: got 'nose'; expected one of ['arm', "),
        (["evaluate", "tasks", "--blackout", "nose"], "blackout: got 'nose'; expected one of ['arm', "),
        (["export", "no_such_folder"], "no_such_folder"),
        (["train", "no_such_folder"], "no_such_folder"),
        (["replay", "no_such_bag"], "no_such_bag"),
    ],
)
def test_a_mistake_is_one_line_that_names_value_and_what_is_legal(
    words: list[str], named: str, tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    printed = capsys.readouterr()
    assert named in printed.err
    assert "expected" in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


@pytest.mark.parametrize("out", ["taken/c.yaml", "x" * 300 + ".yaml"])
def test_what_cannot_be_written_is_one_line(out: str, tmp_path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "taken").write_text("a file, not a folder")
    urdf = str(share_folder("config") / "robots" / "tabletop_arm.urdf")
    assert main(["new-robot", "--urdf", urdf, "--out", str(tmp_path / out)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("world-model new-robot: out: got '")
    assert "expected a file or folder that can be used (" in line


@pytest.mark.parametrize(
    ("words", "lost", "argument"),
    [
        ("collect --out FOLDER/bags", "FOLDER/bags", "out"),
        ("collect --out FOLDER/bags", "FOLDER", "out"),  # above it nothing can be made
        ("collect --out FOLDER/bags", "FOLDER/bags/episode_0/bag.mcap", "out"),
        ("collect", "runs/bags/episode_0", "out"),
        ("ask future FOLDER/bag --out FOLDER/bag/out", "FOLDER/bag/out", "out"),
        ("ask future FOLDER/bag --out FOLDER/bag/out", "FOLDER/bag/metadata.yaml", "bag"),
        ("train FOLDER/a FOLDER/b --robot r", "FOLDER/b/x.mcap", "bags"),
        ("ask plan FOLDER/bag --goal-image FOLDER/i.png", "FOLDER/i.png", "goal-image"),
        ("collect --out FOLDER/bags", "/elsewhere/file", "path"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_by_the_argument_that_leads_to_it(
    words: str, lost: str, argument: str, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    typed = words.replace("FOLDER", str(tmp_path)).split()
    parsed = cli._parser(typed[0]).parse_args(typed)
    assert cli._argument_of(parsed, lost.replace("FOLDER", str(tmp_path))) == argument


def test_an_argument_that_is_no_folder_for_bags_is_named(tmp_path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "taken").write_text("a file, not a folder")
    assert main(["collect", "--episodes", "1", "--out", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr().err.startswith(f"world-model collect: out: got '{tmp_path / 'taken'}'; expected ")


def test_a_robot_without_a_bundle_has_its_contract_checked(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "gripper_arm"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("the contract of gripper_arm (no bundle has that name) is complete")


@pytest.mark.parametrize(
    ("what", "own", "of_others"),
    [
        ("tasks", "--controls", ["--bags", "--train", "--stride"]),
        ("prediction", "--bags", ["--goals", "--train", "--first-seed"]),
        ("calibration", "--bags", ["--goals", "--train", "--lose"]),
        ("surprise", "--first-seed", ["--bags", "--goals", "--scenes"]),
        ("drift", "--episodes", ["--bags", "--goals", "--first-seed"]),
        ("benchmark", "--train", ["--bags", "--controls", "--robot"]),
    ],
)
def test_what_is_evaluated_has_a_help_of_its_own(what, own, of_others, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["evaluate", what, "--help"])
    said = capsys.readouterr().out
    assert own in said
    assert not [each for each in of_others if each in said]
    assert "%%" not in said


@pytest.mark.parametrize("words", [["tasks", "scene"], ["calibration", "--goals", "push"], ["drift", "--bags", "a"]])
def test_options_of_another_evaluation_are_refused(words, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", *words])
    assert f"unrecognized arguments: {' '.join(words[1:])}" in capsys.readouterr().err


@pytest.mark.parametrize("machine", [False, True])
def test_bags_that_are_simulated_first_are_said_first_and_not_to_machines(machine, capsys: pytest.CaptureFixture[str]):
    assert main(["evaluate", "calibration", "--scenes", "nowhere", *["--json"] * machine]) == 2
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("simulates 100 episodes of tabletop_arm to predict them") == (not machine)


def test_a_mistake_is_a_line_for_persons_and_an_object_for_machines(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "tabletop_ar", "--json"]) == 2
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert error["got"] == "tabletop_ar"
    assert set(error) == {"field", "got", "expected"}
    assert said.err.startswith(f"world-model check: {error['field']}: got 'tabletop_ar'; expected ")
    assert main(["check", "tabletop_ar"]) == 2
    assert capsys.readouterr().out == ""


def test_a_closed_output_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "stdout", None)  # as after >&-
    assert main(["info"]) == 0
    assert main(["check", "tabletop_ar", "--json"]) == 2
    assert "Traceback" not in capsys.readouterr().err
