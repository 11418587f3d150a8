"""``world-model replay`` as people use it: what is wrong is said in one line, and nothing of theirs is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from arm_bag import write_arm_bag
from bag_mutations import Message, serialised, stamped, write

from world_model_ros.bags.replay.replay import ReplayOptions, replay
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError

torch = pytest.importorskip("torch", reason="the toy bundles are exported with torch")

# What the issue promises to whoever reads --json.
PROMISED = {
    "messages",
    "streams",
    "ticks",
    "seconds",
    "real_time_factor",
    "model_ms",
    "peak_rss_mb",
    "commands_sha256",
    "prediction",
    "surprise",
}


@pytest.fixture(scope="module")
def messages(arm_bag: Path) -> list[Message]:
    with BagReader(arm_bag) as bag:
        return [(topic, kind, at, bytes(raw)) for topic, kind, at, raw in bag.raw_messages()]


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What the command says when it refuses."""
    assert main(["replay", *map(str, words)]) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_the_json_has_what_is_promised(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(arm_bag), "--model", str(toy_bundle), "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() >= PROMISED
    assert all(each.keys() >= {"messages", "dropped", "gaps"} for each in found["streams"].values())
    assert found["prediction"].keys() >= {"front", "arm"}
    for each in found["prediction"].values():
        assert len(each["horizon_s"]) == len(each["model"]) == len(each["copy_last"]) == 12
    assert found["surprise"].keys() >= {"p50", "p99", "worst"}
    assert all(each.keys() == {"t", "value"} for each in found["surprise"]["worst"])


@pytest.mark.slow
def test_the_table_has_a_column_a_time_and_a_unit_a_line(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(arm_bag), "--model", str(toy_bundle), "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (at,) = (i for i, line in enumerate(lines) if "+0.3 s" in line)
    head, rows = lines[at], [line for line in lines[at + 1 :] if line.startswith("  ") and str(tmp_path) not in line]
    assert head.split() == ["+0.3", "s", "+0.6", "s", "+0.9", "s", "+1.2", "s"]
    assert [row.split("  ")[1] for row in rows if not row.startswith("   ")][:2] == ["front", "arm"]
    assert all(len(row) == len(head) for row in rows), "the columns do not stand below each other"
    found = json.loads((tmp_path / "metrics.json").read_text())["prediction"]["arm"]
    (arm,) = (row for row in rows if row.startswith("  arm "))
    assert "error, rad" in arm
    told = [float(word) for word in arm.replace("(", "").replace(")", "").split() if word[0].isdigit()]
    assert told[::2] == pytest.approx([found["model"][i] for i in (2, 5, 8, 11)], rel=0.01, abs=0.005)
    assert told[1::2] == pytest.approx([found["copy_last"][i] for i in (2, 5, 8, 11)], rel=0.01, abs=0.005)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "0"], "rate: got 0.0; expected a number, more than zero"),
        (["--rate", "nan"], "rate: got nan"),
        (["--until", "-1"], "until: got -1.0"),
        (["--until", "1e-4"], "until: got 0.0001; expected more than 0.0"),
        (["--seed", "-1"], "seed: got -1"),
        (["--moments", "-1"], "moments: got -1"),
        (["--resume", "nothing.npz"], "resume: got 'nothing.npz'"),
        (["nothing.mcap"], "bag: got 'nothing.mcap'"),
    ],
)
def test_a_wrong_option_is_named(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in refusal(capsys, arm_bag, *words, "--model", toy_bundle, "--out", tmp_path)


@pytest.mark.parametrize("fails", ["asked too little", "no message fits"])
def test_after_a_replay_that_failed_the_same_folder_can_be_written(
    arm_bag: Path,
    toy_bundle: Path,
    tmp_path: Path,
    messages: list[Message],
    capsys: pytest.CaptureFixture[str],
    fails: str,
) -> None:
    words = ["--model", str(toy_bundle), "--robot", "tabletop_arm", "--out", str(tmp_path / "out")]
    if fails == "asked too little":
        assert "until" in refusal(capsys, arm_bag, *words, "--until", "1e-4")
    else:
        bag = write(tmp_path / "bag", [(t, k, at + 10**18, raw) for t, k, at, raw in messages], "mcap")
        assert "joint_states" in refusal(capsys, bag, *words)
    assert not (tmp_path / "out" / "bag").exists()
    assert main(["replay", str(arm_bag), *words, "--until", "0.5"]) == 0


@pytest.mark.slow
def test_a_broken_message_of_a_ros1_bag_costs_the_copy_no_other(
    toy_bundle: Path, tmp_path: Path, messages: list[Message], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [each for each in serialised(messages, "ros1") if each[0] != "/contract"]
    at = [i for i, each in enumerate(rows) if each[0] == "/joint_states"]
    topic, kind, stamp, raw = rows[at[20]]
    rows[at[20]] = topic, kind, stamp, raw[:30]
    bag = write(tmp_path / "bag", rows, "ros1")
    words = ["--model", str(toy_bundle), "--robot", "tabletop_arm", "--out", str(tmp_path / "out"), "--json"]
    assert main(["replay", str(bag), *words]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert [line for line in notes if line.startswith("/joint_states: 1 messages not copied, the first one for: ")]
    with BagReader(tmp_path / "out" / "bag") as copy:
        assert copy.topics()["/joint_states"].count == len(at) - 1


@pytest.mark.slow
def test_ticks_of_another_robot_are_not_followed(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(arm_bag), "--model", str(toy_bundle), "--out", str(tmp_path / "live")]) == 0
    capsys.readouterr()
    # The gripper arm has the same joints, and comes without a model of its own: the robot is what is wrong.
    for robot, why in (("unitree_g1", "of whose joints it has none"), ("gripper_arm", "its ticks have ['x', 'y']")):
        said = refusal(capsys, tmp_path / "live" / "bag", "--robot", robot, "--out", tmp_path / "out")
        assert f"bag bag: got 'of the robot tabletop_arm'; expected one of the robot {robot}, " in said
        assert why in said


def test_a_memory_is_only_good_for_its_bag(
    arm_bag: Path,
    toy_bundle: Path,
    tmp_path: Path,
    messages: list[Message],
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--model", str(toy_bundle), "--robot", "tabletop_arm"]
    assert main(["replay", str(arm_bag), *words, "--out", str(tmp_path / "first"), "--until", "1"]) == 0
    hour_ns = 3600 * 10**9
    later = write(tmp_path / "later", [(t, k, at + hour_ns, raw) for t, k, at, raw in messages], "mcap")
    said = refusal(capsys, later, *words, "--resume", tmp_path / "first" / "memory.npz", "--out", tmp_path / "second")
    assert "expected the memory of a replay of later.mcap" in said


def test_a_recording_by_another_clock_is_an_error(
    toy_bundle: Path, tmp_path: Path, messages: list[Message], capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a simulation that was recorded without ``use_sim_time``."""
    bag = write(tmp_path / "bag", [(t, k, at + 10**18, raw) for t, k, at, raw in messages], "mcap")
    said = refusal(capsys, bag, "--model", toy_bundle, "--out", tmp_path / "out")
    assert "joint_states: got '200 messages that do not fit'" in said
    assert "1000000000 s behind the bag's clock" in said
    assert "use_sim_time" in said


@pytest.mark.slow
def test_one_bad_bag_of_many_does_not_cost_the_others(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, messages: list[Message], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write(tmp_path / "bad", [each for each in messages if each[0] != "/joint_states"], "mcap")
    words = ["--model", str(toy_bundle), "--robot", "tabletop_arm", "--out", str(tmp_path / "out"), "--json"]
    assert main(["replay", str(bad), str(arm_bag), *words]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [each["bag"] for each in found["replays"]] == ["arm"]
    assert "joint_states" in found["failed"][str(bad)]


@pytest.mark.slow
def test_nothing_that_is_not_of_an_earlier_replay_is_removed(
    toy_bundle: Path, tmp_path: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "run" / "bag"
    write_arm_bag(mine, contract, 1.0)
    kept = sorted(file.read_bytes() for file in mine.iterdir())
    words = ["--model", toy_bundle, "--out", tmp_path / "run"]
    assert "the bag would be replaced by its replay" in refusal(capsys, mine, *words)
    other = Path(shutil.copytree(mine, tmp_path / "other"))
    assert "a folder that does not exist yet" in refusal(capsys, other, *words)
    assert sorted(file.read_bytes() for file in mine.iterdir()) == kept
    for _ in range(2):  # those of an earlier replay are
        assert main(["replay", str(other), "--model", str(toy_bundle), "--out", str(tmp_path / "again")]) == 0


@pytest.mark.parametrize("name", ["notes.txt", "mine/x.mcap", "bag.mcap.old"])
def test_what_somebody_put_next_to_the_bag_of_a_replay_is_kept(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, contract: Contract, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out = tmp_path / "out"
    words = ["--model", str(toy_bundle), "--until", "0.5", "--out", str(out)]
    assert main(["replay", str(arm_bag), *words]) == 0
    foreign = out / "bag" / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_bytes(b"mine")
    kept = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    said = refusal(capsys, arm_bag, *words)
    assert f"out: got '{out}'" in said
    assert f"bag/{name.split('/')[0]} is of none" in said
    brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu")
    with pytest.raises(UserError, match="is of none"):
        replay(arm_bag, contract, brain, out)
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == kept


@pytest.mark.parametrize("name", ["metrics.json", "report.html", "bag"])
def test_a_file_of_somebody_is_not_overwritten(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_text('{"mine": 1}')
    assert f"{name} is of none" in refusal(capsys, arm_bag, "--model", toy_bundle, "--out", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_program_replaces_a_former_replay_as_the_command_does(
    arm_bag: Path, toy_bundle: Path, tmp_path: Path, contract: Contract
) -> None:
    brain, out = Brain(load_bundle(toy_bundle, contract), contract, "cpu"), tmp_path / "out"
    for until_s in (1.0, 0.5):
        metrics = replay(arm_bag, contract, brain, out, ReplayOptions(until_s=until_s)).metrics
        with BagReader(out / "bag") as bag:
            assert bag.topics()["/tick"].count == metrics["ticks"]
    with pytest.raises(UserError, match="the bag would be replaced by its replay"):
        replay(out / "bag", contract, brain, out)
    with pytest.raises(UserError, match="until"):
        replay(arm_bag, contract, brain, out, ReplayOptions(until_s=1e-4))
    assert not (out / "bag").exists()


def test_stamps_that_are_zero_are_an_error(
    toy_bundle: Path, tmp_path: Path, messages: list[Message], capsys: pytest.CaptureFixture[str]
) -> None:
    zero = [(t, k, at, raw if t == "/contract" else stamped(raw, 0)) for t, k, at, raw in messages]
    bag = write(tmp_path / "bag", zero, "mcap")
    assert "stamps: all are 0" in refusal(capsys, bag, "--model", toy_bundle, "--out", tmp_path / "out")
