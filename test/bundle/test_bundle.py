"""A bundle is verified whole before anything runs, and each fault is one error that names what would be legal."""

import json
import shutil
from dataclasses import replace

import onnxruntime
import pytest
import yaml

from world_model_ros.bundle.bundle import check_bundle, load_bundle
from world_model_ros.bundle.manifest import Manifest, Sizes
from world_model_ros.bundle.provider import provider_named
from world_model_ros.bundle.session import Graph
from world_model_ros.contract.contract import contract_from_text
from world_model_ros.core.errors import UserError


@pytest.fixture
def copy(toy_bundle, tmp_path):
    """A bundle that the test may spoil."""
    return shutil.copytree(toy_bundle, tmp_path / "toy")


def edit(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_a_whole_bundle_loads_and_its_report_has_no_error(toy_bundle, contract):
    assert load_bundle(toy_bundle, contract).manifest.name == "toy"
    report = check_bundle(toy_bundle, contract)
    assert report.fits
    assert {"file plan.onnx", "graph perceive", "plan: output chunk"} <= {check.what for check in report.checks}


def test_a_model_that_is_not_there_is_named_with_those_that_are(contract):
    with pytest.raises(UserError, match=r"model: got 'no_such'.*manifest\.json"):
        load_bundle("no_such", contract)


@pytest.mark.parametrize("place", [0, -1])
def test_one_flipped_byte_is_found(copy, contract, place):
    data = bytearray((copy / "plan.onnx").read_bytes())
    data[place] ^= 1
    (copy / "plan.onnx").write_bytes(data)
    with pytest.raises(UserError, match=r"plan\.onnx.*damaged"):
        load_bundle(copy, contract)


def test_a_missing_file_is_found(copy, contract):
    (copy / "goal.onnx").unlink()
    with pytest.raises(UserError, match=r"goal\.onnx: got 'no such file'"):
        load_bundle(copy, contract)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest: manifest["graphs"].pop("rollout"), r"graphs.*'rollout'.*kind 'act'"),
        (lambda manifest: manifest["graphs"]["plan"].update(file="../plan.onnx"), r"graphs\.plan\.file"),
        (lambda manifest: manifest["files"].pop("plan.onnx"), r"graphs\.plan\.file: got 'plan\.onnx'"),
    ],
    ids=["graph missing", "graph outside of the folder", "graph without a hash"],
)
def test_a_manifest_that_does_not_name_every_graph_with_its_hash_is_refused(copy, contract, change, said):
    edit(copy, change)
    with pytest.raises(UserError, match=said):
        load_bundle(copy, contract)


def test_weights_that_have_no_hash_are_refused(copy, contract):
    edit(copy, lambda manifest: manifest["files"].pop("weights.bin"))
    (copy / "weights.bin").write_bytes(b"anything")
    with pytest.raises(UserError, match=r"files: got 'none of weights\.bin'"):
        load_bundle(copy, contract)


@pytest.mark.parametrize("name", ["a" * 300, "x/" * 3000, None])
def test_a_name_that_no_file_can_have_is_refused_as_any_other(contract, name):
    with pytest.raises(UserError, match=r"model: got .*manifest\.json"):
        load_bundle(name, contract)


def test_a_model_made_for_another_interface_says_which_parts_differ(toy_bundle, contract):
    data = yaml.safe_load(contract.text)
    data["interface"]["tick_hz"] = 20.0
    other = contract_from_text(yaml.safe_dump(data), folder=contract.folder)
    with pytest.raises(UserError, match=r"made for robot 'tabletop_arm'.*what differs: tick_hz"):
        load_bundle(toy_bundle, other)


def test_another_deployment_does_not_invalidate_a_model(toy_bundle, contract):
    data = yaml.safe_load(contract.text)
    data["deployment"]["streams"][0]["topic"] = "another/camera"
    other = contract_from_text(yaml.safe_dump(data), folder=contract.folder)
    assert other.interface_hash == contract.interface_hash
    assert load_bundle(toy_bundle, other).manifest == load_bundle(toy_bundle, contract).manifest


def test_a_tensor_of_another_shape_is_named_with_the_legal_one(copy, contract):
    edit(copy, lambda manifest: manifest["graphs"]["perceive"]["inputs"]["arm"].update(shape=[6, 3]))
    with pytest.raises(UserError, match=r"perceive: input arm: got 'float32 \(6, 3\)'; expected float32 \(6, 2\)"):
        load_bundle(copy, contract)


