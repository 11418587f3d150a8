"""A simulated robot that gets the same steering commands as an imagination, to compare the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.imagination.steering import Steering
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float, Floats, Frame
from world_model_ros.evaluate.tasks.closed_loop import ClosedLoop
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.scenes.draw import Variety

_SETTLE_TICKS = 5
_LATENCY_NS = 10_000_000


@dataclass(frozen=True)
class Truth:
    """The simulator after a tick.

    Args:
        applied: (C,) action that the gate let through. reference: (J,) commanded, joints: (J,) measured.
        frame: (H, W, 3) uint8 as the model would see it.
        positions: (K, 3) m of the targets, NaN where the simulator has no such thing.
        senses: all that was fresh, as in an observation.
    """

    applied: Floats
    reference: Float
    joints: Float
    frame: Frame | None
    positions: Float
    senses: dict[str, NDArray[Any]]


class Simulated:
    """A simulated robot under the commands of a person, and a brain that only watches it.

    Args:
        contract: of a simulated robot.
        brain: policy ``watch``.
        seed: of the scene.
    """

    def __init__(self, contract: Contract, brain: Brain, seed: int, variety: Variety = "plain") -> None:
        self._contract = contract
        self._loop = ClosedLoop(contract, brain, seed, variety=variety)
        self._arm = ArmKinematics(contract)
        self._camera = first_camera(contract.interface)
        self._before = self._loop.rig.reference
        for _ in range(_SETTLE_TICKS):
            self.tick(np.zeros(contract.interface.action.size))

    def close(self) -> None:
        self._loop.rig.robot.close()

    def steering(self, brain: Brain) -> Steering:
        """An imagination that starts from what the brain believes now."""
        return Steering(brain, self._contract, self._loop.memory, self._loop.rig.reference, self.truth().frame)

    def tick(self, action: ArrayLike) -> Truth:
        """Command an action (C,) for a tick, and see what comes of it."""
        rig, tick_s = self._loop.rig, self._contract.tick_s
        chunk = np.tile(np.asarray(action, np.float64), (3, 1))
        rig.send(self._arm.chunk_trajectory(rig.reference, chunk, rig.now_ns, tick_s), rig.now_ns + _LATENCY_NS)
        self._before = rig.reference
        self._loop.tick(None)
        return self.truth()

    def truth(self) -> Truth:
        """Where everything is now."""
        rig, observation = self._loop.rig, self._loop.observation
        assert observation is not None
        places = self._loop.places()
        nowhere = np.full(3, np.nan)
        targets = self._contract.interface.targets
        positions = [
            rig.robot.link_position(each.link) if each.link in self._arm.links else places.get(each.name, nowhere)[:3]
            for each in targets
        ]
        senses = {name: observation.values[name] for name, fresh in observation.fresh.items() if fresh}
        frame = None if self._camera is None else senses.get(self._camera.name)
        return Truth(
            np.asarray(self._arm.applied_action(self._before, rig.reference), np.float32),
            rig.reference,
            rig.robot.joint_state()[0],
            None if frame is None else np.asarray(frame, np.uint8),
            np.array(positions),
            senses,
        )

    @property
    def colour(self) -> Float | None:
        """Colour of the first object, red green blue in 0 to 1."""
        objects = self._loop.rig.robot.scene.objects
        return np.array(objects[0].rgb) if objects else None
