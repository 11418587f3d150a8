"""Checks which places of a fingertip's workspace the arm reaches with its tool down, and advises where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from world_model_ros.contract.actions import Parts, TipRotation
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import Hand
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.arm import tool_down
from world_model_ros.kinematics.chain import Chain, within
from world_model_ros.kinematics.link_reach import reach_m
from world_model_ros.kinematics.urdf_model import urdf_model

_POSE = 6  # joints, with which an arm chooses place and direction at once
_CELLS = 3  # along each free axis; places are in their middles
_STARTS = 6  # random postures that a solution is sought from
_ITERATIONS = 60
_FLIPPED = np.diag([1.0, -1.0, -1.0])  # half a turn about x
_TURNS = {"180 degrees": np.pi, "90 degrees": 0.5 * np.pi, "-90 degrees": -0.5 * np.pi}


@dataclass(frozen=True)
class ToolDownReach:
    """What was found of one fingertip.

    Args:
        places: how many were tried. reached: how many of them were met. missed: the first that was not, (3,) m.
        instead: what would reach some where none is reached: a turn of the fingertip's frame, in words; empty if none.
        joints: how many move the fingertip.
    """

    places: int
    reached: int
    missed: Float | None
    instead: str = ""
    joints: int = _POSE

    @property
    def words(self) -> str:
        """What was found, and what to do where it is not all of them."""
        found = f"{self.reached} of {self.places} places of the workspace can be reached with the tool down"
        found += " and its x axis along base x"
        if self.missed is None:
            return found
        found += f"; the first that cannot: [{', '.join(f'{each:.2f}' for each in self.missed)}] m"
        if self.reached:
            return f"{found}; elsewhere the arm stands still: make workspace_m smaller"
        advice = "take an action of kind joint_displacement, as `world-model new-robot` writes it without --tip"
        if not self.instead and self.joints < _POSE:
            few = f"{self.joints} joint{'s' * (self.joints > 1)} cannot choose place and direction at once"
            return f"{found}; {few} (that takes {_POSE} as a rule): {advice}"
        return f"{found}; {self.instead or 'turn the frame of the link'}, or {advice}"


def tool_down_reach(contract: Contract, hand: Hand) -> ToolDownReach:
    """Look for joint positions at a grid of places in a fingertip's workspace, as far as its link comes at all, from
    rest and from random postures.

    Args:
        contract: with an action that moves the fingertip. hand: that fingertip; any yaw will do where the action
            turns it.
    """
    chain = Chain(contract, urdf_model(contract), hand, tool_down())
    action = contract.interface.action
    turns = isinstance(action, Parts) and any(
        isinstance(part, TipRotation) and part.link == hand.link for part in action.parts
    )
    wanted = [tool_down(yaw) for yaw in (0.0, *(_TURNS.values() if turns else ()))]
    limits, rest = contract.limits(), contract.rest[chain.joints]
    low, high = limits.lower[chain.joints], limits.upper[chain.joints]
    starts = [rest, *np.random.default_rng(0).uniform(low, high, (_STARTS, len(rest)))]
    cells = (np.arange(_CELLS) + 0.5) / _CELLS
    reach = reach_m(contract, contract.interface.base_frame, str(hand.link)).T
    ends = within(reach, *hand.box)
    axes = [a + (b - a) * cells if b > a else np.array([a]) for a, b in zip(*ends)]
    places = [np.array(place) for place in product(*axes)]
    missed = [place for place in places if not _reaches(chain, starts, place, wanted)]
    reached = len(places) - len(missed)
    instead = "" if reached else _instead(chain, starts[:3], places, str(hand.link))
    return ToolDownReach(len(places), reached, missed[0] if missed else None, instead, len(rest))


def _reaches(chain: Chain, starts: list[Float], place: Float, rotations: list[Float]) -> bool:
    """Whether one of the rotations is met there; what is found is where the next place is sought from first."""
    for start in starts:
        for rotation in rotations:
            found = chain.solve(start, place, rotation, _ITERATIONS)
            if found is not None:
                starts[0] = found
                return True
    return False


def _instead(chain: Chain, starts: list[Float], places: list[Float], link: str) -> str:
    """The turn of the fingertip's frame with which most places are reached."""
    turns = {f"its x axis turned by {words} about base z": tool_down(yaw) for words, yaw in _TURNS.items()}
    turns["its z axis pointing up (the frame looks back at the arm)"] = tool_down() @ _FLIPPED
    counts = {
        words: sum(_reaches(chain, starts, place, [rotation]) for place in places) for words, rotation in turns.items()
    }
    best = max(counts, key=lambda words: counts[words])
    if not counts[best]:
        return ""
    return f"with {best} it reaches {counts[best]} of {len(places)}: turn the frame of {link} in the URDF"
