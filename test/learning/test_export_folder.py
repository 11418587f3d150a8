"""Where a bundle may be written: nothing that is not of a bundle is overwritten, removed or listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="bundles are exported with torch")

from toy_bundle import write_toy_bundle  # noqa: E402

from world_model_ros.bundle.bundle import read_manifest  # noqa: E402
from world_model_ros.cli import main  # noqa: E402
from world_model_ros.contract.contract import Contract  # noqa: E402
from world_model_ros.core.errors import UserError  # noqa: E402
from world_model_ros.learning.export.publish import export  # noqa: E402


@pytest.mark.parametrize("name", ["manifest.json", "weights.bin", "notes.txt", "mine/notes.txt"])
def test_what_is_no_bundle_is_refused_and_kept(
    tmp_path: Path, contract: Contract, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text('{"mine": 1}')
    legal = "a folder that is new or empty, or one of a bundle, which is replaced; there is"
    with pytest.raises(UserError, match=legal):
        export("tabletop_arm", tmp_path)
    with pytest.raises(UserError, match=legal):
        write_toy_bundle(tmp_path, contract)
    assert main(["export", "models/tabletop_arm", "--out", str(tmp_path)]) == 2
    assert f"out: got '{tmp_path}'; expected {legal} {name.split('/')[0]} in it" in capsys.readouterr().err
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [file]
    assert file.read_text() == '{"mine": 1}'


def test_a_graph_of_others_in_a_bundle_is_refused(tmp_path: Path) -> None:
    files = {"files": {"plan.onnx": "0" * 64}, "graphs": {}}
    (tmp_path / "manifest.json").write_text(json.dumps(files))
    (tmp_path / "plan.onnx").write_text("of the bundle")
    (tmp_path / "mine.onnx").write_text("mine")
    with pytest.raises(UserError, match=r"mine\.onnx is not of the bundle in it"):
        export("tabletop_arm", tmp_path)
    assert (tmp_path / "plan.onnx").read_text() == "of the bundle"


@pytest.mark.slow
def test_a_bundle_is_replaced_and_what_is_next_to_it_is_neither_lost_nor_listed(
    tmp_path: Path, contract: Contract
) -> None:
    out = write_toy_bundle(tmp_path / "toy", contract)
    (out / "README.md").write_text("a card")
    (out / "figures").mkdir()
    write_toy_bundle(out, contract, kind="watch")
    manifest = read_manifest(out)
    assert sorted(manifest.files) == sorted([*(f"{graph}.onnx" for graph in manifest.graphs), "weights.bin"])
    assert {"README.md", "figures"} | {*manifest.files, "manifest.json"} == {each.name for each in out.iterdir()}
