"""A bundle of format 1 becomes one of this version's, and computes what it did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.manifest import FORMAT, TensorSpec
from world_model_ros.bundle.session import Graph
from world_model_ros.bundle.signatures import Tensor, neutral, signatures
from world_model_ros.bundle.upgrade import upgrade_bundle
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError

pytest.importorskip("onnx", reason="onnx is not installed (extra: train)")

OLD = Path(__file__).parent / "format_1"  # the toy bundle, as 0.1.0 wrote it
RENAMED = {
    "goal_weights": "goal_position_weights",
    "goal_code": "goal_codes",
    "goal_code_weight": "goal_code_weights",
    "reference": "reference_front",
    "image": "front",
}
OUTPUTS = {"frames": "front", "code": "codes"}


def test_every_graph_computes_what_it_did_to_the_last_bit(contract: Contract, tmp_path: Path) -> None:
    manifest = upgrade_bundle(OLD, contract, tmp_path / "new")
    assert manifest.format == FORMAT == 2
    new, told = load_bundle(tmp_path / "new", contract), json.loads((OLD / "manifest.json").read_text())
    random = np.random.default_rng(0)
    for name, spec in told["graphs"].items():
        before = onnxruntime.InferenceSession(str(OLD / spec["file"]), providers=["CPUExecutionProvider"])
        given = {
            each.name: (200 * random.random(each.shape)).astype("uint8" if "uint8" in each.type else "float32")
            for each in before.get_inputs()
        }
        after = Graph(new, name)
        inputs = after.neutral()
        for key, value in given.items():
            where = RENAMED.get(key, key) if name in ("plan", "decode", "goal") else key
            inputs[where] = value.reshape(inputs[where].shape)
        found = after.run(inputs)
        for key, value in zip((each.name for each in before.get_outputs()), before.run(None, given)):
            got = found[OUTPUTS.get(key, key)]
            np.testing.assert_array_equal(got.reshape(value.shape), value, err_msg=f"{name}: {key}")


def test_the_command_makes_one_and_an_old_one_says_that_it_is_needed(tmp_path: Path, capsys) -> None:
    with pytest.raises(UserError, match=r"format: got 1.*upgrade-bundle"):
        load_bundle(OLD, load_contract("tabletop_arm"))
    assert main(["upgrade-bundle", str(OLD), "--out", str(tmp_path / "new"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == 2
    assert main(["check", str(tmp_path / "new")]) == 0
    capsys.readouterr()
    assert main(["upgrade-bundle", str(tmp_path / "new"), "--out", str(tmp_path / "again")]) == 2
    assert "format: got 2" in capsys.readouterr().err
    assert main(["upgrade-bundle", str(OLD), "--out", str(tmp_path / "new")]) == 2
    assert "out: got" in capsys.readouterr().err


def test_a_tensor_that_this_version_does_not_know_is_refused_by_name(contract: Contract, tmp_path: Path) -> None:
    upgrade_bundle(OLD, contract, tmp_path / "new")
    path = tmp_path / "new" / "manifest.json"
    told = json.loads(path.read_text())
    for side, legal in (("input", "proposals_mask"), ("output", "chance")):
        there = told["graphs"]["plan"][f"{side}s"]
        there["goal_smell"] = {"shape": [3], "dtype": "float32"}
        path.write_text(json.dumps(told))
        with pytest.raises(UserError, match=rf"plan: {side}: got 'goal_smell'.*{legal}"):
            load_bundle(tmp_path / "new", contract)
        del there["goal_smell"]


def test_what_a_runtime_does_not_use_is_fed_as_if_it_were_not_there() -> None:
    assert neutral("action_matrix", TensorSpec(shape=(2, 2))).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert neutral("target_gains", TensorSpec(shape=(3,))).tolist() == [1.0, 1.0, 1.0]
    off = ("action_offset", "readout_residual", "proposals_mask", "camera_geometry", "goal_rotation_weights")
    for name in (*off, "keep_weights", "force_bound_n", "behaviour_noise"):
        assert not neutral(name, TensorSpec(shape=(4,))).any()


def test_format_2_has_a_place_for_what_later_versions_add(contract: Contract) -> None:
    sizes = load_bundle("tabletop_arm", contract).manifest.sizes
    asked = signatures(contract.interface, sizes, "act")
    plan = asked["plan"].inputs
    assert plan["proposals"] == Tensor((None, 12, 2))
    assert plan["proposals_mask"] == Tensor((None,))
    assert plan["goal_rotation_weights"] == plan["goal_values"] == plan["goal_value_weights"] == Tensor((2,))
    assert plan["keep_weights"] == plan["force_bound_n"] == Tensor((2,))
    assert plan["behaviour_noise"] == Tensor((None, None, None, 2))
    assert asked["plan"].outputs["chance"] == Tensor((1,), optional=True)
    found = asked["perceive"].outputs
    assert found["other_poses"] == Tensor((2, 7), optional=True)
    assert found["other_weight"] == found["held"] == Tensor((2,), optional=True)
    assert plan["goal_codes"] == Tensor((1, sizes.code))
    for graph in ("perceive", "rollout", "policy", "plan"):
        assert asked[graph].inputs["action_matrix"] == Tensor((2, 2))
        assert asked[graph].inputs["action_offset"] == Tensor((2,))
        assert asked[graph].inputs["readout_residual"] == Tensor((2, 3))
    for graph in ("perceive", "decode", "goal"):
        assert asked[graph].inputs["camera_geometry"] == Tensor((1, 12))
    assert not any(tensor.needed for name, tensor in plan.items() if name != "memory")


HASHES = {  # of format 1; models are bound to them
    "tabletop_arm": "63e266ca14c17069be27b78b11ca2eea1af61179d8905aa47214e17273191002",
    "humanoid_upper_body": "1232257f52add6ff9bd1dfb3c2ace8285c4357f14b44b7af58848cde422d54b2",
    "unitree_g1": "2331932e7177f48343dce1b60013fcd7f75ab4935e7b3188a54f1fb9a0adee7f",
}


@pytest.mark.parametrize("robot", HASHES)
def test_the_interface_of_a_shipped_robot_keeps_its_hash(robot: str) -> None:
    contract = load_contract(robot)
    assert contract.interface_hash == HASHES[robot]
    assert load_bundle(robot, contract).manifest.interface_hash == HASHES[robot]


def test_an_upgrade_needs_onnx_and_says_so(contract: Contract, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UserError, match=r"onnx: got 'not installed'.*pip install onnx"):
        upgrade_bundle(OLD, contract, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_bundle_is_not_made_into_a_whole_one(contract: Contract, tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "old")
    with (tmp_path / "old" / "rollout.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(UserError, match=r"rollout\.onnx.*sha256"):
        upgrade_bundle(tmp_path / "old", contract, tmp_path / "new")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda told: told["files"].update({"../out.onnx": "0" * 64}), r"files"),
        (lambda told: told["graphs"]["plan"].update(file="../plan.onnx"), r"graphs\.plan\.file"),
        (lambda told: told.pop("sizes"), r"sizes"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_before_anything_is_written(
    change, field: str, contract: Contract, tmp_path: Path
) -> None:
    shutil.copytree(OLD, tmp_path / "old")
    path = tmp_path / "old" / "manifest.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    with pytest.raises(UserError, match=field):
        upgrade_bundle(tmp_path / "old", contract, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_is_no_manifest_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("", "[]", "{}"):
        (tmp_path / "manifest.json").write_text(text)
        assert main(["upgrade-bundle", str(tmp_path), "--out", str(tmp_path / "new")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
