"""Robots of upright boxes, and by names alone which of their parts can meet: no Pinocchio, no Coal.

With every joint at 0 all boxes stand along the base frame's axes, so that two of them touch where their edges overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.arrays import Float

_CONTRACT = """format: 1
name: made
interface:
  tick_hz: 10.0
  base_frame: base_link
  joints: [{joints}]
  streams: [{{kind: joints, name: body, joints: [{names}], fields: [position, velocity], rate_hz: 100.0}}]
  action: {{kind: joint_displacement, joints: [{names}], bound: 0.2}}
deployment:
  urdf: robot.urdf
  streams: [{{name: body, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.2, required: true}}]
  command: {{interface: joint_trajectory, topic: controller/joint_trajectory}}
  gate:
    collision: {{stop_m: 0.005, slow_m: 0.015{more}}}
    obstacles: [{obstacles}]
"""


@dataclass
class Block:
    """A link with one box (none: ``size`` None) around its own origin, ``origin`` from its parent's.

    Args:
        joint: ``fixed``, ``revolute`` or ``prismatic``. mimic: (leader's link, multiplier) of a joint that follows.
        held: its joint is not in the contract, and stands at 0.
    """

    name: str
    parent: str
    origin: tuple[float, ...]
    size: tuple[float, ...] | None
    joint: str = "revolute"
    axis: str = "0 0 1"
    mimic: tuple[str, float] | None = None
    held: bool = False

    @property
    def moves(self) -> bool:
        return self.joint != "fixed" and not self.held


@dataclass
class Blocks:
    """A robot of blocks on ``base_link``, which has no geometry; parents come before their children."""

    blocks: list[Block]
    obstacles: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = field(default_factory=dict)  # size, position
    reach: float = 1.0  # rad or m

    @property
    def joints(self) -> list[Block]:
        return [block for block in self.blocks if block.moves and block.mimic is None]

    def urdf(self) -> str:
        parts = ['<link name="base_link"/>']
        for each in self.blocks:
            box = "" if each.size is None else _box(each.size)
            parts.append(f'<link name="{each.name}">{box}</link>')
            follows = (
                "" if each.mimic is None else f'<mimic joint="{each.mimic[0]}_joint" multiplier="{each.mimic[1]}"/>'
            )
            limit = f'<limit lower="{-self.reach}" upper="{self.reach}" velocity="1" effort="1"/>'
            parts.append(
                f'<joint name="{each.name}_joint" type="{each.joint}"><parent link="{each.parent}"/>'
                f'<child link="{each.name}"/><origin xyz="{_row(each.origin)}"/>'
                + ("" if each.joint == "fixed" else f'<axis xyz="{each.axis}"/>{limit}{follows}')
                + "</joint>"
            )
        return f'<robot name="made">{"".join(parts)}</robot>'

    def contract(self, folder: Path, more: str = "") -> Contract:
        """Written to ``folder``; ``more`` goes on in ``deployment.gate.collision``."""
        units = [
            f"{{name: {each.name}_joint, unit: {'m' if each.joint == 'prismatic' else 'rad'}}}" for each in self.joints
        ]
        obstacles = [
            f"{{name: {name}, size_m: {list(size)}, position_m: {list(position)}}}"
            for name, (size, position) in self.obstacles.items()
        ]
        text = _CONTRACT.format(
            joints=", ".join(units),
            names=", ".join(f"{each.name}_joint" for each in self.joints),
            more=more,
            obstacles=", ".join(obstacles),
        )
        (folder / "robot.urdf").write_text(self.urdf())
        (folder / "robot.yaml").write_text(text)
        return load_contract(folder / "robot.yaml")

    def place(self, name: str) -> Float:
        """A link's origin with every joint at 0, m."""
        place = np.zeros(3)
        while name != "base_link":
            block = self._block(name)
            place, name = place + block.origin, block.parent
        return place

    def why_not(self) -> dict[frozenset[str], str | None]:
        """Why each pair of boxes is not watched (None: it is), by what docs/safety.md says."""
        bodies = [block.name for block in self.blocks if block.size is not None]
        found = {frozenset(pair): self._why_not(*pair) for pair in combinations(bodies, 2)}
        for name, (size, position) in self.obstacles.items():
            for body in bodies:
                first = self._above(self._carrier(body)) == "base_link"
                apart = _gap(self.place(body), self._block(body).size, position, size) > 0
                still = self._carrier(body) == "base_link"
                why = "still" if still else "touch" if first and not apart else None
                found[frozenset((body, f"obstacle {name}"))] = why
        return found

    def _why_not(self, one: str, other: str) -> str | None:
        carriers = self._carrier(one), self._carrier(other)
        if carriers[0] == carriers[1]:
            return "same"
        if self._above(carriers[0]) == carriers[1] or self._above(carriers[1]) == carriers[0]:
            return "neighbours"
        gap = _gap(self.place(one), self._block(one).size, self.place(other), self._block(other).size)
        return None if gap > 0 else "touch"

    def _block(self, name: str) -> Block:
        return next(block for block in self.blocks if block.name == name)

    def _carrier(self, name: str) -> str:
        """The link that a moving joint carries, and this one with it."""
        while name != "base_link" and not self._block(name).moves:
            name = self._block(name).parent
        return name

    def _above(self, carrier: str) -> str | None:
        return None if carrier == "base_link" else self._carrier(self._block(carrier).parent)


def gripper_on_a_lift() -> Blocks:
    """Two fingers as linkages make them: knuckles, fingers and pads that follow one joint and touch each other at 0.

    The table's top is at 0; the pads hang 20 cm over it with the lift at 0.
    """
    made = [
        Block("lift", "base_link", (0.0, 0.0, 0.5), (0.1, 0.1, 0.1), "prismatic"),
        Block("wrist", "lift", (0.0, 0.0, -0.08), None),
        Block("palm", "wrist", (0.0, 0.0, 0.0), (0.06, 0.1, 0.05), "fixed"),
        Block("camera", "palm", (0.06, 0.0, 0.0), (0.03, 0.03, 0.03), "fixed"),
    ]
    leader = "left_outer_knuckle"
    for side, y in (("left", 1.0), ("right", -1.0)):
        follow = None if side == "left" else (leader, -1.0)
        made += [
            Block(
                f"{side}_outer_knuckle", "palm", (0.0, 0.05 * y, -0.03), (0.02, 0.02, 0.03), axis="1 0 0", mimic=follow
            ),
            Block(
                f"{side}_outer_finger", f"{side}_outer_knuckle", (0.0, 0.02 * y, -0.03), (0.02, 0.064, 0.06), "fixed"
            ),
            Block(
                f"{side}_inner_knuckle",
                "palm",
                (0.0, 0.03 * y, -0.05),
                (0.02, 0.024, 0.06),
                axis="1 0 0",
                mimic=(leader, y),
            ),
            Block(
                f"{side}_inner_finger",
                f"{side}_outer_finger",
                (0.0, -0.02 * y, -0.05),
                (0.02, 0.03, 0.08),
                axis="1 0 0",
                mimic=(leader, -y),
            ),
            Block(f"{side}_pad", f"{side}_inner_finger", (0.0, -0.01 * y, -0.05), (0.02, 0.01, 0.04), "fixed"),
        ]
    return Blocks(made, {"table": ((1.0, 1.0, 0.1), (0.0, 0.0, -0.05))}, reach=0.7)


def any_robot(seed: int) -> Blocks:
    """A tree of ten links with joints of all kinds, crowded enough that many touch at 0, and two obstacles.

    Sizes and origins are such that no gap is smaller than 0.1 mm without being an overlap.
    """
    random = np.random.default_rng(seed)
    made: list[Block] = []
    for index in range(10):
        parent = "base_link" if index == 0 else str(random.choice(["base_link", *(block.name for block in made)]))
        movers = [block.name for block in made if block.moves]  # one may mimic one that mimics
        joint = "revolute" if index < 2 else str(random.choice(["revolute", "prismatic", "fixed"]))
        follows = joint != "fixed" and len(movers) > 1 and random.random() < 0.3
        held = index > 1 and not follows and random.random() < 0.15
        made.append(
            Block(
                f"part_{index}",
                parent,
                tuple(random.uniform(-0.17, 0.17, 3).round(3).tolist()),
                tuple((random.uniform(0.08, 0.3, 3).round(3) + 2e-4).tolist()) if random.random() < 0.9 else None,
                joint,
                str(random.choice(["1 0 0", "0 1 0", "0 0 1"])),
                (str(random.choice(movers)), 0.5) if follows else None,
                held,
            )
        )
    return Blocks(made, {"wall": ((0.1, 2.0, 2.0), (0.5, 0.0, 0.0)), "floor": ((2.0, 2.0, 0.1), (0.0, 0.0, -0.2))})


def _gap(place: Float, size: tuple[float, ...], other: Float, other_size: tuple[float, ...]) -> float:
    return float((np.abs(np.subtract(place, other)) - 0.5 * np.add(size, other_size)).max())


def _box(size: tuple[float, ...]) -> str:
    return f'<collision><geometry><box size="{_row(size)}"/></geometry></collision>'


def _row(numbers: tuple[float, ...]) -> str:
    return " ".join(map(repr, numbers))
