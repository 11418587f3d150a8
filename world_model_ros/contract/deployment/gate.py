"""Contract fields that the gate reads: joint limits, controllers, command sources, obstacles, and when to brake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from pydantic import Field, model_validator

from world_model_ros.contract.field_types import Finite, Name, Number, Point, Positive, Qos, Range, Strict, Topic, once
from world_model_ros.contract.topics import COMMAND


class JointLimit(Strict):
    """Limits of one joint, in its unit, s and N m (N for slides). What is left out comes from the URDF, and where both
    say something the tighter one counts. A URDF knows no acceleration and no jerk: left out, an acceleration reaches
    the velocity limit in half a second, and a jerk reaches the acceleration limit in a tenth.
    ``rest`` is where the joint likes to be: an arm with more joints than its fingertip needs stays near it, and the
    simulated robot begins there. Left out, it is the middle of the range.
    ``squeeze`` is of a gripper's joint: how far its setpoint is led closed ahead of where it is measured, at most the
    way from open to closed; what it holds is pressed by no more. Left out, it is led all the way.
    """

    name: str
    position: Range | None = None
    velocity: Positive | None = None
    acceleration: Positive | None = None
    jerk: Positive | None = None
    effort: Positive | None = None
    rest: Finite | None = None
    squeeze: Positive | None = None

    @model_validator(mode="after")
    def _order(self) -> JointLimit:
        if self.position is not None and not self.position[0] < self.position[1]:
            raise ValueError("position: the lower limit must be below the upper one")
        return self


BRAIN = "brain"  # the source of commands where the contract names none
Controlled = Literal["joint_trajectory", "forward_position", "forward_velocity", "twist"]
GRIPPER_ACTIONS = {"gripper_command": "GripperCommand", "parallel_gripper_command": "ParallelGripperCommand"}


class Controller(Strict):
    """A controller of some joints. See docs/safety.md for what each interface does without a gate.

    ``link`` is what a ``twist`` (geometry_msgs/TwistStamped, as MoveIt Servo takes) is of; just these joints move it.
    ``gripper_command`` and ``parallel_gripper_command`` are actions of control_msgs, of the name ``topic``, for the one
    joint of a gripper: a goal each time that its setpoint has moved by ``resolution``, rad or m (a hundredth of its
    range where it is left out), with ``max_effort``, N m or N.
    """

    interface: Controlled | Literal["gripper_command", "parallel_gripper_command"]
    topic: Topic
    joints: list[str] = Field(min_length=1)
    link: str | None = None
    resolution: Positive | None = None
    max_effort: Positive | None = None

    @property
    def grips(self) -> bool:
        """Whether it is an action of a gripper."""
        return self.interface in GRIPPER_ACTIONS

    @model_validator(mode="after")
    def _consistent(self) -> Controller:
        if self.grips and len(self.joints) > 1:
            raise ValueError(f"joints: {self.interface} is of one joint; others may mimic it")
        for field in ("resolution", "max_effort"):
            if getattr(self, field) is not None and not self.grips:
                raise ValueError(f"{field}: is for {' and '.join(GRIPPER_ACTIONS)}")
        return _linked(self)


_BESIDE_TRAJECTORIES = ["joint_trajectory", "forward_position", *GRIPPER_ACTIONS]
_BESIDE_STREAMED = ["forward_position", "forward_velocity", "twist", *GRIPPER_ACTIONS]


class Command(Strict):
    """The controllers the gate drives, and how often it writes: one for all joints but those that ``others`` name."""

    interface: Controlled
    topic: Topic
    link: str | None = None
    others: list[Controller] = []
    rate_hz: Number = Field(100.0, ge=10.0, le=1000.0)

    @property
    def streamed(self) -> bool:
        """Whether a controller is sent a setpoint each cycle, instead of a whole trajectory."""
        return self.interface != "joint_trajectory"

    def controllers(self, joints: Sequence[str]) -> list[Controller]:
        """Every controller with its joints, in the order of ``joints``, which are all of the robot."""
        taken = [name for other in self.others for name in other.joints]
        rest = [name for name in joints if name not in taken]
        return [Controller(interface=self.interface, topic=self.topic, joints=rest, link=self.link), *self.others]

    @model_validator(mode="after")
    def _consistent(self) -> Command:
        once("others: joints", [name for other in self.others for name in other.joints])
        once("others: topic", [self.topic, *(other.topic for other in self.others)])
        for other in self.others:
            legal = _BESIDE_STREAMED if self.streamed else _BESIDE_TRAJECTORIES
            if other.interface not in legal:
                raise ValueError(f"others: interface: {other.interface} next to {self.interface}; legal: {legal}")
        return _linked(self)


Linked = TypeVar("Linked", Controller, Command)


def _linked(controller: Linked) -> Linked:
    if (controller.interface == "twist") != (controller.link is not None):
        raise ValueError("link: is for the interface twist, which needs one")
    return controller


class CommandSource(Strict):
    """A sender of commands to the gate: trajectories (trajectory_msgs/JointTrajectory) of all joints on a topic.

    This package's ``brain`` sends on the topic ``command``, and no other source does. ``rate_hz`` is how often the
    source sends at least while it moves the robot; left out, once a tick. After ``gate.silence_ticks`` of these without
    a command it is lost. What comes from a source that does not move the robot (``moves: false``) is judged, and never
    followed.
    """

    name: Name
    kind: Literal["brain", "policy", "person", "moveit"]
    topic: Topic = COMMAND
    rate_hz: Positive | None = None
    moves: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> CommandSource:
        if (self.kind == "brain") != (self.topic == COMMAND):
            raise ValueError(
                f"topic: got {self.topic!r} of a {self.kind}; legal: {COMMAND!r} for the brain, for others another"
            )
        return self


class Deadman(Strict):
    """A switch that a person holds: std_msgs/Bool. Nothing moves unless a true younger than ``max_age_s`` is there."""

    topic: Topic
    max_age_s: Positive = Field(default=0.25, le=10.0)


class Obstacle(Strict):
    """A box that stands still, with its centre at ``position_m`` and its edges along the base frame's axes."""

    name: Name
    size_m: tuple[Positive, Positive, Positive]
    position_m: Point


