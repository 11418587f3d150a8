"""A bag that cannot be read costs a data set that bag alone, and nobody trains on the rest without knowing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from arm_bag import write_arm_bag

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.learning.data.cache import build_cache
from world_model_ros.learning.data.quality import quality_lines, refuse_nonsense


def test_the_others_are_cached_and_it_is_named(contract: Contract, tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        write_arm_bag(tmp_path / name, contract, 1.0, seed=seed, leave_out=("joints",) if name == "b" else ())
    bags = [tmp_path / name for name in "abc"]
    cache = build_cache(contract, bags, tmp_path / "cache", workers=1)
    assert cache.begins.tolist() == [0, 10, 20]
    report = json.loads((tmp_path / "cache" / "quality.json").read_text())
    assert [row["bag"] for row in report["rows"]] == ["a", "c"]
    assert report["faults"]["b"][0].startswith("cannot be read, and is left out: b: topic: got '/joint_states'")
    assert any(line.startswith("  b: cannot be read") for line in quality_lines(report))
    with pytest.raises(UserError, match=r"b: cannot be read.*--despite-faults"):
        refuse_nonsense({**report, "duplicates": []})
    before = (tmp_path / "cache" / "front.npy").stat().st_mtime_ns
    build_cache(contract, bags, tmp_path / "cache", workers=1)
    assert (tmp_path / "cache" / "front.npy").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="joint_states"):
        build_cache(contract, [tmp_path / "b"], tmp_path / "none", workers=1)
