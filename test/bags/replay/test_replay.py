"""A replay runs the brain as live, and holds its imaginations against what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from arm_bag import write_arm_bag

from world_model_ros.bags.align.tick_log import recorded_ticks
from world_model_ros.bags.replay.horizon_errors import (
    HorizonErrors,
    distance_errors,
    frame_errors,
    psnr_db,
    target_errors,
)
from world_model_ros.bags.replay.replay import ReplayOptions, replay
from world_model_ros.bags.replay.report.highlights import Moment
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError

torch = pytest.importorskip("torch", reason="the toy bundles are exported with torch")


@pytest.fixture(scope="module")
def brain(toy_bundle: Path, contract: Contract) -> Brain:
    return Brain(load_bundle(toy_bundle, contract), contract, "cpu")


def with_ticks(
    path: Path,
    streams: Path,
    ticks: list[tuple[int, str]],
    image: tuple[int, np.ndarray] | None,
    commands: Path | None = None,
) -> None:
    """The messages of one bag and tick records, as a recorder would have written them together."""
    with BagReader(streams) as bag, BagWriter(path) as out:
        messages = [(stamp_ns, topic, kind, raw) for topic, kind, stamp_ns, raw in bag.raw_messages()]
        for stamp_ns, topic, kind, raw in messages:
            out.write_raw(topic, kind, raw, stamp_ns)
        for stamp_ns, text in ticks:
            out.write("tick", "std_msgs/msg/String", out.make.string(text), stamp_ns + 3_000_000)
        if commands is not None:
            with BagReader(commands) as live:
                for topic, kind, stamp_ns, raw in live.raw_messages(["/command"]):
                    out.write_raw(topic, kind, raw, stamp_ns + 4_000_000)
        if image is not None:
            picture = out.make.image(image[1], "rgb8", 0)
            out.write("goal/image", "sensor_msgs/msg/Image", picture, image[0] + 2_000_000)


def ticks_of(bag_path: Path) -> list[tuple[int, str]]:
    with BagReader(bag_path) as bag:
        return [(stamp_ns, message.data) for _, _, stamp_ns, message in bag.messages(["/tick"])]


class TestArm:
    def test_it_writes_what_was_imagined_and_how_good_it_was(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        drawn: list[tuple[Path, Sequence[Moment]]] = []
        done = replay(
            arm_bag, contract, brain, tmp_path, ReplayOptions(moments=3), draw=lambda *each: drawn.append(each)
        )
        assert json.loads((tmp_path / "metrics.json").read_text()) == done.metrics
        assert done.metrics["ticks"] == 20
        assert not done.metrics["follows_record"]
        assert [row["seconds"] for row in done.metrics["horizon"]] == pytest.approx(np.arange(1, 13) / 10)
        assert {row["count"] for row in done.metrics["horizon"]} == {8}  # 20 ticks, 12 ahead
        ((path, moments),) = drawn
        assert path == tmp_path / "futures.png"
        assert len(moments) == 3
        assert moments[0].seconds == pytest.approx((0.3, 0.6, 0.9, 1.2))
        assert all(np.array_equal(frame, moments[0].now) for frame in moments[0].imagined)  # the toy copies
        assert not np.array_equal(moments[0].real[0], moments[0].now)
        with BagReader(tmp_path / "bag") as bag:
            counts = {name: topic.count for name, topic in bag.topics().items()}
            assert counts["/tick"] == counts["/surprise"] == counts["/command"] == 20
            assert counts["/predicted/states"] == counts["/predicted/object_0/path"] == 8
            assert bag.contract_text() == contract.text

    def test_what_is_drawn_is_what_moves_and_says_when(self, contract: Contract, brain: Brain, tmp_path: Path) -> None:
        write_arm_bag(tmp_path / "bag", contract, 6.0, rest_s=3.0)
        done = replay(tmp_path / "bag", contract, brain, tmp_path / "out", ReplayOptions(moments=3))
        assert len(done.moments) == 3
        times_s = [moment.at_s for moment in done.moments]
        assert times_s == sorted(times_s)
        assert all(at_s > 1.8 for at_s in times_s), "the robot rests for 3 s, and 1.2 s are looked ahead"
        for moment in done.moments:
            assert moment.at_s == pytest.approx((moment.stamp_ns - done.journal.first_ns) * 1e-9)
            assert any(frame is not None and not np.array_equal(frame, moment.now) for frame in moment.real)

    def test_futures_are_rolled_out_under_the_actions_that_were_executed(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        replay(arm_bag, contract, brain, tmp_path)
        applied = np.array([json.loads(text)["applied"] for _, text in ticks_of(tmp_path / "bag")])
        with BagReader(tmp_path / "bag") as bag:
            raw = next(message for _, _, _, message in bag.messages(["/predicted/states"]))
        states = np.frombuffer(raw.data, np.float32).reshape(raw.height, raw.width)
        # The toy's belief begins with how far the fingertip was moved.
        assert np.allclose(states[:, :2], np.cumsum(applied[1:13], axis=0), atol=1e-6)

    def test_recorded_ticks_are_repeated_exactly(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        first = replay(arm_bag, contract, brain, tmp_path / "first", ReplayOptions(seed=77))
        with_ticks(
            tmp_path / "both", arm_bag, ticks_of(tmp_path / "first" / "bag"), None, commands=tmp_path / "first" / "bag"
        )
        again = replay(tmp_path / "both", contract, brain, tmp_path / "again", ReplayOptions(seed=1))
        assert again.metrics["follows_record"]
        assert again.metrics["same_as_live"] == {
            "record_has_the_start": True,
            "ticks": 20,
            "equal": 20,
            "largest_difference_of_surprise": 0.0,
            "observations_equal": 20,
            "samples_lacking": {},
            "commands": 20,
            "commands_equal": 20,
            "goals_ended": 0,
            "goals_equal": 0,
        }
        assert again.metrics["horizon"] == first.metrics["horizon"]
        with BagReader(tmp_path / "first" / "bag") as one, BagReader(tmp_path / "again" / "bag") as two:
            commands = [[raw for _, _, _, raw in bag.raw_messages(["/command"])] for bag in (one, two)]
        assert commands[0] == commands[1]

    def test_what_the_gate_said_is_repeated_and_what_a_record_does_not_say_is_not_made_up(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        replay(arm_bag, contract, brain, tmp_path / "first", ReplayOptions(seed=77))
        old = ticks_of(tmp_path / "first" / "bag")
        said = [{}, {"owner": None}, {"owner": "person"}, {"owner": "brain", "gate_refusal": "velocity"}]
        new = [(at, json.dumps(json.loads(text) | said[i % 4])) for i, (at, text) in enumerate(old)]
        for name, ticks in (("old", old), ("new", new)):
            with_ticks(tmp_path / name, arm_bag, ticks, None)
            replay(tmp_path / name, contract, brain, tmp_path / f"{name}_again")
        assert ticks_of(tmp_path / "old_again" / "bag") == old
        told = [json.loads(text) for _, text in ticks_of(tmp_path / "new_again" / "bag")]
        assert [{key: each[key] for key in ("owner", "gate_refusal") if key in each} for each in told] == [
            {"gate_refusal": None} | said[i % 4] for i in range(len(old))
        ]

    def test_a_record_of_other_ticks_decides_over_the_grid(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        replay(arm_bag, contract, brain, tmp_path / "first")
        kept = [each for i, each in enumerate(ticks_of(tmp_path / "first" / "bag")) if i not in (4, 5)]  # missed live
        with_ticks(tmp_path / "both", arm_bag, kept, None)
        again = replay(tmp_path / "both", contract, brain, tmp_path / "again")
        assert again.metrics["ticks"] == 18
        assert [at for at, _ in ticks_of(tmp_path / "again" / "bag")] == [at for at, _ in kept]

    def test_goals_come_back_with_their_picture(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        replay(arm_bag, contract, brain, tmp_path / "first")
        goal = {"kind": "image", "stamp_ns": 1_000_500_000_000, "target": None, "pose": None, "joints": None}
        ticks = [(at, json.dumps(json.loads(text) | {"goal": goal})) for at, text in ticks_of(tmp_path / "first/bag")]
        picture = np.full((64, 64, 3), 90, np.uint8)
        with_ticks(tmp_path / "both", arm_bag, ticks, (goal["stamp_ns"], picture))
        with BagReader(tmp_path / "both") as bag:
            read = recorded_ticks(bag, contract)[0].goal
        assert read is not None
        assert np.array_equal(read.image, picture)
        with_ticks(tmp_path / "without", arm_bag, ticks, None)
        with BagReader(tmp_path / "without") as bag, pytest.raises(UserError, match="goal/image"):
            recorded_ticks(bag, contract)

    def test_a_record_that_is_no_record_is_said_to_be(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path
    ) -> None:
        with_ticks(tmp_path / "both", arm_bag, [(1_000_000_000_000, '{"tick": 1}')], None)
        with pytest.raises(UserError, match="a tick record"):
            replay(tmp_path / "both", contract, brain, tmp_path / "out")


def _watching(folder: Path) -> tuple[Contract, Brain]:
    """A humanoid and a model that only watches it."""
    from watch_bundle import write_watch_bundle

    contract = load_contract("unitree_g1")
    bundle = load_bundle(write_watch_bundle(folder / "watch", contract), contract)
    return contract, Brain(bundle, contract, "cpu")


class TestRecordedHumanoid:
    @pytest.mark.parametrize("wrong", ["lacks", "stamps", "endless"])
    def test_a_record_that_cannot_be_read_costs_itself_alone(
        self, contract: Contract, arm_bag: Path, brain: Brain, tmp_path: Path, wrong: str
    ) -> None:
        replay(arm_bag, contract, brain, tmp_path / "first", ReplayOptions(until_s=0.6))
        ticks = ticks_of(tmp_path / "first" / "bag")
        at, text = ticks[2]
        bad = {"lacks": '{"now_ns": 1}', "stamps": json.dumps(json.loads(text) | {"stamps": [1]})}
        ticks[2] = at, bad.get(wrong, '{"now_ns": Infinity}')
        with_ticks(tmp_path / "both", arm_bag, ticks, None)
        with BagReader(tmp_path / "both") as bag:
            read = recorded_ticks(bag, contract)
            assert [each.plan.now_ns for each in read] == [stamp for stamp, _ in ticks if stamp != at]
            (line,) = bag.damage
        assert line.startswith("/tick: 1 records left out, the first one: ")

    def test_a_model_that_only_watches_runs_from_the_first_to_the_last_message(
        self, recorded: Path, tmp_path: Path
    ) -> None:
        contract, brain = _watching(tmp_path)
        bag = recorded / "unitree_g1_bottle" / "g1_bottle_001.mcap"
        done = replay(bag, contract, brain, tmp_path / "out")
        assert done.metrics["ticks"] == 131
        assert done.metrics["fresh"] == {"head": 1.0, "head_mic": 0.0, "right_palm_taxels": 0.0, "arms_and_hands": 1.0}
        assert len(done.moments) == 4
        assert done.moments[0].now.shape == (96, 96, 3)
        rows = done.metrics["horizon"]
        assert all(row["psnr_db"] == row["psnr_still_db"] for row in rows)  # pictures stay
        assert rows[0]["psnr_db"] > rows[-1]["psnr_db"] > 10
        for row in rows[4:]:  # commands come true, more or less, and a little late
            assert row["joints_error"] < row["joints_still_error"]

    def test_pictures_of_another_size_than_the_contract_says_are_named_with_the_reason(
        self, recorded: Path, tmp_path: Path
    ) -> None:
        contract, brain = _watching(tmp_path)
        bag = recorded / "unitree_g1_bottle" / "g1_bottle_001_640x480.mcap"
        metrics = replay(bag, contract, brain, tmp_path / "out", ReplayOptions(until_s=3.0)).metrics
        assert metrics["fresh"]["head"] == 0.0
        assert any("head" in line and "(480, 640)" in line for line in metrics["notes"])


def test_joint_states_of_another_robot_are_an_error_that_names_them_and_lists_the_bag(
    recorded: Path, contract: Contract, brain: Brain, tmp_path: Path
) -> None:
    bag = recorded / "kuka_lwr" / "test.bag"
    with pytest.raises(UserError, match=r"lwr_arm_0_joint.*: /joint_states \(sensor_msgs/msg/JointState, 4101"):
        replay(bag, contract, brain, tmp_path, ReplayOptions(until_s=2.0))


def test_scores_are_means_by_step() -> None:
    scores, kinds = (
        HorizonErrors(2, 0.1),
        [f"object_0_{kind}" for kind in ("error_m", "still_error_m", "inside_region")],
    )
    black, grey = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 51, np.uint8)
    scores.add([1], frame_errors([black], [black], grey), "psnr_db", "psnr_still_db")
    for x, y in ((0.03, 0.04), (0.01, 0.02)):
        scores.add([2], target_errors([[x, 0, 0]], [[0, 0, 0]], [0, y, 0], [[0.02, 0.02, 0.02]]), *kinds)
    near, far = scores.table()
    assert near["psnr_db"] == 60.0
    assert near["psnr_still_db"] == pytest.approx(20 * np.log10(5))
    assert far == pytest.approx(
        {
            "seconds": 0.2,
            "count": 2,
            "object_0_error_m": 0.02,
            "object_0_still_error_m": 0.03,
            "object_0_inside_region": 0.5,
        }
    )
    touch = distance_errors([[[1.0, 3.0]], [[0.0, 0.0]]], [[[1.0, 1.0]], [[4.0, 0.0]]], [[1.0, 0.0]])
    scores.add([1, 2], touch, "touch_error", "touch_still_error")
    assert (scores.curve("touch_error"), scores.curve("touch_still_error")) == ([1.0, 2.0], [0.5, 1.5])
    assert psnr_db(grey, black) == psnr_db(black, grey)  # no wrap-around of unsigned numbers