def test_the_report_lists_every_fault_not_only_the_first(copy, contract):
    (copy / "goal.onnx").unlink()
    edit(copy, lambda manifest: manifest["graphs"]["plan"]["outputs"].pop("chunk"))
    report = check_bundle(copy, contract)
    assert [check.what for check in report.checks if check.error] == ["file goal.onnx", "plan: output chunk"]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', "\udcff", "[" * 100_000, "1" * 6000])
def test_a_manifest_that_is_none_is_refused(copy, contract, text):
    (copy / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"manifest\.json"):
        load_bundle(copy, contract)
    assert not check_bundle(copy, contract).fits


def test_a_graph_file_that_does_not_keep_the_manifests_promise_is_refused(copy, contract):
    bundle = load_bundle(copy, contract)
    inverse = bundle.manifest.graphs["inverse"]
    swapped = inverse.model_copy(update={"file": "goal.onnx"})
    manifest = bundle.manifest.model_copy(update={"graphs": bundle.manifest.graphs | {"inverse": swapped}})
    with pytest.raises(UserError, match=r"goal\.onnx: (input|output)"):
        Graph(replace(bundle, manifest=manifest), "inverse")


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is here")
def test_cuda_where_there_is_none_is_an_error_that_says_what_is_missing():
    with pytest.raises(UserError, match=r"provider: got 'cuda'.*onnxruntime-gpu"):
        str(provider_named("cuda"))
    assert str(provider_named("auto")) == "cpu"


def test_an_unknown_provider_is_named_with_the_legal_ones():
    with pytest.raises(UserError, match=r"provider: got 'npu'.*'auto', 'cpu', 'cuda', 'tensorrt'"):
        str(provider_named("npu"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, r"manifest\.json: name: got ''; expected a name: a line"),
        ({"name": "a\nb"}, r"manifest\.json: name: got 'a\\nb'"),
        ({"robot": " "}, r"manifest\.json: robot: got ' '"),
        ({"kind": "fly"}, r"manifest\.json: kind: got 'fly'; expected 'act' or 'watch'"),
        ({"kind": "watch"}, r"model toy: graphs: got 'plan'; expected one of .*in a bundle of kind 'watch'"),
        (
            {"goals": {"nowhere": ["position"]}},
            r"model toy: goals: got 'nowhere'; expected a target that",
        ),
        (
            {"goals": {"object_0": ["position", "value"]}},
            r"goals\.object_0: got \['value'\]; expected some of",
        ),
        ({"calibration": {"region_scale": float("inf")}}, r"manifest\.json: calibration\.region_scale: got inf"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_refused(copy, contract, change, said):
    edit(copy, lambda manifest: manifest.update(change))
    with pytest.raises(UserError, match=said):
        load_bundle(copy, contract)


def test_a_key_of_a_manifest_that_is_there_twice_is_refused(copy, contract):
    path = copy / "manifest.json"
    path.write_text(path.read_text().replace("{", '{"name": "other",', 1))
    with pytest.raises(UserError, match=r"manifest\.json: got 'name'; expected each key once"):
        load_bundle(copy, contract)


def test_programs_are_told_of_a_wrong_size_or_manifest_as_files_are(toy_bundle, contract):
    right = {"state": 1, "memory": 2, "code": 0, "horizon": 3, "candidates": 1, "iterations": 1}
    assert Sizes(**right).model_dump() == right
    for change, said in (
        ({"horizon": 0}, "sizes.horizon: got 0; expected greater than 0"),
        ({"state": "a"}, "sizes.state: got 'a'; expected a valid integer"),
        ({"foo": 2}, "sizes.foo: got 2"),
    ):
        with pytest.raises(UserError) as caught:
            Sizes(**{**right, **change})
        assert str(caught.value).startswith(said)
    with pytest.raises(UserError, match=r"^sizes\.state: got 'nothing'; expected a value"):
        Sizes()
    manifest = load_bundle(toy_bundle, contract).manifest.model_dump()
    assert Manifest(**manifest).model_dump() == manifest
    with pytest.raises(UserError, match=r"^kind: got 'fly'; expected 'act' or 'watch'"):
        Manifest(**{**manifest, "kind": "fly"})
    with pytest.raises(UserError, match=r"^sizes\.code: got -1; expected greater than or equal to 0"):
        Manifest(**{**manifest, "sizes": {**right, "code": -1}})
