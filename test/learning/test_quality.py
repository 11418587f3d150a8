"""Nobody trains on nonsense without being told; a cache is made once, and gone on with where it was broken off."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.learning.dataset import build_cache
from world_model_ros.learning.parts import contract_key
from world_model_ros.learning.quality import BagQuality, bag_quality, data_set_report, quality_lines, refuse_nonsense

TICKS = 40


def quality(contract: Contract, bag: str = "a", digest: str = "1", **changes: object) -> BagQuality:
    """Of a good episode, but for what is changed."""
    random = np.random.default_rng(0)
    now_ns = np.arange(TICKS, dtype=np.int64) * contract.tick_ns + 10**12
    streams = {
        "front": random.integers(1, 254, (TICKS, 64, 64, 3), np.uint8),
        "table_mic": random.normal(0, 0.1, (TICKS, 1600, 1)).astype(np.float16),
        "fingertip_taxels": np.where(np.arange(TICKS)[:, None, None, None] < 10, 1.0, 0.0) * np.ones((TICKS, 4, 8, 3)),
        "wrist_wrench": random.normal(0, 1, (TICKS, 6)),
        "arm": random.normal(0, 1, (TICKS, 6, 2)),
    }
    whole = {
        "now_ns": now_ns,
        "streams": streams,
        "fresh": np.ones((TICKS, 5), bool),
        "stamps_ns": np.repeat(now_ns[:, None] - 5_000_000, 5, 1),
        "applied": random.normal(0, 0.01, (TICKS, 2)),
    }
    streams.update(changes.pop("streams", {}))  # type: ignore[call-overload]
    return bag_quality(bag, contract, digest=digest, **(whole | changes))  # type: ignore[arg-type]


def test_a_good_bag_has_no_faults_and_true_numbers(contract: Contract) -> None:
    row = quality(contract)
    assert row.faults(["arm"]) == []
    assert row.contact == pytest.approx(0.25)
    assert row.moving == 1.0
    assert row.late_s["front"] == pytest.approx(0.005)
    assert row.pause_ticks == 1
    assert row.saturated["front"] == row.frozen["arm"] == 0.0
    assert row.frozen["fingertip_taxels"] == pytest.approx(29 / 39)
    refuse_nonsense(data_set_report([row], contract))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"fresh": np.zeros((TICKS, 5), bool)}, "arm fresh in 0%"),
        ({"streams": {"arm": np.zeros((TICKS, 6, 2))}}, "arm frozen while"),
        ({"streams": {"arm": np.full((TICKS, 6, 2), np.nan)}}, "not finite"),
        ({"stamps_ns": np.arange(TICKS)[:, None] * 10**8 + 10**12 - [3 * 10**9, 0, 0, 0, 0]}, "front stamped 3.0 s"),
        ({"now_ns": np.concatenate([np.arange(20), 700 + np.arange(20)]) * 10**8 + 10**12}, "a pause of 681 ticks"),
    ],
)
def test_nonsense_is_refused_with_a_reason(contract: Contract, changes: dict[str, object], word: str) -> None:
    if "now_ns" in changes:
        changes = changes | {"stamps_ns": np.repeat(np.asarray(changes["now_ns"])[:, None], 5, 1)}
    report = data_set_report([quality(contract, "good"), quality(contract, "bad", "2", **changes)], contract)
    assert list(report["faults"]) == ["bad"]
    with pytest.raises(UserError, match=f"bad: .*{word}"):
        refuse_nonsense(report)
    assert any("bad: " in line for line in quality_lines(report))


def test_copies_and_a_robot_that_is_never_moved_are_refused(contract: Contract) -> None:
    with pytest.raises(UserError, match="b is the same as a"):
        refuse_nonsense(data_set_report([quality(contract, "a"), quality(contract, "b")], contract))
    with pytest.raises(UserError, match="not one action"):
        refuse_nonsense(data_set_report([quality(contract, applied=np.zeros((TICKS, 2)))], contract))


def test_saturated_pictures_and_clipped_sound_are_counted(contract: Contract) -> None:
    white = quality(contract, streams={"front": np.full((TICKS, 64, 64, 3), 255, np.uint8)})
    assert white.saturated["front"] == 1.0
    loud = quality(contract, streams={"table_mic": np.ones((TICKS, 1600, 1), np.float16)})
    assert loud.saturated["table_mic"] == 1.0


def _bags_conftest() -> Any:
    """The module that writes bags of the arm for the tests of that room; its name is that of every conftest."""
    spec = importlib.util.spec_from_file_location("bags_conftest", Path(__file__).parents[1] / "bags" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> list[Path]:
    write_arm_bag = _bags_conftest().write_arm_bag
    folder = tmp_path_factory.mktemp("bags")
    for i in range(4):
        write_arm_bag(folder / f"bag_{i}", contract, 1.0, seed=i)
    return sorted(folder.iterdir())


def test_a_cache_is_known_by_content_and_goes_on_where_it_broke_off(
    contract: Contract, bags: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "broken.mcap").write_bytes(b"\x89MCAP0\r\n")
    with pytest.raises(UserError, match="broken"):
        build_cache(contract, [*bags[:3], tmp_path / "broken.mcap"], tmp_path / "cache", workers=1)
    parts = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "parts").glob("*.npz")}
    assert len(parts) == 3
    cache = build_cache(contract, bags, tmp_path / "cache", workers=1, held_out=2)
    assert len(cache.begins) == 5
    assert not (tmp_path / "cache" / "parts").exists()
    written = (tmp_path / "cache" / "front.npy").stat().st_mtime_ns
    moved = [Path(shutil.copytree(bag, tmp_path / "moved" / bag.name)) for bag in bags]
    build_cache(contract, moved, tmp_path / "cache", workers=1)  # other places and times, the same content
    assert (tmp_path / "cache" / "front.npy").stat().st_mtime_ns == written
    other = contract_from_text(contract.text.replace("max_age_s: 0.15", "max_age_s: 0.16"), folder=contract.folder)
    assert contract_key(other) != contract_key(contract)


def test_no_window_is_in_two_of_the_three_splits(contract: Contract, bags: list[Path], tmp_path: Path) -> None:
    cache = build_cache(contract, bags, tmp_path / "cache", workers=1, held_out=2)  # four bags
    assert cache.test is not None
    splits = [set(cache.starts(3, False)), set(cache.starts(3, True)), set(cache.test_starts(3))]
    assert not splits[0] & splits[1]
    assert not (splits[0] | splits[1]) & splits[2]
    assert splits[1]
    assert splits[2]
