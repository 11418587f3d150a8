"""What all measurements have in common."""

from __future__ import annotations

import json

import numpy as np
import pytest

from world_model_ros.bench.report import report
from world_model_ros.bench.speed.timing import alternate, ratio, spread

FIELDS = {
    *("host", "threads", "repeats", "stages_ms", "share_in_runtime", "overhead_ms", "plan_ms", "speedup_eager"),
    *("speedup_compiled", "versus", "scaling", "gemm_fraction", "delivered", "sent"),
}


def test_every_report_has_all_fields_and_is_json() -> None:
    found = json.loads(json.dumps(report(threads=2, repeats=3)))
    assert set(found) >= FIELDS
    assert found["threads"] == 2
    assert found["plan_ms"] is None
    assert found["host"]["cores"] >= 1


def test_two_reports_share_nothing() -> None:
    report()["notes"].append("of one")
    assert report()["notes"] == []


def test_variants_take_turns_and_each_begins_a_round() -> None:
    order: list[str] = []
    laps = alternate({name: lambda name=name: order.append(name) for name in "abc"}, 3, warm=0)
    assert "".join(order) == "abcbcacab"
    assert all(len(each) == 3 for each in laps.values())


def test_a_ratio_is_that_of_each_round() -> None:
    """A machine that becomes slower for a while changes both times, not their ratio."""
    faster = np.array([1.0, 5.0, 1.0, 9.0])
    median, quartiles = ratio(3.0 * faster, faster)
    assert median == pytest.approx(3.0)
    assert quartiles == {"p25": 3.0, "p75": 3.0}


def test_a_spread_says_of_how_many() -> None:
    assert spread([1.0, 2.0, 3.0]) == {"p25": 1.5, "p50": 2.0, "p75": 2.5, "p99": pytest.approx(2.98), "n": 3}
