"""A small campaign against the gate: nothing comes through, and a gate with a hole is found out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from world_model_ros.bench.gate import gate_robot as bench_robot
from world_model_ros.bench.gate.campaign import at_rate, campaign, places
from world_model_ros.bench.gate.faults import FAULTS, detect_to_hold
from world_model_ros.bench.gate.fuzz import KINDS, Fuzz
from world_model_ros.bench.gate.histories import histories
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.motion.limiter import Limiter


@pytest.mark.slow
def test_nothing_comes_through(contract: Contract) -> None:
    report = campaign(contract, frames=1500, seed=4, rate_hz=100.0)
    assert set(report["violations"].values()) == {0}, report
    assert report["exceeded"] == [], report["jtc"]
    assert set(KINDS) < set(report["classes"])
    assert report["boundaries"] > 900
    assert report["boundary_acc_step"] < 1e-6
    assert report["classes"]["valid"]["tracked"] > 300
    for kind in ("nan", "inf", "huge", "past_position", "past_velocity", "ragged", "empty", "stamp_past"):
        count = report["classes"][kind]
        assert count["refused"] == count["sent"] > 0


@pytest.mark.slow
def test_the_same_seed_is_the_same_campaign(contract: Contract) -> None:
    first, second = (campaign(contract, frames=100, seed=5) for _ in range(2))
    for report in (first, second):
        del report["cycle_ms"], report["cycle_cpu_ms"]
    assert first == second


def hasty_limits(contract: Contract, limiter: Limiter) -> None:
    limits = limiter.limits
    for parameters in (limiter._follow_input, limiter._stop_input):
        parameters.max_jerk = 3 * limits.jerk
        parameters.max_acceleration = 2 * limits.acceleration


def test_a_gate_that_brakes_and_speeds_up_too_hard_is_found_out(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(contract: Contract, **options: bool):
        gate = gate_for(contract, **options)
        hasty_limits(contract, gate._limiter)
        return gate

    monkeypatch.setattr(bench_robot, "gate_for", hasty)
    violations = campaign(contract, frames=200, seed=6, controllers=False)["violations"]
    assert violations["jerk"] > 10
    assert violations["acceleration"] > 10


@pytest.mark.slow
def test_a_gate_that_does_not_look_for_collisions_is_found_out(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(contract: Contract, **options: bool):
        gate = gate_for(contract, **options)
        gate.collision = None
        return gate

    monkeypatch.setattr(bench_robot, "gate_for", blind)
    assert campaign(contract, frames=1200, seed=6, rate_hz=20.0, controllers=False)["violations"]["collision"] > 0


def faulty(monkeypatch: pytest.MonkeyPatch, change) -> None:
    """Let the campaign meet a gate that something is changed of."""

    def made(contract: Contract, **options: bool):
        gate = gate_for(contract, **options)
        change(gate)
        return gate

    monkeypatch.setattr(bench_robot, "gate_for", made)


@pytest.mark.slow
def test_a_gate_whose_plans_begin_at_once_is_found_out_by_a_controller_that_is_told_late(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, lambda gate: setattr(gate, "_ahead_s", 0.0))
    report = campaign(contract, frames=250, seed=8, rate_hz=100.0)
    assert set(report["violations"].values()) == {0}  # on exact time nothing is wrong with it
    assert any("15 ms" in words for words in report["exceeded"])


@pytest.mark.slow
def test_a_gate_that_does_not_lead_the_controller_to_where_motion_begins_is_found_out(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("world_model_ros.gate.gate.lead_in_s", lambda *_: 0.0)
    monkeypatch.setattr("world_model_ros.gate.gate.held_position", lambda measured, *_: measured)
    report = campaign(contract, frames=60, seed=8, rate_hz=100.0)
    assert report["exceeded"]


@pytest.mark.slow
def test_a_gate_that_takes_the_mean_of_the_tracking_errors_is_found_out(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joints disagree unequally: one is away, the others hang a little."""
    monkeypatch.setattr(
        "world_model_ros.gate.gate.tracking_error", lambda one, other: float(np.abs(one - other).mean())
    )
    report = campaign(contract, frames=600, seed=4, rate_hz=100.0, controllers=False)
    assert report["violations"]["unbraked"] > 0


