"""A steered imagination that starts from a simulated scene or a bag, restarts, and can run a simulator alongside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from world_model_ros.bags.replay.replay import ReplayOptions, replayed
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.brain.imagination.steering import Steering
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.imagination.motion_script import action_axes, action_bounds
from world_model_ros.evaluate.imagination.reference_simulator import Simulated, Truth
from world_model_ros.evaluate.imagination.steered_session import InsideTick, Session
from world_model_ros.sim.scenes.draw import variety_named
from world_model_ros.view.outlook import Outlook, target_paths
from world_model_ros.view.web.steered_view import SteeredView


class SteeredImagination:
    """An imagination that begins in a simulated scene, or at a moment of a bag, and can begin there anew.

    A scene is looked at for a second, then its simulator is closed, unless it is to run alongside.

    Args:
        contract: of the robot. brain: policy ``watch``.
        seed, scenes: of the simulated scene. bag, at_s: the moment in a bag in its place.

    Attributes:
        session: the imagination.
    """

    def __init__(
        self, contract: Contract, brain: Brain, seed: int, scenes: str, bag: Path | None = None, at_s: float = 1.0
    ) -> None:
        if not contract.joint_names:
            raise UserError("robot", contract.name, "one with joints, by whose motion an imagination is steered")
        self.contract, self.brain = contract, brain
        self.axes, self.bounds, self.can_compare = action_axes(contract), action_bounds(contract), bag is None
        self._seed, self._scenes, self._bag, self._at_s = seed, variety_named(scenes), bag, at_s
        self._simulated: Simulated | None = None
        self._beside = False
        self.restart()

    def restart(self) -> None:
        """Begin anew; with the simulator alongside if it was."""
        self.close()
        if self._bag is not None:
            self.session = Session(self.contract, self._from_bag(self._bag))
            return
        self._simulated = self._scene()
        self.session = Session(self.contract, self._simulated.steering(self.brain))
        if not self._beside:
            self.close()

    def compare(self, on: bool) -> None:
        """Run the simulator alongside from now on, or no more; it first makes up for what was steered so far."""
        if on == self._beside:
            return
        self._beside = on
        if not on:
            self.close()
            return
        simulated = self._scene()
        for action in self.session.actions:
            simulated.tick(action)
        self._simulated = simulated

    def close(self) -> None:
        """Free the simulator."""
        if self._simulated is not None:
            self._simulated.close()
            self._simulated = None

    def truth(self) -> Truth | None:
        """Of the simulator now; None without it."""
        return None if self._simulated is None else self._simulated.truth()

    @property
    def colour(self) -> Float | None:
        """Of the first simulated object, 0 to 1."""
        return None if self._simulated is None else self._simulated.colour

    def step(self, action: ArrayLike) -> InsideTick:
        """Go on by a tick under an action (C,), m or rad a tick."""
        return self.session.tick(action, self._simulated)

    def tick(self, action: Float) -> SteeredView:
        """`step`, to be shown."""
        done = self.step(action)
        targets = [target.name for target in self.contract.interface.targets]
        truth = {} if done.truth is None else dict(zip(targets, done.truth.positions))
        frames = () if done.decoded.frames is None else tuple(done.decoded.frames)
        real = None if done.truth is None else done.truth.frame
        return SteeredView(frames, real, done.inside, self.session.heard_ahead(done), self._outlook(done), truth)

    def _scene(self) -> Simulated:
        return Simulated(self.contract, self.brain, self._seed, self._scenes)

    def _from_bag(self, bag: Path) -> Steering:
        last, begin_ns = None, 0
        for tick in replayed(bag, self.contract, self.brain, ReplayOptions()):
            begin_ns = tick.now_ns if last is None else begin_ns
            last = tick
            if (tick.now_ns - begin_ns) * 1e-9 >= self._at_s:
                break
        joints = None if last is None else last.reference
        if last is not None and joints is None:
            joints = measured_positions(last.tick.observation, self.contract)
        if last is None or joints is None:
            raise UserError("at", self._at_s, "a moment of the bag with joint states")
        frame = last.frame(first_camera(self.contract.interface))
        return Steering(self.brain, self.contract, last.memory, joints, frame)

    def _outlook(self, done: InsideTick) -> Outlook:
        """This tick as now, and what follows if the same action is held as ahead."""
        ahead, manifest = done.steered.ahead, self.brain.bundle.manifest
        now, poses = (None, None) if ahead.poses is None else (ahead.poses[0, 0], ahead.poses[0, 1:])
        sigma = None if ahead.sigma is None else ahead.sigma[0, 1:]
        targets = self.contract.interface.targets
        return Outlook(
            now_ns=done.steered.count * self.contract.tick_ns,
            seconds=np.arange(1, len(ahead.states[0]), dtype=np.float64) * self.contract.tick_s,
            senses={},
            joints=None if ahead.joints is None else ahead.joints[0, 0].astype(np.float64),
            joints_ahead=None if ahead.joints is None else ahead.joints[0, 1:],
            contact=None if ahead.contact is None else ahead.contact[0, 1:, 0],
            ways=target_paths(targets, now, poses, sigma, manifest.calibration.region_scale),
            status="inside the model",
        )
