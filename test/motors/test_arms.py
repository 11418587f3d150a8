"""Two arms behind a gate: when they are ours, what they are told, and that nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from arms_body import ARMS, MAKE, MS, START_NS, Humanoid, World, contract, crc_bit_by_bit, words

from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.states import State
from world_model_ros.motors.arms import Arms, Times
from world_model_ros.motors.description import driven_by, load_motors
from world_model_ros.motors.messages import STATE, from_stream, to_stream
from world_model_ros.motors.share import ENDING_S, Phase

OURS = (*ARMS.values(), 29)
CONTRACT = contract()
MOST = CONTRACT.limits().velocity


def steps(world: World) -> np.ndarray:
    """What each message asks for in addition to the one before, (N, 14)."""
    return np.diff(np.array([wanted for _, _, wanted, _ in world.told]), axis=0)


def weights(world: World) -> np.ndarray:
    return np.array([weight for _, weight, _, _ in world.told])


def moving(world: World) -> World:
    """On its way to 0.4 rad from where it was armed, at speed."""
    home = world.body.arms().copy()
    world.armed().command = lambda time_s: home + 0.4
    world.until(lambda: np.abs(world.body.arms() - home).max() > 0.1)
    return world


def test_nothing_is_sent_before_the_gate_is_armed() -> None:
    world = World()
    world.run(1.0)
    assert world.arms.ready
    assert world.told == []


def test_it_begins_where_the_arms_are_and_with_no_weight() -> None:
    world = World()
    world.run(0.5)
    world.body.position[list(ARMS.values())] += 0.05  # they hang, and not where their own controller has them
    posture, world.body.posture = world.body.posture, world.body.position.copy()
    world.run(0.5)
    before = world.body.arms().copy()
    world.armed()
    _, weight, wanted, phase = world.told[0]
    assert (weight, phase) == (0.0, "taking")
    assert np.abs(wanted - before).max() < 1e-6
    assert np.abs(steps(world)).max() < 1e-6
    assert np.abs(world.body.arms() - before).max() < 1e-6
    assert posture is not world.body.posture


def test_the_weight_rises_over_the_stated_time_and_is_held() -> None:
    world = World(Times(take_s=1.0)).armed()
    rising = weights(world)
    assert np.all(np.diff(rising) >= 0.0)
    assert len(set(rising)) > 240
    assert np.diff(rising).max() == pytest.approx(0.004, abs=1e-5)
    assert world.told[-1][0] - world.told[0][0] == pytest.approx(1.0, abs=0.02)
    world.run(1.0)
    assert set(weights(world)[len(rising) :]) == {1.0}


def test_a_brain_that_commands_from_the_start_waits_until_the_arms_are_ours() -> None:
    world = World()
    world.run(0.5)
    home = world.body.arms().copy()
    world.command = lambda time_s: home + 0.3
    world.armed()
    assert np.abs(world.body.arms() - home).max() < 1e-6
    assert world.gate.state is State.TRACKING
    assert "paused" in world.gate.driver.words or world.arms.pace == 1.0
    world.run(3.0)
    assert world.gate.state is State.TRACKING  # and nothing has disagreed
    assert np.abs(world.body.arms() - home - 0.3).max() < 2e-3


def test_motions_arrive_smoothly_and_within_the_limits() -> None:
    world = moving(World())
    world.run(2.0)
    speed = np.abs(steps(world)) / 0.004
    assert speed.max() > 0.5
    assert np.all(speed <= 1.02 * MOST)


def test_arms_that_hang_below_their_command_are_driven_smoothly() -> None:
    world = World()
    world.body.sag = 0.1
    world.run(0.5)
    home = world.body.arms().copy()
    world.command = lambda time_s: home + 0.3
    world.armed()
    world.run(3.0)
    assert world.gate.state is State.TRACKING
    assert np.abs(world.body.arms() - home - 0.2).max() < 2e-3
    assert np.all(np.abs(steps(world)) / 0.004 <= 1.02 * MOST)


def test_arms_that_hang_too_far_disarm_the_gate_and_are_let_go() -> None:
    world = World()
    world.run(0.5)
    home = world.body.arms().copy()
    world.body.sag = 0.3
    world.until(lambda: world.gate.arm(world.now_ns) is None)
    world.until(lambda: world.arms.share.phase is Phase.RELEASING)
    assert world.gate.cause.value == "joint_states_disagree"
    world.run(3.0)
    assert world.body.weight == 0.0
    assert np.abs(world.body.arms() - home).max() < 1e-6
    assert np.abs(steps(world)).max() < 2e-3


def test_legs_waist_and_spare_motors_are_left_alone() -> None:
    world = moving(World())
    world.arms.release("a test")
    world.run(2.0)
    rows = words(world.body.streams)
    motors = rows[:, 1:246].reshape(len(rows), 35, 7)
    others = [motor for motor in range(35) if motor not in OURS]
    assert len(rows) > 500
    assert others[:12] == list(range(12))
    assert not motors[:, others].any()
    assert motors[:, list(ARMS.values())].any(axis=2).all()
    assert not motors[:, 29, [0, 2, 3, 4, 5, 6]].any()  # of the weight q alone


def test_a_gate_that_falls_silent_loses_the_arms_which_end_their_way_in_a_stop() -> None:
    world = moving(World(Times(silence_s=0.3, release_s=1.0)))
    world.gate_lives, gone_s, before = False, world.time_s, len(world.told)
    world.run(3.0)
    after = world.told[before:]
    full = [time_s for time_s, weight, _, _ in after if weight == 1.0]
    assert full[-1] - gone_s == pytest.approx(0.3, abs=0.03)
    none = [time_s for time_s, weight, _, _ in after if weight == 0.0]
    assert none[0] - full[-1] == pytest.approx(1.0, abs=0.03)
    assert none[-1] - none[0] == pytest.approx(ENDING_S, abs=0.03)  # then nothing at all
    assert np.all(np.diff(weights(world)[before:]) <= 0.0)
    assert np.diff(weights(world)[before:]).min() > -0.005
    kept = np.array([wanted for time_s, _, wanted, _ in after if time_s > none[0]])
    assert np.ptp(kept, axis=0).max() == 0.0
    assert np.all(np.abs(steps(world)) / 0.004 <= 1.02 * MOST)
    assert np.abs(world.body.arms() - world.body.arms(world.body.posture)).max() < 1e-6
    assert not world.arms.ready


def test_a_gate_that_comes_back_armed_has_to_be_armed_again() -> None:
    world = World(Times(silence_s=0.3)).armed()
    world.gate_lives = False
    world.run(2.0)
    sent = len(world.told)
    for _ in range(50):  # it was cut off and has not noticed
        world.arms.hear_gate(State.HOLDING, world.now_ns * 1e-9)
        world.run(0.01)
    assert world.arms.share.phase is Phase.LEFT
    assert not world.arms.ready
    assert len(world.told) == sent
    world.gate_lives = True
    world.until(lambda: world.gate.state is State.DISARMED)
    assert world.gate.cause.value in ("driver_not_ready", "clock_jump")
    world.armed()
    assert world.body.weight == 1.0


@pytest.mark.parametrize("end", ["disarm", "release", "motors", "start_anew"])
def test_the_arms_are_let_go_of_slowly(end: str) -> None:
    world = moving(World())
    if end == "disarm":
        assert world.gate.disarm(world.now_ns) is None
    elif end == "release":
        world.arms.release("told to")
    elif end == "motors":
        world.body_speaks = False
    else:
        world.gate = World().gate  # is disarmed
    begin = len(world.told)
    world.until(lambda: world.told[-1][1] == 0.0)
    falling = weights(world)[begin:]
    assert len(falling) > 200
    assert np.all(np.diff(falling) <= 0.0)
    assert np.diff(falling).min() > -0.005
    assert np.all(np.abs(steps(world)) / 0.004 <= 1.02 * MOST)
    world.run(1.0)
    assert np.abs(world.body.arms() - world.body.arms(world.body.posture)).max() < 1e-6


def test_who_told_it_to_let_go_is_obeyed_until_the_gate_was_disarmed() -> None:
    world = World().armed()
    world.arms.release("a person")
    world.run(0.5)
    assert world.arms.share.why == "a person"
    world.run(2.5)
    assert world.body.weight == 0.0
    assert (world.gate.state, world.gate.cause.value) == (State.DISARMED, "driver_not_ready")
    world.armed()
    assert world.body.weight == 1.0


def test_a_gate_that_is_stopped_keeps_the_arms_where_they_are() -> None:
    world = moving(World())
    world.gate.stop(world.now_ns)
    world.run(1.0)
    stood = world.body.arms().copy()
    world.run(2.0)
    assert world.body.weight == 1.0
    assert np.abs(world.body.arms() - stood).max() < 1e-6
    assert world.gate.reset(world.now_ns) is None
    world.run(2.0)
    assert world.body.weight == 0.0


def test_a_stopped_gate_is_not_given_the_arms() -> None:
    world = World()
    world.run(1.0)
    world.gate.stop(world.now_ns)
    world.run(1.0)
    assert world.told == []


def test_one_that_starts_next_to_an_armed_gate_has_it_disarmed_first() -> None:
    world = World().armed()
    fresh = Arms(
        driven_by(CONTRACT, load_motors("unitree_g1")), load_motors("unitree_g1"), CONTRACT.limits(), 250.0, Times()
    )
    world.arms, sent = fresh, len(world.told)
    world.run(0.2)
    assert len(world.told) == sent
    world.until(lambda: world.gate.state is State.DISARMED)
    assert world.gate.cause.value == "driver_not_ready"


def alone(rate_hz: float = 250.0) -> tuple[Arms, Humanoid]:
    motors = load_motors("unitree_g1")
    return Arms(driven_by(CONTRACT, motors), motors, CONTRACT.limits(), rate_hz, Times(take_s=0.5)), Humanoid()


def test_ten_thousand_messages_on_the_way_have_the_right_checksum_and_machine() -> None:
    arms, body = alone(500.0)
    rng, streams = np.random.default_rng(3), []
    for step in range(10_400):
        now_ns = START_NS + step * 2 * MS
        now_s = now_ns * 1e-9
        if step % 10 == 0:
            arms.hear_motors(from_stream(body.state(), STATE), now_s)
            arms.hear_gate(State.DISARMED if step < 150 else State.TRACKING, now_s)
        if step % 50 == 0 and step > 500:
            goal = rng.uniform(-0.5, 0.5, (1, 14))
            sent = Trajectory(CONTRACT.joint_names, np.array([0.3]), goal, 0.0 * goal, now_ns)
            arms.hear_trajectory(0, MAKE.trajectory(sent), now_ns)
        message = arms.step(now_ns, now_s)
        if message is not None:
            streams.append(to_stream(message))
    rows = words(streams)
    assert len(rows) > 10_000
    assert np.array_equal(crc_bit_by_bit(rows[:, :-1]), rows[:, -1])
    assert {stream[5] for stream in streams} == {5}


def test_a_process_that_was_held_up_catches_up_at_the_speed_of_the_joints() -> None:
    arms, body = alone()
    goal, last, most = np.full((1, 14), 0.4), None, 0.0
    for step in range(1000):
        now_ns = START_NS + step * 4 * MS + (400 * MS if step > 700 else 0)
        arms.hear_motors(from_stream(body.state(), STATE), now_ns * 1e-9)
        arms.hear_gate(State.DISARMED if step < 100 else State.TRACKING, now_ns * 1e-9)
        if step == 690:
            sent = Trajectory(CONTRACT.joint_names, np.array([0.4]), goal, 0.0 * goal, now_ns)
            arms.hear_trajectory(0, MAKE.trajectory(sent), now_ns)
        message = arms.step(now_ns, now_ns * 1e-9)
        if message is not None:
            q = message["motor_cmd"]["q"][0, list(ARMS.values())]
            most, last = max(most, 0.0 if last is None else float(np.abs((q - last) / MOST).max())), q
    assert last is not None
    assert np.abs(last - 0.4).max() < 1e-5
    assert 0.01 < most <= 0.0221  # of the way of a second, in 20 ms at most


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda message: message.joint_names.__setitem__(3, "left_knee_joint"), "joint_names"),
        (lambda message: message.joint_names.pop(), "joint_names"),
        (lambda message: message.points[0].positions.__setitem__(2, np.nan), "positions"),
        (lambda message: message.points[0].accelerations.append(0.0), "accelerations"),
        (lambda message: message.points.clear(), "points"),
    ],
)
def test_a_trajectory_that_does_not_fit_is_refused_by_its_field_and_moves_nothing(change, field: str) -> None:
    world = World().armed()
    home = world.body.arms().copy()
    rows = np.repeat(home[None] + 0.3, 1, axis=0)
    sent = Trajectory(world.names, np.array([0.5]), rows, 0.0 * rows, world.now_ns, 0.0 * rows)
    message = MAKE.trajectory(sent)
    message.joint_names, message.points = list(message.joint_names), list(message.points)
    change(message)
    with pytest.raises(UserError, match=field) as error:
        world.arms.hear_trajectory(0, message, world.now_ns, "arms/joint_trajectory")
    assert error.value.field.startswith("arms/joint_trajectory")
    world.run(1.0)
    assert np.abs(world.body.arms() - home).max() < 1e-6


def test_a_motor_that_measures_no_number_is_refused_by_its_joint() -> None:
    arms, body = alone()
    body.position[18] = np.nan
    with pytest.raises(UserError, match="left_elbow_joint"):
        arms.hear_motors(from_stream(body.state(), STATE), 0.0)
    body.position[:] = 0.0
    body.position[2] = np.nan  # a leg's, which is none of ours
    arms.hear_motors(from_stream(body.state(), STATE), 0.0)
