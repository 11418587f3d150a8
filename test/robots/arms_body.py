"""A humanoid as its maker documents it, a gate, and what stands between the two, on exact time.

The humanoid reads messages by a layout of its own, written from the published one, and looks at each checksum. Where
the share is w, an arm motor goes to w times the commanded position and 1 - w times the posture of its own controller.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.factory import gate_for
from world_model_ros.gate.output import GateOutput
from world_model_ros.motors.arms import Arms, Times
from world_model_ros.motors.description import driven_by, load_motors
from world_model_ros.motors.messages import STATE, checksum, from_stream, to_stream

ROBOTS = Path(__file__).resolve().parents[2] / "config" / "robots"
DRIVER = {
    "speed_scaling": {"topic": "arms/pace", "type": "std_msgs/msg/Float64"},
    "ready": [{"topic": "arms/ready", "type": "std_msgs/msg/Bool"}],
}
_PARTS = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")
ARMS = {f"left_{name}_joint": 15 + index for index, name in enumerate(_PARTS)}
ARMS |= {f"right_{name}_joint": 22 + index for index, name in enumerate(_PARTS)}
MAKE = MessageMaker(ros_class)
MS = 1_000_000
START_NS = 1_700_000_000 * 10**9


def contract(change: Callable[[dict], None] = lambda deployment: None) -> Contract:
    """Two arms of seven joints and their gate, without obstacles; ``change`` may change the deployment."""
    data = yaml.safe_load((ROBOTS / "humanoid_upper_body.yaml").read_text())
    deployment = data["deployment"]
    del deployment["simulation"], deployment["gate"]["collision"], deployment["gate"]["obstacles"]
    deployment["driver"] = DRIVER
    deployment["command"] = {"interface": "joint_trajectory", "topic": "arms/joint_trajectory", "rate_hz": 100.0}
    change(deployment)
    return contract_from_text(yaml.safe_dump(data), folder=ROBOTS)


def words(streams: list[bytes]) -> np.ndarray:
    """Messages as a C compiler has them, (N, 251) words, put together field by field from the published structs."""
    rows = []
    for stream in streams:
        assert stream[:4] == b"\0\1\0\0"
        body, at = stream[4:], 2
        fields: list[float] = list(body[:2])
        for _ in range(35):
            mode, at = body[at], (at + 1 + 3) // 4 * 4
            fields += [mode, *struct.unpack_from("<5fI", body, at)]
            at += 24
        fields += struct.unpack_from("<5I", body, at)
        rows.append(struct.pack("<2B2x" + "B3x5fI" * 35 + "5I", *fields))
    return np.frombuffer(b"".join(rows), "<u4").reshape(len(streams), 251)


def crc_bit_by_bit(rows: np.ndarray) -> np.ndarray:
    """The published loop over bits, of all rows at once, (N,)."""
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint64)
    for word in rows.T.astype(np.uint64):
        for bit in range(31, -1, -1):
            high, given = crc >> np.uint64(31), (word >> np.uint64(bit)) & np.uint64(1)
            crc = ((crc << np.uint64(1)) & np.uint64(0xFFFFFFFF)) ^ (high ^ given) * np.uint64(0x04C11DB7)
    return crc


@dataclass
class Humanoid:
    """Its own controller holds ``posture``; a motor goes half of the rest of its way in 10 ms."""

    posture: Float = field(default_factory=lambda: np.linspace(-0.3, 0.3, 35))
    position: Float = field(init=False)
    sag: float = 0.0  # that motors hang below what they are commanded with our gains, rad
    streams: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.position, self.weight, self.wanted = self.posture.copy(), 0.0, self.posture.copy()

    def hear(self, stream: bytes) -> None:
        self.streams.append(stream)
        body = stream[4:]
        q = np.array([struct.unpack_from("<f", body, 4 + 28 * motor)[0] for motor in range(35)])
        self.weight, self.wanted = float(q[29]), q

    def step(self, span_s: float) -> None:
        blended = self.posture.copy()
        blended[12:29] = self.weight * (self.wanted[12:29] - self.sag) + (1.0 - self.weight) * self.posture[12:29]
        blended[12:15] = self.posture[12:15]  # a waist of which nothing is commanded
        self.position += (blended - self.position) * (1.0 - 0.5 ** (span_s / 0.01))

    def state(self) -> bytes:
        message = np.zeros(1, STATE)
        message["mode_machine"] = 5
        message["motor_state"]["q"] = self.position
        message["motor_state"]["temperature"] = 40
        message["crc"] = checksum(message)
        return to_stream(message)

    def arms(self, values: Float | None = None) -> Float:
        return (self.position if values is None else values)[list(ARMS.values())]


class World:
    """Gate at 100 Hz, arms at 250 Hz, humanoid at 500 Hz. ``command`` is asked each 50 ms for where the arms are to be.

    Attributes:
        gate_lives, body_speaks: whether these do. told: (time s, weight, commanded (14,), phase) of each message.
    """

    def __init__(self, times: Times = Times(), rate_hz: float = 250.0) -> None:  # noqa: B008
        self.contract, motors = contract(), load_motors("unitree_g1")
        self.names = self.contract.joint_names
        self.gate, self.body = gate_for(self.contract), Humanoid()
        self.body.posture[list(ARMS.values())] = [
            self.contract.limits().lower.clip(-0.2, 0.2)[i] + 0.3 for i in range(14)
        ]
        self.body.position = self.body.posture.copy()
        self.controllers = driven_by(self.contract, motors)
        self.arms = Arms(self.controllers, motors, self.contract.limits(), rate_hz, times)
        self.period_ns = round(1e9 / rate_hz)
        self.now_ns, self.start_ns = START_NS, START_NS
        self.gate_lives = self.body_speaks = True
        self.command: Callable[[float], Float | None] = lambda time_s: None
        self.told: list[tuple[float, float, Float, str]] = []
        self.outputs: list[GateOutput] = []

    @property
    def time_s(self) -> float:
        return (self.now_ns - self.start_ns) * 1e-9

    def run(self, span_s: float) -> None:
        for _ in range(round(span_s * 500)):
            self.now_ns += 2 * MS
            self.body.step(0.002)
            since = self.now_ns - self.start_ns
            if since % self.period_ns < 2 * MS:
                self._arms()
            if self.gate_lives and since % (10 * MS) == 0:
                self._gate(since)

    def until(self, done: Callable[[], object], patience_s: float = 10.0) -> None:
        end_s = self.time_s + patience_s
        while not done():
            assert self.time_s < end_s, (self.arms.share.phase, self.arms.share.why, self.gate.state, self.gate.cause)
            self.run(0.01)

    def armed(self) -> World:
        """Armed by a person, and the arms are ours."""
        self.until(lambda: self.arms.ready and self.gate.refusal(self.now_ns) is None)
        assert self.gate.arm(self.now_ns) is None
        self.until(lambda: self.arms.share.phase.value == "held")
        return self

    def _arms(self) -> None:
        now_s = self.now_ns * 1e-9
        if self.body_speaks:
            self.arms.hear_motors(from_stream(self.body.state(), STATE), now_s)
        message = self.arms.step(self.now_ns, now_s)
        if message is not None:
            self.body.hear(to_stream(message))
            wanted = self.body.arms(self.body.wanted)
            self.told.append((self.time_s, self.body.weight, wanted, self.arms.share.phase.value))

    def _gate(self, since: int) -> None:
        gate, driver = self.gate, self.gate.driver
        driver.hear_scaling(self.arms.pace)
        driver.hear_ready("arms/ready", self.arms.ready)
        measured = self.arms.measured()
        if measured is not None and self.body_speaks:
            order = [measured.names.index(name) for name in self.names]
            gate.joint_state(self.now_ns, measured.position[order], measured.velocity[order])
        wanted = self.command(self.time_s) if since % (50 * MS) == 0 else None
        if wanted is not None:
            rows = np.repeat(wanted[None], 2, axis=0)
            gate.command(self.now_ns, Trajectory(self.names, np.array([0.0, 1.0]), rows, 0.0 * rows, self.now_ns))
        output = gate.step(self.now_ns)
        self.outputs.append(output)
        self.arms.hear_gate(output.state, self.now_ns * 1e-9)
        if output.outgoing is not None:
            self.arms.hear_trajectory(0, MAKE.trajectory(output.outgoing), self.now_ns)
