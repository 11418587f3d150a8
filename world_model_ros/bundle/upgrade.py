"""Converts a model bundle from format 1 to format 2: edits tensor names and shapes; computed values stay identical.

Format 2 names tensors for what they are now one of several of: goal weights of position, codes and frames by camera.
Needs the package ``onnx``, and no PyTorch.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.bundle.bundle import MANIFEST, find_bundle, load_bundle, manifest_text, validated, wrong_file
from world_model_ros.bundle.manifest import FORMAT, Manifest
from world_model_ros.bundle.signatures import cameras, reference_of
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.missing import imported

if TYPE_CHECKING:
    import onnx


_EDITED = ("plan", "decode", "goal")


def upgrade_bundle(source: Path | str, contract: Contract, out: Path | str) -> Manifest:
    """Write a bundle of this version's format that computes what one of format 1 does, bit by bit.

    Args:
        source: bundle of format 1, by name or folder.
        contract: of its robot.
        out: another folder.

    Raises:
        UserError: ``onnx`` is not installed, it is of another format, ``out`` is in use, or it does not fit the
            contract.
    """
    folder, out = find_bundle(source), Path(out)
    told = manifest_text(folder)
    if told.get("format") != 1:
        raise UserError(f"{folder / MANIFEST}: format", told.get("format"), f"1; this version writes {FORMAT}")
    validated(folder, {**told, "format": FORMAT})  # names of files too: none may lead out of the folder
    if out.exists() and any(out.iterdir()):
        raise UserError("out", str(out), "a folder that is new or empty")
    imported("onnx")
    for file, digest in told["files"].items():
        error = wrong_file(folder / file, digest)
        if error is not None:
            raise error
    out.mkdir(parents=True, exist_ok=True)
    edited = {spec["file"]: name for name, spec in told["graphs"].items()}
    for file in sorted(told["files"]):
        shutil.copyfile(folder / file, out / file)
        if edited.get(file) in _EDITED:
            _edit(out / file, edited[file], contract)
    for name, spec in told["graphs"].items():
        if name in _EDITED:
            spec |= _described(out / spec["file"])
    told["format"] = FORMAT
    told["files"] = {file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in told["files"]}
    if told.get("planner"):
        told["planner"] = _planner({"horizon": told["horizon"], **told["planner"]})
    (out / MANIFEST).write_text(Manifest.model_validate(told).model_dump_json(indent=1) + "\n", encoding="utf-8")
    return load_bundle(out, contract).manifest


def _edit(path: Path, graph: str, contract: Contract) -> None:
    """Rename and reshape tensors of one file in place."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    seeing = [camera.name for camera in cameras(contract.interface)]
    if graph == "plan":
        _rename(model.graph, "goal_weights", "goal_position_weights")
        if seeing:
            _first_row(model.graph, "goal_code", "goal_codes", len(seeing))
            _first_value(model.graph, "goal_code_weight", "goal_code_weights", len(seeing))
    elif graph == "decode" and seeing:
        _rename(model.graph, "reference", reference_of(seeing[0]))
        _rename(model.graph, "frames", seeing[0])
    elif graph == "goal" and seeing:
        _rename(model.graph, "image", seeing[0])
        _rows(model.graph, "code", "codes", len(seeing))
    onnx.save_model(model, str(path))


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Give a tensor another name wherever it is used."""
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.name == old:
            value.name = new


def _taken(graph: onnx.GraphProto, old: str, new: str) -> Any | None:
    """The input ``old``, now named ``new``, while nodes still read the old name; None if the graph does not read it."""
    value = next((each for each in graph.input if each.name == old), None)
    if value is not None:
        value.name = new
    return value


def _first_row(graph: onnx.GraphProto, old: str, new: str, rows: int) -> None:
    """An input (D,) becomes the first row of one that is (rows, D)."""
    from onnx import TensorProto, helper

    value = _taken(graph, old, new)
    if value is None:
        return
    (size,) = (dim.dim_value for dim in value.type.tensor_type.shape.dim)
    value.CopyFrom(helper.make_tensor_value_info(new, TensorProto.FLOAT, [rows, size]))
    graph.initializer.append(helper.make_tensor(f"{new}_first", TensorProto.INT64, [], [0]))
    graph.node.insert(0, helper.make_node("Gather", [new, f"{new}_first"], [old], axis=0))


def _first_value(graph: onnx.GraphProto, old: str, new: str, rows: int) -> None:
    """An input (1,) becomes the first of one that is (rows,)."""
    from onnx import TensorProto, helper

    value = _taken(graph, old, new)
    if value is None:
        return
    value.CopyFrom(helper.make_tensor_value_info(new, TensorProto.FLOAT, [rows]))
    graph.initializer.append(helper.make_tensor(f"{new}_first", TensorProto.INT64, [1], [0]))
    graph.node.insert(0, helper.make_node("Gather", [new, f"{new}_first"], [old], axis=0))


def _rows(graph: onnx.GraphProto, old: str, new: str, rows: int) -> None:
    """An output (D,) becomes the first row of one that is (rows, D), with zeros in the others."""
    from onnx import TensorProto, helper

    value = next((each for each in graph.output if each.name == old), None)
    if value is None:
        return
    (size,) = (dim.dim_value for dim in value.type.tensor_type.shape.dim)
    value.CopyFrom(helper.make_tensor_value_info(new, TensorProto.FLOAT, [rows, size]))
    graph.initializer.append(helper.make_tensor(f"{new}_axis", TensorProto.INT64, [1], [0]))
    first = new if rows == 1 else f"{new}_0"
    graph.node.append(helper.make_node("Unsqueeze", [old, f"{new}_axis"], [first]))
    if rows > 1:
        zeros = helper.make_tensor(f"{new}_zeros", TensorProto.FLOAT, [rows - 1, size], [0.0] * ((rows - 1) * size))
        graph.initializer.append(zeros)
        graph.node.append(helper.make_node("Concat", [first, f"{new}_zeros"], [new], axis=0))


def _described(path: Path) -> dict[str, Any]:
    """Tensors of the file as it is now."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    types = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.UINT8: "uint8"}

    def tensors(values: Any) -> dict[str, Any]:
        found = {}
        for value in values:
            kind = value.type.tensor_type
            if kind.elem_type not in types:
                raise UserError(f"{path.name}: {value.name}", kind.elem_type, f"an ONNX type of {sorted(types)}")
            shape = [dim.dim_value for dim in kind.shape.dim]
            found[value.name] = {"shape": shape, "dtype": types[kind.elem_type]}
        return found

    return {"inputs": tensors(model.graph.input), "outputs": tensors(model.graph.output)}


def _planner(flat: dict[str, Any]) -> dict[str, Any]:
    """Settings of format 1, by part of the planner. What they do not name did not exist."""
    search = ("samples", "iterations", "decay", "elites", "keep", "spread")
    proposals = ("standoff_m", "idle_spread")
    before = {"decay": 1.0, "outside_weight": 0.0, "margin_m": 0.0, "apart_m": 0.0, "apart_weight": 0.0}
    given = before | flat
    cost = set(given) - set(search) - {"idle_spread", "horizon", "beta"}
    return {
        "horizon": given["horizon"],
        "solver": "icem",
        "search": {name: given[name] for name in search if name in given},
        "objective": "goal",
        "cost": {name: given[name] for name in sorted(cost)},
        "proposals": {name: given[name] for name in proposals if name in given},
        "beta": given.get("beta", 2.0),
    }
