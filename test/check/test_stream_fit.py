"""What a running robot sends beside its contract: each difference is named with what to change."""

from __future__ import annotations

import numpy as np
import pytest
from depth_arm import depth_arm

from world_model_ros.check.robot_fit import fit_for
from world_model_ros.check.stream_fit import Finding, StreamFit, qos_findings, type_findings
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.field_types import Qos
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.convert.senses.converters import legal_types

CONTRACT = load_contract("tabletop_arm")
MAKE = MessageMaker(ros_class)
JOINTS = CONTRACT.joint_names
T0 = 1_700_000_000 * 10**9


def fit(name: str) -> StreamFit:
    return fit_for(CONTRACT.stream(name), CONTRACT.source(name))


def joints(stamp_ns: int, names=JOINTS, velocity=True):
    zeros = np.zeros(len(names))
    return MAKE.joint_state(names, zeros, zeros if velocity else (), stamp_ns=stamp_ns)


def image(stamp_ns: int, size=(128, 128), encoding="rgb8"):
    channels = () if encoding == "16UC1" else (3,)
    return MAKE.image(np.zeros((*size, *channels), np.uint16 if encoding == "16UC1" else np.uint8), encoding, stamp_ns)


def heard(name: str, make, count=30, rate_hz=100.0, age_s=0.01, stamps=None) -> dict[str, Finding]:
    found = fit(name)
    for i in range(count):
        now = T0 + round(i / rate_hz * 1e9)
        stamp = now - round(age_s * 1e9) if stamps is None else stamps(i)
        found.add(make(stamp), now)
    return {each.what: each for each in found.findings()}


def test_a_stream_as_promised_has_nothing_to_change():
    found = heard("arm", joints)
    assert [each.level for each in found.values()] == ["ok"] * 3
    assert found["rate"].found == "100.0 Hz"
    assert "p50 10.0 ms" in found["age"].found


def test_a_topic_that_is_silent_has_no_findings():
    assert fit("arm").findings() == []


@pytest.mark.parametrize(
    ("encoding", "size", "change"),
    [
        ("16UC1", (480, 640), "deployment.streams: above: source_shape: [480, 640]"),
        ("rgb8", (64, 96), "interface.streams: above: kind: camera, as rgb8 is colours"),
        ("8UC1", (64, 96), "the driver: publish depth, 16UC1 or 32FC1"),
    ],
)
def test_depth_that_cannot_be_read_names_the_key_to_change(encoding, size, change):
    contract = depth_arm()
    found = fit_for(contract.stream("above"), contract.source("above"))
    for i in range(30):
        now = T0 + round(i / 15 * 1e9)
        found.add(image(now, size, encoding), now)
    (content,) = (each for each in found.findings() if each.what == "content")
    assert content.level == "wrong"
    assert "30 of 30 refused" in content.found
    assert change in content.change


@pytest.mark.parametrize(
    ("name", "make", "change"),
    [
        ("front", lambda t: image(t, (480, 640)), "deployment.streams: front: source_shape: [480, 640]"),
        ("front", lambda t: image(t, encoding="16UC1"), "publish a colour encoding"),
        ("arm", lambda t: joints(t, (*JOINTS[:-1], "wrist_x")), "['wrist_3_joint'] are not sent"),
        ("arm", lambda t: joints(t, velocity=False), "interface.streams: arm: fields: [position]"),
        ("wrist_wrench", lambda t: MAKE.wrench(np.zeros(6), t, "tool0"), "frame: tool0"),
        ("fingertip_taxels", lambda t: MAKE.tensor(np.zeros((6, 5, 3), np.float32), t), "rows: 6, cols: 5"),
        ("table_mic", lambda t: MAKE.sound(np.zeros((160, 2)), t), "interface.streams: table_mic: channels: 2"),
        ("table_mic", lambda t: image(t), "16SC1"),
    ],
)
def test_a_message_that_cannot_be_read_names_the_key_to_change(name, make, change):
    found = heard(name, make)["content"]
    assert found.level == "wrong"
    assert "30 of 30 refused" in found.found
    assert change in found.change


@pytest.mark.parametrize(
    ("numbers", "change"),
    [
        ((6, 4), "as many numbers in velocity as there are names, or none"),
        ((7, 6), "as many numbers in position as there are names, or none"),
        ((0, 6), "positions; no other field stands for them"),
        ((0, 0), "positions; no other field stands for them"),
        ((6, 0), "leave velocity out, the driver sends none: interface.streams: arm: fields: [position]"),
    ],
)
def test_the_advice_for_missing_numbers_is_true_and_possible(numbers, change):
    """What is there in part is not none, and a stream of joints begins with positions."""

    def message(stamp_ns: int):
        made = joints(stamp_ns)
        made.position, made.velocity = (np.zeros(count).tolist() for count in numbers)
        return made

    assert change in heard("arm", message)["content"].change
    assert "fields: [velocity]" not in heard("arm", message)["content"].change


