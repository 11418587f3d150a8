"""The synthesised contact sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from world_model_ros.sim.sound import ContactSound


def loudness(impulse_n: float, scrape_w: float, blocks: int = 5) -> float:
    sound = ContactSound(16000.0, 0.002)
    random = np.random.default_rng(0)
    impulses = np.zeros((blocks, 10))
    impulses[0, 3] = impulse_n
    parts = [sound.block(row, np.full(10, scrape_w), random.standard_normal((2, 320))) for row in impulses]
    return float(np.sqrt(np.mean((np.concatenate(parts) / 32767.0) ** 2)))


def test_silence_without_contact_but_for_the_microphone():
    assert 0.0005 < loudness(0.0, 0.0) < 0.003


def test_a_harder_impact_and_more_sliding_are_louder():
    levels = [loudness(force, 0.0) for force in (0.0, 2.0, 5.0, 15.0)]
    assert all(second > 1.5 * first for first, second in pairwise(levels))
    levels = [loudness(0.0, power) for power in (0.0, 0.05, 0.5)]
    assert all(second > 1.5 * first for first, second in pairwise(levels))


def test_a_block_is_20_ms_and_the_modes_ring_on_into_the_next_one():
    sound = ContactSound(16000.0, 0.002)
    still, quiet = np.zeros(10), np.zeros((2, 320))
    struck = np.zeros(10)
    struck[9] = 10.0
    assert sound.block(struck, still, quiet).shape == (320,)
    after = [np.abs(sound.block(still, still, quiet).astype(int)).max() for _ in range(6)]
    assert after[0] > 1000
    assert after[5] < 0.1 * after[0]


def test_it_never_wraps_around_however_hard_the_blow():
    block = ContactSound(16000.0, 0.002).block(np.full(10, 1e6), np.full(10, 1e6), np.ones((2, 320)))
    assert np.abs(block.astype(int)).max() <= 32767
    assert np.abs(np.diff(np.sign(block[:16]))).max() <= 2
