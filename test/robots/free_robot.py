"""A robot without kinematics: its contract, a bag of it, and a bundle of arithmetic simple enough to predict.

The effector goes where its actions lead it, the cube stays, and so do the numbers of the gripper.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.bundle.manifest import Sizes
from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.learning.export.bundle_writer import write_bundle

YAML = Path(__file__).with_name("free_robot.yaml")
START_S = 1000
HOME = (0.3, 0.0, 0.2)
CUBE = (0.45, 0.1, 0.02)
CUBE_YAW = 0.3
SIZES = Sizes(state=8, memory=8, code=0, horizon=6, candidates=4, iterations=1)
TICKS = 60  # of a bag
TICK_NS = 50_000_000


def free_contract(drawer: bool = False, max_age_s: float | None = None) -> Contract:
    """The contract of the file; with a drawer, one more target that is articulated.

    Args:
        max_age_s: of all streams, in place of what the file says.
    """
    if not drawer:
        return load_contract(YAML)
    data = yaml.safe_load(YAML.read_text(encoding="utf-8"))
    if max_age_s is not None:
        data["deployment"]["streams"] = [each | {"max_age_s": max_age_s} for each in data["deployment"]["streams"]]
    data["interface"]["targets"].append({"name": "drawer", "kind": "articulated", "unit": "m"})
    data["interface"]["labels"].append({"name": "drawer_opening", "target": "drawer"})
    source = {"name": "drawer_opening", "topic": "drawer/opening", "type": "std_msgs/msg/Float32"}
    data["deployment"]["labels"].append(source)
    data["deployment"]["targets"].append({"name": "drawer", "range": [0.0, 0.25]})
    return contract_from_text(yaml.safe_dump(data))


def action_at(step: int) -> np.ndarray:
    """(5,) that leads from a step to the next; none after every tenth step."""
    if step % 10 == 9:
        return np.zeros(5)
    return np.array([0.01 * np.sin(0.3 * step), 0.005, 0.0, 0.02, 1.0 if step % 20 < 10 else -1.0])


def effector_at(step: int) -> np.ndarray:
    """(7,) pose before the action of a step."""
    moved = sum((action_at(each) for each in range(step)), np.zeros(5))
    half = 0.5 * moved[3]
    return np.array([*(np.array(HOME) + moved[:3]), 0, 0, np.sin(half), np.cos(half)])


def opening_at(step: int) -> float:
    return float(np.float32(0.5 + 0.4 * np.sin(0.2 * step)))


def cube_pose() -> np.ndarray:
    return np.array([*CUBE, 0, 0, np.sin(0.5 * CUBE_YAW), np.cos(0.5 * CUBE_YAW)])


def write_free_bag(path: Path, contract: Contract, ticks: int = TICKS, leave_out: tuple[str, ...] = ()) -> None:
    """All streams at every tick, and what was done half a tick after it; quaternions with one sign, then the other."""
    with BagWriter(path, contract) as bag:
        make = bag.make

        def write(topic: str, kind: str, message: object, at_ns: int) -> None:
            if topic not in leave_out:
                bag.write(topic, kind, message, at_ns)

        for step in range(ticks):
            now_ns = START_S * 10**9 + step * TICK_NS
            pose, cube = effector_at(step), cube_pose()
            if step % 2:
                pose[3:], cube[3:] = -pose[3:], -cube[3:]
            write("effector/pose", "geometry_msgs/msg/PoseStamped", make.pose(pose, now_ns, "world"), now_ns)
            write("cube_0/pose", "geometry_msgs/msg/PoseStamped", make.pose(cube, now_ns, "world"), now_ns)
            write("gripper/opening", "std_msgs/msg/Float32", make.float32(opening_at(step)), now_ns)
            contact = make.make("std_msgs/msg/Float64", data=float(step % 3 == 0))
            write("gripper/contact", "std_msgs/msg/Float64", contact, now_ns)
            if any(target.name == "drawer" for target in contract.interface.targets):
                write("drawer/opening", "std_msgs/msg/Float32", make.float32(0.001 * step), now_ns)
            if step % 10 != 9:
                sent = make.numbers(action_at(step))
                write("action", "std_msgs/msg/Float64MultiArray", sent, now_ns + TICK_NS // 2)


def _poses(state: Tensor) -> Tensor:
    """(..., 8) states of x, y, z, yaw and gripper of the effector, and yaw of the cube -> (..., 2, 7)."""
    zero = torch.zeros_like(state[..., :1])

    def turned(angle: Tensor) -> Tensor:
        return torch.cat([zero, zero, torch.sin(0.5 * angle), torch.cos(0.5 * angle)], -1)

    tip = torch.cat([state[..., :3] + torch.tensor(HOME), turned(state[..., 3:4])], -1)
    cube = torch.cat([zero + CUBE[0], zero + CUBE[1], zero + CUBE[2], turned(state[..., 5:6])], -1)
    return torch.stack([tip, cube], -2)


class _Heads(nn.Module):
    """What states mean; the drawer is open by the seventh number."""

    def __init__(self, drawer: bool) -> None:
        super().__init__()
        self.drawer = drawer

    def heads(self, state: Tensor) -> dict[str, Tensor]:
        poses = _poses(state)
        if not self.drawer:
            return {"poses": poses, "sigma": poses[..., :3] * 0 + 0.01}
        poses = torch.cat([poses, poses[..., :1, :] * 0 + torch.tensor([0.0, 0, 0, 0, 0, 0, 1])], -2)
        nothing = torch.zeros_like(state[..., :2])
        values = torch.cat([nothing, state[..., 6:7]], -1)
        return {"poses": poses, "sigma": poses[..., :3] * 0 + 0.01, "values": values}


class Perceive(_Heads):
    """The effector is where it was led, the cube turned as it is seen; surprised by a gripper that is elsewhere."""

    def forward(self, effector, opening, cube_0, fresh, applied, memory, reset):
        last = memory * (1 - reset)
        yaw = 2 * torch.atan2(cube_0[5], cube_0[6] + 1e-9)[None] * fresh[3]
        after = torch.cat([last[:5] + applied, yaw, last[6:]])
        surprise = (opening * fresh[1]).abs().sum() + effector.abs().sum() * fresh[0]
        return {"memory_next": after, "surprise": surprise[None]} | self.heads(after)


class Rollout(_Heads):
    def forward(self, memory, candidates):
        moved = torch.cumsum(candidates, 1)
        states = torch.cat([memory[:5] + moved, memory[5:].expand(*moved.shape[:2], -1)], -1)
        return {"states": states} | self.heads(states)


class Plan(_Heads):
    """The effector to its goal, its yaw to that of the cube's, and the gripper as far as the drawer shall be open."""

    def left(self, memory, goal_poses, goal_position_weights, goal_rotation_weights):
        way = (goal_poses[0, :3] - memory[:3] - torch.tensor(HOME)) * goal_position_weights[0]
        turn = 2 * torch.atan2(goal_poses[1, 5], goal_poses[1, 6] + 1e-9)[None] * goal_rotation_weights[1]
        return way, turn

    def chunk(self, memory, wish, bounds_low, bounds_high, noise, warm):
        steps = []
        for h in range(SIZES.horizon):
            unread = 0.0 * (noise.sum() + warm.sum())
            steps.append(torch.maximum(torch.minimum(wish + unread, bounds_high[h]), bounds_low[h]))
            wish = wish - steps[-1]
        chunk = torch.stack(steps)
        states = torch.cat([memory[:5] + torch.cumsum(chunk, 0), memory[5:].expand(SIZES.horizon, -1)], -1)
        return {"states": states, "chunk": chunk, "cost": wish.abs().sum()[None]} | self.heads(states)


