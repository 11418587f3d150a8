"""Steers a robot inside the model: imagines one tick after another under given actions, without robot or simulator.

Two things that are known without the model keep a long imagination together. Kinematics says where the commanded joints
hold the fingertip: where the imagined one has come away from that, the next action makes up for it. And what was
not touched is where it was seen, whatever its belief has drifted to: so pictures show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decoded, Imagined, Memory
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import Hand
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import Motion, motion_for

_SHARE = 0.6  # share of the fingertip's error that the next action makes up for
_TOUCH_N = 1.0  # from which on an imagined contact counts, as in views
_REACH_M = 0.12  # how far from a fingertip what it touches may be


@dataclass(frozen=True)
class Steered:
    """A robot that is steered, after one imagined tick.

    Args:
        count: ticks since the beginning.
        applied: (C,) action that led here.
        ahead: one candidate: this tick, and what follows if the same action is held; H steps, the first is this tick.
    """

    count: int
    applied: Floats
    ahead: Imagined

    @property
    def state(self) -> Floats:
        """The imagined state (S,)."""
        state: Floats = self.ahead.states[0, 0]
        return state

    @property
    def positions(self) -> Floats:
        """(K, 3) m where targets are imagined to be."""
        if self.ahead.poses is None:
            return np.zeros((0, 3), np.float32)
        positions: Floats = self.ahead.poses[0, 0, :, :3]
        return positions


class Steering:
    """An imagination that a person steers.

    Args:
        brain: made for the contract; one that watches is enough.
        contract: of the robot.
        memory: the belief it starts from.
        joints: (J,) commanded then.
        frame: (H, W, 3) uint8, the last real frame of the first camera; pictures start from black without it.
    """

    def __init__(
        self, brain: Brain, contract: Contract, memory: Memory, joints: ArrayLike, frame: NDArray[np.uint8] | None
    ) -> None:
        self._brain, self._frame, self._motion = brain, frame, motion_for(contract)
        self._memory, self._tick_s = memory, contract.tick_s
        self._horizon = brain.bundle.manifest.horizon
        self.joints = np.asarray(joints, np.float64)
        self._count = 0
        self._pull = _Pull.of(contract, self._motion)
        kinds = [target.kind for target in contract.interface.targets]
        self._tips = list(contract.interface.fingertips)
        self._still = np.array([kind == "object" for kind in kinds], np.float32)  # (K,) not touched since the frame
        self._seen: Floats | None = None  # (K, 3) m, where targets were then

    def step(self, action: ArrayLike) -> Steered:
        """Go on by a tick under an action (C,), m or rad a tick, as far as limits and workspace let it."""
        # More than one tick: a chunk ends in a stop, and of a single one the stop would take a quarter of the way.
        wanted = np.tile(np.asarray(action, np.float64), (3, 1))
        coming = self._motion.chunk_trajectory(self.joints, wanted, 0, self._tick_s).positions[1]
        return self.follow(self._motion.applied_action(self.joints, coming), coming)

    def follow(self, applied: ArrayLike, joints: ArrayLike) -> Steered:
        """Go on by a tick under an action (C,) that was really applied, and the joints (J,) commanded after it."""
        action = np.asarray(applied, np.float32)
        candidate = np.tile(action, (1, self._horizon, 1))
        if self._pull is not None:
            candidate[0, 0] = self._pull.corrected(action)
        ahead = self._brain.imagine_executed(self._memory, candidate)
        self._memory = replace(self._memory, belief=ahead.states[0, 0], fresh_start=False)
        self.joints = np.asarray(joints, np.float64)
        self._count += 1
        steered = Steered(self._count, action, ahead)
        if self._pull is not None:
            self._pull.compare(self.joints, steered.positions)
        self._feel(steered)
        return steered

    def senses(self, states: ArrayLike) -> Decoded:
        """Imagined states (B, S) as senses; frames are made from the real one that was seen last."""
        return self._brain.decode(np.asarray(states, np.float32), self._frame, self._still)

    def _feel(self, steered: Steered) -> None:
        """Objects near a fingertip may move from now on if something is touched; all may where nothing is felt.

        Near is where an object was seen, since that is where it still is: beliefs of what rests drift.
        """
        contact, tips = steered.ahead.contact, steered.positions[self._tips]
        if self._seen is None:
            self._seen = steered.positions.copy()
        if contact is None or not len(tips):
            self._still[:] = 0.0
        elif float(contact[0, 0, 0]) >= _TOUCH_N:
            away = np.linalg.norm(self._seen[:, None] - tips, axis=-1).min(1)  # (K,)
            self._still[away < _REACH_M] = 0.0


class _Pull:
    """Brings imagined fingertips to where kinematics has them, by the actions that are imagined.

    Args:
        arm: their kinematics. bounds: (C,) largest action.
        hands: the fingertips that the action moves.
    """

    def __init__(self, arm: ArmKinematics, bounds: Float, hands: Sequence[Hand]) -> None:
        self._arm, self._bounds, self._hands = arm, bounds, hands
        self._behind = np.zeros(sum(len(hand.axes) for hand in hands))

    @classmethod
    def of(cls, contract: Contract, motion: Motion) -> _Pull | None:
        """None where the model keeps commanded joints itself, or imagines no fingertip."""
        if not isinstance(motion, ArmKinematics):
            return None
        action, hands = contract.interface.action, contract.interface.hands
        if action.kind == "parts":
            return None  # its numbers are not all of fingertips
        known = any(hand.target is not None for hand in hands)
        return cls(motion, np.array(action.bounds), hands) if known else None

    def corrected(self, action: Floats) -> Floats:
        """The action (C,) to imagine in place of the one that was applied."""
        corrected: Floats = np.clip(action + _SHARE * self._behind, -self._bounds, self._bounds)
        return corrected

    def compare(self, joints: Float, positions: Floats) -> None:
        """See how far the fingertips of positions (K, 3) are from where commanded joints (J,) hold them."""
        behind = [
            np.zeros(len(hand.axes)) if hand.target is None else (held - positions[hand.target])[list(hand.axes)]
            for held, hand in zip(self._arm.tips(joints), self._hands)
        ]
        self._behind = np.concatenate(behind)


def between(before: Floats, after: Floats, count: int) -> Floats:
    """States (count, S) on the way from one tick's to the next, which is the last of them.

    A state is a belief of a smooth recurrent network, so that what lies between two of them decodes into what lies
    between two ticks.
    """
    share = np.arange(1, count + 1, dtype=np.float32)[:, None] / count
    states: Floats = before + share * (after - before)
    return states
