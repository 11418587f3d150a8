"""Independent checker of a gate's output: counts violations of limits and distances, without using gate code.

Limits are read anew from the contract's text and the URDF; distances of all pairs are computed anew, without any
short cut of the gate's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import coal
import numpy as np
import pinocchio as pin
import yaml

from world_model_ros.bench.gate.executed_trajectories import Executed, quintic
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.urdf.meshes import mesh_folders
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.kinematics.collision.hulls import convex_hull
from world_model_ros.kinematics.urdf_model import kinematic_text, reduced_model

BATCH = 2000  # segments
SHARES = np.linspace(0.0, 1.0, 5)
SHORT_S = 2e-4  # in a shorter segment accelerations are those of its ends, or rounding would be all of it
# rad/s^2; a position of 1 rad is rounded to 2e-16, which over 3 us is 2e-5 of acceleration, and a stamp to 1 ns.
ROUNDING = 1e-4
# Rounding; and a change of jerk within 1 us of a point is left out of what is sent, which shows in short segments.
SLACK = {"position": 1e-6, "velocity": 1e-6, "acceleration": 1e-4, "jerk": 0.02}
STEP = np.array([1e-9, 1e-6, 1e-3])  # of position, velocity and acceleration between two trajectories; rounding is less
NEAR_M = 0.001  # the gate measures plans every 15 ms; in between a distance may be a little less


class Checker:
    """Follows one gate.

    Args:
        contract: with limits, or a URDF that has them.
        position: (J,) where the joints stand at the start.
        now_ns: time then.

    Attributes:
        violations: by limit. worst: the largest excess, as a share of each limit. nearest_m: the least distance seen.
        boundary_acc_step: the largest step of acceleration from one trajectory to the next, rad/s^2; not to the first
            one after a gate that was late.
    """

    def __init__(self, contract: Contract, position: Float, now_ns: int = 0) -> None:
        self.names = [joint["name"] for joint in yaml.safe_load(contract.text)["interface"]["joints"]]
        self.limits = read_limits(contract, self.names)
        self.executed = Executed(position, now_ns)
        self.violations: Counter[str] = Counter(dict.fromkeys((*SLACK, "collision", "finite", "step"), 0))
        self.worst: dict[str, float] = dict.fromkeys(SLACK, 0.0)
        self.nearest_m = np.inf
        self.boundary_acc_step = 0.0
        self.boundaries = 0
        self._was_late = False
        settings = contract.deployment.gate.collision
        self._stop_m = settings.stop_m if settings is not None else None
        self._world = World(contract, self.names) if settings is not None else None

    def sent(self, trajectory: Trajectory) -> None:
        """The gate sent something."""
        arrays = (trajectory.times_s, trajectory.positions, trajectory.velocities, trajectory.accelerations)
        if not all(array is None or np.all(np.isfinite(array)) for array in arrays):
            self.violations["finite"] += 1
            return
        if np.any(trajectory.velocities[-1] != 0):
            self.violations["velocity"] += 1
        step = np.abs(self.executed.take(trajectory)).max(axis=1)
        if not self._was_late:
            self.violations["step"] += bool(np.any(step > STEP))
            self.boundary_acc_step = max(self.boundary_acc_step, float(step[2]))
            self.boundaries += 1

    def passed(self, span_s: float, look: bool = True, late: bool = False) -> None:
        """Time has passed; with ``look`` the distances there are computed.

        ``late``: more time than the gate sends exact points for (it was dead or late, or the clock leapt). Then the
        points are sparse, and until the next trajectory has been joined jerk is not judged, and acceleration with 5 %
        more.
        """
        coarse = late or self._was_late
        if coarse:
            self.judge()
        self.executed.run(span_s)
        if coarse:
            self.judge(late=True)
        self._was_late = late
        if look and self._world is not None and self._stop_m is not None:
            distance = self._world.nearest(self.executed.state[0])
            self.nearest_m = min(self.nearest_m, distance)
            self.violations["collision"] += distance < self._stop_m - NEAR_M
        if len(self.executed.segments) >= BATCH:
            self.judge()

    def judge(self, late: bool = False) -> None:
        """Judge the motion up to now."""
        segments, self.executed.segments = self.executed.segments, []
        if not segments:
            return
        spans = np.array([span for span, _, _ in segments])
        before, after = (np.array([segment[i] for segment in segments]) for i in (1, 2))
        states = quintic(
            spans[:, None, None],
            before.transpose(1, 0, 2)[..., None],
            after.transpose(1, 0, 2)[..., None],
            SHARES,
        )
        acceleration, jerk = np.abs(states[2:]).max(axis=3)
        short = spans < SHORT_S
        acceleration[short] = np.maximum(np.abs(before[short, 2]), np.abs(after[short, 2]))
        change = np.abs(after[short, 2] - before[short, 2])
        jerk[short] = np.maximum(change - ROUNDING, 0.0) / spans[short, None]
        middle, half = 0.5 * (self.limits["upper"] + self.limits["lower"]), self.limits["half"]
        self._count("position", np.abs(states[0] - middle[:, None]).max(axis=2) - half, half)
        self._count("velocity", np.abs(states[1]).max(axis=2) - self.limits["velocity"], self.limits["velocity"])
        hardest = self.limits["acceleration"] * (1.05 if late else 1.0)
        self._count("acceleration", acceleration - hardest, hardest)
        if not late:
            self._count("jerk", jerk - self.limits["jerk"], self.limits["jerk"])

    def _count(self, name: str, excess: Float, limit: Float) -> None:
        share = excess / limit
        self.worst[name] = max(self.worst[name], float(share.max()))
        self.violations[name] += int((share.max(axis=1) > SLACK[name]).sum())


def read_limits(contract: Contract, names: list[str]) -> dict[str, Float]:
    """Limits (J,) by name, the tighter of contract and URDF."""
    stated = {each["name"]: each for each in yaml.safe_load(contract.text)["deployment"].get("limits", [])}
    robot = ElementTree.fromstring(contract.urdf_text)
    urdf = {joint.attrib["name"]: joint for joint in robot.findall("joint") if joint.find("limit") is not None}
    rows = [_limits(stated.get(name, {}), urdf.get(name)) for name in names]
    limits = dict(zip(("lower", "upper", "velocity", "acceleration", "jerk"), np.array(rows).T))
    return {**limits, "half": 0.5 * (limits["upper"] - limits["lower"])}


def _limits(stated: Mapping[str, Any], joint: ElementTree.Element | None) -> tuple[float, ...]:
    found = {} if joint is None else dict(joint.find("limit").attrib)  # type: ignore[union-attr]
    low, high = stated.get("position", (-np.inf, np.inf))
    stops = any(float(found.get(end, 0)) != 0.0 for end in ("lower", "upper"))
    if joint is not None and joint.attrib["type"] != "continuous" and stops:
        low, high = max(low, float(found.get("lower", 0))), min(high, float(found.get("upper", 0)))
    velocity = min(stated.get("velocity", np.inf), float(found.get("velocity", 0)) or np.inf)
    acceleration = stated.get("acceleration", 2 * velocity)
    return low, high, velocity, acceleration, stated.get("jerk", 10 * acceleration)


class World:
    """Robot and obstacles, with every pair measured every time; meshes as their convex hulls, as promised.

    Pairs: bodies that are not neighbours and do not touch with every joint at 0; obstacles with all that moves; none
    that the contract or its SRDF excludes.

    Attributes:
        pairs: names of the two geometries of each.
    """

    def __init__(self, contract: Contract, names: list[str]) -> None:
        self._led = _led(contract.urdf_text, names)
        self._model, self._geometry = _moving(contract, self._led)
        self._data = self._model.createData()
        robot = len(self._geometry.geometryObjects)
        pin.framesForwardKinematics(self._model, self._data, pin.neutral(self._model))
        base = self._data.oMf[self._model.getFrameId(contract.interface.base_frame, pin.FrameType.BODY)]
        for box in contract.deployment.gate.obstacles:
            at = base * pin.SE3(np.eye(3), np.array(box.position_m))
            self._geometry.addGeometryObject(pin.GeometryObject(box.name, 0, at, coal.Box(*box.size_m)))
        objects, excluded = self._geometry.geometryObjects, _excluded(contract)
        for i, j in combinations(range(len(objects)), 2):
            a, b = objects[i].parentJoint, objects[j].parentJoint
            neighbours = a in (b, self._model.parents[b]) or b == self._model.parents[a]
            both = {_link(objects[i].name), objects[j].name if j >= robot else _link(objects[j].name)}
            if i < robot and both not in excluded and (a > 0 if j >= robot else not neighbours):
                self._geometry.addCollisionPair(pin.CollisionPair(i, j))
        self._scratch = self._geometry.createData()
        limits = read_limits(contract, names)
        distances = self._distances(np.clip(np.zeros(len(names)), limits["lower"], limits["upper"]))
        touching = [
            pin.CollisionPair(pair.first, pair.second)  # a reference would show another pair after a removal
            for pair, distance in zip(self._geometry.collisionPairs, distances)
            if distance <= 0 and (pair.second < robot or self._model.parents[objects[pair.first].parentJoint] == 0)
        ]
        for pair in touching:
            self._geometry.removeCollisionPair(pair)
        self.pairs = tuple(
            (objects[pair.first].name, objects[pair.second].name) for pair in self._geometry.collisionPairs
        )
        self._scratch = self._geometry.createData()

    def nearest(self, position: Float) -> float:
        """Least distance of all pairs at joint positions (J,), m; negative where parts overlap."""
        return min(self._distances(position), default=np.inf)

    def _distances(self, position: Float) -> list[float]:
        q = pin.neutral(self._model)
        for joint in range(1, self._model.njoints):
            leader, multiplier, offset = self._led[self._model.names[joint]]
            place, angle = self._model.joints[joint].idx_q, multiplier * position[leader] + offset
            if self._model.joints[joint].nq == 2:  # one without end
                q[place : place + 2] = np.cos(angle), np.sin(angle)
            else:
                q[place] = angle
        pin.computeDistances(self._model, self._data, self._geometry, self._scratch, q)
        return [result.min_distance for result in self._scratch.distanceResults]


def _excluded(contract: Contract) -> list[set[str]]:
    """Pairs of links or obstacles that may touch, read anew."""
    settings = contract.deployment.gate.collision
    if settings is None:
        return []
    found = [set(pair) for pair in settings.exclude]
    if settings.srdf is not None:
        root = ElementTree.parse(contract.srdf_path).getroot()
        links = [each.attrib["name"] for each in ElementTree.fromstring(contract.urdf_text).findall("link")]
        enabled = [{each.attrib["link1"], each.attrib["link2"]} for each in root.findall("enable_collisions")]
        alone = [each.attrib["link"] for each in root.findall("disable_default_collisions")]
        default = [{link, other} for link in alone for other in links if link != other]
        found += [pair for pair in default if pair not in enabled]
        found += [{each.attrib["link1"], each.attrib["link2"]} for each in root.findall("disable_collisions")]
    return found


def _moving(contract: Contract, led: Mapping[str, object]) -> tuple[pin.Model, pin.GeometryModel]:
    """The robot with only the joints ``led`` left to move; the others stand at 0. Meshes as hulls."""
    text, folders = kinematic_text(contract), mesh_folders(contract.urdf_path)
    model = pin.buildModelFromXML(text)
    geometry = pin.buildGeomFromUrdfString(model, text, pin.GeometryType.COLLISION, package_dirs=folders)
    for each in geometry.geometryObjects:
        if isinstance(each.geometry, coal.BVHModelBase):
            each.geometry = convex_hull(each.geometry, each.name)
    held = [joint for joint in range(1, model.njoints) if model.names[joint] not in led]
    reduced, (kept,) = reduced_model(model, [geometry], held, pin.neutral(model))
    return reduced, kept


def _led(urdf: str, names: list[str]) -> dict[str, tuple[int, float, float]]:
    """Which of ``names`` moves each joint, as the joint itself or one that mimics it, with multiplier and offset."""
    joints = ElementTree.fromstring(urdf).findall("joint")
    mimics = {joint.attrib["name"]: mimic.attrib for joint in joints for mimic in joint.findall("mimic")}
    found = {}
    for name in [*names, *mimics]:
        leader, share, shift = name, 1.0, 0.0
        for _ in mimics:  # one may mimic another that mimics
            if leader not in names and leader in mimics:
                says = mimics[leader]
                shift += share * float(says.get("offset", 0))
                share *= float(says.get("multiplier", 1))
                leader = says["joint"]
        if leader in names:
            found[name] = names.index(leader), share, shift
    return found


def _link(geometry: str) -> str:
    """Pinocchio calls a geometry by its link and a number."""
    return geometry.rpartition("_")[0]
