"""Writes bundles: PyTorch modules as ONNX graphs with shared weights, and a manifest."""

from __future__ import annotations

import hashlib
import inspect
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx.external_data_helper import set_external_data
from torch import Tensor, nn

from world_model_ros.bundle.bundle import load_bundle, require_replaceable
from world_model_ros.bundle.manifest import FORMAT, Manifest, Sizes
from world_model_ros.bundle.signatures import Signature, goals_read, signatures
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import folder_for
from world_model_ros.core.progress import stage
from world_model_ros.learning.export.graph_modules import NamedGraph
from world_model_ros.learning.export.onnx_exporter import Exporter, exporter_named, onnx_graph

_WEIGHTS = "weights.bin"
_SHARED_BYTES = 256  # smaller constants stay in the graph
_FREE = {"candidates": 8, "states": 4, "since": 2, "sensed": 1, "sensed_next": 1}


def write_bundle(
    out: Path | str,
    contract: Contract,
    graphs: Mapping[str, nn.Module],
    sizes: Sizes,
    name: str | None = None,
    *,
    free: Mapping[str, int] | None = None,
    planner: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    scores: Mapping[str, Any] | None = None,
    calibration: Mapping[str, Any] | None = None,
    goals: Mapping[str, Sequence[str]] | None = None,
    exporter: str | None = None,
) -> Manifest:
    """Write ``out/manifest.json``, the graphs and ``weights.bin``, and check that they fit the contract.

    Args:
        out: folder that is new or empty, or one of a bundle, which is replaced.
        contract: of the robot.
        graphs: module of each graph by name, see `world_model_ros.bundle.signatures.signatures`. The parameters of its
            ``forward`` are inputs of that graph, in any order, as many as it needs; it returns outputs by name. With
            ``plan`` the bundle acts, without it only watches.
        sizes: what the contract does not fix.
        name: of the bundle; the contract's without it.
        free: sizes that neither fixes, by input: how many ``candidates`` rollout and ``states`` decode take at a
            time, and what ``since`` and ``sensed`` are long.
        planner: settings of the plan graph, for the manifest; ``beta`` is the colour of the noise that it expects.
        provenance: where it comes from, for the manifest.
        scores: measured on held-out episodes. calibration: see `world_model_ros.bundle.manifest.Calibration`.
        goals: of ``position``, ``orientation``, ``value`` what each target takes; what ``plan`` reads without it.
        exporter: see `world_model_ros.learning.export.onnx_exporter.exporter_named`.

    Raises:
        UserError: ``out`` holds something else, a graph is missing or not known, or a tensor has another name, shape or
            type than is asked for.
    """
    kind, asked = _asked(contract, graphs, sizes)
    out, by = require_replaceable(folder_for("out", out)), exporter_named(exporter)
    given = {graph: examples(graph, module, asked[graph], free) for graph, module in graphs.items()}
    written = _write_graphs(out, graphs, given, by)
    about = _about(contract) | {
        "name": name or contract.name,
        "kind": kind,
        "horizon": sizes.horizon,
        "sizes": sizes,
        "graphs": written,
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(out, graphs)},
        "planner": None if planner is None else dict(planner),
        "provenance": {**(provenance or {}), **_made(by)},
        "scores": dict(scores or {}),
        "calibration": dict(calibration or {}),
    }
    if kind == "act":
        read = goals_read(contract.interface, written["plan"]["inputs"], Manifest.model_validate(about).unlabelled)
        about["goals"] = read if goals is None else goals
    text = Manifest.model_validate(about).model_dump_json(indent=1)
    (out / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return load_bundle(out, contract).manifest


def _write_graphs(
    out: Path, graphs: Mapping[str, nn.Module], given: Mapping[str, Mapping[str, Tensor]], exporter: Exporter
) -> dict[str, Any]:
    """Write each graph in the place of what was there; what the manifest says of them."""
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.onnx"), out / _WEIGHTS, out / "manifest.json"]:
        old.unlink(missing_ok=True)
    written: dict[str, Any] = {}
    with _WeightStore(out / _WEIGHTS) as store:
        for number, (graph, module) in enumerate(graphs.items(), 1):
            stage(f"writes graph {number} of {len(graphs)}: {graph}")
            proto = onnx_graph(_named(module, given[graph]), tuple(given[graph].values()), exporter)
            written[graph] = _write_graph(graph, proto, out, store)
    return written


def _files(out: Path, graphs: Mapping[str, nn.Module]) -> list[Path]:
    """What was written; other files in the folder, as a model's card, are none of the bundle's."""
    return [out / name for name in sorted([*(f"{graph}.onnx" for graph in graphs), _WEIGHTS])]


def _made(by: Exporter) -> dict[str, str]:
    """What a bundle was made with."""
    return {"torch": torch.__version__, "exporter": by, "python": platform.python_version()}


def _about(contract: Contract) -> dict[str, Any]:
    """What a manifest says of the robot."""
    interface = contract.interface
    return {
        "format": FORMAT,
        "robot": contract.name,
        "interface_hash": contract.interface_hash,
        "interface": interface.model_dump(mode="json"),
        "tick_hz": interface.tick_hz,
        "streams": [stream.name for stream in interface.streams],
        "targets": [target.name for target in interface.targets],
    }


def inputs_of(module: nn.Module) -> list[str]:
    """Names of a graph's inputs: those that it says, or the parameters of its ``forward``."""
    return list(module.inputs) if isinstance(module, NamedGraph) else list(inspect.signature(module.forward).parameters)


def examples(
    graph: str, module: nn.Module, signature: Signature, free: Mapping[str, int] | None = None
) -> dict[str, Tensor]:
    """A tensor of the right shape and type for each input of a graph.

    Args:
        graph: its name, for errors.
        module: of the graph.
        signature: what a contract asks of it.
        free: sizes that it leaves open, by input.

    Raises:
        UserError: the module has an input that there is not.
    """
    found = {}
    for name in inputs_of(module):
        if name not in signature.inputs:
            raise UserError(f"graph {graph}: input", name, f"one of {sorted(signature.inputs)}")
        asked = signature.inputs[name]
        shape = [(_FREE | dict(free or {}))[name] if size is None else size for size in asked.shape]
        if asked.dtype == "uint8":
            found[name] = torch.randint(0, 255, shape, dtype=torch.uint8)
        elif name in ("bounds_low", "bounds_high"):
            found[name] = torch.full(shape, 1.0 if name == "bounds_high" else -1.0)
        else:
            found[name] = torch.rand(shape)
    return found


def _asked(contract: Contract, graphs: Mapping[str, nn.Module], sizes: Sizes) -> tuple[str, dict[str, Signature]]:
    """Kind of the bundle, and what each graph of it has to be; `UserError` if one is missing or not known."""
    require_contract(contract)
    if not isinstance(graphs, Mapping):
        raise UserError("graphs", graphs, "a module of PyTorch for each graph by name")
    if not isinstance(sizes, Sizes):
        raise UserError("sizes", sizes, "Sizes")
    kind = "act" if "plan" in graphs else "watch"
    asked = signatures(contract.interface, sizes, kind)
    _check_names(graphs, asked, kind)
    return kind, asked


def _check_names(graphs: Mapping[str, nn.Module], asked: Mapping[str, Signature], kind: str) -> None:
    unknown = sorted(set(graphs) - set(asked))
    lacking = sorted(name for name, each in asked.items() if not each.optional and name not in graphs)
    if unknown or lacking:
        needed = sorted(name for name, each in asked.items() if not each.optional)
        may = sorted(name for name, each in asked.items() if each.optional)
        raise UserError("graphs", sorted(graphs), f"all of {needed} for a bundle of kind {kind!r}, and any of {may}")


class _Named(NamedGraph):
    """A module that takes and returns tensors by name, with both in a fixed order."""

    def __init__(self, module: nn.Module, inputs: list[str], outputs: list[str]) -> None:
        super().__init__()
        self.model, self.inputs, self.outputs = module, inputs, outputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        found = self.model(**dict(zip(self.inputs, tensors)))
        return tuple(found[name] for name in self.outputs)


def _named(module: nn.Module, example: Mapping[str, Tensor]) -> NamedGraph:
    if isinstance(module, NamedGraph):
        return module
    with torch.no_grad():
        found = module.eval()(**example)
    return _Named(module, list(example), list(found))


def _write_graph(graph: str, proto: onnx.ModelProto, out: Path, store: _WeightStore) -> dict[str, Any]:
    store.take(proto)
    onnx.save_model(proto, out / f"{graph}.onnx")
    onnx.checker.check_model(str(out / f"{graph}.onnx"))
    return {
        "file": f"{graph}.onnx",
        "inputs": {value.name: _describe(value) for value in proto.graph.input},
        "outputs": {value.name: _describe(value) for value in proto.graph.output},
    }


def _describe(value: onnx.ValueInfoProto) -> dict[str, Any]:
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    return {"shape": [dim.dim_value for dim in tensor.shape.dim], "dtype": str(np.dtype(dtype))}


class _WeightStore:
    """One file that holds every weight once; graphs point into it."""

    def __init__(self, path: Path) -> None:
        self._file, self._name = path.open("wb"), path.name
        self._places: dict[bytes, tuple[int, int]] = {}

    def take(self, proto: onnx.ModelProto) -> None:
        """Move the big initializers of a graph out into the store."""
        tensors = list(proto.graph.initializer)
        tensors += [
            a.t for node in proto.graph.node if node.op_type == "Constant" for a in node.attribute if a.HasField("t")
        ]
        for tensor in tensors:
            raw = onnx.numpy_helper.to_array(tensor).tobytes()
            if len(raw) < _SHARED_BYTES or not tensor.name:
                continue
            key = hashlib.sha256(raw).digest()
            if key not in self._places:
                self._file.write(b"\0" * (-self._file.tell() % 64))
                self._places[key] = (self._file.tell(), len(raw))
                self._file.write(raw)
            offset, length = self._places[key]
            tensor.raw_data = raw
            tensor.ClearField("float_data")
            set_external_data(tensor, self._name, offset=offset, length=length)
            tensor.ClearField("raw_data")

    def __enter__(self) -> _WeightStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
