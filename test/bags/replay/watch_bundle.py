"""A bundle that only watches the recorded humanoid, with arithmetic simple enough to predict.

It believes what the joints were last, imagines that commanded displacements come true, and that pictures stay.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from world_model_ros.bundle.manifest import Sizes
from world_model_ros.contract.contract import Contract
from world_model_ros.learning.export.bundle_writer import write_bundle

SIZES = Sizes(state=26, memory=26, code=4, horizon=12, candidates=1, iterations=1)
BATCH = 4


class Perceive(nn.Module):
    def forward(self, arms_and_hands, fresh, applied, memory, reset):
        expected = memory + applied
        after = fresh[3] * arms_and_hands[:, 0] + (1 - fresh[3]) * expected
        return {"memory_next": after, "surprise": (1 - reset) * (after - expected).abs().mean()[None]}


class Rollout(nn.Module):
    def forward(self, memory, candidates):
        joints = memory + torch.cumsum(candidates, 1)
        return {"states": joints * 1.0, "joints": joints, "contact": joints[..., :1] * 0.0}


class Decode(nn.Module):
    def forward(self, states, reference_head):
        return {"head": (reference_head[None].to(torch.float32) + states[:, :1, None, None] * 0).to(torch.uint8)}


def write_watch_bundle(folder: Path, contract: Contract) -> Path:
    graphs = {"perceive": Perceive(), "rollout": Rollout(), "decode": Decode()}
    free = {"candidates": BATCH, "states": BATCH}
    write_bundle(folder, contract, graphs, SIZES, folder.name, free=free, exporter="torchscript")
    return folder