class Place(Strict):
    """Where a sensor's frame is in the base frame: m, and a quaternion x y z w."""

    frame: str
    position_m: Point
    quaternion: tuple[Finite, Finite, Finite, Finite]

    @model_validator(mode="after")
    def _unit(self) -> Place:
        if abs(sum(each * each for each in self.quaternion) - 1.0) > 0.01:
            raise ValueError(f"quaternion: got {list(self.quaternion)}; legal: x y z w of length 1")
        return self


class Cloud(Strict):
    """What a depth sensor sees (sensor_msgs/PointCloud2): nothing of the robot may come near it. It only forbids.

    Without one that is younger than ``max_age_s`` nothing moves. Points count by the voxel of ``voxel_m`` that they are
    in; if there are more than ``most_voxels``, voxels of twice that size count, and so on. Points that are nearer than
    ``robot_margin_m`` to the robot's own collision geometry are the robot. ``within_m`` are two corners of a box of the
    base frame: points out of it do not count. ``place`` is that of the sensor's frame, the ``frame_id`` of the clouds;
    left out, transforms (/tf) say it. The gate hears of the voxels on ``gate/seen/NAME``.
    """

    name: Name
    topic: Topic
    qos: Qos = Qos(reliability="best_effort", depth=1)
    max_age_s: Positive = Field(default=0.5, le=60.0)
    voxel_m: Number = Field(default=0.03, ge=0.001, le=1.0)
    most_voxels: int = Field(default=1000, ge=64, le=4000)
    robot_margin_m: Positive = 0.03
    within_m: tuple[Point, Point] | None = None
    place: Place | None = None

    @model_validator(mode="after")
    def _box(self) -> Cloud:
        if self.within_m is not None and not all(low < high for low, high in zip(*self.within_m)):
            raise ValueError(f"within_m: got {self.within_m}; legal: the lowest corner, then the highest")
        return self


class CollisionSettings(Strict):
    """Distances of parts of the robot from each other and from obstacles: slower from ``slow_m``, until ``stop_m``.

    Pairs of links that may touch: those that ``srdf`` disables (a file as MoveIt's users have one), and those of
    ``exclude``, which names links and obstacles.
    """

    stop_m: Positive
    slow_m: Positive
    srdf: str | None = None
    exclude: list[tuple[str, str]] = []

    @model_validator(mode="after")
    def _order(self) -> CollisionSettings:
        if not self.stop_m < self.slow_m:
            raise ValueError("stop_m must be below slow_m")
        for first, second in self.exclude:
            if first == second:
                raise ValueError(f"exclude: [{first}, {second}]: two different links or obstacles")
        return self


class SlowStop(Strict):
    """Slower while something is over ``slow``, braking at ``stop``."""

    slow: Positive
    stop: Positive

    @model_validator(mode="after")
    def _order(self) -> SlowStop:
        if not self.slow < self.stop:
            raise ValueError("slow must be below stop")
        return self


class GateSettings(Strict):
    """When the gate brakes. Silence is in ticks of the interface, the rest in s, rad and N.

    ``horizon_s`` is how far after its stamp a command may reach; what is None is not watched. ``surprise`` and
    ``predicted_force_n`` (the hardest contact within what is imagined) are what the brain says of itself.
    ``arm_tolerance`` is how far from its last setpoint a joint may be measured and still be held there when the gate is
    armed again, rad, and a fifth of that in m for slides. ``transport_s`` is how long a trajectory may take from the
    gate to its controller: a new plan begins that far ahead, or a cycle if that is more, so that the controller joins
    it without a step.
    """

    silence_ticks: Positive = Field(default=1.4, le=100.0)
    disarm_after_s: Positive = Field(default=0.5, le=60.0)
    command_max_age_s: Positive = Field(default=0.5, le=60.0)
    horizon_s: Positive = Field(default=3.0, le=60.0)
    tracking_tolerance: Positive = Field(default=0.15, le=1.0)
    arm_tolerance: Positive = 0.005
    transport_s: Number = Field(default=0.015, ge=0.0, le=0.1)
    deadman: Deadman | None = None
    collision: CollisionSettings | None = None
    obstacles: list[Obstacle] = []
    clouds: list[Cloud] = []
    max_force_n: Positive | None = None
    surprise: SlowStop | None = None
    predicted_force_n: SlowStop | None = None

    @property
    def around(self) -> list[str]:
        """Names of what stands around the robot."""
        return [each.name for each in self.obstacles] + [each.name for each in self.clouds]

    @model_validator(mode="after")
    def _consistent(self) -> GateSettings:
        if self.obstacles and self.collision is None:
            raise ValueError("obstacles need collision: {stop_m, slow_m}")
        if self.arm_tolerance > self.tracking_tolerance:
            raise ValueError("arm_tolerance must not be over tracking_tolerance")
        if self.clouds and self.collision is None:
            raise ValueError("clouds need collision: {stop_m, slow_m}")
        once("obstacles and clouds", self.around)
        return self
