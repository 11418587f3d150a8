"""Images between two processes: which ways are tried, and what is said when a process fails."""

from __future__ import annotations

import sys

import pytest

from world_model_ros.bench.speed.transport import Case, cases, run_case, summary
from world_model_ros.contract.field_types import Qos
from world_model_ros.core.errors import UserError


def test_what_is_shipped_is_beside_the_default_and_reliable_beside_best_effort() -> None:
    tried = [(case.profile, case.qos.reliability) for case in cases(["1080p"])]
    both = ("best_effort", "reliable")
    assert tried == [*(("default", how) for how in both), ("demo", "reliable"), *(("shipped", how) for how in both)]
    assert [case.size for case in cases(["640x480", "1080p"], only_shipped=True)] == ["640x480", "1080p"]


def test_only_what_is_shipped_and_reliable_counts_as_delivered() -> None:
    found = [
        {"size": "1080p", "profile": profile, "reliability": how, "delivered": n, "sent": 60, "latency_ms": None}
        for profile, how, n in (
            ("default", "reliable", 37),
            ("shipped", "best_effort", 20),
            ("shipped", "reliable", 60),
        )
    ]
    total = summary(found)
    assert (total["delivered"], total["sent"]) == (60, 60)
    assert total["stages_ms"] == {}


def test_a_process_that_fails_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match="ended with status 1"):
        run_case(Case("640x480", "shipped", Qos()), 1, 10.0)