def test_every_class_of_commands_is_drawn_and_only_some_are_valid(contract: Contract) -> None:
    fuzz = Fuzz(contract.limits(), 0, (0.5, 0.1), 3.0)
    drawn = Counter((frame.kind, frame.valid) for frame in (fuzz.frame(10**18, np.zeros(6)) for _ in range(4000)))
    assert {kind for kind, _ in drawn} == {*KINDS, "valid"}
    assert len(drawn) == len({kind for kind, _ in drawn})  # a class is either valid or not


COMPANIONS = {
    "driver": {
        "speed_scaling": {"topic": "speed_scaling", "type": "std_msgs/msg/Float64", "full": 100.0},
        "ready": [{"topic": "robot_mode", "type": "std_msgs/msg/Int32", "values": [7]}],
    },
    "deadman": {"topic": "joy/deadman"},
}


def accompanied(contract: Contract, name: str) -> Contract:
    """The robot with a driver that has something to say, or with a deadman switch."""
    text = yaml.safe_load(contract.text)
    (text["deployment"] if name == "driver" else text["deployment"]["gate"])[name] = COMPANIONS[name]
    return contract_from_text(yaml.safe_dump(text), folder=contract.folder)


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_robot_with_a_driver_or_a_deadman_switch_is_attacked_as_any_other(contract: Contract, name: str) -> None:
    changed = accompanied(contract, name)
    report = campaign(changed, frames=40, seed=4, controllers=False)
    assert report["classes"]["valid"]["tracked"] > 0
    assert set(report["violations"].values()) == {0}, report
    start, _ = places(changed, np.random.default_rng(0), tries=50)
    assert detect_to_hold(changed, start, trials=1)["silence"]["violations"] == 0
    assert histories(changed, 1, start, seed=5)["judged"] == 1


@pytest.mark.parametrize("name", COMPANIONS)
def test_live_nobody_is_there_to_hold_the_switch(
    contract: Contract, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert contract.folder is not None
    for file in contract.folder.glob("tabletop_arm.urdf"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "arm.yaml").write_text(accompanied(contract, name).text, encoding="utf-8")
    assert main(["bench", "gate", "--robot", str(tmp_path / "arm.yaml"), "--live", "1"]) == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(("changes", "status"), [({}, 0), ({"exceeded": ["history 3: ..."]}, 1), ({"judged": 0}, 1)])
def test_histories_that_break_the_promise_or_show_nothing_are_a_failure(
    changes: dict, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"count": 1, "judged": 1, "acceleration_ratio": 1.0, "velocity_ratio": 1.0, "exceeded": [], "worst": {}}
    monkeypatch.setattr("world_model_ros.bench.gate.histories.spread_histories", lambda *_: found | changes)
    words = ["--frames", "3", "--trials", "0", "--histories", "1", "--no-controllers", "--json"]
    assert main(["bench", "gate", *words]) == status
    assert json.loads(capsys.readouterr().out)["histories"]["count"] == 1


def test_a_controller_that_is_streamed_to_has_no_histories(contract: Contract) -> None:
    text = yaml.safe_load(contract.text)
    text["deployment"]["command"] = {"interface": "forward_position", "topic": "positions", "rate_hz": 100.0}
    with pytest.raises(UserError, match="histories: got 1; expected 0 for forward_position"):
        histories(contract_from_text(yaml.safe_dump(text), folder=contract.folder), 1, np.zeros(6))


@pytest.mark.slow
def test_every_fault_is_braked_within_a_cycle_of_when_it_shows(contract: Contract) -> None:
    contract = at_rate(contract, 100.0)
    start, _ = places(contract, np.random.default_rng(0), tries=50)
    found = detect_to_hold(contract, start, trials=3)
    assert set(found) == set(FAULTS)
    for times in found.values():
        assert times["max"] <= 10.0 + 1e-6
        assert times["violations"] == 0
        assert 0 < times["disarmed_p50"] < 3000.0
