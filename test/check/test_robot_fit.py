"""The findings that a live check and a check of a bag share."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from split_joints import split_contract

from world_model_ros.check.robot_fit import RobotFit, notes, report_lines
from world_model_ros.check.stream_fit import OUR_CLOCK, Finding
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.senses.joints import OtherJoints
from world_model_ros.core.trajectory import LIMIT_TOLERANCE
from world_model_ros.gate.conditions.arming import Measured, refuse_place

CONTRACT = load_contract("tabletop_arm")
MAKE = MessageMaker(ros_class)
JOINTS = CONTRACT.joint_names
REST = np.array([-0.3, -1.5, 2.1, -2.2, -1.5, -1.8])
T0 = 1_700_000_000 * 10**9


def joints(stamp_ns: int, position=REST, names=JOINTS, frame: str = ""):
    message = MAKE.joint_state(names, position, np.zeros(len(names)), stamp_ns=stamp_ns)
    message.header.frame_id = frame
    return message


def findings(fit: RobotFit, name: str, what: str):
    return [each for each in fit.streams[name].findings() if each.what == what]


def test_messages_of_other_joints_on_a_shared_topic_are_no_fault():
    contract = split_contract()
    fit = RobotFit(contract)
    for i in range(50):
        for half in (slice(0, 5), slice(5, 6)):
            for name in ("arm", "hand"):
                frame = str(half.start)
                fit.add(name, joints(T0 + i * 10**7, REST[half], JOINTS[half], frame), T0 + i * 10**7)
    for name in ("arm", "hand"):
        assert fit.streams[name].messages == fit.streams[name].others == 50
        assert [each.level for each in fit.streams[name].findings()] == ["ok"] * 3
    with pytest.raises(OtherJoints):
        converter_for(contract.stream("hand"), contract.source("hand"))(joints(T0, REST[:5], JOINTS[:5]))


def test_a_topic_with_other_joints_only_says_which_ones_it_has():
    fit = RobotFit(CONTRACT)
    for i in range(5):
        fit.add("arm", joints(T0 + i, np.zeros(2), ("wheel_left", "wheel_right")), T0)
    (found,) = fit.streams["arm"].findings()
    assert found.level == "wrong"
    assert "wheel_left" in found.found


def test_joints_that_never_come_together_ask_for_a_stream_a_part():
    fit = RobotFit(CONTRACT)
    for i in range(20):
        for half in (slice(0, 4), slice(4, 6)):
            fit.add("arm", joints(T0 + i * 10**7, REST[half], JOINTS[half]), T0 + i * 10**7)
    (found,) = findings(fit, "arm", "content")
    assert "[shoulder_pan_joint, shoulder_lift_joint, elbow_joint, wrist_1_joint]" in found.change
    assert "[wrist_2_joint, wrist_3_joint]" in found.change


@pytest.mark.parametrize(
    ("others", "frames"),
    [
        ([REST[:4], REST[4:]], ("", "")),  # in parts
        ([REST, np.zeros(6)], ("", "")),  # one sends zeros
        ([REST, REST], ("left", "right")),
    ],
)
def test_the_rate_of_two_publishers_together_is_no_rate_for_the_contract(others, frames):
    fit = RobotFit(CONTRACT)
    for i in range(100):
        for k, position in enumerate(others):
            now, names = T0 + i * 10**7 + k * 4 * 10**6, JOINTS if len(position) == 6 else [JOINTS[:4], JOINTS[4:]][k]
            fit.add("arm", joints(now, position, names, frames[k]), now)
    (rate,) = findings(fit, "arm", "rate")
    assert rate.level == "ok"
    assert rate.found.startswith("20")
    assert not rate.change


def test_positions_that_jump_there_and_back_are_two_publishers():
    fit = RobotFit(CONTRACT)
    for i in range(100):
        fit.add("arm", joints(T0 + i * 10**7, REST), T0 + i * 10**7)
        if i % 10 == 5:  # the other one is slower
            fit.add("arm", joints(T0 + i * 10**7 + 3_000_000, np.zeros(6)), T0 + i * 10**7 + 3_000_000)
    (found,) = findings(fit, "arm", "publishers")
    assert found.level == "note"
    assert "two publishers" in found.found


def test_a_fast_swing_seen_seldom_is_one_publisher():
    fit = RobotFit(CONTRACT)
    for i in range(200):
        fit.add("arm", joints(T0 + i * 10**8, REST + 0.8 * np.sin(0.5 * i + np.arange(6))), T0 + i * 10**8)
    assert not findings(fit, "arm", "publishers")


def test_frames_of_two_senders_are_two_publishers():
    fit = RobotFit(CONTRACT)
    for i in range(10):
        fit.add("arm", joints(T0 + i * 10**7, frame=("left", "right")[i % 2]), T0 + i * 10**7)
    (found,) = findings(fit, "arm", "publishers")
    assert "5 of 'left', 5 of 'right'" in found.found


def test_one_stamp_far_ahead_spoils_nothing_but_itself():
    fit = RobotFit(CONTRACT)
    for i in range(50):
        now = T0 + i * 10**7
        fit.add("arm", joints(now + 7_000_000_000 * (i == 20)), now)
    (found,) = findings(fit, "arm", "stamps")
    assert (found.level, found.found) == ("note", "1 of 50 too far ahead of our clock, by up to 7.000 s")
    assert findings(fit, "arm", "age")[0].level == "ok"


def test_a_pause_of_the_robot_and_single_wrong_stamps_say_nothing_of_the_rest():
    fit = RobotFit(CONTRACT)
    for i in range(60):
        now = T0 + i * 10**7 + 10**18 * (i >= 30)
        stamp = {10: 0, 11: 0, 12: now - 10**12}.get(i, now - 10**6)
        fit.add("arm", joints(stamp), now)
    assert [each.found for each in findings(fit, "arm", "stamps")] == [
        "2 of 60 are 0",
        "1 of 60 over a minute behind our clock",
        "1 of 60 not newer than the one before",
    ]
    (age,) = findings(fit, "arm", "age")
    assert age.level == "ok"
    assert "p50 1.0 ms, at most 1.0 ms" in age.found
    assert findings(fit, "arm", "rate")[0].level == "ok"


def test_degrees_are_outside_of_the_limits_and_every_reader_says_so():
    fit = RobotFit(CONTRACT)
    for i in range(5):
        fit.add("arm", joints(T0 + i * 10**7, np.rad2deg(REST)), T0 + i * 10**7)
    report = fit.report(1.0, [fit.topic("arm", "/joint_states", [])], [])
    assert not report["fits"]
    words = "elbow_joint was at 120.3, limits -2.9 to 2.9"
    assert any(words in line for line in report_lines(report))
    assert any(words in line and "degrees" in line for line in notes(report))


def test_an_arrow_stands_under_what_does_not_fit_alone():
    fit, wrench = RobotFit(CONTRACT), MAKE.wrench
    for i in range(50):
        fit.add("wrist_wrench", wrench(np.zeros(6), T0 + i * 10**8, "wrist_ft"), T0 + i * 10**8)  # 10 Hz, a note
    topic = fit.topic("wrist_wrench", "/wrench", [])
    (first, note, *_) = report_lines(fit.report(5.0, [topic], []))
    assert first.endswith(", fits")
    advice = "interface.streams: wrist_wrench: rate_hz: 10 (the contract says 100), or the driver"
    assert note == f"    note: rate: 10.0 Hz; {advice}"
    wrong = Finding("type", "a; the contract says b", "type: a", "wrong")
    (first, *lines) = report_lines(fit.report(5.0, [fit.topic("wrist_wrench", "/wrench", [wrong])], []))
    assert first.endswith("does not fit")
    assert lines[:2] == ["    type: a; the contract says b", "        -> type: a"]


def test_one_cause_of_many_streams_is_one_line_with_their_names():
    fit = RobotFit(CONTRACT)
    sent = {
        "arm": lambda stamp: joints(stamp),
        "wrist_wrench": lambda stamp: MAKE.wrench(np.zeros(6), stamp, "wrist_ft"),
        "fingertip_taxels": lambda stamp: MAKE.tensor(np.zeros((4, 8, 3), np.float32), stamp),
    }
    for name, make in sent.items():
        for i in range(50):
            fit.add(name, make(T0 + i * 10**7 - 990 * 10**9), T0 + i * 10**7)
    report = fit.report(0.5, [fit.topic(name, f"/{name}", []) for name in sent], [])
    assert sum(each["what"] == "stamps" for topic in report["topics"] for each in topic["findings"]) == 3
    told = [line for line in report_lines(report) if "behind" in line]
    assert told == ["stamps of arm, wrist_wrench, fingertip_taxels: 990 s behind our clock"]
    (note,) = (line for line in notes(report) if "behind" in line)
    assert note.startswith("arm, wrist_wrench, fingertip_taxels: stamps: 990 s behind our clock -> the driver")


def test_what_was_found_of_streams_in_other_numbers_stays_theirs():
    fit = RobotFit(CONTRACT)
    for i in range(50):
        fit.add("arm", joints(T0 + i * 10**7 - 990 * 10**9), T0 + i * 10**7)
        fit.add("wrist_wrench", MAKE.wrench(np.zeros(6), T0 + i * 10**7 - 80 * 10**9, "wrist_ft"), T0 + i * 10**7)
    lines = report_lines(fit.report(0.5, [fit.topic(name, name, []) for name in ("arm", "wrist_wrench")], []))
    assert [line for line in lines if "behind" in line] == [
        "    stamps: 990 s behind our clock",
        "    stamps: 80 s behind our clock",
    ]


def test_joints_in_degrees_are_one_cause():
    fit = RobotFit(CONTRACT)
    fit.add("arm", joints(T0, np.rad2deg(REST)), T0)
    report = fit.report(1.0, [fit.topic("arm", "/joint_states", [])], [])
    assert len(report["joints"]) == 6
    (line,) = (line for line in report_lines(report) if line.startswith("limits: "))
    assert all(f"{name} was at" in line for name in JOINTS[1:])
    assert sum("degrees" in line for line in report_lines(report)) == 1


def test_ages_of_very_many_messages_are_kept_in_little():
    fit = RobotFit(CONTRACT)
    for i in range(50_000):
        fit.streams["wrist_wrench"].arrived(T0 + i * 10**6 - (5_000_000 if i % 2 else 1_000_000), T0 + i * 10**6)
    ages = fit.streams["wrist_wrench"].ages_s
    assert len(ages) <= 20_000
    assert fit.streams["wrist_wrench"].rate_hz == pytest.approx(1000.0)
    assert fit.streams["wrist_wrench"].times.worst_s == pytest.approx(0.005)


def test_sound_of_which_nothing_can_be_read_has_no_rate():
    fit = RobotFit(CONTRACT)
    for i in range(20):
        fit.add("table_mic", MAKE.sound(np.zeros((160, 2)), T0 + i * 10**7), T0 + i * 10**7)
    assert not findings(fit, "table_mic", "rate")


def test_a_message_of_another_kind_altogether_is_named_not_raised():
    fit = RobotFit(CONTRACT)
    empty = SimpleNamespace(
        header=joints(T0).header, name=[], position=np.zeros(0), velocity=np.zeros(0), effort=np.zeros(0)
    )
    fit.add("arm", empty, T0)
    assert findings(fit, "arm", "content")[0].level == "wrong"


@pytest.mark.parametrize(
    ("beyond", "fits"),
    [(1e-6, True), (LIMIT_TOLERANCE, True), (2e-3, False)],
)
@pytest.mark.parametrize("end", ["lower", "upper"])
def test_a_joint_that_rests_at_its_limit_fits_as_far_as_the_gate_lets_it(end, beyond, fits):
    """An encoder reads a micrometre past the end; the live check asks for no more than what arming asks for."""
    fit, limits = RobotFit(CONTRACT), CONTRACT.limits()
    place = REST.copy()
    place[2] = limits.upper[2] + beyond if end == "upper" else limits.lower[2] - beyond
    fit.add("arm", joints(T0, place), T0)
    found = fit.outside()
    assert (not found) == fits
    measured = Measured(T0, place, np.zeros(6))
    assert (refuse_place(measured, limits) is None) == fits
    if found:
        assert f"{JOINTS[2]} was at" in found[0].found
        assert "0.002 beyond" in found[0].found
        assert "degrees" not in found[0].change


def test_degrees_are_named_where_no_radians_can_be_meant():
    fit = RobotFit(CONTRACT)
    fit.add("arm", joints(T0, np.degrees(REST)), T0)
    assert all("the driver sends degrees" in each.change for each in fit.outside())


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"velocity": np.full(6, np.nan)}, "leave velocity out, the driver sends nan"),
        ({"velocity": np.r_[np.zeros(5), np.nan]}, "interface.streams: arm: fields: [position]"),
        ({"velocity": np.r_[np.inf, np.zeros(5)]}, "leave velocity out"),
        ({"velocity": np.zeros(0)}, "leave velocity out, the driver sends none"),
        ({"position": np.r_[np.nan, REST[1:]]}, "the driver: positions that are not finite"),
    ],
)
def test_numbers_that_are_none_are_left_out_by_their_field(change, advice):
    fit = RobotFit(CONTRACT)
    for i in range(5):
        message = joints(T0 + i * 10**7)
        for field, values in change.items():
            setattr(message, field, list(map(float, values)))
        fit.add("arm", message, T0 + i * 10**7)
    (found,) = findings(fit, "arm", "content")
    assert found.level == "wrong"
    assert advice in found.change
    assert next(iter(change)) in found.found  # the field, not the joint alone


def test_other_joints_may_be_nan_and_ours_may_not():
    fit = RobotFit(CONTRACT)
    message = joints(T0, np.r_[REST, np.nan], (*JOINTS, "finger"))
    fit.add("arm", message, T0)
    assert findings(fit, "arm", "content")[0].level == "ok"


def test_a_force_or_a_pad_that_is_no_number_is_the_drivers_business():
    fit = RobotFit(CONTRACT)
    fit.add("wrist_wrench", MAKE.wrench(np.r_[np.nan, np.zeros(5)], T0, "wrist_ft"), T0)
    assert "forces and torques that are not finite" in findings(fit, "wrist_wrench", "content")[0].change
    fit.add("fingertip_taxels", MAKE.tensor(np.full((4, 8, 3), np.nan, np.float32), T0), T0)
    assert "forces that are not finite" in findings(fit, "fingertip_taxels", "content")[0].change


def test_another_publisher_of_other_joints_beside_ours_is_no_misfit():
    """A gripper's driver on the arm's topic: neither its messages nor its rate count."""
    fit = RobotFit(CONTRACT)
    for i in range(60):
        fit.add("arm", joints(T0 + i * 10**7), T0 + i * 10**7)
        fit.add("arm", joints(T0 + i * 10**7, np.zeros(1), ("finger_joint",)), T0 + i * 10**7 + 10**6)
    assert [each.level for each in fit.streams["arm"].findings()] == ["ok"] * 3
    assert fit.streams["arm"].rate_hz == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("required", "messages", "verdict"),
    [(False, 0, "silent, which it may be: it is not required"), (True, 0, "does not fit"), (False, 3, "fits")],
)
def test_a_stream_of_which_nothing_came_is_not_said_to_fit(required: bool, messages: int, verdict: str):
    fit = RobotFit(CONTRACT)
    for i in range(messages):
        fit.add("wrist_wrench", MAKE.wrench(np.zeros(6), T0 + i * 10**7, "wrist_ft"), T0 + i * 10**7)
    missing = [] if messages else [Finding("publishers", "nobody", "start it", "wrong" if required else "note")]
    topic = fit.topic("wrist_wrench", "/wrench", missing)
    (first, *_) = report_lines(fit.report(1.0, [topic], []))
    assert first.startswith("/wrench (wrist_wrench):")
    assert first.endswith(verdict)


@pytest.mark.parametrize(("at", "said"), [(np.inf, []), (np.nan, []), (1e30, [False]), (-200.0, [True])])
def test_a_position_that_is_no_angle_is_not_taken_for_degrees(at, said):
    fit = RobotFit(CONTRACT)
    for i in range(10):
        fit.add("arm", joints(T0 + i * 10**7, np.where((np.arange(6) == 2) & (i == 4), at, REST)), T0 + i * 10**7)
    assert ["degrees" in each.change for each in fit.outside()] == said


def late(*delays_s: float) -> RobotFit:
    """Joints, wrench and taxels of 3 s, each of which comes that much later than its stamps say."""
    fit, zeros = RobotFit(CONTRACT), np.zeros(6)
    for i in range(300):
        stamp = T0 + i * 10**7
        for name, delay_s in zip(("arm", "wrist_wrench", "fingertip_taxels"), delays_s):
            now = stamp + round(delay_s * 1e9)
            if name == "arm":
                fit.add(name, joints(stamp), now)
            elif name == "wrist_wrench":
                fit.add(name, MAKE.wrench(zeros, stamp, CONTRACT.stream(name).frame), now)
            else:
                fit.streams[name].arrived(stamp, now)
    return fit


def report(fit: RobotFit) -> dict:
    topics = [fit.topic(each.name, each.topic, []) for each in CONTRACT.deployment.streams]
    return fit.report(3.0, topics, [])


def test_streams_that_are_all_late_have_one_cause_and_no_advice_for_each():
    result = report(late(2.0, 2.0, 1.9))
    lines = report_lines(result)
    assert not result["fits"]
    assert not any("max_age_s" in line for line in lines)
    (line,) = (line for line in lines if "late together" in line)
    assert line == "age: all 3 streams were late together, by up to 2.0 s"
    assert any("the recorder or the machine was late" in line for line in lines)


def test_one_stream_that_is_late_is_its_own_affair_and_joint_states_of_over_a_second_are_never_advised():
    result = report(late(2.0, 0.0, 0.0))
    lines = " ".join(report_lines(result))
    assert "late together" not in lines
    assert "leave max_age_s: nothing is to be moved by what is over 1 s old" in lines
    assert "max_age_s: 2" not in lines
    assert "deployment.streams: wrist_wrench: max_age_s: 2.4" in " ".join(report_lines(report(late(0.0, 2.0, 0.0))))


def held_up(fit: RobotFit, seconds: int, lost: bool) -> None:
    """Joint states, of which some are lost where ``lost``, and a wrench that a busy machine delivers late now and then:
    every half second nothing comes for 0.25 s, and then all of it."""
    for i in range(100 * seconds):
        stamp = T0 + i * 10**7
        if not lost or (i % 3 and i % 50 > 8):
            fit.add("arm", joints(stamp), stamp + 10**6)
        late = max(0, 25 - i % 50) * 10**7
        fit.add("wrist_wrench", MAKE.wrench(np.zeros(6), stamp, "wrist_ft"), stamp + late + 10**6)


def test_a_run_is_held_up_as_a_whole():
    fit, free = RobotFit(CONTRACT), RobotFit(CONTRACT)
    held_up(fit, 6, lost=True)
    held_up(free, 6, lost=False)
    (rate,) = (each for each in fit.findings("arm") if each.what == "rate")
    assert rate.change.startswith("at times it keeps the contract's rate, so it was held up in this run")
    (age,) = (each for each in fit.findings("wrist_wrench") if each.what == "age")
    assert age.level == "note"
    assert age.change.startswith("arm was held up in this run, as by a busy machine: first try again with nothing else")
    assert "only if it stays so, deployment.streams: wrist_wrench: max_age_s: 0.3" in age.change
    (age,) = (each for each in free.findings("wrist_wrench") if each.what == "age")
    assert age.change.startswith("deployment.streams: wrist_wrench: max_age_s: 0.3"), "nothing says that it was the run"


@pytest.mark.parametrize(
    ("rate_hz", "clock", "level"),
    [
        (10, "the bag's clock", "ok"),
        (10, OUR_CLOCK, "note"),
        (5, "the bag's clock", "note"),
        (16, "the bag's clock", "note"),
    ],
)
def test_a_bag_with_one_picture_a_tick_is_no_slow_camera(rate_hz: int, clock: str, level: str):
    fit, picture = RobotFit(CONTRACT, clock), np.zeros((128, 128, 3), np.uint8)
    for i in range(5 * rate_hz):
        stamp = T0 + i * 10**9 // rate_hz
        fit.add("front", MAKE.image(picture, "rgb8", stamp), stamp + 2 * 10**7)
    (rate,) = (each for each in fit.findings("front") if each.what == "rate")
    assert rate.level == level, rate


def test_a_camera_that_was_held_up_to_one_picture_a_tick_is_told_of():
    fit, picture = RobotFit(CONTRACT, "the bag's clock"), np.zeros((128, 128, 3), np.uint8)
    for i in range(300):
        if i % 8 < 3:
            stamp = T0 + i * 10**9 // 30
            fit.add("front", MAKE.image(picture, "rgb8", stamp), stamp + 2 * 10**7)
    (rate,) = (each for each in fit.findings("front") if each.what == "rate")
    assert rate.level == "note"
    assert "held up in this run" in rate.change
