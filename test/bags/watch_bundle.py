"""A bundle that only watches the recorded humanoid, with arithmetic simple enough to predict.

It believes what the joints were last, imagines that commanded displacements come true, and that pictures stay.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from world_model_ros.contract.contract import Contract
from world_model_ros.runtime.graphs import signatures
from world_model_ros.runtime.manifest import Sizes

SIZES = Sizes(state=26, memory=26, code=4, horizon=12, candidates=1, iterations=1)
BATCH = 4


class Perceive(nn.Module):
    def forward(self, arms_and_hands, fresh, applied, memory, reset):
        expected = memory + applied
        after = fresh[3] * arms_and_hands[:, 0] + (1 - fresh[3]) * expected
        return after, (1 - reset) * (after - expected).abs().mean()[None]


class Rollout(nn.Module):
    def forward(self, memory, candidates):
        joints = memory + torch.cumsum(candidates, 1)
        return joints * 1.0, joints, joints[..., :1] * 0.0


class Decode(nn.Module):
    def forward(self, states, reference):
        return (reference[None].to(torch.float32) + states[:, :1, None, None] * 0).to(torch.uint8)


GRAPHS = {
    "perceive": (Perceive(), ["memory_next", "surprise"]),
    "rollout": (Rollout(), ["states", "joints", "contact"]),
    "decode": (Decode(), ["frames"]),
}


def write_watch_bundle(folder: Path, contract: Contract) -> Path:
    folder.mkdir(parents=True)
    graphs, files = {}, {}
    for name, signature in signatures(contract.interface, SIZES, "watch").items():
        if signature.optional:
            continue
        module, outputs = GRAPHS[name]
        order = module.forward.__code__.co_varnames[1 : module.forward.__code__.co_argcount]
        values = [_zeros(signature.inputs[tensor].shape, signature.inputs[tensor].dtype) for tensor in order]
        file = f"{name}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(),
                tuple(values),
                str(folder / file),
                input_names=list(order),
                output_names=outputs,
                opset_version=18,
                dynamo=False,
            )
        with torch.no_grad():
            results = module(*values)
        results = results if isinstance(results, tuple) else (results,)
        graphs[name] = {
            "file": file,
            "inputs": {tensor: _spec(value) for tensor, value in zip(order, values)},
            "outputs": {tensor: _spec(value) for tensor, value in zip(outputs, results)},
        }
        files[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    manifest = {
        "format": 1,
        "name": folder.name,
        "kind": "watch",
        "robot": contract.name,
        "interface_hash": contract.interface_hash,
        "tick_hz": contract.interface.tick_hz,
        "horizon": SIZES.horizon,
        "sizes": SIZES.model_dump(),
        "graphs": graphs,
        "files": files,
        "streams": [stream.name for stream in contract.interface.streams],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _zeros(shape: tuple[int | None, ...], dtype: str) -> Tensor:
    sizes = [BATCH if size is None else size for size in shape]
    return torch.zeros(sizes, dtype=torch.uint8 if dtype == "uint8" else torch.float32)


def _spec(value: Tensor) -> dict[str, object]:
    return {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
