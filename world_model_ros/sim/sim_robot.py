"""A simulated robot: MuJoCo physics, a trajectory controller, and all senses of the contract. No ROS in here."""

from __future__ import annotations

from math import hypot
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import CameraStream, MicrophoneStream, TaxelStream
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.sim.controller import TrajectoryController, trajectory_from_message
from world_model_ros.sim.scene import STEP_NS, STEP_S, SceneConfig, build_model
from world_model_ros.sim.sound import Background, ContactSound
from world_model_ros.sim.touch import TaxelGrid

Float = NDArray[np.float64]

AUDIO_BLOCK_NS = 20_000_000
_BLOCK_STEPS = AUDIO_BLOCK_NS // STEP_NS
_STILL_M_S = 0.003
_TOUCH_SMOOTHING = 0.35  # share of the newest step; about 5 ms
_TAXEL_NOISE_N = 0.01
_WRENCH_NOISE = np.array([0.08, 0.08, 0.08, 0.003, 0.003, 0.003])
_NOISE_TABLE = 200_003
_POSITION_NOISE_RAD = 2e-5
_VELOCITY_NOISE = 2e-3
_EFFORT_NOISE = 0.05


class SimRobot:
    """The arm of a contract in a scene. Physics runs in steps of 2 ms and only in `step_to`.

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
        self._renderer: mujoco.Renderer | None = None
        self.now_ns = start_ns
        streams = contract.interface.streams
        cameras = [stream for stream in streams if isinstance(stream, CameraStream)]
        self._image_shape = contract.source(cameras[0].name).source_shape if cameras else None
        self._taxels = next((stream for stream in streams if isinstance(stream, TaxelStream)), None)
        self._microphone = next((stream for stream in streams if isinstance(stream, MicrophoneStream)), None)
        self.reset(scene)

    def reset(self, scene: SceneConfig) -> None:
        """Put a scene on the table and the arm to its home; the clock goes on."""
        self.close()
        self.scene = scene
        self._model = model = build_model(self.contract, scene)
        self._data = data = mujoco.MjData(model)
        joints = [model.joint(name) for name in self.contract.joint_names]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._servo_lead_s = -model.actuator_biasprm[:, 2] / model.actuator_gainprm[:, 0]
        data.qpos[self._qpos] = scene.home
        data.ctrl[:] = scene.home
        mujoco.mj_forward(model, data)
        self.controller = TrajectoryController(self.contract.joint_names, np.array(scene.home))
        self._tip_site = model.site("fingertip").id
        arm = {model.body(name).id for name in ("fingertip", "wrist_ft", "wrist_3_link")}
        bodies = model.geom_bodyid.tolist()
        self._on_arm = [body in arm for body in bodies]
        self._on_tip = [body == model.body("fingertip").id for body in bodies]
        rows, cols = (self._taxels.rows, self._taxels.cols) if self._taxels is not None else (1, 1)
        self._grid = TaxelGrid(rows, cols)
        self._felt = np.zeros((rows, cols, 3))
        rate = self._microphone.sample_rate_hz if self._microphone is not None else 16000.0
        self._samples_per_step = round(rate * STEP_S)
        volume = float(np.mean([np.prod(each.half_size) for each in scene.objects])) if scene.objects else 2.7e-5
        self._sound = ContactSound(rate, STEP_S, pitch=(2.7e-5 / volume) ** (1 / 3))
        self._background = Background(scene.background, rate, self._seed)
        self._impulses: list[float] = []
        self._scrapes: list[float] = []
        self._on_finger = self._on_table = 0.0
        self._blocks: list[tuple[int, NDArray[np.int16]]] = []
        self._block_start_ns = self.now_ns
        self._wrench = np.zeros(6)
        for _ in range(50):  # the objects settle on the table unheard
            mujoco.mj_step(model, data)
        data.time = 0.0
        self._tare = -data.sensordata[:6]

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def set_time(self, now_ns: int) -> None:
        """Change the clock without physics, after a jump of it: the arm holds where it was to be, the world waits."""
        held, _ = self.controller.sample(np.array([self.now_ns]))
        self.controller = TrajectoryController(self.contract.joint_names, held[0])
        self.now_ns = self._block_start_ns = now_ns
        self._impulses.clear()
        self._scrapes.clear()

    # -- time ------------------------------------------------------------------------------------------------------

    def set_trajectory(self, trajectory: Trajectory | Any) -> str | None:
        """Give the controller a `Trajectory` or a JointTrajectory message. Returns why it was refused, or None."""
        if not isinstance(trajectory, Trajectory):
            read = trajectory_from_message(trajectory)
            if isinstance(read, str):
                return read
            trajectory = read
        return self.controller.set_trajectory(trajectory, self.now_ns)

    def step_to(self, now_ns: int) -> None:
        """Run the physics up to a time, in whole steps that end not after it."""
        steps = (now_ns - self.now_ns) // STEP_NS
        if steps <= 0:
            return
        times_ns = self.now_ns + STEP_NS * np.arange(1, steps + 1)
        position, velocity = self.controller.sample(times_ns)
        # Position servos with velocity feed-forward: force = kp (q* - q) + kd (v* - v).
        control = position + velocity * self._servo_lead_s
        np.nan_to_num(control, copy=False)
        model, data = self._model, self._data
        for row in control:
            data.ctrl = row
            mujoco.mj_step(model, data)
            self._feel()
            self.now_ns += STEP_NS
            if len(self._impulses) == _BLOCK_STEPS:
                self._finish_block()

    def _feel(self) -> None:
        """Contacts of this step: taxels, wrench, and what will be heard."""
        data = self._data
        on_finger, on_table, scrape = 0.0, 0.0, 0.0  # normal forces N, sliding power W
        touching = []
        if data.ncon:  # a few contacts: plain numbers are faster than arrays
            contact, force, speed = data.contact, data.efc_force.tolist(), data.efc_vel.tolist()
            for index, (row, (first, second)) in enumerate(zip(contact.efc_address.tolist(), contact.geom.tolist())):
                if row < 0:
                    continue
                if self._on_arm[first] or self._on_arm[second]:
                    on_finger += force[row]
                    if self._on_tip[first] or self._on_tip[second]:
                        touching.append(index)
                else:
                    on_table += force[row]
                slip = hypot(speed[row + 1], speed[row + 2])
                if slip > _STILL_M_S:
                    scrape += slip * force[row]
        self._felt *= 1 - _TOUCH_SMOOTHING
        if touching:
            self._felt += _TOUCH_SMOOTHING * self._touch(np.array(touching))
        self._wrench += _TOUCH_SMOOTHING * (-data.sensordata[:6] - self._tare - self._wrench)
        impulse = abs(on_finger - self._on_finger) + 0.3 * max(0.0, abs(on_table - self._on_table) - 1.0)
        self._on_finger, self._on_table = on_finger, on_table
        self._impulses.append(impulse)
        self._scrapes.append(scrape)

    def _touch(self, chosen: NDArray[np.int64]) -> Float:
        """Taxel forces of some contacts of the fingertip."""
        data, contact = self._data, self._data.contact
        rows = contact.efc_address[chosen][:, None] + np.arange(3)
        frames = contact.frame[chosen].reshape(-1, 3, 3)
        force = np.einsum("nk,nkf->nf", data.efc_force[rows], frames)  # on the second geom, world frame
        on_second = np.array([self._on_tip[second] for second in contact.geom[chosen][:, 1].tolist()])
        rotation = data.site_xmat[self._tip_site].reshape(3, 3)
        points = (contact.pos[chosen] - data.site_xpos[self._tip_site]) @ rotation
        return self._grid.spread(points, (force * np.where(on_second, 1.0, -1.0)[:, None]) @ rotation)

    def _finish_block(self) -> None:
        noise = self._noise(3, (2, _BLOCK_STEPS * self._samples_per_step))
        background = self._background.block(noise.shape[1])
        sound = self._sound.block(np.array(self._impulses), np.array(self._scrapes), noise, background)
        self._blocks.append((self._block_start_ns, sound))
        self._impulses.clear()
        self._scrapes.clear()
        self._block_start_ns = self.now_ns

    def _noise(self, sense: int, shape: tuple[int, ...]) -> Float:
        """Standard normal numbers that depend on seed, sense and time only: a piece of one long table."""
        size = int(np.prod(shape))
        start = (self.now_ns // STEP_NS * 7919 + sense * 50_021) % (len(self._table) - size)
        return self._table[start : start + size].reshape(shape)

    # -- senses ----------------------------------------------------------------------------------------------------

    def joint_state(self) -> tuple[Float, Float, Float]:
        """Position rad, velocity rad/s, effort N m of the joints in contract order, (J,) each."""
        noise = self._noise(0, (3, len(self._qpos)))
        data = self._data
        return (
            data.qpos[self._qpos] + _POSITION_NOISE_RAD * noise[0],
            data.qvel[self._qvel] + _VELOCITY_NOISE * noise[1],
            data.actuator_force + _EFFORT_NOISE * noise[2],
        )

    def image(self) -> NDArray[np.uint8]:
        """What the camera sees, (height, width, 3) RGB of the contract's source shape."""
        if self._image_shape is None:
            raise UserError("interface.streams", [], "a camera")
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self._model, *self._image_shape)
        self._renderer.update_scene(self._data, "camera")
        image: NDArray[np.uint8] = self._renderer.render()
        return image

    def taxels(self) -> NDArray[np.float32]:
        """Forces on the taxels of the fingertip in the fingertip frame, (rows, cols, 3), N."""
        noise = self._noise(1, self._felt.shape)
        return (self._felt + _TAXEL_NOISE_N * noise).astype(np.float32)

    def wrench(self) -> NDArray[np.float32]:
        """Force N and torque N m of the world on the tool, (6,), in ``wrist_ft``; tared at the start."""
        noise = self._noise(2, (6,))
        return (self._wrench + _WRENCH_NOISE * noise).astype(np.float32)

    def audio_blocks(self) -> list[tuple[int, NDArray[np.int16]]]:
        """Sound finished since the last call: (time of the first sample in ns, (n,) int16 mono) blocks of 20 ms."""
        blocks, self._blocks = self._blocks, []
        return blocks

    def tip_position(self) -> Float:
        """True place of the fingertip's centre in the base frame, (3,), m."""
        return np.array(self._data.site_xpos[self._tip_site])

    def object_pose(self, index: int = 0) -> Float:
        """True pose of an object in the base frame, (7,): x y z in m, quaternion x y z w."""
        body = self._data.body(f"object_{index}")
        return np.concatenate([body.xpos, body.xquat[[1, 2, 3, 0]]])

    def move_object(self, index: int, place: tuple[float, float, float]) -> None:
        """Put an object elsewhere on the table at once, at rest: x, y in m and yaw in rad. For what cannot happen."""
        joint = self._data.joint(f"object_{index}")
        x, y, yaw = place
        joint.qpos[:] = [x, y, self.scene.objects[index].half_size[2], np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        joint.qvel[:] = 0.0
        mujoco.mj_forward(self._model, self._data)

    def make_ghost(self, index: int) -> None:
        """Let the arm pass through an object. For what cannot happen."""
        self._model.geom(f"object_{index}").conaffinity = 1  # the table's bit, not the finger's
