"""Generates the text of a first contract for a robot from its URDF; guessed values are marked ``fill in:``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from world_model_ros.contract.drafting.placeholders import MARK
from world_model_ros.contract.limits import FULL_ACCELERATION_S, FULL_SPEED_S
from world_model_ros.contract.urdf.description import Description, UrdfJoint
from world_model_ros.core.errors import UserError

Box = Sequence[tuple[float, float]]

_VELOCITY = {"rad": 1.0, "m": 0.1}  # guesses for joints of which the URDF says nothing
_RANGE = {"rad": math.pi, "m": 0.1}
_EFFORT = 10.0
# Beyond these a URDF says in numbers that it does not know: two turns, ten metres, sixteen turns a second, ...
_MAX_PLAUSIBLE = {"rad": 4 * math.pi, "m": 10.0}
_FASTEST = {"rad": 100.0, "m": 10.0}
_STRONGEST = 10_000.0  # N m or N
_WIDTH = 112
_POSE = 6  # joints that a pose takes
# By kind of picture: more of its fields, and what is to be filled in of them.
_PICTURES = {"camera": ("", ""), "depth": (", min_m: 0.2, max_m: 4.0", ", and the range that it measures in")}


@dataclass(frozen=True)
class Draft:
    """What goes into a contract.

    Args:
        name: of the robot, a legal contract name.
        urdf: as ``deployment.urdf`` names it.
        joints: commanded, in contract order.
        base: frame that positions are in.
        tip: link that the action displaces; None makes the action a displacement of joints.
        carrying: names of the joints that move it; with a tip, the others are held still (a gripper's).
        workspace_m: box of the tip, x, y, z in ``base``; needed with a tip.
        cameras: stream names. depths: those of depth cameras.
        tick_hz: of the brain.
    """

    name: str
    urdf: str
    joints: tuple[UrdfJoint, ...]
    base: str
    tip: str | None
    workspace_m: Box
    cameras: tuple[str, ...]
    tick_hz: float = 10.0
    carrying: tuple[str, ...] = ()
    depths: tuple[str, ...] = ()

    def text(self) -> str:
        """The contract as YAML, with a comment where something is to be filled in."""
        return "\n".join([*self._head(), *self._interface(), *self._deployment()]) + "\n"

    def _pictures(self) -> list[tuple[str, str]]:
        """Kind and name of what sends images."""
        return [("camera", each) for each in self.cameras] + [("depth", each) for each in self.depths]

    def _head(self) -> list[str]:
        return [
            f"# Written by `world-model new-robot` from {self.urdf.rsplit('/', 1)[-1]}.",
            f'# What a URDF cannot know has a guess and a comment that begins with "{MARK}". Put in what is true and',
            "# delete the comment: `world-model check` on this file lists those that are left, and with `--live 5` it",
            "# compares the file with the running robot.",
            "format: 1",
            f"name: {_scalar(self.name)}",
            "",
        ]

    def _interface(self) -> list[str]:
        names = [_scalar(joint.name) for joint in self.joints]
        pictures = [
            f"    - {{kind: {kind}, name: {_scalar(each)}, height: 64, width: 64, rate_hz: 30.0{_PICTURES[kind][0]}}}"
            f"  # {MARK} height and width that the model sees, the camera's rate{_PICTURES[kind][1]}"
            for kind, each in self._pictures()
        ]
        return [
            "interface:  # a model binds to the hash of this part: settle it before you record and train",
            f"  tick_hz: {self.tick_hz:g}",
            f"  base_frame: {_scalar(self.base)}",
            "  joints:",
            *(f"    - {{name: {_scalar(joint.name)}, unit: {joint.unit}}}" for joint in self.joints),
            "  streams:",
            *pictures,
            f"    # {MARK} other senses: take away the # before those that there are, here and in deployment",
            "    # - {kind: microphone, name: microphone, sample_rate_hz: 16000, channels: 1, window: 1600}",
            "    # - {kind: taxels, name: fingertip_taxels, rows: 4, cols: 4, rate_hz: 100.0}",
            f"    # - {{kind: wrench, name: wrist_wrench, frame: {_scalar(self.tip or self.base)}, rate_hz: 100.0}}",
            "    - kind: joints",
            "      name: joints",
            *_list("      joints: ", names),
            f"      fields: [position, velocity]  # {MARK} leave velocity out if the driver does not send it",
            f"      rate_hz: 100.0  # {MARK} rate of the joint states",
            *self._action(names),
            "",
        ]

    def _action(self, names: list[str]) -> list[str]:
        if self.tip is None:
            slowest: dict[str, float] = {}
            for joint in self.joints:
                fastest = _velocity(joint) or _VELOCITY[joint.unit]
                slowest[joint.unit] = min(fastest, slowest.get(joint.unit, fastest))
            bounds = [_short(slowest[joint.unit] / self.tick_hz) for joint in self.joints]
            first, *rest = _list("    bound: ", bounds) if len(slowest) > 1 else [f"    bound: {bounds[0]}"]
            return [
                "  action:",
                "    kind: joint_displacement",
                *_list("    joints: ", names),
                f"{first}  # {MARK} the farthest that a joint moves in a tick; the slowest of its unit can move so far",
                *rest,
                f"  # {MARK} objects that goals are for, each with a label from a tracker or tags while you record",
                "  # targets:",
                "  #   - {name: object_0, kind: object}",
                "  # labels:",
                "  #   - {name: object_0_truth, target: object_0}",
            ]
        box = ", ".join(f"[{_short(low)}, {_short(high)}]" for low, high in self.workspace_m)
        return [
            "  action:  # its z axis is kept pointing down, its x axis along that of the base",
            "    kind: fingertip_displacement",
            f"    frame: {_scalar(self.base)}",
            f"    link: {_scalar(self.tip)}",
            "    axes: [x, y, z]",
            f"    bound_m: 0.02  # {MARK} the farthest that the tip moves in a tick along each axis",
            f"    workspace_m: [{box}]  # {MARK} the box that the tip may work in; this is all that it reaches",
            "  targets:",
            f"    - {{name: fingertip, kind: fingertip, link: {_scalar(self.tip)}}}",
            f"    # {MARK} objects that goals are for, each with a label from a tracker or tags while you record",
            "    # - {name: object_0, kind: object}",
            "  # labels:",
            "  #   - {name: object_0_truth, target: object_0}",
        ]

    def _deployment(self) -> list[str]:
        image = "type: sensor_msgs/msg/Image, max_age_s: 0.2"
        pictures = [
            f"    - {{name: {_scalar(each)}, topic: {each}/image_raw, {image}, source_shape: [480, 640],"
            f" qos: {{reliability: best_effort, depth: 2}}}}"
            f"  # {MARK} topic, type, height and width of the driver's image"
            for _, each in self._pictures()
        ]
        return [
            "deployment:  # may change without touching a model",
            f"  urdf: {_scalar(self.urdf)}",
            "  streams:",
            *pictures,
            f"    # - {{name: microphone, topic: microphone/audio, {image}}}",
            f"    # - {{name: fingertip_taxels, topic: taxels/fingertip, {image}}}",
            "    # - {name: wrist_wrench, topic: force_torque_sensor_broadcaster/wrench,"
            " type: geometry_msgs/msg/WrenchStamped, max_age_s: 0.2}",
            "    - {name: joints, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.2,"
            f" required: true}}  # {MARK} topic of the joint states",
            "  # A label is the true pose of an object in base_frame, from a tracker, tags, a simulator. Training and",
            "  # calibration need one in the bags for each object of interface.targets; the running brain reads none.",
            "  # labels:",
            "  #   - {name: object_0_truth, topic: labels/object_0/pose}  # PoseStamped; more: docs/your-robot.md",
            f"  # {MARK} accelerations and jerks, which a URDF does not know; these reach full speed in"
            f" {FULL_SPEED_S:g} s, full acceleration in {FULL_ACCELERATION_S:g} s",
            "  limits:  # rad (slides: m), per s, s^2, s^3, and N m (slides: N); the tighter of these and the URDF's",
            *self._limits(),
            "  command:",
            "    interface: joint_trajectory  # or forward_position, forward_velocity, twist: docs/safety.md",
            "    # the controller has interpolate_from_desired_state: true, which is not its default",
            f"    topic: joint_trajectory_controller/joint_trajectory  # {MARK} topic of the controller",
            f"    rate_hz: 100.0  # {MARK} how often it is sent a command",
            *self._others(),
            f"  without_commands: measured  # {MARK} delete this line if bags have gate/applied or trajectories",
            "  gate:",
            f"    # {MARK} what stands around the robot, and the distances below which the gate slows and stops",
            "    # collision: {stop_m: 0.01, slow_m: 0.05}  # also srdf: FILE, exclude: [[link, link]]",
            "    # obstacles:",
            "    #   - {name: table, size_m: [1.0, 1.0, 0.1], position_m: [0.5, 0.0, -0.05]}",
            "    # clouds:  # of depth cameras, which nothing of the robot may come near: docs/safety.md",
            "    #   - {name: front, topic: camera/depth/color/points}",
            f"    tracking_tolerance: 0.15  # {MARK} how far the joints may lag behind the command, rad",
        ]

    def _limits(self) -> list[str]:
        """With joints to spare also where they like to be."""
        spare = self.tip is not None and len(self.carrying) > _POSE
        lines = [_limit(joint, spare and joint.name in self.carrying) for joint in self.joints]
        if spare:
            where = "where the arm likes to be with its tip pointing down, as it has joints to spare; this is mid-range"
            lines.insert(0, f"    # {MARK} rest: {where}")
        return lines

    def _others(self) -> list[str]:
        """A controller of its own for what does not move the tip, as grippers have."""
        others = [joint.name for joint in self.joints if joint.name not in self.carrying]
        if self.tip is None or not others:
            return []
        return [
            f"    # {MARK} if another controller has these, which do not move the tip; or leave them out",
            "    # others:",
            "    #   - interface: joint_trajectory",
            "    #     topic: gripper_controller/joint_trajectory",
            *(f"    # {line}" for line in _list("    joints: ", [_scalar(name) for name in others])),
        ]


def choose_joints(description: Description, patterns: Sequence[str]) -> tuple[UrdfJoint, ...]:
    """Commanded joints whose names fit one of the patterns (``left_*``); all of them without patterns.

    Raises:
        UserError: a pattern fits none, or there is none at all.
    """
    joints = description.commanded
    legal = [joint.name for joint in joints]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in legal):
            mimics = {joint.name: joint.mimics for joint in description.joints if joint.mimics is not None}
            if pattern in mimics:
                raise UserError("joints", pattern, f"the joint that it mimics, {mimics[pattern]}")
            raise UserError("joints", pattern, f"a name or pattern of {legal}")
    if not joints:
        kinds = sorted({joint.kind for joint in description.joints}) or "no joints"
        raise UserError("urdf", kinds, "a revolute, continuous or prismatic joint that mimics no other")
    return tuple(joint for joint in joints if any(fnmatchcase(joint.name, each) for each in patterns or ["*"]))


def legal_name(text: str) -> str:
    """The nearest name that a contract may have."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return name if re.match(r"[A-Za-z]", name) else f"robot_{name}".rstrip("_")


def _limit(joint: UrdfJoint, rest: bool) -> str:
    """A line of ``deployment.limits``; what the URDF does not say is guessed and named in a mark."""
    unit, known = joint.unit, joint.limit
    said: dict[str, str] = dict.fromkeys(known.zeros, "0")  # what the URDF says that cannot be meant
    span, velocity, effort = known.position, _velocity(joint), known.effort
    if span is not None and span[1] - span[0] > _MAX_PLAUSIBLE[unit]:
        said["position"], span = f"{_short(span[0])} to {_short(span[1])}", None
    if velocity is None and known.velocity is not None:
        said["velocity"] = _short(known.velocity)
    if effort is not None and effort > _STRONGEST:
        said["effort"], effort = _short(effort), None
    unknown = [name for name, value in (("position", span), ("velocity", velocity), ("effort", effort)) if not value]
    guessed = [f"{name}, the URDF says {said[name]}" for name in unknown if name in said]
    silent = ", ".join(name for name in unknown if name not in said)
    if silent:
        guessed.append(
            silent + (" of this continuous joint" if joint.kind == "continuous" else ", the URDF does not say")
        )
    span, velocity = span or (-_RANGE[unit], _RANGE[unit]), velocity or _VELOCITY[unit]
    acceleration = velocity / FULL_SPEED_S
    values = {
        "position": "[{}, {}]".format(*_inward(*span)),
        "velocity": _short(velocity),
        "acceleration": _short(acceleration),
        "jerk": _short(acceleration / FULL_ACCELERATION_S),
        "effort": _short(effort or _EFFORT),
    }
    if rest:
        values["rest"] = _short(0.5 * (span[0] + span[1]))
    mark = f"  # {MARK} {'; '.join(guessed)}" if guessed else ""
    pairs = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"    - {{name: {_scalar(joint.name)}, {pairs}}}{mark}"


def _velocity(joint: UrdfJoint) -> float | None:
    """What the URDF says, if that can be meant."""
    stated = joint.limit.velocity
    return None if stated is None or stated > _FASTEST[joint.unit] else stated


def _inward(low: float, high: float) -> tuple[str, str]:
    """Limits with four or five digits after the point, never wider than they were; in full in a narrow range."""
    ends = []
    for value, rounded in ((low, math.ceil), (high, math.floor)):
        digits = 1e5 if abs(value) < 1 else 1e4
        ends.append(rounded(value * digits) / digits)
    if ends[1] - ends[0] < 0.9 * (high - low):
        ends = [low, high]
    return _plain(ends[0]), _plain(ends[1])


def _plain(value: float) -> str:
    """A number that YAML reads as one: with a point, also where there is an exponent."""
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def _short(value: float) -> str:
    return _plain(float(f"{value:.4g}"))


def _list(key: str, words: Sequence[str]) -> list[str]:
    """``key: [a, b]`` on one line, or an item a line."""
    line = f"{key}[{', '.join(words)}]"
    indent = " " * (len(key) - len(key.lstrip()) + 2)
    return [line] if len(line) <= _WIDTH else [key.rstrip(), *(f"{indent}- {word}" for word in words)]


def _scalar(text: str) -> str:
    """Text as YAML reads it back, quoted where it must be, also inside braces."""
    return yaml.safe_dump([text], default_flow_style=True, width=10_000).strip()[1:-1]
