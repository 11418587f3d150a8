"""What has been heard of a robot and its gate, and where a joint is led and measured by now."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from world_model_ros.commissioning.history import JointHistory, ReferenceHistory
from world_model_ros.commissioning.listening import StreamTimes
from world_model_ros.commissioning.ways import Way
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.urdf.numbers import UrdfLimit
from world_model_ros.core.arrays import Float
from world_model_ros.gate.playing.news import GateNews
from world_model_ros.gate.states import State

STILL_S = 0.2  # how long a joint stays that stands
_BEFORE_S = 0.15  # that a place is averaged over
_TOLERANCE_S, _NOISES = 0.02, 10.0  # what counts as still: this long at the speed of the motion, or the noise
_FRESH_S, _ON_S = 0.5, 0.05  # of the gate's reference, and how far it is carried on


class Heard:
    """Keeps what comes in.

    Attributes:
        now_ns: the time. joints: histories by name. times: of the messages by stream. reference: of the gate.
        news: of the gate, None before it was heard. owner: of the gate; owned_words: why a request was refused.
        answers: of services by name. reply: the person's last one, None before it. robot: limits that the robot's own
            URDF has, None where it publishes none.
    """

    def __init__(self, contract: Contract) -> None:
        self.now_ns = 0
        self.joints = {name: JointHistory() for name in contract.joint_names}
        self.times = {stream.name: StreamTimes() for stream in contract.interface.of(JointStream)}
        self.reference = ReferenceHistory()
        self.news: GateNews | None = None
        self.owner: str | None = None
        self.owned_words = ""
        self.answers: dict[str, tuple[bool, str]] = {}
        self.reply: str | None = None
        self.robot: Mapping[str, UrdfLimit] | None = None

    def hear_joints(self, stream: str, arrival_ns: int, stamp_ns: int, positions: Mapping[str, float]) -> None:
        """Take positions of some joints, in rad or m, of a message of a stream; a number that is none is refused."""
        bad = [name for name, position in positions.items() if not np.isfinite(position)]
        if bad:
            self.refuse_joints(stream, f"{bad[0]} is not a number")
            return
        times = self.times[stream]
        times.arrivals_ns.append(arrival_ns)
        times.stamps_ns.append(stamp_ns)
        for name, position in positions.items():
            if name in self.joints:
                self.joints[name].add(stamp_ns, position)

    def refuse_joints(self, stream: str, why: str) -> None:
        """Count a message of a stream that cannot be used."""
        self.times[stream].refused += 1
        self.times[stream].why = why

    def hear_reference(self, stamp_ns: int, position: Float) -> None:
        """Take where (J,) the gate leads the joints (``gate/applied``)."""
        self.reference.add(stamp_ns, position)

    def hear_gate(self, news: GateNews) -> None:
        """Take the gate's state."""
        self.news = news

    def hear_owner(self, owner: str | None, refused: str | None) -> None:
        """Take who owns the gate, and why the last request was refused."""
        self.owner, self.owned_words = owner, refused or ""

    def hear_answer(self, call: str, done: bool, words: str) -> None:
        """Take the gate's answer to a call."""
        self.answers[call] = done, words

    def hear_reply(self, reply: str) -> None:
        """Take the person's answer to a question: it begins with y, n or q."""
        self.reply = reply.strip().lower()[:1]

    def hear_robot(self, limits: Mapping[str, UrdfLimit]) -> None:
        """Take the limits of the joints in the URDF that the robot publishes."""
        self.robot = limits

    @property
    def state(self) -> State | None:
        return None if self.news is None else self.news.state

    @property
    def armed(self) -> bool:
        return self.state in (State.HOLDING, State.TRACKING, State.SLOWING)

    def held(self) -> Float:
        """Where (J,) the gate has the joints."""
        return self.reference.positions[-1].copy()

    def led(self, way: Way) -> float:
        """Where the gate has a joint by now: what it said last, and on at that speed."""
        place, stamp = float(self.reference.positions[-1][way.joint]), self.reference.stamps_ns[-1]
        velocity = float(np.clip(self.speed(way), -abs(way.speed), abs(way.speed)))
        return place + velocity * min(max((self.now_ns - stamp) * 1e-9, 0.0), _ON_S)

    def speed(self, way: Way) -> float:
        """How fast the gate leads a joint, with its sign."""
        stamps, positions = self.reference.stamps_ns, self.reference.positions
        if len(stamps) < 2 or stamps[-1] - stamps[-2] > _FRESH_S * 1e9:
            return 0.0
        moved = float(positions[-1][way.joint] - positions[-2][way.joint])
        return moved / ((stamps[-1] - stamps[-2]) * 1e-9)

    def place(self, way: Way) -> float:
        history = self.joints[way.name]
        return history.mean(self.now_ns - round(_BEFORE_S * 1e9), self.now_ns)

    def along(self, way: Way, base: float) -> float:
        """How far a joint is measured along its way."""
        return float(np.copysign(1.0, way.speed)) * (self.newest(way.name) - base)

    def newest(self, name: str) -> float:
        return float(np.mean(self.joints[name].positions[-3:]))

    def changed(self, name: str) -> bool:
        return self.joints[name].changes > 0

    def tolerance(self, way: Way) -> float:
        return max(_TOLERANCE_S * abs(way.speed), _NOISES * self.joints[way.name].noise)

    def stands(self, way: Way) -> bool:
        return self.joints[way.name].still(self.now_ns, STILL_S, self.tolerance(way))
