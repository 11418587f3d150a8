"""A brain that moves, turns and closes a hand, through the gate to the joints of arm and hand, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from real_robots import ROBOTS, real_robot
from torch import Tensor, nn

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.manifest import Sizes
from world_model_ros.contract.contract import Contract
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.streams import Observation
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.states import State
from world_model_ros.goals.subgoal import check_goal
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.learning.export.bundle_writer import write_bundle

SIZES = Sizes(state=8, memory=8, code=4, horizon=6, candidates=8, iterations=2)
TURN = 0.3  # rad, to which the hand is turned
HELD = 0.3  # how far the gripper stays open around what it closes on
CYCLE_NS = 10_000_000
CUBE = [0.5, 0.1, 0.02, 0, 0, 0, 1]
GOAL = np.array([0.45, -0.25, 0.35])  # farther than the hand takes to close and to turn


def contract_of(folder: Path, name: str) -> Contract:
    robot = ROBOTS[name]
    parts: list[dict[str, Any]] = [
        {"kind": "gripper", "joints": [robot.gripper], "bound": 0.06},
        {"kind": "tip_displacement", "link": robot.tip, "axes": list("xyz"), "bound_m": 0.02, "workspace_m": robot.box},
        {"kind": "tip_rotation", "link": robot.tip, "axes": ["yaw"], "bound_rad": 0.05},
    ]
    hand = {"interface": "forward_position", "topic": "hand/commands", "joints": [robot.gripper["name"]]}
    pose = {"topic": "cube/pose", "type": "geometry_msgs/msg/PoseStamped"}
    more: dict[str, Any] = {
        "interface": {
            "streams": [{"kind": "pose", "name": "cube", "frame": robot.base, "rate_hz": 30.0}],
            "targets": [{"name": "cube", "kind": "object"}],
            "labels": [{"name": "cube_truth", "target": "cube"}],
        },
        "deployment": {
            "streams": [{"name": "cube", **pose, "max_age_s": 0.2}],
            "labels": [{"name": "cube_truth", **pose}],
            "command": {"interface": "joint_trajectory", "topic": "arm/joint_trajectory", "others": [hand]},
        },
    }
    return real_robot(folder, name, parts, more)


class Heads(nn.Module):
    """States are how far it was opened, moved (3) and turned, in all."""

    def __init__(self, home: np.ndarray, joints: int) -> None:
        super().__init__()
        self.register_buffer("home", torch.tensor(home, dtype=torch.float32))
        self.joints = joints

    def heads(self, state: Tensor) -> dict[str, Tensor]:
        zero = torch.zeros_like(state[..., :1])
        tip = torch.cat([state[..., 1:4] + self.home, zero, zero, zero, zero + 1], -1)
        cube = zero + torch.tensor(CUBE)
        poses = torch.stack([tip, cube], -2)
        return {"poses": poses, "sigma": poses[..., :3] * 0 + 0.01}

    def futures(self, memory: Tensor, chunks: Tensor) -> dict[str, Tensor]:
        moved = torch.cumsum(chunks, -2) + memory[:5]
        states = torch.cat([moved, moved[..., :3] * 0], -1)
        joints = states[..., :1] * torch.zeros(self.joints)
        return {"states": states, "joints": joints} | self.heads(states)


class Perceive(Heads):
    def forward(self, joints, cube, fresh, applied, memory, reset):
        after = memory * (1 - reset) + torch.cat([applied, 0 * applied[:3]])
        surprise = 0.0 * (joints.sum() + cube.sum() + fresh.sum())
        return {"memory_next": after, "surprise": surprise[None]} | self.heads(after)


class Rollout(Heads):
    def forward(self, memory, candidates):
        return self.futures(memory, candidates)


class Plan(Heads):
    """To the goal, turned by `TURN`, and closed all the while."""

    def forward(self, memory, goal_poses, goal_position_weights, bounds_low, bounds_high, warm, noise):
        way = (goal_poses[0, :3] - memory[1:4] - self.home) * goal_position_weights[0]
        wish = torch.cat([torch.tensor([-9.0]), way, TURN - memory[4:5]]) + 0.0 * (warm.sum() + noise.sum())
        steps = []
        for h in range(SIZES.horizon):
            steps.append(torch.maximum(torch.minimum(wish, bounds_high[h]), bounds_low[h]))
            wish = wish - steps[-1]
        chunk = torch.stack(steps)
        return self.futures(memory, chunk) | {"chunk": chunk, "cost": way.abs().sum()[None]}


@dataclass
class Run:
    """Ticks of a brain, cycles of a gate between them, and a robot that does as it is told but for what it holds."""

    contract: Contract
    session: BrainSession
    gate: Gate
    now_ns: int = 1_700_000_000 * 10**9
    applied: list[np.ndarray] = field(default_factory=list)
    planned: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        gripper = self.contract.interface.action.parts[0].joints[0]
        self.held = gripper.closed + HELD * (gripper.open - gripper.closed)
        self.opens = np.sign(gripper.open - gripper.closed)
        self.position = np.array(self.contract.rest)

    @property
    def measured(self) -> np.ndarray:
        position = self.position.copy()
        position[-1] = self.opens * max(self.opens * position[-1], self.opens * self.held)
        return position

    def cycles(self, count: int) -> None:
        for _ in range(count):
            self.now_ns += CYCLE_NS
            self.gate.joint_state(self.now_ns, self.measured, 0 * self.position)
            output = self.gate.step(self.now_ns)
            if output.setpoint is not None:
                self.position = output.setpoint.position

    def tick(self, goal: Goal) -> Any:
        states = np.stack([self.measured, 0 * self.position], -1).astype(np.float32)
        values = {"joints": states, "cube": np.array(CUBE, np.float32)}
        fresh = dict.fromkeys(values, True)
        seen = Observation(self.now_ns, MappingProxyType(values), dict.fromkeys(values, self.now_ns), fresh)
        inputs = self.session.inputs(seen, self.gate.reference.position, goal)
        result = self.session.step(inputs)
        decision = result.decision
        assert decision.status in ("pursuing", "reached"), decision.status
        self.applied.append(inputs.applied)
        self.planned.append(decision.chunk[0])
        assert self.gate.command(self.now_ns, decision.trajectory) is None
        self.cycles(round(self.contract.tick_ns / CYCLE_NS))
        return decision


@pytest.fixture(params=list(ROBOTS))
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    contract = contract_of(tmp_path, request.param)
    home = motion_for(contract).tip(contract.rest)[0]
    graphs = {
        name: kind(home, len(contract.joint_names))
        for name, kind in (("perceive", Perceive), ("rollout", Rollout), ("plan", Plan))
    }
    write_bundle(tmp_path / "toy", contract, graphs, SIZES, "toy", free={"candidates": 4}, exporter="torchscript")
    brain = Brain(load_bundle(tmp_path / "toy", contract), contract, "cpu", 1)
    made = Run(contract, BrainSession(brain), gate_for(contract))
    made.cycles(40)
    assert made.gate.arm(made.now_ns) is None
    return made


def yaw(rotation: np.ndarray) -> float:
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def test_arm_and_hand_go_where_the_brain_says_and_it_knows_what_was_applied(run: Run) -> None:
    goal = Goal("pose", 1, run.contract.interface.targets[0].name, np.array([*GOAL, 0, 0, 0, 1], np.float32))
    manifest = run.session._brain.bundle.manifest
    check_goal(goal, run.contract, manifest)
    motion, begin = motion_for(run.contract), run.position.copy()
    for _ in range(60):
        run.tick(goal)
    assert run.gate.state is State.TRACKING
    assert run.gate.counts == {"accepted": 60}
    (home, turned), (place, turned_after) = motion.tip(begin), motion.tip(run.position)
    assert place == pytest.approx(GOAL, abs=2e-3)
    turn = yaw(turned_after) - yaw(turned)
    assert turn == pytest.approx(TURN, abs=5e-3)
    gripper = run.contract.interface.action.parts[0].joints[0]
    span = gripper.open - gripper.closed
    assert (run.position[-1] - gripper.closed) / span == pytest.approx(0.0, abs=1e-3)  # around something
    assert (run.measured[-1] - gripper.closed) / span == pytest.approx(HELD)
    opened = (begin[-1] - gripper.closed) / span
    told = np.sum(run.applied, axis=0)
    assert told == pytest.approx([-opened, *(place - home), turn], abs=1e-3)
    bounds = np.array(run.contract.interface.action.bounds)
    assert np.all(np.abs(run.planned) <= bounds + 1e-6)


def test_armed_again_it_holds_on(run: Run) -> None:
    goal = Goal("pose", 1, run.contract.interface.targets[0].name, np.array([*GOAL, 0, 0, 0, 1], np.float32))
    for _ in range(40):
        run.tick(goal)
    closed = run.position[-1]
    run.gate.disarm(run.now_ns)
    run.cycles(300)
    assert run.gate.state is State.DISARMED
    assert run.gate.arm(run.now_ns) is None
    run.cycles(1)
    assert run.position[-1] == pytest.approx(closed)
    run.tick(goal)
    assert run.position[-1] == pytest.approx(closed, abs=1e-3)
