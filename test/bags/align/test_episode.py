"""Aligned episodes: the same samples the brain would have seen, and nothing made up where there were none."""

import re
from pathlib import Path

import numpy as np
import pytest
from arm_bag import HOME, START_S, positions, write_arm_bag

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.align.ticks import BagTicks, PlannedTick
from world_model_ros.bags.bag_fit import check_bag
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.applied_positions import AppliedReference
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.senses.joints import JointConverter
from world_model_ros.core.errors import UserError
from world_model_ros.core.streams import Observation, Streams
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.arm import ArmKinematics

MS = 1_000_000


def as_live(bag_path: Path, contract: Contract, ticks_ns: np.ndarray) -> list[Observation]:
    """Every message decoded and pushed on arrival, as the brain's callbacks do."""
    streams = Streams(contract.stream_rules())
    by_topic = {
        "/" + contract.source(each.name).topic: (each.name, converter_for(each, contract.source(each.name)))
        for each in contract.interface.streams
    }
    observations: list[Observation] = []
    with BagReader(bag_path) as bag:
        for topic, _, bag_ns, message in bag.messages(set(by_topic)):
            while len(observations) < len(ticks_ns) and ticks_ns[len(observations)] < bag_ns:
                observations.append(streams.observe(int(ticks_ns[len(observations)])))
            name, convert = by_topic[topic]
            streams.push(name, *convert(message))
    return observations + [streams.observe(int(now)) for now in ticks_ns[len(observations) :]]


def test_an_episode_is_what_live_streams_would_have_shown(contract: Contract, arm_bag: Path) -> None:
    episode = aligned_episode(arm_bag, contract)
    live = as_live(arm_bag, contract, episode.now_ns)
    assert len(live) == len(episode) == 20
    for t, observation in enumerate(live):
        for i, name in enumerate(episode.streams):
            assert episode.fresh[t, i] == observation.fresh[name]
            assert episode.stamps_ns[t, i] == observation.stamps_ns.get(name, -1)
            expected = observation.values.get(name, np.zeros_like(episode.streams[name][t]))
            assert np.array_equal(episode.streams[name][t], expected), name


def test_a_bag_of_a_big_endian_machine_is_the_same(contract: Contract, arm_bag: Path, tmp_path: Path) -> None:
    types = standard_types()
    with BagReader(arm_bag) as bag, BagWriter(tmp_path / "big") as out:
        for topic, kind, at, message in bag.messages():
            out.write_raw(topic, kind, bytes(types.serialize_cdr(message, kind, little_endian=False)), at)
    episode, other = aligned_episode(arm_bag, contract), aligned_episode(tmp_path / "big", contract)
    assert np.array_equal(episode.stamps_ns, other.stamps_ns)
    assert other.refused == {}
    for name, values in episode.streams.items():
        assert np.array_equal(values, other.streams[name]), name
    assert check_bag(tmp_path / "big", contract) == check_bag(arm_bag, contract)


def test_ticks_are_regular_and_go_from_the_first_to_the_last_joint_state(contract: Contract, arm_bag: Path) -> None:
    now_ns = aligned_episode(arm_bag, contract).now_ns
    assert now_ns[0] - START_S * 10**9 == pytest.approx(0, abs=2 * MS)
    assert set(np.diff(now_ns)) == {100 * MS}
    assert now_ns[-1] <= START_S * 10**9 + 1990 * MS < now_ns[-1] + 100 * MS


def test_applied_is_the_displacement_of_the_commanded_fingertip_over_the_tick_before(
    contract: Contract, arm_bag: Path
) -> None:
    episode = aligned_episode(arm_bag, contract)
    kinematics = ArmKinematics(contract)
    tips = np.array([kinematics.tip(q)[0][:2] for q in episode.reference])
    assert np.allclose(episode.applied[0], 0)
    assert np.allclose(episode.applied[1:], np.diff(tips, axis=0), atol=1e-6)
    assert (
        np.abs(episode.reference - [positions(int(now)) for now in episode.now_ns]).max() < 0.002
    )  # 20 ms old at most


def test_the_reference_is_the_one_the_brain_would_have_had(contract: Contract, arm_bag: Path) -> None:
    episode = aligned_episode(arm_bag, contract)
    convert = JointConverter("applied", contract.joint_names, ("position", "velocity"))
    live, t = AppliedReference(), 0
    with BagReader(arm_bag) as bag:
        for _, _, bag_ns, message in bag.messages(["/gate/applied"]):
            while t < len(episode) and episode.now_ns[t] < bag_ns:
                assert np.array_equal(episode.reference[t], live.at(int(episode.now_ns[t])))
                t += 1
            stamp_ns, values = convert(message)
            live.push(stamp_ns, *np.ascontiguousarray(values.T, np.float64))
    assert t > 15


def test_labels_are_the_truth_of_objects_and_the_measured_fingertip(contract: Contract, arm_bag: Path) -> None:
    episode = aligned_episode(arm_bag, contract)
    tip = ArmKinematics(contract).tip(positions(START_S * 10**9))
    assert np.allclose(episode.labels[0, 0, :3], tip[0], atol=1e-4)
    assert np.linalg.norm(episode.labels[:, 0, 3:], axis=1) == pytest.approx(1, abs=1e-5)
    assert np.allclose(episode.labels[10, 1], [0.5, 0.3, 0.03, 0, 0, 0, 1])


