"""Model -> bundle: ONNX graphs with shared weights and a manifest."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx.external_data_helper import set_external_data
from torch import Tensor

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError
from world_model_ros.learning.exporter import exporter_named, onnx_graph
from world_model_ros.learning.graphs import Decode, Inverse, NamedGraph, Perceive, Plan, Policy, ReadGoal, Rollout
from world_model_ros.learning.networks import Sizes, WorldModel
from world_model_ros.learning.surprise import LOOK_BACK
from world_model_ros.planning.planner import PlanConfig
from world_model_ros.runtime.manifest import Manifest

_WEIGHTS = "weights.bin"
_SHARED_BYTES = 256  # smaller constants stay in the graph
_ROLLOUTS, _DECODED = 8, 4  # fixed batch sizes of rollout and decode
_NOISE_BETA = 2.0


def load_checkpoint(path: Path) -> tuple[WorldModel, Contract]:
    """Weights and contract as `train.save` wrote them; `UserError` of those of another version."""
    state = torch.load(path, weights_only=True)
    contract = contract_from_text(state["contract"], str(path))
    model = WorldModel(contract.interface, Sizes())
    try:
        model.load_state_dict(state["weights"])
    except RuntimeError as error:
        raise UserError("weights", str(path), f"weights of this version ({' '.join(str(error).split())})") from error
    return model.eval(), contract


def export(
    model: WorldModel,
    contract: Contract,
    out: Path,
    name: str,
    config: PlanConfig | None = None,
    provenance: dict[str, Any] | None = None,
    scores: dict[str, Any] | None = None,
    calibration: dict[str, Any] | None = None,
    exporter: str | None = None,
) -> Manifest:
    """Write ``out/manifest.json``, the graphs and ``weights.bin``; an ``act`` bundle if it commands a robot.

    Args:
        exporter: see `learning.exporter.exporter_named`.
    """
    config, by = config or PlanConfig(), exporter_named(exporter)
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.onnx"), out / _WEIGHTS, out / "manifest.json"]:
        old.unlink(missing_ok=True)
    kind = "act" if contract.deployment.command is not None else "watch"
    store = _WeightStore(out / _WEIGHTS)
    graphs: dict[str, Any] = {}
    with model.settled():
        for graph, module in _modules(model, config, kind).items():
            example = tuple(_example(tensor, contract, model, config) for tensor in module.inputs)
            graphs[graph] = _write_graph(graph, onnx_graph(module, example, by), out, store)
    store.close()
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}
    manifest = Manifest.model_validate(
        {
            "format": 1,
            "name": name,
            "kind": kind,
            "robot": contract.name,
            "interface_hash": contract.interface_hash,
            "interface": contract.interface.model_dump(mode="json"),
            "tick_hz": contract.interface.tick_hz,
            "horizon": config.horizon,
            "sizes": _sizes(model, config),
            "graphs": graphs,
            "files": files,
            "streams": [stream.name for stream in contract.interface.streams],
            "targets": [target.name for target in contract.interface.targets],
            "planner": {**config.as_dict(), "beta": _NOISE_BETA},
            "provenance": {
                "torch": torch.__version__,
                "exporter": by,
                "python": platform.python_version(),
                "parameters": sum(p.numel() for p in model.parameters()),
                **(provenance or {}),
            },
            "scores": scores or {},
            "calibration": calibration or {},
        }
    )
    (out / "manifest.json").write_text(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def _sizes(model: WorldModel, config: PlanConfig) -> dict[str, int]:
    return {
        "state": model.state_size,
        "memory": model.state_size,
        "code": model.sizes.code,
        "horizon": config.horizon,
        "candidates": config.search.samples,
        "iterations": config.search.iterations,
    }


def _modules(model: WorldModel, config: PlanConfig, kind: str) -> dict[str, NamedGraph]:
    modules: dict[str, NamedGraph] = {"perceive": Perceive(model), "rollout": Rollout(model)}
    modules |= {"inverse": Inverse(model), "policy": Policy(model, config)}
    if model.cameras:
        modules["decode"] = Decode(model)
    if kind == "act":
        modules["plan"] = Plan(model, config)
        if model.cameras:
            modules["goal"] = ReadGoal(model)
    return modules


def _example(name: str, contract: Contract, model: WorldModel, config: PlanConfig) -> Tensor:
    """A tensor of the shape and dtype of a graph's input."""
    interface, horizon = contract.interface, config.horizon
    action, joints, targets = interface.action.size, len(interface.joints), len(interface.targets)
    shapes: dict[str, tuple[int, ...]] = {
        "fresh": (len(interface.streams),),
        "applied": (action,),
        "memory": (model.state_size,),
        "sensed": (model.observation_size,),
        "sensed_next": (model.observation_size,),
        "reset": (1,),
        "before": (model.state_size,),
        "since": (LOOK_BACK - 1, action),
        "candidates": (_ROLLOUTS, horizon, action),
        "goal_poses": (targets, 7),
        "goal_weights": (targets,),
        "goal_hands": (sum(target.kind == "fingertip" for target in interface.targets),),
        "goal_joints": (joints,),
        "goal_joints_weight": (1,),
        "goal_code": (model.sizes.code,),
        "goal_code_weight": (1,),
        "bounds_low": (horizon, action),
        "bounds_high": (horizon, action),
        "warm": (horizon, action),
        "noise": (config.search.iterations, config.search.samples, horizon, action),
        "states": (_DECODED, model.state_size),
        "still": (targets,),
    }
    for stream in interface.streams:
        if stream.kind == "camera":
            shapes[stream.name] = (stream.height, stream.width, 3)
        elif stream.kind == "microphone":
            shapes[stream.name] = (stream.window, stream.channels)
        elif stream.kind == "taxels":
            shapes[stream.name] = (stream.rows, stream.cols, 3)
        elif stream.kind == "wrench":
            shapes[stream.name] = (6,)
        else:
            shapes[stream.name] = (len(stream.joints), len(stream.fields))
    images = {stream.name for stream in model.cameras}
    if model.cameras:
        shapes["image"] = shapes["reference"] = (model.cameras[0].height, model.cameras[0].width, 3)
        images |= {"image", "reference"}
    if name in images:
        return torch.randint(0, 255, shapes[name], dtype=torch.uint8)
    if name in ("bounds_low", "bounds_high"):
        return torch.full(shapes[name], 1.0 if name == "bounds_high" else -1.0)
    return torch.rand(shapes[name])


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

    def close(self) -> None:
        self._file.close()
