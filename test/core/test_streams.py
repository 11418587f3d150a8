"""Streams: newest sample not after the tick, stale is missing, windows without gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from world_model_ros.core.streams import Observation, StreamRule, Streams

MS = 1_000_000


def camera_and_sound() -> Streams:
    return Streams([StreamRule("eye", 100 * MS, capacity=4), StreamRule("ear", 100 * MS, 64, window=6, rate_hz=1000.0)])


def block(first: int, rows: int = 4) -> np.ndarray:
    return np.arange(first, first + rows, dtype=np.float32)[:, None]


def test_a_tick_sees_the_newest_sample_that_is_not_from_its_future() -> None:
    streams = camera_and_sound()
    for stamp in (10, 20, 30):
        streams.push("eye", stamp * MS, np.array(stamp))
    seen = streams.observe(25 * MS)
    assert seen.values["eye"] == 20
    assert seen.stamps_ns["eye"] == 20 * MS
    assert seen.ages_s()["eye"] == pytest.approx(0.005)


def test_a_stale_stream_is_missing_but_its_age_is_known() -> None:
    streams = camera_and_sound()
    streams.push("eye", 0, np.array(1))
    assert streams.observe(100 * MS).fresh["eye"]
    late = streams.observe(100 * MS + 1)
    assert not late.fresh["eye"]
    assert "eye" not in late.values
    assert late.stamps_ns["eye"] == 0
    assert late.fresh["ear"] is False
    assert "ear" not in late.stamps_ns


def test_samples_out_of_order_are_dropped_and_said_to_be() -> None:
    streams = camera_and_sound()
    assert streams.push("eye", 10, np.array(1))
    assert not streams.push("eye", 10, np.array(2))
    assert not streams.push("eye", 9, np.array(3))
    assert streams.observe(10).values["eye"] == 1


def test_what_was_observed_cannot_be_changed() -> None:
    streams = camera_and_sound()
    streams.push("eye", 0, np.zeros(3))
    for start in (0, 4):
        streams.push("ear", start * MS, block(start))
    seen = streams.observe(8 * MS)
    for value in seen.values.values():
        with pytest.raises(ValueError, match="read-only"):
            value[...] = 1


def test_a_window_is_put_together_from_several_messages() -> None:
    streams = camera_and_sound()
    for start in (0, 4, 8):
        streams.push("ear", start * MS, block(start))
    assert streams.observe(12 * MS).values["ear"][:, 0].tolist() == [6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("starts", [(0, 9), (8,)])
def test_a_window_with_a_gap_or_too_short_is_missing(starts: tuple[int, ...]) -> None:
    streams = camera_and_sound()
    for start in starts:
        streams.push("ear", start * MS, block(start))
    assert not streams.observe(12 * MS).fresh["ear"]


def test_a_jitter_of_stamps_is_no_gap() -> None:
    streams = camera_and_sound()
    for start, jitter in ((0, 0), (4, 1), (8, -1)):
        streams.push("ear", start * MS + jitter * MS, block(start))
    assert streams.observe(12 * MS).fresh["ear"]


def test_a_replay_sees_only_what_the_recorded_tick_chose() -> None:
    streams = camera_and_sound()
    for stamp in (10, 20, 30):
        streams.push("eye", stamp * MS, np.array(stamp))
    assert streams.observe(35 * MS, {"eye": 20 * MS}).values["eye"] == 20
    assert not streams.observe(35 * MS, {}).fresh["eye"]


def test_a_flush_forgets_everything_and_lets_earlier_stamps_in() -> None:
    streams = camera_and_sound()
    streams.push("eye", 30 * MS, np.array(30))
    streams.flush()
    assert not streams.observe(40 * MS).stamps_ns
    assert streams.push("eye", 10 * MS, np.array(10))


def test_a_dropped_sample_gives_way_to_the_one_before() -> None:
    streams = camera_and_sound()
    for stamp in (10, 20):
        streams.push("eye", stamp * MS, np.array(stamp))
    streams.drop("eye", 20 * MS)
    assert streams.observe(30 * MS).values["eye"] == 10
    for stamp in range(30, 80, 10):
        streams.push("eye", stamp * MS, np.array(stamp))
    assert streams.observe(45 * MS).stamps_ns == {"eye": 40 * MS}  # the capacity is still 4


@given(
    st.lists(st.integers(0, 300), max_size=40),
    st.integers(0, 400),
    st.one_of(st.none(), st.integers(0, 300)),
)
def test_an_observation_is_what_a_plain_search_finds(stamps: list[int], now: int, chosen: int | None) -> None:
    streams = Streams([StreamRule("eye", 100, capacity=8)])
    kept: list[int] = []
    for stamp in stamps:
        accepted = streams.push("eye", stamp, np.array(stamp))
        assert accepted == (not kept or stamp > kept[-1])
        kept += [stamp] if accepted else []
    limit = now if chosen is None else min(now, chosen)
    past = [stamp for stamp in kept[-8:] if stamp <= limit]
    seen: Observation = streams.observe(now, None if chosen is None else {"eye": chosen})
    assert seen.stamps_ns == ({"eye": past[-1]} if past else {})
    assert seen.fresh["eye"] == bool(past and now - past[-1] <= 100)
