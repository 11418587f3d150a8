"""A bundle with the graphs of the tabletop arm and arithmetic simple enough to predict.

The belief holds how far the fingertip was moved; the first camera's mean red and green say where it is seen.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from world_model_ros.contract.contract import Contract
from world_model_ros.runtime.graphs import Tensor as Asked
from world_model_ros.runtime.graphs import signatures
from world_model_ros.runtime.manifest import Sizes

SIZES = Sizes(state=8, memory=8, code=4, horizon=12, candidates=8, iterations=2)
BATCH = 4  # of rollout and decode
HOME_XY = (0.45, 0.0)
CANDIDATE_SPREAD_M = 1e-4


def seen_from(image: Tensor) -> Tensor:
    colour = image.to(torch.float32).mean((0, 1)) / 255
    tip = torch.stack([0.3 + 0.4 * colour[0], -0.3 + 0.6 * colour[1], torch.tensor(0.03)])
    return torch.stack([tip, torch.tensor([0.5, 0.1, 0.03])])


def poses_from(state: Tensor) -> Tensor:
    """(..., 8) -> (..., 2, 7)."""
    zero = torch.zeros_like(state[..., :1])
    upright = torch.cat([zero + 0.03, zero, zero, zero, zero + 1], -1)
    tip = torch.cat([state[..., :2] + torch.tensor(HOME_XY), upright], -1)
    cube = torch.cat([zero + 0.5, zero + 0.1, upright], -1)
    return torch.stack([tip, cube], -2)


def heads(state: Tensor) -> tuple[Tensor, ...]:
    """states, joints, contact, poses, sigma."""
    poses = poses_from(state)
    return state, state[..., :6] * 1.0, state[..., :1] * 0.0, poses, poses[..., :3] * 0 + 0.01


class Perceive(nn.Module):
    """The fingertip is where actions led it; it is surprised by what it senses, and if its past leads elsewhere."""

    def forward(
        self, front, table_mic, fingertip_taxels, wrist_wrench, arm, fresh, applied, memory, reset, before, since
    ):
        senses = [front.to(torch.float32) / 255, table_mic, fingertip_taxels, wrist_wrench, arm]
        felt = torch.stack([fresh[i] * sense.mean() for i, sense in enumerate(senses)])
        last = memory * (1 - reset)
        after = torch.cat([last[:2] + applied, last[2:3], felt])
        foreseen = before[:2] + since.sum(0) + applied
        departed = (foreseen - after[:2]).abs().sum() * (before.abs().amax() > 0)
        poses, seen = poses_from(after), seen_from(front)
        sensed = torch.cat([seen[0, :2], torch.zeros(BATCH - 2)])
        return after, ((after - last)[2:].abs().sum() + departed)[None], poses, poses[:, :3] * 0 + 0.01, seen, sensed


class Rollout(nn.Module):
    def forward(self, memory, candidates):
        moved = torch.cumsum(candidates, 1)
        states = torch.cat([memory[:2] + moved, memory[2:].expand(*moved.shape[:2], -1)], -1)
        return heads(states)


class Plan(nn.Module):
    """Straight to the fingertip's goal, as fast as the bounds allow, plus a trace of the noise."""

    def __init__(self, broken: bool) -> None:
        super().__init__()
        self.broken = broken

    def forward(
        self,
        memory,
        goal_joints,
        goal_joints_weight,
        goal_poses,
        goal_weights,
        goal_code,
        goal_code_weight,
        bounds_low,
        bounds_high,
        warm,
        noise,
    ):
        left = (goal_poses[0, :2] - memory[:2] - torch.tensor(HOME_XY)) * goal_weights[0]
        unread = goal_joints.sum() + goal_joints_weight.sum() + goal_code.sum() + goal_code_weight.sum() + warm.sum()
        steps = []
        for h in range(SIZES.horizon):
            wish = left + CANDIDATE_SPREAD_M * noise[0, 0, h] + 0.0 * unread
            steps.append(torch.maximum(torch.minimum(wish, bounds_high[h]), bounds_low[h]))
            left = left - steps[-1]
        chunk = torch.stack(steps)
        states = torch.cat([memory[:2] + torch.cumsum(chunk, 0), memory[2:].expand(SIZES.horizon, -1)], -1)
        if self.broken:
            chunk = chunk / 0.0
        return *heads(states), chunk, left.abs().sum()[None], poses_from(states)[None, :, 0, :3].repeat(3, 1, 1)