def test_what_a_bag_lacks_is_masked_or_unknown_and_not_made_up(tmp_path: Path, contract: Contract) -> None:
    write_arm_bag(tmp_path / "bag", contract, 1.0, leave_out=("camera", "taxels", "applied", "label"))
    episode = aligned_episode(tmp_path / "bag", contract)
    names = list(episode.streams)
    assert not episode.fresh[:, [names.index("front"), names.index("fingertip_taxels")]].any()
    assert episode.fresh[:, names.index("arm")].all()
    assert np.isnan(episode.reference).all()
    assert np.isnan(episode.labels[:, 1]).all()
    assert not np.isnan(episode.labels[:, 0]).any()
    assert not episode.applied.any()


def test_a_bag_without_a_required_stream_lists_what_it_has(tmp_path: Path, contract: Contract) -> None:
    write_arm_bag(tmp_path / "bag", contract, 0.5, leave_out=("joints",))
    with pytest.raises(UserError, match=r"joint_states.*/taxels/fingertip"):
        aligned_episode(tmp_path / "bag", contract)


def test_broken_messages_are_counted_and_the_ones_before_them_are_taken(tmp_path: Path, contract: Contract) -> None:
    names, state = contract.joint_names, "sensor_msgs/msg/JointState"
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(100):
            stamp_ns = START_S * 10**9 + i * 10 * MS
            values = np.full(6, np.nan) if i % 10 == 0 and i else HOME
            message = bag.make.joint_state(names, values, np.zeros(6), stamp_ns=stamp_ns)
            bag.write("joint_states", state, message, stamp_ns)
            if i % 25 == 0:
                bag.write_raw("camera/front/image_raw", "sensor_msgs/msg/Image", b"\x00\x01\x00\x00cut", stamp_ns)
    episode = aligned_episode(tmp_path / "bag", contract)
    assert episode.refused == {"arm": 9, "front": 4}
    assert np.isfinite(episode.streams["arm"]).all()
    arms = list(episode.streams).index("arm")
    ages_ms = (episode.now_ns - episode.stamps_ns[:, arms]) // MS
    assert ages_ms.tolist() == [1] + [11] * 9


def test_a_controllers_command_is_the_reference_where_no_gate_was(tmp_path: Path, contract: Contract) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(60):
            stamp_ns = START_S * 10**9 + i * 20 * MS
            message = bag.make.joint_state(contract.joint_names, HOME, np.zeros(6), stamp_ns=stamp_ns)
            bag.write("joint_states", "sensor_msgs/msg/JointState", message, stamp_ns)
            if i == 25:
                ends = np.array([HOME, HOME + 0.1])
                sent = Trajectory(contract.joint_names, np.array([0.0, 0.2]), ends, np.zeros((2, 6)), stamp_ns)
                command = bag.make.trajectory(sent)
                bag.write(contract.deployment.command.topic, "trajectory_msgs/msg/JointTrajectory", command, stamp_ns)
    reference = aligned_episode(tmp_path / "bag", contract).reference
    assert np.isnan(reference[:5]).all()
    assert np.allclose(reference[6], HOME + 0.05, atol=0.005)  # half way
    assert np.allclose(reference[8:], HOME + 0.1)


def test_what_several_controllers_were_told_is_one_reference(tmp_path: Path, contract: Contract) -> None:
    """A hand with a controller of its own, that is told something now and then."""
    names, kind = contract.joint_names, "trajectory_msgs/msg/JointTrajectory"
    other = f"{{interface: joint_trajectory, topic: hand, joints: [{names[5]}]}}"
    text = re.sub(
        r"command: \{.*\}", f"command: {{interface: joint_trajectory, topic: arm, others: [{other}]}}", contract.text
    )
    split = contract_from_text(text, folder=contract.folder)
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(100):
            stamp_ns = START_S * 10**9 + i * 20 * MS
            state = bag.make.joint_state(names, HOME, np.zeros(6), stamp_ns=stamp_ns)
            bag.write("joint_states", "sensor_msgs/msg/JointState", state, stamp_ns)
            if i >= 25:
                goal = np.array([HOME[:5] + 0.001 * i])
                sent = Trajectory(names[:5], np.zeros(1), goal, np.zeros((1, 5)), stamp_ns)
                bag.write("arm", kind, bag.make.trajectory(sent), stamp_ns)
            if i == 75:
                sent = Trajectory(names[5:], np.zeros(1), np.array([[0.3]]), np.zeros((1, 1)), stamp_ns)
                bag.write("hand", kind, bag.make.trajectory(sent), stamp_ns)
    episode = aligned_episode(tmp_path / "bag", split)
    assert np.isnan(episode.reference[:5]).all()
    assert np.isfinite(episode.reference[6:]).all()
    assert np.allclose(np.diff(episode.reference[7:, :5], axis=0), 0.005, atol=1e-6)
    assert np.allclose(episode.reference[6:15, 5], HOME[5], atol=1e-6)  # nobody commanded it yet: where it is measured
    assert np.allclose(episode.reference[16:, 5], 0.3)
    assert np.abs(episode.applied[8:]).max(axis=1).min() > 1e-4


