"""A bundle whose decode graph is simple arithmetic: frame = reference + first number of the state, in grey levels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from world_model_ros.bundle.manifest import GraphSpec, Manifest, Sizes, TensorSpec
from world_model_ros.bundle.signatures import signatures
from world_model_ros.contract.contract import Contract

STATE, BATCH, HORIZON, CAMERA = 5, 4, 12, "front"


def write_decode_bundle(folder: Path, contract: Contract) -> Path:
    """Write a ``watch`` bundle; only its decode graph can run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decode.onnx").write_bytes(_decode_graph().SerializeToString())
    (folder / "other.onnx").write_bytes(b"never opened by a view")
    sizes = Sizes(state=STATE, memory=7, code=3, horizon=HORIZON, candidates=2, iterations=1)
    graphs = {}
    for name, signature in signatures(contract.interface, sizes, "watch").items():
        tensors = [
            {key: _spec(tensor) for key, tensor in side.items() if not (name == "decode" and tensor.optional)}
            for side in (signature.inputs, signature.outputs)
        ]
        file = "decode.onnx" if name == "decode" else "other.onnx"
        graphs[name] = GraphSpec(file=file, inputs=tensors[0], outputs=tensors[1])
    manifest = Manifest(
        format=2,
        name="brightness",
        kind="watch",
        robot=contract.name,
        interface_hash=contract.interface_hash,
        tick_hz=contract.interface.tick_hz,
        horizon=HORIZON,
        sizes=sizes,
        graphs=graphs,
        files={
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir()
            if path.suffix == ".onnx"
        },
        streams=tuple(stream.name for stream in contract.interface.streams),
        targets=tuple(target.name for target in contract.interface.targets),
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


def _spec(tensor) -> TensorSpec:
    return TensorSpec(shape=tuple(BATCH if size is None else size for size in tensor.shape), dtype=tensor.dtype)


def _decode_graph() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Slice", ["states", "first", "behind"], ["level"]),
        helper.make_node("Reshape", ["level", "shape"], ["levels"]),
        helper.make_node("Cast", [f"reference_{CAMERA}"], ["now"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["levels", "now"], ["sum"]),
        helper.make_node("Clip", ["sum", "black", "white"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], [CAMERA], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor("first", TensorProto.INT64, [2], [0, 0]),
        helper.make_tensor("behind", TensorProto.INT64, [2], [BATCH, 1]),
        helper.make_tensor("shape", TensorProto.INT64, [4], [BATCH, 1, 1, 1]),
        helper.make_tensor("black", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("white", TensorProto.FLOAT, [], [255.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "decode",
        [
            helper.make_tensor_value_info("states", TensorProto.FLOAT, [BATCH, STATE]),
            helper.make_tensor_value_info(f"reference_{CAMERA}", TensorProto.UINT8, [64, 64, 3]),
        ],
        [helper.make_tensor_value_info(CAMERA, TensorProto.UINT8, [BATCH, 64, 64, 3])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
