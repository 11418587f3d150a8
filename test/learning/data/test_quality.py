"""Nobody trains on nonsense without being told; a cache is made once, and gone on with where it was broken off."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from arm_bag import write_arm_bag

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.learning.data.cache import build_cache
from world_model_ros.learning.data.cache_parts import bag_hash, contract_key, make_parts
from world_model_ros.learning.data.quality import (
    BagQuality,
    bag_quality,
    data_set_report,
    quality_lines,
    refuse_nonsense,
)

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
        "recorded_late_s": {"front": 0.03, "arm": 0.001},
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
        (
            {
                "stamps_ns": np.arange(TICKS)[:, None] * 10**8 + 10**12 - [3 * 10**9, 0, 0, 0, 0],
                "fresh": np.tile([False, True, True, True, True], (TICKS, 1)),
            },
            "front stamped 3.0 s",
        ),
        ({"fresh": np.repeat(np.arange(TICKS)[:, None] > 22, 5, 1)}, "a pause of 23 ticks"),
        ({"stamps_ns": np.zeros((TICKS, 5)), "fresh": np.zeros((TICKS, 5), bool)}, "all stamps .* behind the bag"),
        ({"applied": np.zeros((TICKS, 2))}, "not one action, though the joints move"),
        ({"recorded_late_s": {"front": -0.4, "arm": 0.0}}, "front stamped 0.40 s after it was recorded"),
        ({"recorded_late_s": {"front": 0.03, "arm": -0.3}}, "arm stamped 0.30 s after it was recorded"),
        ({"fresh": np.tile([False, True, True, True, True], (TICKS, 1))}, "front in the bag, but never fresh"),
        ({"streams": {"front": np.full((TICKS, 64, 64, 3), 7, np.uint8)}}, "front frozen while"),
        ({"streams": {"front": np.full((TICKS, 64, 64, 3), 255, np.uint8)}}, "front saturated in 100%"),
        ({"streams": {"table_mic": np.ones((TICKS, 1600, 1), np.float16)}}, "table_mic saturated in 100%"),
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


def test_a_recorder_with_another_clock_than_the_robot_is_no_fault(contract: Contract) -> None:
    assert quality(contract, recorded_late_s={"front": -5.0, "arm": -5.02}).faults(["arm"]) == []


def test_a_robot_at_rest_may_see_the_same_all_the_time(contract: Contract) -> None:
    still = {"front": np.full((TICKS, 64, 64, 3), 7, np.uint8), "arm": np.zeros((TICKS, 6, 2))}
    row = quality(contract, streams=still, applied=np.zeros((TICKS, 2)))
    assert row.faults(["arm"], ["front"]) == []
    report = data_set_report([row], contract)
    assert (
        "front: fresh 100%, 0 gaps, 5 ms behind the tick, in the bag 30 ms after its stamp, unchanged for up to 100%"
        in ("\n".join(quality_lines(report)))
    )


def test_one_recording_with_two_cameras_is_named(contract: Contract) -> None:
    other = {"front": np.random.default_rng(1).integers(1, 254, (TICKS, 64, 64, 3), np.uint8)}
    report = data_set_report([quality(contract, "a"), quality(contract, "b", "2", streams=other)], contract)
    assert report["same_motion"] == [["a", "b"]]
    refuse_nonsense(report)
    assert any("b has the same motion at the same times as a" in line for line in quality_lines(report))


def test_copies_and_a_robot_that_is_never_moved_are_refused(contract: Contract) -> None:
    with pytest.raises(UserError, match="b is the same as a"):
        refuse_nonsense(data_set_report([quality(contract, "a"), quality(contract, "b")], contract))
    still = {"streams": {"arm": np.zeros((TICKS, 6, 2))}, "applied": np.zeros((TICKS, 2))}
    with pytest.raises(UserError, match="not one action in them"):
        refuse_nonsense(data_set_report([quality(contract, **still)], contract))


def test_saturated_pictures_and_clipped_sound_are_counted(contract: Contract) -> None:
    white = quality(contract, streams={"front": np.full((TICKS, 64, 64, 3), 255, np.uint8)})
    assert white.saturated["front"] == 1.0
    bright = np.full((TICKS, 64, 64, 3), 255, np.uint8)
    bright[:, 20:40, 20:40] = 90  # a tenth of it: an arm over a white table
    assert quality(contract, streams={"front": bright}).saturated["front"] == 0.0
    loud = quality(contract, streams={"table_mic": np.ones((TICKS, 1600, 1), np.float16)})
    assert loud.saturated["table_mic"] == 1.0


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> list[Path]:
    folder = tmp_path_factory.mktemp("bags")
    for i in range(4):
        write_arm_bag(folder / f"bag_{i}", contract, 1.0, seed=i)
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_a_cache_is_known_by_content_and_goes_on_where_it_broke_off(
    contract: Contract, bags: list[Path], tmp_path: Path
) -> None:
    keys = [hashlib.sha256(f"{contract_key(contract)} {bag_hash(bag)}".encode()).hexdigest() for bag in bags]
    parts = tmp_path / "cache" / "parts"
    assert len(list(make_parts(contract, bags[:3], keys, parts, workers=1))) == 3
    done = parts / f"{keys[0]}.npz"
    shutil.copy(parts / f"{keys[1]}.npz", done)  # to be seen again
    cache = build_cache(contract, bags, tmp_path / "cache", workers=1, held_out=2)
    assert len(cache.begins) == 5
    assert np.array_equal(cache.streams["front"][:10], cache.streams["front"][10:20])
    assert not parts.exists()
    written = (tmp_path / "cache" / "front.npy").stat().st_mtime_ns
    moved = [Path(shutil.copytree(bag, tmp_path / "moved" / bag.name)) for bag in bags]
    build_cache(contract, moved, tmp_path / "cache", workers=1)  # other places and times, the same content
    assert (tmp_path / "cache" / "front.npy").stat().st_mtime_ns == written
    other = contract_from_text(contract.text.replace("max_age_s: 0.15", "max_age_s: 0.16"), folder=contract.folder)
    assert contract_key(other) != contract_key(contract)


@pytest.mark.slow
def test_a_copy_is_found_whatever_its_name_and_storage(contract: Contract, bags: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bags[0], tmp_path / "copy"))
    loose = tmp_path / "loose.mcap"
    shutil.copy(next(bags[1].glob("*.mcap")), loose)
    build_cache(contract, [bags[0], bags[1], copy, loose], tmp_path / "cache", workers=2)
    report = json.loads((tmp_path / "cache" / "quality.json").read_text())
    assert sorted(report["duplicates"]) == [["bag_0", "copy"], ["bag_1", "loose.mcap"]]
    again = build_cache(contract, [bags[2], bags[2], bags[3]], tmp_path / "twice", workers=1)
    lone = build_cache(contract, [bags[3]], tmp_path / "lone", workers=1)
    assert np.array_equal(again.streams["front"][again.begins[2] :], lone.streams["front"])


@pytest.mark.slow
def test_a_cache_that_is_damaged_or_half_overwritten_is_made_anew(
    contract: Contract, bags: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    good = np.array(build_cache(contract, bags[:2], folder, workers=1).streams["front"])
    with (folder / "front.npy").open("r+b") as file:
        file.truncate(10_000)
    assert np.array_equal(build_cache(contract, bags[:2], folder, workers=1).streams["front"], good)
    (folder / "parts").write_text("no folder: the next build breaks off")
    with pytest.raises(FileExistsError):
        build_cache(contract, bags[2:], folder, workers=1)
    assert not (folder / "cache.json").exists()
    (folder / "parts").unlink()
    (folder / "front.npy").write_bytes(b"half of another data set")
    assert np.array_equal(build_cache(contract, bags[:2], folder, workers=1).streams["front"], good)


@pytest.mark.slow
def test_arrays_are_mapped_from_disk_and_not_held_in_memory(
    contract: Contract, bags: list[Path], tmp_path: Path
) -> None:
    cache = build_cache(contract, bags[:2], tmp_path / "cache", workers=1)
    assert all(isinstance(array, np.memmap) for array in cache.streams.values())
    assert not any(array.flags.writeable for array in cache.streams.values())


@pytest.mark.slow
def test_no_window_is_in_two_of_the_three_splits(contract: Contract, bags: list[Path], tmp_path: Path) -> None:
    six = [*bags, *bags[:2]]
    cache = build_cache(contract, six, tmp_path / "cache", workers=1, held_out=3)
    tested = {tick for n in np.flatnonzero(cache.test) for tick in range(cache.begins[n], cache.begins[n + 1])}
    splits = [set(cache.starts(3, False)), set(cache.starts(3, True)), tested]
    assert all(splits)
    assert not splits[0] & splits[1]
    assert not (splits[0] | splits[1]) & splits[2]
    names = [str(number) for number in range(6)]
    assert cache.split(names) == {"train": ["1", "4"], "validation": ["2", "5"], "test": ["0", "3"]}


@pytest.mark.slow
def test_few_bags_are_not_given_away_to_tests(contract: Contract, bags: list[Path], tmp_path: Path) -> None:
    cache = build_cache(contract, bags, tmp_path / "cache", workers=1, held_out=2)
    assert cache.split("abcd") == {"train": ["a", "c"], "validation": ["b", "d"], "test": []}
