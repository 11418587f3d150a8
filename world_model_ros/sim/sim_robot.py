"""A simulated robot: MuJoCo physics, a trajectory controller, and all senses of the contract. No ROS in here."""

from __future__ import annotations

from math import hypot
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import MicrophoneStream, WrenchStream
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.cameras import Cameras, View, view_of
from world_model_ros.sim.controller import JointTrajectoryController, trajectory_from_message
from world_model_ros.sim.scenes.cloth import cloth_geoms, meet_robot
from world_model_ros.sim.scenes.fixture_bodies import FixtureStates
from world_model_ros.sim.scenes.fragile import Fragile
from world_model_ros.sim.scenes.robot_parts import loudness, pads, robot_geoms, set_joints
from world_model_ros.sim.scenes.scene import STEP_NS, STEP_S, SceneConfig, build_model, home_of
from world_model_ros.sim.sound import Background, ContactSound

AUDIO_BLOCK_NS = 20_000_000
_BLOCK_STEPS = AUDIO_BLOCK_NS // STEP_NS
_SETTLING_STEPS, _FALLING_STEPS = 50, 400
_STILL_M_S = 0.003
_TOUCH_SMOOTHING = 0.35  # share of the newest step; about 5 ms
_TAXEL_NOISE_N = 0.01
_SHATTERING_N = 60.0  # a change of force that sounds like what breaks
_WRENCH_NOISE = np.array([0.08, 0.08, 0.08, 0.003, 0.003, 0.003])
_NOISE_TABLE = 200_003
_POSITION_NOISE_RAD = 2e-5
_VELOCITY_NOISE = 2e-3
_EFFORT_NOISE = 0.05
_OF_JOINTS, _OF_PADS, _OF_WRENCHES, _OF_MICROPHONES = range(4)  # kinds of noise


