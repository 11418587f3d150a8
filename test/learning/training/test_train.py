"""Bags to a trained model, on a handful of simulated episodes."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from short_training import SHORT

from world_model_ros.bags.storage.find import find_bags
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.learning.data.cache import Cache, build_cache, drop_modalities
from world_model_ros.learning.data.preparation import fit_statistics
from world_model_ros.learning.data.windows import Windows
from world_model_ros.learning.export.publish import publish
from world_model_ros.learning.model.encoders import VectorEncoder
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training import train as training
from world_model_ros.learning.training.config import OBJECTIVES, Objective, TrainConfig
from world_model_ros.learning.training.losses.joint_embedding import normality
from world_model_ros.learning.training.losses.total import losses
from world_model_ros.learning.training.scores import complaints
from world_model_ros.learning.training.train import train
from world_model_ros.sim.collection.collect import collect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract("tabletop_arm")


@pytest.fixture(scope="module")
def run(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    collect(contract, folder / "bags", 3, seed=90)
    return folder


@pytest.fixture(scope="module")
def cache(contract: Contract, run: Path) -> Cache:
    return build_cache(contract, find_bags([run / "bags"]), run / "cache", workers=1)


@pytest.fixture(scope="module")
def whole(contract: Contract, run: Path, cache: Cache) -> tuple[Path, WorldModel]:
    """A run that went through, and its model."""
    torch.set_num_threads(1)
    return run, train(contract, cache, run, SHORT)


def same(one: WorldModel, other: WorldModel) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in pairs)


def test_windows_never_cross_episodes_or_the_held_out_split(cache: Cache) -> None:
    length = 18
    for validation in (False, True):
        for start in cache.starts(length, validation):
            episode = int(np.searchsorted(cache.begins, start, side="right")) - 1
            assert start + length <= cache.begins[episode + 1]
            assert cache.validation[episode] == validation


def test_the_action_in_the_cache_is_what_the_fingertip_then_does(cache: Cache) -> None:
    tip = cache.labels[:, 0, :2]
    inside = np.setdiff1d(np.arange(1, len(tip)), cache.begins)
    moved, applied = tip[inside] - tip[inside - 1], cache.applied[inside]
    known = ~np.isnan(moved).any(1)
    assert np.corrcoef(moved[known].ravel(), applied[known].ravel())[0, 1] > 0.95


def test_a_second_call_opens_the_same_cache(contract: Contract, run: Path, cache: Cache) -> None:
    before = (run / "cache" / "front.npy").stat().st_mtime_ns
    build_cache(contract, find_bags([run / "bags"]), run / "cache", workers=1)
    assert (run / "cache" / "front.npy").stat().st_mtime_ns == before


def test_no_bags_is_an_error_that_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(tmp_path)):
        find_bags([tmp_path])


def test_dropout_only_takes_away_and_meets_blackouts_of_every_stream() -> None:
    fresh = np.ones((400, 20, 5), np.float32)
    kinds = ["camera", "microphone", "taxels", "wrench", "joints"]
    dropped = drop_modalities(fresh, kinds, np.random.default_rng(0))
    assert (dropped <= fresh).all()
    share = (dropped.min(1) == 0).mean(0)
    assert 0.4 < share[0] < 0.6
    assert all(0.12 < value < 0.28 for value in share[1:4])
    assert 0.05 < share[4] < 0.15


def test_training_writes_a_bundle_that_loads_and_is_the_same_for_the_same_seed(
    contract: Contract, run: Path, cache: Cache, whole: tuple[Path, WorldModel]
) -> None:
    folder, model = whole
    assert same(model, train(contract, cache, run / "again", SHORT))
    publish(folder, run / "bundle", exporter="torchscript")  # sooner done
    manifest = load_bundle(run / "bundle", contract).manifest
    assert manifest.provenance["episodes"] == 3
    assert manifest.provenance["labelled_ticks"] == {
        target.name: int((~np.isnan(cache.labels[:, k]).any(-1)).sum())
        for k, target in enumerate(contract.interface.targets)
    }
    assert manifest.unlabelled == []


def test_losses_fall_on_a_batch_that_is_seen_again_and_again(contract: Contract, cache: Cache) -> None:
    torch.manual_seed(0)
    model = WorldModel(contract.interface)
    fit_statistics(model, cache)
    windows = Windows(contract, cache, SHORT.length[0])
    optimizer = torch.optim.AdamW(model.parameters(), 5e-4)
    totals = []
    for _ in range(16):
        batch = windows.draw(4, np.random.default_rng(0), None, model)
        total = sum(losses(model, batch, SHORT, 0, torch.Generator().manual_seed(0)).values())
        assert isinstance(total, torch.Tensor)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    print(totals)
    assert np.mean(totals[-4:]) < 0.8 * totals[0]  # single steps go up and down, and differ between processors


def test_unknown_labels_and_missing_streams_leave_every_gradient_finite(contract: Contract, cache: Cache) -> None:
    torch.manual_seed(0)
    model = WorldModel(contract.interface)
    fit_statistics(model, cache)
    batch = Windows(contract, cache, SHORT.length[0]).draw(4, np.random.default_rng(0), None, model)
    batch.labels[:, ::3] = torch.nan
    batch.fresh[:, 5:] = 0.0
    batch.sensed[:, 5:] = 0.0
    sum(losses(model, batch, SHORT, 0, torch.Generator().manual_seed(0)).values(), torch.zeros(())).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("broken_off_at", [2, 5])
def test_a_run_that_was_broken_off_becomes_what_it_would_have_become(
    contract: Contract,
    run: Path,
    cache: Cache,
    whole: tuple[Path, WorldModel],
    monkeypatch: pytest.MonkeyPatch,
    broken_off_at: int,
) -> None:
    out, count = run / f"broken{broken_off_at}", 0

    def losses_once(*arguments: Any) -> dict[str, torch.Tensor]:
        nonlocal count
        count += 1
        if count == broken_off_at:
            raise KeyboardInterrupt
        return losses(*arguments)

    monkeypatch.setattr(training, "_SAVED", 1)
    monkeypatch.setattr(training, "losses", losses_once)
    with pytest.raises(KeyboardInterrupt):
        train(contract, cache, out, SHORT)
    assert (out / training.CHECKPOINT).is_file()
    with pytest.raises(UserError, match="other settings"):
        train(contract, cache, out, dataclasses.replace(SHORT, seed=3))
    resumed = train(contract, cache, out, SHORT)
    assert count == 7  # six steps and the one that was broken off
    assert same(whole[1], resumed)
    assert not (out / training.CHECKPOINT).exists()


def test_what_looks_wrong_is_said_with_its_number(contract: Contract, cache: Cache) -> None:
    torch.manual_seed(0)
    model = WorldModel(contract.interface)
    fit_statistics(model, cache)
    held_out = Windows(contract, cache, SHORT.length[0], validation=True)
    assert not [line for line in complaints(model, held_out, SHORT, None) if "ignored" in line]
    index = [stream.name for stream in model.streams].index("wrist_wrench")
    encoder = model.encoders["wrist_wrench"]
    assert isinstance(encoder, VectorEncoder)
    torch.nn.init.zeros_(encoder.net[-1].weight)
    torch.nn.init.zeros_(encoder.net[-1].bias)
    column = model.fuse[0].weight.shape[1] - len(model.streams) + index
    with torch.no_grad():
        model.fuse[0].weight[:, column] = 0.0  # nor is it noticed whether it is there
        model.encoders["front"].norm.weight.zero_()
    said = complaints(model, held_out, SHORT, None)
    assert [line for line in said if line.startswith("wrist_wrench is ignored")]
    assert [line for line in said if line.startswith("the code of front has collapsed")]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains_with_finite_losses(contract: Contract, cache: Cache, objective: Objective) -> None:
    torch.manual_seed(0)
    model = WorldModel(contract.interface)
    fit_statistics(model, cache)
    config = dataclasses.replace(SHORT, objective=objective)
    batch = Windows(contract, cache, config.length[0]).draw(4, np.random.default_rng(0), None, model)
    parts = losses(model, batch, config, 0, torch.Generator().manual_seed(0))
    sum(parts.values(), torch.zeros(())).backward()
    assert all(torch.isfinite(value) for value in parts.values())
    assert ("embedding" in parts) == (objective == "jepa")
    learned = model.encoders["front"].stem.weight.grad
    assert learned is not None
    assert learned.abs().sum() > 0


def test_in_the_joint_embedding_ablation_no_label_reaches_what_is_learned(contract: Contract, cache: Cache) -> None:
    torch.manual_seed(0)
    model = WorldModel(contract.interface)
    fit_statistics(model, cache)
    config = dataclasses.replace(SHORT, objective="jepa")
    batch = Windows(contract, cache, config.length[0]).draw(4, np.random.default_rng(0), None, model)

    def gradient(labels: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        given = dataclasses.replace(batch, labels=labels, features={k: v.detach() for k, v in batch.features.items()})
        parts = losses(model, given, config, 0, torch.Generator().manual_seed(0))
        sum(parts.values(), torch.zeros(())).backward()
        found = model.predict.weight_hh.grad
        assert found is not None
        return found.clone()

    assert torch.equal(gradient(batch.labels), gradient(batch.labels + 0.05))


def test_codes_that_are_normal_pass_the_test_of_normality_and_collapsed_ones_do_not() -> None:
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(2000, 16, generator=generator)
    collapsed = 0.01 * normal + 0.5
    assert normality(normal, generator) < 0.02 < 0.2 < normality(collapsed, generator)


def test_a_training_by_two_processes_averages_and_writes_one_model(
    contract: Contract, run: Path, cache: Cache, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        TrainConfig(), steps=(1, 1), reader_steps=1, decoder_steps=1, windows=(2, 2), length=(18, 20)
    )
    config = dataclasses.replace(config, far=15, decoder_far=15, threads=1)
    words = "--steps 1 1 --reader-steps 1 --decoder-steps 1 --windows 2 2 --length 18 20 --far 15 --decoder-far 15"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    command += [sys.executable, "-m", "world_model_ros.cli", "train", str(run / "bags"), "--out", str(tmp_path)]
    shutil.copytree(run / "cache", tmp_path / "cache")  # that bags become one is tested elsewhere
    done = subprocess.run(
        [*command, *words.split(), "--threads", "2"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("wrote") == 1
    two = torch.load(tmp_path / "model.pt", weights_only=True)["weights"]
    alone = train(contract, cache, tmp_path / "alone", config)
    assert two.keys() == alone.state_dict().keys()
    # Equal as far as no gradient leads; the second process had its say in the rest.
    assert any(not torch.equal(weight, two[name]) for name, weight in alone.state_dict().items())


@pytest.mark.parametrize(("field", "value"), [("far", 0), ("decoder_far", 0), ("horizon", 0), ("objective", "dreams")])
def test_a_setting_that_cannot_be_trained_is_named(
    contract: Contract, cache: Cache, tmp_path: Path, field: str, value: Any
) -> None:
    with pytest.raises(UserError, match=f"{field}: got {value!r}"):
        train(contract, cache, tmp_path / "run", dataclasses.replace(SHORT, **{field: value}))
