"""``world-model bench``: what a person types, and what comes back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from world_model_ros.bench.speed.transport import Case, run_case, summary
from world_model_ros.cli import main
from world_model_ros.commands.bench.bench import MEASURED
from world_model_ros.contract.field_types import Qos


@pytest.mark.parametrize("what", MEASURED)
def test_everything_that_is_measured_explains_itself(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["bench", what, "--help"])
    assert left.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["tick", "--ticks", "0"], "ticks"),
        (["plan", "--parts", "magic"], "gemm"),
        (["plan", "--size", "512x12"], "512x12x5"),
        (["tick", "--provider", "cpu:fp16"], "spin"),
        (["plan", "--robot", "unitree_g1"], "act"),
        (["transport", "--sizes", "8K"], "1080p"),
        (["replay", "--bag", "no_such_bag"], "no_such_bag"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_legal(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *words]) == 2
    printed = capsys.readouterr()
    assert named in printed.err
    assert len(printed.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_plan_is_timed_without_torch(
    toy_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    words = ["bench", "plan", "--model", str(toy_bundle), "--provider", "cpu", "--repeats", "3", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["plan_ms"] == found["stages_ms"]["plan"]["p50"] > 0.0
    assert found["speedup_eager"] is None
    assert "pip install '.[train]'" in found["notes"][0]
    assert main([*words, "--parts", "gemm"]) == 2
    assert "torch" in capsys.readouterr().err


@pytest.mark.slow
def test_a_brain_process_is_timed_at_live_rates(toy_bundle: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "tick", "--model", str(toy_bundle), "--provider", "cpu", "--ticks", "5", "--json"]
    assert main(words) == 0
    found = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert found["repeats"] == found["ticks"] == 5
    assert {"convert", "observe", "perceive", "plan", "kinematics", "total", "runtime", "outside"} <= set(
        found["stages_ms"]
    )
    assert found["overhead_ms"] > 0.0


@pytest.mark.slow
def test_a_replay_is_timed(toy_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "replay", "--model", str(toy_bundle), "--provider", "cpu", "--seconds", "2", "--repeats", "1"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ticks"] > 10
    assert found["real_time_factor_without_model"] > found["real_time_factor"] > 0.0


@pytest.mark.slow
def test_images_arrive_between_two_processes_with_what_is_shipped() -> None:
    found = run_case(Case("640x480", "shipped", Qos()), 5, 20.0)
    assert found["delivered"] == found["sent"] == 5
    assert found["latency_ms"]["n"] == 5
    assert summary([found])["delivered"] == 5