class SimRobot:
    """The robot of a contract in a scene. Physics runs in steps of 2 ms and only in `step_to`.

    The same seed and the same trajectories give the same senses, however the time is cut into calls. A sense read
    at the same time twice gives the same noise.

    Args:
        contract: what to sense and how many joints; needs a URDF.
        scene: what stands on the table.
        seed: of sensor noise and sound.
        start_ns: time of the first state, ns.
    """

    def __init__(self, contract: Contract, scene: SceneConfig, seed: int, start_ns: int = 0) -> None:
        self.contract = contract
        self._seed = seed
        self._table = np.random.default_rng(seed).standard_normal(_NOISE_TABLE)
        self._cameras: Cameras | None = None
        self.now_ns = start_ns
        self._microphones = contract.interface.of(MicrophoneStream)
        self._wrenches = [stream.name for stream in contract.interface.of(WrenchStream)]
        self.reset(scene)

    def reset(self, scene: SceneConfig) -> None:
        """Put a scene on the table and the arms to their home; the clock goes on."""
        self.close()
        self.scene = scene
        self._model = model = build_model(self.contract, scene)
        self._cameras = Cameras(self.contract, model)
        self._data = data = mujoco.MjData(model)
        joints = [model.joint(name) for name in self.contract.joint_names]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._servo_lead_s = -model.actuator_biasprm[:, 2] / model.actuator_gainprm[:, 0]
        home = home_of(self.contract, scene)
        set_joints(self.contract, data, home)
        data.ctrl[:] = home
        self._fixtures = FixtureStates(model, scene.fixtures)
        self._fixtures.begin(data)
        self._fragile = Fragile(model, scene.objects)
        mujoco.mj_forward(model, data)
        self.controller = self._controller(home)
        self._top_m = self.contract.simulation.table.top_m
        self._on_robot = robot_geoms(self.contract, model)
        self._on_cloth = cloth_geoms(model)
        self._pads = pads(self.contract, model)
        self._on_pad = [any(pad.geoms[geom] for pad in self._pads.values()) for geom in range(model.ngeom)]
        self._felt = {name: np.zeros((pad.grid.rows, pad.grid.cols, 3)) for name, pad in self._pads.items()}
        volume = float(np.mean([np.prod(each.half_size) for each in scene.objects])) if scene.objects else 2.7e-5
        self._sounds = {}
        for number, stream in enumerate(self._microphones):
            rate = stream.sample_rate_hz
            sound = ContactSound(rate, STEP_S, pitch=(2.7e-5 / volume) ** (1 / 3))
            self._sounds[stream.name] = sound, Background(scene.background, rate, self._seed + number)
        frames = {stream.name: self.contract.source(stream.name).frame for stream in self._microphones}
        self._ears = {name: None if frame is None else model.site(frame).id for name, frame in frames.items()}
        self._impulses: list[float] = []
        self._scrapes: list[float] = []
        self._heard_at: list[Float] = []  # where contact was, (3,) m, for each of these
        self._contact_at = np.zeros(3)
        self._on_finger = self._on_table = 0.0
        self._blocks: dict[str, list[tuple[int, NDArray[np.int16]]]] = {name: [] for name in self._sounds}
        self._block_start_ns = self.now_ns
        names = [f"{name}/{what}" for name in self._wrenches for what in ("force", "torque")]
        starts = [int(model.sensor(name).adr[0]) for name in names]
        self._sensed = np.array([start + axis for start in starts for axis in range(3)], np.intp)
        self._settle()
        self._tare = -data.sensordata[self._sensed]
        self._wrench = np.zeros(len(self._sensed))

    def _settle(self) -> None:
        """Let the objects settle on the table unheard, and a cloth on them."""
        model, data = self._model, self._data
        for _ in range(_SETTLING_STEPS if self.scene.cloth is None else _FALLING_STEPS):
            mujoco.mj_step(model, data)
        meet_robot(model)
        data.time = 0.0

    def close(self) -> None:
        """Free the renderers."""
        if self._cameras is not None:
            self._cameras.close()

    def set_time(self, now_ns: int) -> None:
        """Change the clock without physics, after a jump of it: the arm holds where it was to be, the world waits."""
        held = self.controller.held[0]
        self.now_ns = self._block_start_ns = now_ns
        self.controller = self._controller(held)
        self._forget_sound()

    def _controller(self, position: Float) -> JointTrajectoryController:
        """One that updates once a physics step."""
        return JointTrajectoryController(self.contract.joint_names, position, self.now_ns, 1e9 / STEP_NS)

    # -- time ------------------------------------------------------------------------------------------------------

    def set_trajectory(self, trajectory: Trajectory | Any) -> str | None:
        """Give the controller a `Trajectory` or a JointTrajectory message. Returns why it was refused, or None."""
        if not isinstance(trajectory, Trajectory):
            read = trajectory_from_message(trajectory)
            if isinstance(read, str):
                return read
            trajectory = read
        return self.controller.receive(trajectory, self.now_ns)

    def step_to(self, now_ns: int) -> None:
        """Run the physics up to a time, in whole steps that end not after it."""
        steps = (now_ns - self.now_ns) // STEP_NS
        if steps <= 0:
            return
        said = self.controller.run(self.now_ns + STEP_NS * steps)
        # Position servos with velocity feed-forward: force = kp (q* - q) + kd (v* - v).
        control = said.command + said.velocity * self._servo_lead_s
        np.nan_to_num(control, copy=False)
        model, data = self._model, self._data
        for row in control:
            data.ctrl = row
            mujoco.mj_step(model, data)
            self._fixtures.step(data)
            self._feel(shatters=self._fragile.step(data))
            self.now_ns += STEP_NS
            if len(self._impulses) == _BLOCK_STEPS:
                self._finish_block()

    def _feel(self, shatters: bool) -> None:
        """Contacts of this step: taxels, wrench, and what will be heard; whether something broke."""
        data = self._data
        on_finger, on_table, scrape = 0.0, 0.0, 0.0  # normal forces N, sliding power W
        touching, loudest = [], 0.0
        if data.ncon:  # a few contacts: plain numbers are faster than arrays
            contact, force, speed = data.contact, data.efc_force.tolist(), data.efc_vel.tolist()
            for index, (row, (first, second)) in enumerate(zip(contact.efc_address.tolist(), contact.geom.tolist())):
                if row < 0:
                    continue
                if self._on_robot[first] or self._on_robot[second]:
                    on_finger += force[row]
                    if force[row] > loudest:
                        loudest, self._contact_at = force[row], contact.pos[index].copy()
                    if self._on_pad[first] or self._on_pad[second]:
                        touching.append((index, first, second))
                elif self._on_cloth[first] or self._on_cloth[second]:
                    continue  # unheard
                else:
                    on_table += force[row]
                slip = hypot(speed[row + 1], speed[row + 2])
                if slip > _STILL_M_S:
                    scrape += slip * force[row]
        for name, pad in self._pads.items():
            felt = self._felt[name]
            felt *= 1 - _TOUCH_SMOOTHING
            chosen = [index for index, first, second in touching if pad.geoms[first] or pad.geoms[second]]
            if chosen:
                felt += _TOUCH_SMOOTHING * pad.touch(data, np.array(chosen))
        self._wrench += _TOUCH_SMOOTHING * (-data.sensordata[self._sensed] - self._tare - self._wrench)
        impulse = abs(on_finger - self._on_finger) + 0.3 * max(0.0, abs(on_table - self._on_table) - 1.0)
        self._on_finger, self._on_table = on_finger, on_table
        self._impulses.append(impulse + shatters * _SHATTERING_N)
        self._scrapes.append(scrape)
        self._heard_at.append(self._contact_at)

    def _finish_block(self) -> None:
        impulses, scrapes = np.array(self._impulses), np.array(self._scrapes)
        for number, (name, (sound, background)) in enumerate(self._sounds.items()):
            samples = _BLOCK_STEPS * sound.per_step
            noise = self._noise(_OF_MICROPHONES, (2, samples), number)
            near = np.array([loudness(self._data, self._ears[name], place) for place in self._heard_at])
            block = sound.block(near * impulses, near**2 * scrapes, noise, background.block(samples))
            self._blocks[name].append((self._block_start_ns, block))
        self._forget_sound()
        self._block_start_ns = self.now_ns

    def _forget_sound(self) -> None:
        for heard in (self._impulses, self._scrapes, self._heard_at):
            heard.clear()

    def _noise(self, kind: int, shape: tuple[int, ...], number: int = 0) -> Float:
        """Standard normal numbers that depend on seed, kind of sense, its number and time: a piece of a long table."""
        size = int(np.prod(shape))
        start = (self.now_ns // STEP_NS * 7919 + kind * 50_021 + number * 7_001) % (len(self._table) - size)
        return self._table[start : start + size].reshape(shape)

    # -- senses ----------------------------------------------------------------------------------------------------

    def joint_state(self) -> tuple[Float, Float, Float]:
        """Position rad, velocity rad/s, effort N m of the joints in contract order, (J,) each."""
        noise = self._noise(_OF_JOINTS, (3, len(self._qpos)))
        data = self._data
        return (
            data.qpos[self._qpos] + _POSITION_NOISE_RAD * noise[0],
            data.qvel[self._qvel] + _VELOCITY_NOISE * noise[1],
            data.actuator_force + _EFFORT_NOISE * noise[2],
        )

    def image(self, camera: str | None = None) -> NDArray[Any]:
        """What a camera sees, the first one or that of a name, see `Cameras.image`."""
        assert self._cameras is not None
        return self._cameras.image(self._data, camera)

    def view(self) -> View:
        """Where everything is, for cameras that are drawn elsewhere."""
        return view_of(self._data)

    def taxels(self, stream: str | None = None) -> NDArray[np.float32]:
        """Forces on the taxels of a pad, the first one or that of a stream, in its frame, (rows, cols, 3), N."""
        names = list(self._felt)
        name = names[0] if stream is None else stream
        felt = self._felt[name]
        noise = self._noise(_OF_PADS, felt.shape, names.index(name))
        return (felt + _TAXEL_NOISE_N * noise).astype(np.float32)

    def wrench(self, stream: str | None = None) -> NDArray[np.float32]:
        """Force N and torque N m of the world on what is beyond a wrist, (6,), of the first or of a stream, in its
        frame; tared at the start."""
        number = 0 if stream is None else self._wrenches.index(stream)
        noise = self._noise(_OF_WRENCHES, (6,), number)
        return (self._wrench[6 * number : 6 * number + 6] + _WRENCH_NOISE * noise).astype(np.float32)

    def audio_blocks(self, stream: str | None = None) -> list[tuple[int, NDArray[np.int16]]]:
        """Sound finished since the last call, of the first microphone or of a stream: (time of the first sample in ns,
        (n,) int16 mono) blocks of 20 ms."""
        name = next(iter(self._blocks)) if stream is None else stream
        blocks, self._blocks[name] = self._blocks[name], []
        return blocks

    def link_position(self, link: str) -> Float:
        """True place of a link that carries a fingertip or a sensor, in the base frame, (3,), m."""
        return np.array(self._data.site_xpos[self._model.site(link).id])

    def tip_positions(self) -> Float:
        """True places of the fingertips' centres in the base frame, (T, 3), m."""
        return np.array([self.link_position(tip.link) for tip in self.contract.interface.action.tips])

    def object_pose(self, index: int = 0) -> Float:
        """True pose of an object in the base frame, (7,): x y z in m, quaternion x y z w."""
        body = self._data.body(f"object_{index}")
        return np.concatenate([body.xpos, body.xquat[[1, 2, 3, 0]]])

    @property
    def broken(self) -> list[str]:
        """Names of the objects that broke and are gone, in that order."""
        return [f"object_{index}" for index in self._fragile.broken]

    def is_there(self, index: int) -> bool:
        """Whether the scene has such an object, and it is not broken."""
        return index < len(self.scene.objects) and index not in self._fragile.broken

    def value(self, fixture: str) -> float:
        """How far a fixture has moved, m; 0 or 1 of what is pressed."""
        return self._fixtures.value(fixture, self._data)

    def places(self) -> dict[str, Float]:
        """True pose (7,) of each object that is there, ``object_0`` and so on, and value (1,) of each fixture."""
        there = filter(self.is_there, range(len(self.scene.objects)))
        found = {f"object_{index}": self.object_pose(index) for index in there}
        return found | {name: np.array([self.value(name)]) for name in self._fixtures.names}

    def move_object(self, index: int, place: tuple[float, float, float]) -> None:
        """Put an object elsewhere on the table at once, at rest: x, y in m and yaw in rad. For what cannot happen."""
        joint = self._data.joint(f"object_{index}")
        x, y, yaw = place
        height = self._top_m + self.scene.objects[index].half_size[2]
        joint.qpos[:] = [x, y, height, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        joint.qvel[:] = 0.0
        mujoco.mj_forward(self._model, self._data)

    def make_ghost(self, index: int) -> None:
        """Let the arm pass through an object. For what cannot happen."""
        self._model.geom(f"object_{index}").conaffinity = 1  # the table's bit, not the finger's