class PosePlan(Plan):
    def forward(
        self,
        memory,
        goal_poses,
        goal_position_weights,
        goal_rotation_weights,
        bounds_low,
        bounds_high,
        warm,
        noise,
    ):
        way, turn = self.left(memory, goal_poses, goal_position_weights, goal_rotation_weights)
        wish = torch.cat([way, turn, torch.zeros(1)])
        return self.chunk(memory, wish, bounds_low, bounds_high, noise, warm)


class ValuePlan(Plan):
    def forward(
        self,
        memory,
        goal_poses,
        goal_position_weights,
        goal_rotation_weights,
        goal_values,
        goal_value_weights,
        bounds_low,
        bounds_high,
        warm,
        noise,
    ):
        way, turn = self.left(memory, goal_poses, goal_position_weights, goal_rotation_weights)
        wish = torch.cat([way, turn, (goal_values * goal_value_weights)[2:3]])
        return self.chunk(memory, wish, bounds_low, bounds_high, noise, warm)


def write_free_bundle(folder: Path, contract: Contract) -> Path:
    """Export the graphs and their manifest."""
    drawer = len(contract.interface.targets) == 3
    plan = (ValuePlan if drawer else PosePlan)(drawer)
    graphs = {"perceive": Perceive(drawer), "rollout": Rollout(drawer), "plan": plan}
    write_bundle(folder, contract, graphs, SIZES, folder.name, free={"candidates": 4}, exporter="torchscript")
    return folder
