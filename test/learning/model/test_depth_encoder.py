"""Depth in the world model: what was not measured says nothing, costs nothing, and breaks nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from depth_arm import depth_arm
from short_training import SHORT

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.replay.replay import ReplayOptions, replay
from world_model_ros.bags.storage.find import find_bags
from world_model_ros.bench.speed.made_up_senses import observation
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.learning.data.cache import build_cache
from world_model_ros.learning.data.quality import bag_quality
from world_model_ros.learning.export.publish import publish
from world_model_ros.learning.model.encoders import DepthEncoder, encoder_for
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.train import train
from world_model_ros.sim.collection.collect import collect

CODE = 32


@pytest.fixture(scope="module")
def contract() -> Contract:
    return depth_arm(width=64)


@pytest.fixture
def encoder(contract: Contract) -> DepthEncoder:
    torch.manual_seed(0)
    encoder = encoder_for(contract.stream("above"), CODE)
    assert isinstance(encoder, DepthEncoder)
    return encoder


def depth(count: int = 3, seed: int = 0) -> torch.Tensor:
    """(count, 32, 64, 1), m, with a hole that is wider than a cell."""
    metres = 0.3 + torch.rand(count, 32, 64, 1, generator=torch.Generator().manual_seed(seed))
    metres[:, 8:20, 16:32] = torch.nan
    return metres


@pytest.mark.parametrize("unmeasured", [0.0, -1.0, 99.0, torch.inf])
def test_what_stands_in_pixels_that_were_not_measured_does_not_matter(encoder: DepthEncoder, unmeasured: float) -> None:
    metres = depth()
    filled = torch.where(metres.isnan(), torch.full_like(metres, unmeasured), metres)
    one, other = (encoder.features(each)[""] for each in (metres, filled))
    assert torch.equal(one.nan_to_num(), other.nan_to_num())
    assert torch.equal(one.isnan(), other.isnan())


def test_a_hole_is_not_the_nearest_distance(encoder: DepthEncoder) -> None:
    """Without a channel of its own, a hole would look like something at ``min_m``."""
    metres = depth()
    near = torch.where(metres.isnan(), torch.full_like(metres, 0.2), metres)
    one, other = (encoder.encode(encoder.features(each)[""]) for each in (metres, near))
    assert not torch.allclose(one, other, atol=1e-3)


def test_cells_are_means_of_what_was_measured_in_them(encoder: DepthEncoder) -> None:
    metres = depth(1)
    cells = encoder.features(metres)[""][0, CODE:].reshape(8, 16)
    blocks = metres[0, :, :, 0].reshape(8, 4, 16, 4)
    expected = torch.nanmean(blocks.permute(0, 2, 1, 3).reshape(8, 16, 16), -1)
    torch.testing.assert_close(cells, expected, equal_nan=True)
    assert int(cells.isnan().sum()) == 3 * 4


def test_no_gradient_comes_from_pixels_that_were_not_measured(encoder: DepthEncoder) -> None:
    target = encoder.target(encoder.features(depth())[""])
    predicted = torch.zeros_like(target, requires_grad=True)
    error = encoder.missed(predicted, target)
    assert torch.isfinite(error).all()
    (error**2).sum().backward()
    assert predicted.grad is not None
    assert torch.equal(predicted.grad == 0, target.isnan())


def test_statistics_leave_out_what_was_not_measured(encoder: DepthEncoder) -> None:
    metres = depth(50)
    encoder.fit(metres)
    assert torch.isfinite(encoder.mean).all()
    assert float(encoder.scale.min()) > 0
    target = encoder.target(encoder.features(metres)[""])
    assert abs(float(target.detach().nanmean())) < 0.05
    hole = encoder.mean.reshape(8, 16)[2:5, 4:8]
    assert torch.equal(hole, torch.full_like(hole, 0.85))  # where nothing was ever measured, the middle of the range


def test_a_picture_without_a_single_distance_is_no_trouble(contract: Contract) -> None:
    torch.manual_seed(0)
    model = WorldModel(contract.interface).eval()
    values = {name: torch.from_numpy(np.array(value))[None] for name, value in observation(contract, 7).values.items()}
    values["above"] = torch.full_like(values["above"], torch.nan)
    features = model.features(values)
    fresh, state = torch.ones(1, len(model.streams)), torch.zeros(1, model.state_size)
    _, posterior = model.update(state, torch.zeros(1, 2), model.sense(features, fresh))
    assert torch.isfinite(posterior).all()
    decoded = model.senses(posterior)["above"]
    shown = model.encoder("above").shown(decoded, contract.stream("above"))
    assert shown.shape == (1, 32, 64, 1)
    assert 0.2 <= float(shown.min()) <= float(shown.max()) <= 1.5
    assert torch.equal(shown[0, ::4, ::4, 0].flatten(), decoded[0])


def test_a_camera_that_hangs_is_found_in_spite_of_its_holes(contract: Contract) -> None:
    streams = {
        each.name: np.zeros((30, *each.shape), np.float32 if each.dtype == "float32" else np.uint8)
        for each in contract.interface.streams
    }
    streams["above"][:] = depth(1).numpy()
    ticks, names = 30, list(streams)
    fresh = np.ones((ticks, len(names)), bool)
    now_ns = np.arange(ticks, dtype=np.int64) * contract.tick_ns
    stamps = np.tile(now_ns[:, None], (1, len(names)))
    rows = bag_quality("bag", contract, now_ns, streams, fresh, stamps, np.zeros((ticks, 2)), "", {})
    assert rows.frozen["above"] == 1.0
    assert rows.saturated["above"] == 0.0
    streams["above"][:] = np.nan
    rows = bag_quality("bag", contract, now_ns, streams, fresh, stamps, np.zeros((ticks, 2)), "", {})
    assert rows.saturated["above"] == 1.0


@pytest.mark.slow
def test_a_robot_with_depth_is_simulated_recorded_trained_and_run(tmp_path: Path, contract: Contract) -> None:
    collect(contract, tmp_path / "bags", 2, seed=90)
    bags = find_bags([tmp_path / "bags"])
    episode = aligned_episode(bags[0], contract)
    index = [each.name for each in contract.interface.streams].index("above")
    seen = episode.streams["above"][episode.fresh[:, index]]
    assert len(seen) > 10
    assert 0.0 < np.isnan(seen).mean() < 0.3
    assert np.nanmin(seen) >= 0.2
    cache = build_cache(contract, bags, tmp_path / "cache", workers=1)
    torch.set_num_threads(1)
    model = train(contract, cache, tmp_path, SHORT)
    assert all(torch.isfinite(each).all() for each in model.state_dict().values())
    publish(tmp_path, tmp_path / "bundle", exporter="torchscript")
    brain = Brain(load_bundle(tmp_path / "bundle", contract), contract, "cpu")
    one, other = (replay(bags[0], contract, brain, tmp_path / name, ReplayOptions(seed=5)) for name in ("one", "other"))
    assert one.metrics["commands_sha256"] == other.metrics["commands_sha256"]
    assert one.metrics["ticks"] == len(episode)
    decoded = brain.decode(brain.imagine(brain.start(), np.zeros((1, 12, 2), np.float32)).states[0], _front(contract))
    depth = decoded.senses["above"]
    assert depth.shape == (12, 32, 64, 1)
    assert 0.2 <= depth.min() <= depth.max() <= 1.5


def _front(contract: Contract) -> np.ndarray:
    return np.asarray(observation(contract, 7).values["front"], np.uint8)