def test_errors_of_a_kind_are_one_whatever_number_they_tell():
    """Files that are cut off have another length each time: all of them are refused, not the three usual lengths."""
    sent = iter(range(1, 31))

    def message(stamp_ns: int):
        made = image(stamp_ns)
        made.step = next(sent)
        return made

    found = heard("front", message)["content"]
    assert found.found.startswith("30 of 30 refused: front: step: got 1; ")


def test_of_many_kinds_of_errors_the_rest_is_counted():
    found = fit("wrist_wrench")
    for i in range(30):
        felt = np.zeros(6)
        felt[i % 5] = np.nan
        found.add(MAKE.wrench(felt, T0 + i, "wrist_ft"), T0 + i)
    lines = [each.found for each in found.findings() if each.what == "content"]
    assert [line.split(":")[0] for line in lines] == [*3 * ["6 of 30 refused"], "12 of 30 refused, for other reasons"]


def test_other_joints_among_ours_in_any_order_are_fine():
    names = ("gripper", *JOINTS[::-1])
    assert heard("arm", lambda t: joints(t, names))["content"].level == "ok"


def test_another_rate_is_a_note_with_the_rate_that_was_heard():
    found = heard("arm", joints, rate_hz=50.0)["rate"]
    assert found.level == "note"
    assert "rate_hz: 50" in found.change


def test_a_stream_that_keeps_its_rate_at_times_was_held_up_and_the_contract_stays():
    """As a camera on a busy machine: every third message is lost, and a few more in a row."""
    found = fit("arm")
    for i in range(600):
        if i % 3 and i % 50 > 8:
            found.add(joints(T0 + i * 10**7), T0 + i * 10**7 + 10**6)
    told = {each.what: each for each in found.findings()}
    assert told["rate"].level == "note"
    assert told["rate"].found.endswith("Hz, at times 100")
    assert told["rate"].change.startswith("at times it keeps the contract's rate, so it was held up in this run")
    assert "only if it stays so, interface.streams: arm: rate_hz: 5" in told["rate"].change


@pytest.mark.parametrize("rate_hz", [50.0, 25.0])
def test_a_sensor_that_is_slower_throughout_was_not_held_up(rate_hz):
    found = heard("arm", joints, count=300, rate_hz=rate_hz)["rate"]
    assert found.change.startswith("interface.streams: arm: rate_hz")


