"""Threads of a training are those that are quickest when it starts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from world_model_ros.core.errors import UserError
from world_model_ros.learning.training.threads import quickest, step_times, take_threads, threads_for


def test_more_threads_are_taken_only_where_they_are_worth_it() -> None:
    assert quickest({1: 0.020, 2: 0.012}).threads == 2
    assert quickest({1: 0.020, 2: 0.019}).threads == 1  # leaves a core to others for nothing lost
    assert quickest({1: 0.020, 2: 0.160}).threads == 1  # another process has one of the cores
    assert quickest({1: 0.040, 2: 0.022, 8: 0.021}).threads == 2
    assert quickest({1: 0.040, 2: 0.022, 8: 0.009}).threads == 8


def test_what_was_measured_is_said_and_how_to_force_another_number() -> None:
    reason = quickest({1: 0.020, 2: 0.160}).reason
    assert "1: 20 ms, 2: 160 ms" in reason
    assert "--threads" in reason


def test_each_number_is_measured_with_as_many_threads_and_then_all_is_as_before() -> None:
    before, seen = torch.get_num_threads(), []

    def step() -> None:
        seen.append(torch.get_num_threads())
        time.sleep(0.01 * torch.get_num_threads() ** 2)  # as if the second core were taken

    times = step_times([1, 2], step)
    assert set(seen[1:]) == {1, 2}
    assert times[2] > 1.5 * times[1] > 0.0
    assert quickest(times).threads == 1
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_a_real_step_is_measured_within_seconds(tmp_path: Path) -> None:
    begin = time.monotonic()
    choice = threads_for(0, tmp_path / "checkpoint.pt")
    assert time.monotonic() - begin < 60.0
    assert choice.threads >= 1
    assert "ms" in choice.reason


def test_a_number_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    assert threads_for(3, tmp_path / "none.pt").threads == 3
    before = torch.get_num_threads()
    try:
        assert take_threads(2).threads == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    with pytest.raises(UserError, match="threads: got -1"):
        threads_for(-1, tmp_path / "none.pt")


def test_a_run_that_goes_on_keeps_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"config": json.dumps([{"threads": 5}, "hash", "data"])}, tmp_path / "checkpoint.pt")
    assert threads_for(0, tmp_path / "checkpoint.pt").threads == 5
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert threads_for(0, tmp_path / "none.pt").threads == 2
