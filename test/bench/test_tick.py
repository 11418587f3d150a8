"""Where the time of a tick goes, and whether anything grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from depth_arm import depth_arm

from world_model_ros.bench.speed.made_up_senses import Senses, observation, rest, with_camera_size
from world_model_ros.bench.speed.soak import _growth, soak
from world_model_ros.bench.speed.tick import tick_times
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.messages import ros_class
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics


def _record(**stages_ms: float) -> dict[str, object]:
    return {"stages_ms": stages_ms, "error": None, "missed": 0, "plan": "plan"}


def test_a_plan_that_goes_on_is_no_plan_that_is_made() -> None:
    made = _record(convert=0.5, observe=0.1, plan=8.0, total=12.0, runtime=10.0)
    kept = _record(convert=0.5, observe=0.1, plan=1.0, total=4.0, runtime=3.0) | {"plan": None}
    found = tick_times([made, kept, kept])
    assert found["plan_ms"] == pytest.approx(8.0)
    assert found["stages_ms"]["go_on"]["p50"] == pytest.approx(1.0)


def test_what_is_outside_of_onnx_runtime_counts_from_arrival_to_command() -> None:
    records = [_record(convert=0.5, observe=0.1, plan=8.0, total=12.0, runtime=10.0)] * 3
    found = tick_times(records)
    assert found["overhead_ms"] == pytest.approx(2.5)
    assert found["share_in_runtime"] == pytest.approx(0.8)
    assert found["plan_ms"] == pytest.approx(8.0)


def test_made_up_messages_become_what_the_contract_promises(contract: Contract) -> None:
    wide = with_camera_size(contract, (480, 640))
    assert wide.interface_hash == contract.interface_hash
    senses = Senses(wide, ros_class)
    for stream in wide.interface.streams:
        stamp_ns, value = converter_for(stream, wide.source(stream.name))(senses.message(stream.name, 7))
        shape, kind = stream.shape, stream.dtype
        assert stamp_ns == 7
        assert value.dtype == kind
        assert value.shape[1:] == shape[1:]
    assert senses.message("front", 0).width == 640


def test_made_up_depth_has_holes_and_is_read_as_depth() -> None:
    contract = depth_arm()
    value = observation(contract, 7).values["above"]
    assert value.dtype == np.float32
    assert value.shape == (32, 48, 1)
    assert 0.05 < np.isnan(value).mean() < 0.15
    message = Senses(contract, ros_class).message("above", 7)
    _, depth = converter_for(contract.stream("above"), contract.source("above"))(message)
    assert np.isfinite(depth).any()
    assert np.nanmin(depth) >= 0.2


def test_the_made_up_arm_has_its_fingertip_where_it_may_work(contract: Contract) -> None:
    low, high = np.array(contract.interface.action.workspace_m).T
    tip = ArmKinematics(contract).tip(rest(contract))[0]
    assert (tip >= low - 1e-3).all()
    assert (tip <= high + 1e-3).all()


def test_a_decision_says_how_much_of_it_was_inside_onnx_runtime(contract: Contract, toy_bundle: Path) -> None:
    brain = Brain(load_bundle(toy_bundle, contract), contract, "cpu", 1)
    brain.warm_up()
    decision, _ = brain.tick(observation(contract, 0), None, None, brain.start(), None, 0)
    assert 0.0 < decision.runtime_ms < sum(decision.stages_ms.values())


def test_growth_is_what_every_sample_shows_not_a_single_step() -> None:
    assert _growth(np.array([5.0, 5.0, 900.0, 900.0, 901.0]), 10) == pytest.approx(0.05)
    assert _growth(np.array([0.0, 100.0, 190.0, 310.0]), 10) == pytest.approx(10.0)


@pytest.mark.slow
def test_nothing_grows_over_many_ticks(contract: Contract, toy_bundle: Path) -> None:
    bundle = load_bundle(toy_bundle, contract)
    found = soak(bundle, contract, "cpu", 1, 1000)
    assert found["blocks_per_tick"] < 0.5
    with pytest.raises(UserError, match="1000 ticks or more"):
        soak(bundle, contract, "cpu", 1, 10)