def test_a_plan_repeats_the_ticks_of_a_recording_with_the_stamps_they_saw(contract: Contract, arm_bag: Path) -> None:
    with BagReader(arm_bag) as bag:
        free = list(BagTicks(bag, contract))
        plan = [
            PlannedTick(
                tick.observation.now_ns + 7 * MS,
                {**tick.observation.stamps_ns, "arm": tick.observation.stamps_ns["arm"] - 10 * MS},
                {**tick.observation.fresh, "table_mic": False},  # a message of its window came too late for the brain
            )
            for tick in free[3:8]
        ]
        assert all(tick.observation.fresh["table_mic"] for tick in free[3:8])
        planned = list(BagTicks(bag, contract, plan))
    assert [tick.observation.now_ns for tick in planned] == [each.now_ns for each in plan]
    for tick, each in zip(planned, plan):
        assert tick.observation.stamps_ns == each.chosen_ns
        assert tick.observation.fresh == each.fresh
        assert "table_mic" not in tick.observation.values


class TestRecordedHumanoid:
    @pytest.fixture
    def contract(self) -> Contract:
        return load_contract("unitree_g1")

    def test_camera_and_joints_are_fresh_and_sound_and_touch_masked(self, recorded: Path, contract: Contract) -> None:
        episode = aligned_episode(recorded / "unitree_g1_bottle" / "g1_bottle_001.mcap", contract)
        assert len(episode) == 131  # 393 frames at 30 Hz, every third
        fresh = dict(zip(episode.streams, episode.fresh.T))
        assert fresh["head"].all()
        assert fresh["arms_and_hands"].all()
        assert not fresh["head_mic"].any()
        assert not fresh["right_palm_taxels"].any()
        ages_s = (episode.now_ns - episode.stamps_ns[:, 0]) * 1e-9
        assert ages_s.max() < 0.005  # in step with the ticks, whatever the rounding of stamps
        image = episode.streams["head"]
        assert image.shape == (131, 96, 96, 3)
        assert image.std() > 20
        assert episode.labels.shape == (131, 0, 7)
        assert np.abs(episode.applied).max() <= contract.interface.action.bounds[0]
        total = episode.reference[-1] - episode.reference[0]
        assert np.allclose(episode.applied.sum(axis=0), total, atol=1e-4)

    def test_an_episode_of_another_camera_size_is_masked_and_counted(self, recorded: Path, contract: Contract) -> None:
        episode = aligned_episode(recorded / "unitree_g1_bottle" / "g1_bottle_001_640x480.mcap", contract)
        assert not episode.fresh[:, 0].any()
        assert episode.refused["head"] > 100


KUKA = """
format: 1
name: kuka
interface:
  tick_hz: 20.0
  base_frame: base
  joints: [{names}]
  streams: [{{kind: joints, name: arm, joints: [{joints}], fields: [position, velocity, effort], rate_hz: 100.0}}]
  action: {{kind: joint_displacement, joints: [{joints}], bound: 0.1}}
deployment:
  streams: [{{name: arm, topic: {topic}, type: sensor_msgs/msg/JointState, max_age_s: 0.1, required: true}}]
"""


def test_a_ros_1_bag_of_another_robot_becomes_an_episode(recorded: Path) -> None:
    path = recorded / "kuka_lwr" / "test.bag"
    with BagReader(path) as bag:
        topic, _, _, message = next(each for each in bag.messages() if each[1] == "sensor_msgs/msg/JointState")
    joints = ", ".join(message.name)
    names = ", ".join(f"{{name: {name}}}" for name in message.name)
    contract = contract_from_text(KUKA.format(names=names, joints=joints, topic=topic))
    episode = aligned_episode(path, contract)
    assert len(episode) == pytest.approx(41 * 20, abs=20)
    assert episode.fresh.mean() > 0.99
    assert np.isfinite(episode.streams["arm"]).all()
    assert np.isnan(episode.reference).all()


def test_without_commands_in_the_bag_the_measured_motion_stands_for_them(contract: Contract, tmp_path: Path) -> None:
    """A robot that is driven by something that publishes no joint trajectory."""
    write_arm_bag(tmp_path / "driven", contract, leave_out=("applied",))
    text = contract.text.replace("deployment:\n", "deployment:\n  without_commands: measured\n")
    episode = aligned_episode(tmp_path / "driven", contract_from_text(text, folder=contract.folder))
    np.testing.assert_allclose(episode.reference, [positions(int(now)) for now in episode.now_ns], atol=2e-3)
    tips = np.array([ArmKinematics(contract).tip(q)[0][:2] for q in episode.reference])
    np.testing.assert_allclose(episode.applied[1:], np.diff(tips, axis=0), atol=1e-6)
    assert np.abs(episode.applied).max() > 1e-3