def test_messages_that_come_in_bursts_tell_nothing_of_what_the_sensor_can_do():
    times = [T0 + i // 5 * 10**8 + i % 5 * 10**6 for i in range(300)]  # 50 a second, five at once
    found = fit("arm")
    for now in times:
        found.add(joints(now), now)
    (rate,) = (each for each in found.findings() if each.what == "rate")
    assert rate.change.startswith("interface.streams: arm: rate_hz: 5")


def test_sound_is_counted_in_samples():
    def sound(stamp):
        return MAKE.sound(np.zeros((160, 1)), stamp)

    assert heard("table_mic", sound)["rate"].found == "16000 samples/s"
    assert heard("table_mic", sound, rate_hz=300.0)["rate"].level == "wrong"


def test_two_messages_are_too_few_for_a_rate():
    assert heard("arm", joints, count=2)["rate"].level == "wrong"


def test_messages_older_than_the_contract_allows_are_wrong_and_say_which_age_would_do():
    found = heard("arm", joints, age_s=0.3)["age"]
    assert found.level == "wrong"
    assert "max_age_s: 0.38" in found.change


def test_a_gap_in_which_a_tick_would_find_nothing_fresh_is_noted():
    found = heard("arm", joints, rate_hz=4.0)["age"]
    assert found.level == "note"
    assert "260 ms when the next one comes" in found.found


def arrivals(*silences: tuple[int, float], count=300, rate_hz=100.0) -> list[int]:
    """Times in ns, with a silence of so many s before some of them."""
    return [T0 + round((i / rate_hz + sum(s for at, s in silences if i >= at)) * 1e9) for i in range(count)]


@pytest.mark.parametrize("silences", [[(150, 2.7)], [(1, 2.7)], [(299, 2.7)], [(100, 1.0), (200, 30.0)]])
def test_a_silence_is_a_gap_that_is_named_and_no_rate_and_no_age(silences):
    found = fit("table_mic")
    for now in arrivals(*silences):
        found.add(MAKE.sound(np.zeros((160, 1)), now), now)
    told = {each.what: each for each in found.findings()}
    assert told["rate"].found == "16000 samples/s"
    assert (told["rate"].level, told["age"].level) == ("ok", "ok")
    assert told["gaps"].level == "note"
    for at, long_s in silences:
        since_s = (at - 1) / 100 + sum(s for before, s in silences if before < at)
        assert f"{long_s + 0.01:.2f} s from {since_s:.2f} s on" in told["gaps"].found


def test_many_gaps_are_counted_and_the_longest_are_named():
    found = fit("arm")
    for now in arrivals(*((20 * i, 0.5 + 0.1 * i) for i in range(1, 11))):
        found.add(joints(now), now)
    (gaps,) = (each for each in found.findings() if each.what == "gaps")
    assert gaps.found.startswith("10 times nothing for over max_age_s 0.2, the longest: 1.31 s from ")
    assert found.rate_hz == pytest.approx(100.0)


def test_silences_at_the_ends_of_what_is_listened_to_count_too():
    found = fit("arm")
    for now in arrivals():
        found.add(joints(now), now)
    assert "gaps" not in {each.what for each in found.findings()}
    found.since_ns, found.until_ns = T0 - 3 * 10**9, T0 + 5 * 10**9
    (gaps,) = (each for each in found.findings() if each.what == "gaps")
    assert "3.00 s from -3.00 s on, 2.01 s from 2.99 s on" in gaps.found
    found.zero_ns = found.since_ns
    (gaps,) = (each for each in found.findings() if each.what == "gaps")
    assert "3.00 s from 0.00 s on, 2.01 s from 5.99 s on" in gaps.found


def test_messages_that_are_held_up_once_are_one_gap():
    found = fit("arm")
    for i in range(4000):
        found.add(joints(T0 + i * 10**7), T0 + max(i, 130 if 100 <= i < 130 else 0) * 10**7 + i)
    (gaps,) = (each for each in found.findings() if each.what == "gaps")
    assert gaps.found == "nothing for 0.31 s from 0.99 s on"


def test_messages_that_are_held_up_and_come_together_are_late_and_not_silent():
    """Thirty at a time, 0.3 s late: their stamps have no gap, and as many come as were sent."""
    found = fit("arm")
    for i in range(600):
        found.add(joints(T0 + i * 10**7), T0 + (i // 30 + 1) * 3 * 10**8 + i)
    told = {each.what: each for each in found.findings()}
    assert found.rate_hz == pytest.approx(100.0, rel=0.06)
    assert told["age"].level == "note"
    assert "max_age_s: 0.38" in told["age"].change
    assert "gaps" not in told


def test_what_the_contract_should_say_is_the_usual_and_not_the_worst():
    found = fit("arm")
    for i, now in enumerate(arrivals((150, 0.05), rate_hz=4.0)):
        found.add(joints(now - 10**7 - (i == 77) * 10**8), now)
    told = {each.what: each for each in found.findings()}
    assert told["age"].change.startswith("deployment.streams: arm: max_age_s: 0.32 ")


@pytest.mark.parametrize(
    ("age_s", "stamps", "change"),
    [
        (-0.4, None, "synchronise the clocks"),
        (0.0, lambda i: 0, "time of measurement"),
        (0.0, lambda i: round(i * 1e7) + 1, "--use-sim-time"),
        (0.0, lambda i: T0 + (i // 2) * 10**7, "newer stamp"),
    ],
)
def test_stamps_of_another_clock_or_of_none_are_told_apart(age_s, stamps, change):
    found = heard("arm", joints, age_s=age_s, stamps=stamps)["stamps"]
    assert found.level == "wrong"
    assert change in found.change


def test_qos_that_hears_nothing_says_what_to_ask_for():
    source = CONTRACT.source("front")
    wrong = qos_findings(source, [("best_effort", "volatile")])
    assert [each.level for each in wrong] == ["wrong"]
    assert "qos: {reliability: best_effort}" in wrong[0].change
    assert qos_findings(source, [("reliable", "volatile")])[0].level == "ok"
    latched = source.model_copy(update={"qos": Qos(durability="transient_local")})
    assert "durability: volatile" in qos_findings(latched, [("reliable", "volatile")])[0].change
    relaxed = source.model_copy(update={"qos": Qos(reliability="best_effort")})
    assert qos_findings(relaxed, [("best_effort", "volatile")])[0].level == "ok"


def test_another_type_is_offered_if_this_kind_of_stream_can_read_it():
    source, legal = CONTRACT.source("front"), legal_types("camera")
    compressed = type_findings(source, legal, ["sensor_msgs/msg/CompressedImage"])[0]
    assert compressed.change == "deployment.streams: front: type: sensor_msgs/msg/CompressedImage"
    cloud = type_findings(source, legal, ["sensor_msgs/msg/PointCloud2"])[0]
    assert "must publish one of" in cloud.change
