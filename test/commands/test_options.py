"""Options that would be ignored in a combination are refused before anything is read, with where they count."""

import json

import pytest

from world_model_ros.cli import main
from world_model_ros.commands.options import Parser
from world_model_ros.core.errors import UserError


@pytest.mark.parametrize(
    ("words", "option", "got", "where"),
    [
        ("check tabletop_arm --live 5 --bag no", "--bag", "'no'", "without --live"),
        ("check tabletop_arm --map a:=b", "--map", "'a:=b'", "with --bag"),
        ("check tabletop_arm --live 5 --map a:=b", "--map", "'a:=b'", "with --bag"),
        ("check tabletop_arm --bag no --use-sim-time", "--use-sim-time", "True", "with --live"),
        ("check tabletop_arm --bag no --robot unitree_g1", "--robot", "'unitree_g1'", "where WHAT is a bundle"),
        ("check no.yaml --robot unitree_g1", "--robot", "'unitree_g1'", "where WHAT is a bundle"),
        ("ask future no --goal-at 3", "--goal-at", "3.0", "of plan and video"),
        ("ask together no --goal-image no", "--goal-image", "'no'", "of plan and video"),
        ("ask plan no --goal-image no --goal-at 3", "--goal-at", "3.0", "without --goal-image"),
        ("ask inverse no --at 1.0", "--at", "1.0", "of another mode"),
        ("ask plan no --out here", "--out", "'here'", "of what is drawn: future, video, together"),
        ("demo --seeds 1..3 --seed 0", "--seed", "0", "without --seeds"),
        ("view --live --until 3", "--until", "3.0", "of a bag"),
        ("view --live --at 3", "--at", "3.0", "of a bag"),
        ("view no --mp4 a.mp4 --at 3", "--at", "3.0", "with --png or a page"),
        ("view no --png a.png --port 8080", "--port", "8080", "without --png and --mp4"),
        ("view no --mp4 a.mp4 --host 0.0.0.0", "--host", "'0.0.0.0'", "without --png and --mp4"),
        ("imagine --at 1", "--at", "1.0", "with --bag"),
        ("imagine --bag no --seed 3", "--seed", "3", "without --bag"),
        ("imagine --bag no --scenes varied", "--scenes", "'varied'", "without --bag"),
        ("imagine --png a.png", "--png", "'a.png'", "with --script"),
        ("imagine --script reach --port 8080", "--port", "8080", "without --script"),
        ("imagine --script x=0.1 --seconds 5", "--seconds", "5.0", "with a policy as --script"),
        ("imagine --script reach --beside --repeat 2 --png a.png", "--png", "'a.png'", "without --repeat"),
        ("replay no other --resume no.npz", "--resume", "'no.npz'", "of one bag, with one model"),
        ("replay no --compare other --resume no.npz", "--resume", "'no.npz'", "of one bag, with one model"),
        ("export no --threads 1", "--threads", "1", "of a folder that train wrote"),
        ("evaluate prediction --bags no --episodes 3", "--episodes", "3", "without --bags"),
        ("evaluate calibration --bags no --scenes plain", "--scenes", "'plain'", "without --bags"),
        ("evaluate tasks --oracle-only --model no", "--model", "'no'", "without --oracle-only"),
        ("evaluate tasks --oracle-only --episodes 3", "--episodes", "3", "without --oracle-only"),
        ("evaluate tasks --episodes 5 --control-episodes 6", "--control-episodes", "6", "up to --episodes"),
        ("evaluate tasks --controls= --control-episodes 6", "--control-episodes", "6", "with --controls"),
        ("evaluate benchmark scene --play 5", "--play", "5", "with --train"),
        ("bench replay --bag no --seconds 20", "--seconds", "20.0", "without --bag"),
        ("bench tick --soak 9 --ticks 200", "--ticks", "200", "without --soak"),
        ("bench gate --arm exact", "--arm", "'exact'", "with --live"),
        ("bench plan --parts gemm --no-compile", "--no-compile", "True", "with the part pytorch"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    words: str, option: str, got: str, where: str, capsys: pytest.CaptureFixture[str]
):
    assert main([*words.split(), "--json"]) == 2
    heard = capsys.readouterr()
    assert heard.err.startswith(
        f"world-model {words.split()[0]}: {option}: got {got}; expected this option only {where}"
    )
    assert json.loads(heard.out)["error"]["field"] == option


@pytest.mark.parametrize(
    ("words", "option", "model"),
    [
        (["--robot", "tabletop_arm", "--yaw-goals"], "--yaw-goals", "chunks"),
        (["--robot", "gripper_table_tracked", "--horizon", "12"], "--horizon", "senses"),
        (["--robot", "gripper_table_tracked", "--windows", "16", "32"], "--windows", "senses"),
        (["--robot", "tabletop_arm", "--model", "chunks", "--device", "cuda"], "--device", "senses"),
    ],
)
def test_a_training_refuses_what_only_the_other_kind_of_model_has(
    words: list[str], option: str, model: str, arm_bag, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", str(arm_bag), *words]) == 2
    said = capsys.readouterr().err
    assert f"train: {option}: got" in said
    assert f"expected this option only of a model of {model} (--model {model})" in said


def test_a_checkpoint_is_exported_with_the_contract_that_it_has(tmp_path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "model.pt").touch()
    assert main(["export", str(tmp_path), "--robot", "tabletop_arm"]) == 2
    assert "--robot: got 'tabletop_arm'; expected this option only of a bundle" in capsys.readouterr().err


def test_options_are_as_of_argparse_where_they_count():
    parser = Parser()
    parser.add_argument("--map", action="append", default=[])
    parser.add_argument("--bag", default="")
    parser.add_argument("--rate", type=float, default=2.0)
    parser.only("with --bag", lambda found: bool(found.bag), "map", "rate")
    assert (parser.parse_args([]).map, parser.parse_args([]).rate, parser.parse_args([]).given) == (
        [],
        2.0,
        frozenset(),
    )
    found = parser.parse_args(["--bag", "a", "--map", "b", "--map", "c", "--ra=2"])
    assert (found.map, found.rate, found.bag) == (["b", "c"], 2.0, "a")
    assert found.given == {"map", "rate", "bag"}
    with pytest.raises(UserError, match=r"--rate: got 2.0; expected this option only with --bag"):
        parser.parse_args(["--ra=2"])


@pytest.mark.parametrize(
    ("words", "option", "legal"),
    [
        ("imagine --script reach --seconds nan", "--seconds: got 'nan'", "a number from 0.1 to 3600"),
        ("imagine --script reach --seconds 1e9", "--seconds: got '1e9'", "a number from 0.1 to 3600"),
        ("view no --host 999.1.1.1", "--host: got '999.1.1.1'", "an address of this machine"),
        ("imagine --host a..b", "--host: got 'a..b'", "an address of this machine"),
        ("export-lerobot no --out out --fps nan", "--fps: got 'nan'", "a whole number"),
        ("train no --steps x", "--steps: got 'x'", "a whole number"),
        ("replay no --until 3s", "--until: got '3s'", "a number"),
    ],
)
def test_a_number_that_is_none_is_refused_with_what_is_legal(
    words: str, option: str, legal: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit, match="2"):
        main(words.split())
    said = capsys.readouterr().err
    assert option in said
    assert f"expected {legal}" in said