class Decode(nn.Module):
    def forward(self, states, reference):
        return (reference[None].to(torch.float32) + states[:, :1, None, None] * 0).to(torch.uint8)


class GoalImage(nn.Module):
    def forward(self, image):
        return torch.zeros(4) + image.to(torch.float32).mean() * 0, seen_from(image)


class Inverse(nn.Module):
    def forward(self, sensed, sensed_next):
        return sensed_next[:2] - sensed[:2]


class Policy(nn.Module):
    """Goes on to the left."""

    def forward(self, memory):
        chunk = torch.tensor([0.0, 0.01]).expand(SIZES.horizon, 2)
        states = torch.cat([memory[:2] + torch.cumsum(chunk, 0), memory[2:].expand(SIZES.horizon, -1)], -1)
        return *heads(states), chunk


_FUTURE = ["states", "joints", "contact", "poses", "sigma"]
_OUTPUTS = {
    "perceive": ["memory_next", "surprise", "poses", "sigma", "seen", "sensed"],
    "rollout": _FUTURE,
    "plan": [*_FUTURE, "chunk", "cost", "candidate_poses"],
    "decode": ["frames"],
    "goal": ["code", "seen"],
    "inverse": ["action"],
    "policy": [*_FUTURE, "chunk"],
}


def write_toy_bundle(folder: Path, contract: Contract, kind: str = "act", broken: bool = False) -> Path:
    """Export the toy graphs and their manifest; ``broken`` plans are not finite."""
    modules = {
        "perceive": Perceive(),
        "rollout": Rollout(),
        "plan": Plan(broken),
        "decode": Decode(),
        "goal": GoalImage(),
        "inverse": Inverse(),
        "policy": Policy(),
    }
    folder.mkdir(parents=True)
    graphs, files = {}, {}
    for name, signature in signatures(contract.interface, SIZES, kind).items():
        inputs = {tensor: zeros(asked) for tensor, asked in signature.inputs.items()}
        order = modules[name].forward.__code__.co_varnames[1 : len(inputs) + 1]
        values = [inputs[tensor] for tensor in order]
        file = f"{name}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                modules[name].eval(),
                tuple(values),
                str(folder / file),
                input_names=list(order),
                output_names=_OUTPUTS[name],
                opset_version=18,
                dynamo=False,
            )
        with torch.no_grad():
            outputs = modules[name](*values)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        graphs[name] = {
            "file": file,
            "inputs": {tensor: spec(value) for tensor, value in inputs.items()},
            "outputs": {tensor: spec(value) for tensor, value in zip(_OUTPUTS[name], outputs)},
        }
        files[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    manifest = {
        "format": 1,
        "name": folder.name,
        "kind": kind,
        "robot": contract.name,
        "interface_hash": contract.interface_hash,
        "interface": contract.interface.model_dump(mode="json"),
        "tick_hz": contract.interface.tick_hz,
        "horizon": SIZES.horizon,
        "sizes": SIZES.model_dump(),
        "graphs": graphs,
        "files": files,
        "streams": [stream.name for stream in contract.interface.streams],
        "targets": [target.name for target in contract.interface.targets],
        "planner": {"iterations": 2, "samples": 8, "elites": 2, "beta": 2.0},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def zeros(asked: Asked) -> Tensor:
    shape = [BATCH if size is None else size for size in asked.shape]
    return torch.zeros(shape, dtype=torch.uint8 if asked.dtype == "uint8" else torch.float32)


def spec(value: Tensor) -> dict[str, object]:
    return {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
