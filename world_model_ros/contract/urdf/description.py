"""Parses a URDF into a tree of links and joints, with mimic joints, collision mesh files and camera links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from world_model_ros.contract.urdf.numbers import UrdfLimit, check_collision, number, numbers, urdf_limit
from world_model_ros.contract.urdf.text import HINT, urdf_text
from world_model_ros.core.errors import UserError

_AXES = {"revolute": 1, "continuous": 1, "prismatic": 1, "fixed": 0, "floating": 6, "planar": 2}


@dataclass(frozen=True)
class UrdfJoint:
    """One joint of the tree.

    Args:
        kind: ``revolute``, ``continuous``, ``prismatic``, ``fixed``, ``floating`` or ``planar``.
        parent, child: its links.
        limit: rad (m for slides), s and N m (N); the tighter of hard and soft position limits.
        mimics: the joint that it follows; such a joint is not commanded.
        stated: whether there is a ``<limit>``, which every revolute and prismatic joint must have.
        follows: multiplier and offset of what it mimics.
    """

    name: str
    kind: str
    parent: str
    child: str
    limit: UrdfLimit
    mimics: str | None = None
    stated: bool = True
    follows: tuple[float, float] = (1.0, 0.0)

    @property
    def single(self) -> bool:
        """Whether one number says where it is."""
        return _AXES[self.kind] == 1

    @property
    def commanded(self) -> bool:
        """Whether a controller moves it by one number."""
        return self.single and self.mimics is None

    @property
    def unit(self) -> str:
        return "m" if self.kind == "prismatic" else "rad"


@dataclass(frozen=True)
class Description:
    """A URDF as a tree.

    Args:
        name: of the robot.
        root: the link that has no parent.
        joints: all of them, from the root outward, along each chain before the next.
        meshes: file names of collision meshes as they stand in it.
        camera_frames: links that are named or used as a camera's. depth_frames: as a depth camera's.
    """

    name: str
    root: str
    joints: tuple[UrdfJoint, ...]
    meshes: tuple[str, ...]
    camera_frames: tuple[str, ...]
    depth_frames: tuple[str, ...] = ()

    @property
    def commanded(self) -> tuple[UrdfJoint, ...]:
        return tuple(joint for joint in self.joints if joint.commanded)

    @property
    def links(self) -> tuple[str, ...]:
        return (self.root, *(joint.child for joint in self.joints))

    def above(self, link: str) -> tuple[UrdfJoint, ...]:
        """Joints between the root and a link, from the link inward."""
        parents = {joint.child: joint for joint in self.joints}
        found: list[UrdfJoint] = []
        while link in parents:
            found.append(parents[link])
            link = parents[link].parent
        return tuple(found)

    def tips(self, moved: tuple[str, ...]) -> tuple[str, ...]:
        """Links at the ends that the joints ``moved`` carry, those with the most of these joints first."""
        above = {self.root: 0}
        for joint in self.joints:
            above[joint.child] = above[joint.parent] + (joint.name in moved)
        inner = {joint.parent for joint in self.joints}
        ends = [link for link in above if link not in inner and above[link]]
        return tuple(sorted(ends, key=lambda link: -above[link]))


def read_description(path: Path) -> Description:
    """Read a URDF, or a xacro file where it can be expanded.

    Raises:
        UserError: no such file, not a URDF (SDF, MJCF), a number that cannot be used, or links that are no tree.
    """
    return describe(urdf_text(path), path)


def describe(text: str, path: Path) -> Description:
    """Read the text of a URDF, see `read_description`; ``path`` is where it came from, for errors."""
    where, root = str(path), ElementTree.fromstring(text)
    if root.tag != "robot":
        raise UserError("urdf", f"{where}: <{root.tag}>", f"<robot>: {HINT}")
    joints = tuple(_joint(each, where) for each in root.findall("joint"))
    links = [_required(each, "name", where) for each in root.findall("link")]
    for link in root.findall("link"):
        for collision in link.findall("collision"):
            check_collision(collision, f"urdf: link {link.attrib['name']}: collision")
    _once("link", links, where)
    _once("joint", [joint.name for joint in joints], where)
    base = _root(links, joints, where)
    ordered = tuple(_outward(base, joints))
    if len(ordered) != len(joints):
        lost = sorted({joint.name for joint in joints} - {joint.name for joint in ordered})
        raise UserError("urdf", f"{where}: joints {lost}", f"joints that are reached from {base!r}")
    _check_mimics(joints)
    meshes = tuple(dict.fromkeys(_required(each, "filename", where) for each in root.iterfind(".//collision//mesh")))
    return Description(root.attrib.get("name", path.stem), base, ordered, meshes, *_cameras(root, links))


def _joint(element: ElementTree.Element, where: str) -> UrdfJoint:
    name, kind = _required(element, "name", where), element.attrib.get("type", "")
    if kind not in _AXES:
        raise UserError(f"urdf: joint {name}: type", kind, f"one of {sorted(_AXES)}")
    ends = {}
    for end in ("parent", "child"):
        found = element.find(end)
        if found is None or "link" not in found.attrib:
            raise UserError(f"urdf: joint {name}", f"no <{end} link=...>", "a parent and a child")
        ends[end] = found.attrib["link"]
    for origin in element.findall("origin"):
        numbers(origin, "xyz", 3, f"urdf: joint {name}")
        numbers(origin, "rpy", 3, f"urdf: joint {name}")
    moves, axis = _AXES[kind] == 1, element.find("axis")
    if moves and axis is not None and numbers(axis, "xyz", 3, f"urdf: joint {name}") == (0.0, 0.0, 0.0):
        raise UserError(f"urdf: joint {name}: axis: xyz", axis.attrib["xyz"], "a direction")
    mimic = element.find("mimic") if moves else None
    limit = urdf_limit(element) if moves else UrdfLimit(None, None, None)
    stated = kind not in ("revolute", "prismatic") or element.find("limit") is not None
    mimics, follows = (None, (1.0, 0.0)) if mimic is None else _mimic(mimic, f"urdf: joint {name}: mimic")
    return UrdfJoint(name, kind, ends["parent"], ends["child"], limit, mimics, stated, follows)


def _mimic(element: ElementTree.Element, where: str) -> tuple[str, tuple[float, float]]:
    """The joint that is followed, with multiplier and offset."""
    multiplier = number(element.attrib.get("multiplier", "1"), f"{where}: multiplier")
    offset = number(element.attrib.get("offset", "0"), f"{where}: offset")
    return _required(element, "joint", where), (multiplier, offset)


def _check_mimics(joints: tuple[UrdfJoint, ...]) -> None:
    """Every joint that mimics another follows, over whatever is between, one that moves by itself."""
    by_name = {joint.name: joint for joint in joints}
    leaders = [joint.name for joint in joints if joint.commanded]
    for joint in joints:
        followed, passed = joint, [joint.name]
        while followed.mimics is not None:
            there = by_name.get(followed.mimics)
            if there is None or not there.single or there.name in passed:
                legal = f"a joint that moves by itself: {[name for name in leaders if name != joint.name]}"
                raise UserError(f"urdf: joint {followed.name}: mimic: joint", followed.mimics, legal)
            followed = there
            passed.append(there.name)


def _root(links: list[str], joints: tuple[UrdfJoint, ...], where: str) -> str:
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in links:
                raise UserError(f"urdf: joint {joint.name}", link, f"a link of {where}")
    _once("child", [joint.child for joint in joints], where)
    if not links:
        raise UserError("urdf", f"{where}: no links", f"a robot with links: {HINT}")
    roots = sorted(set(links) - {joint.child for joint in joints})
    if len(roots) != 1:
        raise UserError(
            "urdf", f"{where}: links without a parent: {roots}", "a tree: exactly one link without a parent"
        )
    return roots[0]


def _outward(link: str, joints: tuple[UrdfJoint, ...]) -> Iterator[UrdfJoint]:
    """Joints from a link on. Iterative, since a snake robot is deeper than Python's stack."""
    below: dict[str, list[UrdfJoint]] = {}
    for joint in joints:
        below.setdefault(joint.parent, []).append(joint)
    waiting = below.get(link, [])[::-1]
    while waiting:
        joint = waiting.pop()
        yield joint
        waiting += below.get(joint.child, [])[::-1]


def _cameras(root: ElementTree.Element, links: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Links that a Gazebo camera sensor hangs on, then optical frames: of cameras, and of depth cameras."""
    kinds = [
        (each.attrib.get("reference", ""), sensor.attrib.get("type", ""))
        for each in root.findall("gazebo")
        for sensor in each.findall("sensor")
    ]
    optical = [link for link in links if "optical" in link.lower()]
    colours = [link for link, kind in kinds if "camera" in kind and link in links]
    depth = [link for link, kind in kinds if ("depth" in kind or "rgbd" in kind) and link in links]
    return (
        tuple(dict.fromkeys([*colours, *(link for link in optical if "depth" not in link.lower())])),
        tuple(dict.fromkeys([*depth, *(link for link in optical if "depth" in link.lower())])),
    )


def _required(element: ElementTree.Element, name: str, where: str) -> str:
    if name not in element.attrib:
        raise UserError("urdf", f"{where}: <{element.tag}> without {name}", f"<{element.tag} {name}=...>")
    return element.attrib[name]


def _once(what: str, names: list[str], where: str) -> None:
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise UserError("urdf", f"{where}: {what} {doubled} more than once", f"each {what} once")
