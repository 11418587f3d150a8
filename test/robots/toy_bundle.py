"""A bundle with the graphs of the tabletop arm and arithmetic simple enough to predict.

The belief holds how far the fingertip was moved; the first camera's mean red and green say where it is seen.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from world_model_ros.bundle.manifest import Sizes
from world_model_ros.contract.contract import Contract
from world_model_ros.learning.export.bundle_writer import write_bundle

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


def heads(state: Tensor) -> dict[str, Tensor]:
    """What imagined states mean."""
    poses = poses_from(state)
    sigma = poses[..., :3] * 0 + 0.01
    return {"states": state, "joints": state[..., :6] * 1.0, "contact": state[..., :1] * 0.0} | {
        "poses": poses,
        "sigma": sigma,
    }


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
        surprise = ((after - last)[2:].abs().sum() + departed)[None]
        believed = {"poses": poses, "sigma": poses[:, :3] * 0 + 0.01, "seen": seen, "sensed": sensed}
        return {"memory_next": after, "surprise": surprise} | believed


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
        goal_position_weights,
        goal_codes,
        goal_code_weights,
        bounds_low,
        bounds_high,
        warm,
        noise,
    ):
        left = (goal_poses[0, :2] - memory[:2] - torch.tensor(HOME_XY)) * goal_position_weights[0]
        unread = goal_joints.sum() + goal_joints_weight.sum() + goal_codes.sum() + goal_code_weights.sum() + warm.sum()
        steps = []
        for h in range(SIZES.horizon):
            wish = left + CANDIDATE_SPREAD_M * noise[0, 0, h] + 0.0 * unread
            steps.append(torch.maximum(torch.minimum(wish, bounds_high[h]), bounds_low[h]))
            left = left - steps[-1]
        chunk = torch.stack(steps)
        states = torch.cat([memory[:2] + torch.cumsum(chunk, 0), memory[2:].expand(SIZES.horizon, -1)], -1)
        if self.broken:
            chunk = chunk / 0.0
        shown = poses_from(states)[None, :, 0, :3].repeat(3, 1, 1)
        return heads(states) | {"chunk": chunk, "cost": left.abs().sum()[None], "candidate_poses": shown}


class Decode(nn.Module):
    def forward(self, states, reference_front):
        return {"front": (reference_front[None].to(torch.float32) + states[:, :1, None, None] * 0).to(torch.uint8)}


class GoalImage(nn.Module):
    def forward(self, front):
        return {"codes": torch.zeros(1, 4) + front.to(torch.float32).mean() * 0, "seen": seen_from(front)}


class Inverse(nn.Module):
    def forward(self, sensed, sensed_next):
        return {"action": sensed_next[:2] - sensed[:2]}


class Policy(nn.Module):
    """Goes on to the left."""

    def forward(self, memory):
        chunk = torch.tensor([0.0, 0.01]).expand(SIZES.horizon, 2)
        states = torch.cat([memory[:2] + torch.cumsum(chunk, 0), memory[2:].expand(SIZES.horizon, -1)], -1)
        return heads(states) | {"chunk": chunk}


def write_toy_bundle(folder: Path, contract: Contract, kind: str = "act", broken: bool = False, every: int = 1) -> Path:
    """Export the toy graphs and their manifest; ``broken`` plans are not finite, ``every`` ticks there is one."""
    graphs = {
        "perceive": Perceive(),
        "rollout": Rollout(),
        "decode": Decode(),
        "inverse": Inverse(),
        "policy": Policy(),
    }
    if kind == "act":
        graphs |= {"plan": Plan(broken), "goal": GoalImage()}
    free = {"candidates": BATCH, "states": BATCH, "since": BATCH, "sensed": BATCH, "sensed_next": BATCH}
    planner = {"beta": 2.0, "every": every}
    write_bundle(folder, contract, graphs, SIZES, folder.name, free=free, planner=planner, exporter="torchscript")
    return folder
