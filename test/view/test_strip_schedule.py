"""The live strip is imagined first and filled by reality; the kept strip is the one in which most happened."""

import numpy as np
import pytest
from decode_bundle import HORIZON, STATE, write_decode_bundle

from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import load_contract
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.pictures.strip import Badge
from world_model_ros.view.strip_schedule import Story
from world_model_ros.view.timeline import Imagination, Timeline

CONTRACT = load_contract("tabletop_arm")
TICK_NS = CONTRACT.tick_ns


@pytest.fixture(scope="module")
def decoder(tmp_path_factory) -> FrameDecoder:
    folder = write_decode_bundle(tmp_path_factory.mktemp("models") / "brightness", CONTRACT)
    return FrameDecoder(load_bundle(folder, CONTRACT), "cpu")


def frame(level: int) -> np.ndarray:
    return np.full((64, 64, 3), level, np.uint8)


def states(per_tick: float) -> np.ndarray:
    """Imagines that the picture gets brighter by ``per_tick`` each tick."""
    values = np.zeros((HORIZON, STATE), np.float32)
    values[:, 0] = per_tick * np.arange(1, HORIZON + 1)
    return values


def levels(frames) -> list:
    return [None if each is None else int(each[0, 0, 0]) for each in frames]


def test_more_states_than_the_graph_takes_at_once_are_decoded_in_order(decoder):
    assert levels(decoder.frames(states(1), frame(100))) == list(range(101, 113))
    assert levels(decoder.frames(states(1)[:1], frame(100))) == [101]


def test_one_imagination_stays_until_reality_has_filled_it(decoder):
    timeline = Timeline(TICK_NS, (3, 6))
    story = Story(timeline, decoder, 0.1)
    assert story.live(0, Badge()) is None
    seen = []
    for tick in range(12):
        timeline.saw(tick * TICK_NS, frame(100 + 2 * tick))
        timeline.imagined(Imagination(tick * TICK_NS, states(2)))
        if tick % 3 == 0:
            seen.append(story.live(tick * TICK_NS, Badge(gate="tracking")))
    assert [levels([strip.now])[0] for strip in seen] == [100, 100, 100, 118]
    assert [levels(strip.imagined) for strip in seen] == [[106, 112]] * 3 + [[124, 130]]
    assert [levels(strip.real) for strip in seen] == [[None, None], [106, None], [106, 112], [None, None]]
    assert seen[2].seconds == pytest.approx((0.3, 0.6))
    assert [strip.come_s for strip in seen] == pytest.approx([0, 0.3, 0.6, 0])
    assert [strip.badge.age_s for strip in seen] == pytest.approx([0, 0.3, 0.6, 0])


def test_a_strip_is_kept_only_if_clearly_more_happened(decoder):
    timeline = Timeline(TICK_NS, (1, 2))
    story = Story(timeline, decoder, 0.1)
    kept, level = [], 0
    # how much really happens each tick; 1 to 2 happens again and again, but only a clear gain is worth a picture
    for tick, change in enumerate([1, 1, 0, 5, 5, 0, 0, 5, 5, 0, 0, 9, 9, 0]):
        level += change
        timeline.saw(tick * TICK_NS, frame(level))
        timeline.imagined(Imagination(tick * TICK_NS, states(0)))
        strip = story.better()
        if strip is not None:
            kept.append(strip)
    first_difference = [levels(strip.real)[1] - levels([strip.now])[0] for strip in kept]
    assert first_difference == sorted(first_difference)
    assert first_difference[-1] == 18
    assert first_difference.count(10) == 1
    assert all(None not in levels(strip.real) for strip in kept)


def test_a_clock_that_is_set_back_does_not_freeze_the_picture(decoder):
    timeline = Timeline(TICK_NS, (3,))
    story = Story(timeline, decoder, 0.1)
    timeline.saw(500 * TICK_NS, frame(10))
    timeline.imagined(Imagination(500 * TICK_NS, states(1)))
    assert levels([story.live(500 * TICK_NS, Badge()).now]) == [10]
    timeline.saw(0, frame(90))
    timeline.imagined(Imagination(0, states(1)))
    assert levels([story.live(0, Badge()).now]) == [90]
