"""Layout of a chunk model's state and goal vectors: columns of positions, yaws and scalars of hands and objects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from world_model_ros.contract.actions import Gripper, JointDisplacement, Parts, TipRotation
from world_model_ros.contract.schema import Interface
from world_model_ros.contract.senses import PoseStream
from world_model_ros.core.errors import UserError

_LEVEL = 0.5  # length of an axis seen from above that shows where it points
_SCALAR = {"pose": False, "value": True}  # kinds of stream that a state has as they are
_JOINTS = "joints"  # the kind that says where fingertips, grippers and joints are that an action moves


@dataclass(frozen=True)
class Entry:
    """One thing whose state is reported.

    Args:
        name: of its stream; of what joints say, of its link, gripper or joint.
        fold: of its yaw: 1 for something that looks different from every side, 4 for a cube; 0 where the yaw does not
            matter, and -1 for a scalar.
        target: index of the target that it is; None for what no goal is given for.
        goal: whether a goal may be given for it.
        hand: whether it is a fingertip that the action moves.
        joints: whether joint states say where it is, rather than a stream of its name.
        carries: whether it is a joint that an action moves by itself, which may carry a hand.
        yaw_goals: whether a goal may ask for its yaw, too.
    """

    name: str
    fold: int = 0
    target: int | None = None
    goal: bool = False
    hand: bool = False
    joints: bool = False
    carries: bool = False
    yaw_goals: bool = False

    @property
    def scalar(self) -> bool:
        """Whether it is one number, such as how far a drawer is open."""
        return self.fold < 0

    @property
    def size(self) -> int:
        """Columns of a state that it takes."""
        return 1 if self.scalar else 3 + 2 * (self.fold > 0)

    @property
    def goal_size(self) -> int:
        """Columns of a goal that it takes."""
        return 0 if not self.goal else 1 if self.scalar else 3 + 2 * self.yaw_goals


@dataclass(frozen=True)
class StateLayout:
    """Columns of a state (R,): for a pose its position in m and the cosine and sine of its yaw, for a scalar itself.

    Args:
        entries: in the order of the columns.
    """

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, interface: Interface, yaw_goals: bool = False) -> StateLayout:
        """The layout of a robot whose poses and scalars are streams.

        Where kinematics make motion of the action, what it moves comes first: fingertips, grippers and joints, of which
        joint states say where they are.

        Args:
            interface: of the contract.
            yaw_goals: whether goals may ask for the yaw of targets whose orientation is ``yaw``.

        Raises:
            UserError: it has senses that a state does not hold; nothing is reported, no goal can be given, or a target
                has no stream of its kind; ``yaw_goals``, and no target has such an orientation.
        """
        legal = [*_SCALAR, *([] if interface.action.free else [_JOINTS])]
        others = [stream.name for stream in interface.streams if stream.kind not in legal]
        if others:
            raise UserError("interface.streams", others, f"streams of kind {legal} alone, of a model of chunks")
        frames = {each.name: each.frame for each in interface.of(PoseStream) if each.frame != interface.base_frame}
        if frames:
            raise UserError("interface.streams: frame", frames, f"{interface.base_frame!r}, in which goals are given")
        moved = _moved(interface)
        targets = _reported_targets(interface, {entry.target for entry in moved})
        entries = list(moved)
        for stream in interface.streams:
            if stream.kind not in _SCALAR:
                continue
            number = targets.get(stream.name)
            known = None if number is None else interface.targets[number]
            fold = 1 if known is None else known.symmetry if known.orientation in ("yaw", "full") else 0
            fold = -1 if _SCALAR[stream.kind] else fold
            entries.append(Entry(stream.name, fold, number, known is not None))
        if not any(entry.goal and not entry.hand for entry in entries):
            raise UserError("interface.targets", [], "an object or something articulated that is reported by a stream")
        names = [entry.name for entry in entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            apart = "names of streams, links, grippers and joints of which no two are the same"
            raise UserError("interface.streams, interface.action", twice, apart)
        if not yaw_goals:
            return cls(tuple(entries))
        turned = {number for number, target in enumerate(interface.targets) if target.orientation == "yaw"}
        entries = [replace(each, yaw_goals=each.fold > 0 and each.target in turned) for each in entries]
        if not any(entry.yaw_goals for entry in entries):
            found = [target.orientation for target in interface.targets]
            raise UserError(
                "interface.targets: orientation", found, "one at least whose orientation is yaw, to ask for it"
            )
        return cls(tuple(entries))

    @property
    def size(self) -> int:
        """R."""
        return sum(entry.size for entry in self.entries)

    @property
    def goal_size(self) -> int:
        """G."""
        return sum(entry.goal_size for entry in self.entries)

    def columns(self, entry: Entry) -> slice:
        """Where an entry stands in a state."""
        begin = sum(each.size for each in self.entries[: self.entries.index(entry)])
        return slice(begin, begin + entry.size)

    def place(self, entry: Entry) -> slice:
        """Where the position of an entry stands in a state, or its value."""
        begin = self.columns(entry).start
        return slice(begin, begin + (1 if entry.scalar else 3))

    @property
    def goal_columns(self) -> list[int]:
        """Column of a state that each column of a goal is about."""
        found: list[int] = []
        for entry in self.entries:
            begin = self.columns(entry).start
            found += range(begin, begin + entry.goal_size)
        return found

    def goal_parts(self) -> list[tuple[Entry, slice, bool]]:
        """What a goal is made of: for each thing the columns of its place or value, and for some those of its yaw."""
        found, at = list[tuple[Entry, slice, bool]](), 0
        for entry in self.things:
            place = 1 if entry.scalar else 3
            found.append((entry, slice(at, at + place), False))
            found += [(entry, slice(at + place, at + entry.goal_size), True)] if entry.yaw_goals else []
            at += entry.goal_size
        return found

    @property
    def things(self) -> list[Entry]:
        """Entries that a goal may be given for."""
        return [entry for entry in self.entries if entry.goal]

    @property
    def objects(self) -> list[Entry]:
        """Entries that a goal may be given for and that no action moves by itself."""
        return [entry for entry in self.things if not entry.hand]

    @property
    def hands(self) -> list[Entry]:
        """Poses that others are seen from: what the action moves, or the first pose that no goal is given for."""
        moved = [entry for entry in self.entries if entry.hand]
        return moved or [entry for entry in self.entries if not entry.scalar and not entry.goal][:1]

    def relative(self) -> list[tuple[slice, slice]]:
        """Positions of each other thing, and of each hand that it is seen from."""
        hands, found = self.hands, list[tuple[slice, slice]]()
        for number, hand in enumerate(hands):
            others = [entry for entry in self.entries if not entry.scalar and entry not in hands[: number + 1]]
            found += [(self.place(entry), self.place(hand)) for entry in others]
        return found

    def turned(self) -> list[tuple[slice, slice, int]]:
        """Cosine and sine of each object's folded yaw, those of each hand's, and how often that is folded into it."""
        places = [(self.columns(entry).start, entry.fold) for entry in self.objects if entry.fold > 0]
        found = []
        for hand in self.hands:
            begin = self.columns(hand).start
            turn = slice(begin + 3, begin + 5)
            often = [(place, fold // hand.fold) for place, fold in places if hand.fold > 0 and fold % hand.fold == 0]
            found += [(slice(place + 3, place + 5), turn, times) for place, times in often]
        return found

    def between(self) -> list[tuple[slice, slice]]:
        """Positions of each two objects, neither of them a scalar."""
        return list(combinations([self.place(entry) for entry in self.objects if not entry.scalar], 2))

    def exchanged(self, names: Sequence[str]) -> list[int]:
        """Column that each column of a state comes from when things take each other's place, each that of the next.

        Args:
            names: of things with the same columns, at least two.

        Raises:
            UserError: a name is unknown, or the things differ in their columns.
        """
        known = {entry.name: entry for entry in self.objects}
        unknown = [name for name in names if name not in known]
        if unknown or len(set(names)) < 2:
            raise UserError("alike", list(names), f"two or more of {list(known)}")
        kinds = {(known[name].fold, known[name].goal_size) for name in names}
        if len(kinds) > 1:
            raise UserError("alike", list(names), "things of one kind and one symmetry")
        found = list(range(self.size))
        for name, following in zip(names, [*names[1:], names[0]]):
            found[self.columns(known[name])] = range(self.size)[self.columns(known[following])]
        return found

    def of_report(self, entry: Entry, value: Tensor) -> Tensor:
        """Columns of an entry, from what a stream reports: poses (N, 7) x, y, z, qx, qy, qz, qw, or scalars (N, 1)."""
        if entry.scalar or not entry.fold:
            return value[:, : entry.size]
        return torch.cat([value[:, :3], folded_yaw(value[:, 3:], entry.fold)], -1)

    def pose(self, entry: Entry, state: Tensor) -> Tensor:
        """Pose (N, 7) of an entry in states (N, R); upright, and of the equal yaws the one nearest to zero."""
        columns = state[:, self.columns(entry)]
        none = torch.zeros_like(columns[:, :2])
        if not entry.fold:
            return torch.cat([columns[:, :3], none, none[:, :1], torch.ones_like(none[:, :1])], -1)
        half = 0.5 * torch.atan2(columns[:, 4:5], columns[:, 3:4]) / entry.fold
        return torch.cat([columns[:, :3], none, torch.sin(half), torch.cos(half)], -1)

    def upright(self, state: Tensor) -> Tensor:
        """States (N, R) whose cosines and sines are of length one again, as after a step of a learned model."""
        turns = [self.columns(entry).start + 3 for entry in self.entries if entry.fold > 0]
        if not turns:
            return state
        begin = torch.tensor(turns, device=state.device)
        turn = torch.stack([state.index_select(1, begin), state.index_select(1, begin + 1)], -1)
        length = turn.norm(dim=-1) + 1e-6
        number = {column + more: turn + 1 for turn, column in enumerate(turns) for more in (0, 1)}
        by = torch.tensor([number.get(column, 0) for column in range(state.shape[1])], device=state.device)
        return state / torch.cat([torch.ones_like(length[:, :1]), length], -1).index_select(1, by)


def _moved(interface: Interface) -> list[Entry]:
    """What an action with kinematics moves."""
    action = interface.action
    if action.free:
        return []
    parts = list(action.parts) if isinstance(action, Parts) else [action]
    rotations = [part for part in parts if isinstance(part, TipRotation)]
    tilted = [part.link for part in rotations if part.axes != ["yaw"]]
    if tilted:
        raise UserError("interface.action: tip_rotation", tilted, "axes: [yaw], of a model of chunks")
    turned, found = [part.link for part in rotations], list[Entry]()
    for hand in interface.hands:
        target = None if hand.target is None else interface.targets[hand.target]
        same = 1 if target is None or target.orientation != "yaw" else target.symmetry
        fold = same if hand.link in turned else 0
        found.append(Entry(str(hand.link), fold, hand.target, hand.target is not None, hand=True, joints=True))
    for part in parts:
        if isinstance(part, Gripper):
            found.append(Entry(part.name, -1, joints=True))
        elif isinstance(part, JointDisplacement):
            found += [Entry(name, -1, joints=True, carries=True) for name in part.joints]
    return found


def _reported_targets(interface: Interface, moved: Collection[int | None]) -> dict[str, int]:
    """Index of the target that each stream reports; `UserError` of one that none does and that is not ``moved``."""
    reported = {stream.name: _SCALAR[stream.kind] for stream in interface.streams if stream.kind in _SCALAR}
    labels = {label.target: label.name for label in interface.labels}
    found = {}
    for number, target in enumerate(interface.targets):
        if number in moved:
            continue
        if target.kind == "fingertip" and not interface.action.free:
            legal = f"one that the action moves: {[hand.link for hand in interface.hands]}"
            raise UserError(f"interface.targets: {target.name}: link", target.link, legal)
        name = next((each for each in (labels.get(target.name), target.name) if each in reported), None)
        if name is None:
            legal = f"a stream of kind pose or value named {labels.get(target.name, target.name)!r}"
            raise UserError(f"interface.targets: {target.name}", "no stream that reports it", legal)
        if target.kind == "fingertip" or reported[name] != (target.kind == "articulated"):
            legal = "an object of a stream of kind pose, or something articulated of one of kind value; no fingertip"
            raise UserError(f"interface.targets: {target.name}", f"{target.kind}, stream {name}", legal)
        found[name] = number
    return found


def folded_yaw(quaternion: Tensor, fold: int) -> Tensor:
    """Cosine and sine (N, 2) of ``fold`` times the yaw of quaternions (N, 4) x, y, z, w.

    Yaw is where the x axis points, seen from above; where it stands upright, as of a cube on its side, where the y axis
    points, less a quarter turn.
    """
    x, y, z, w = quaternion.unbind(-1)
    first = torch.stack([1.0 - 2.0 * (y * y + z * z), 2.0 * (w * z + x * y)], -1)
    second = torch.stack([1.0 - 2.0 * (x * x + z * z), 2.0 * (w * z - x * y)], -1)
    turn = torch.where(first.norm(dim=-1, keepdim=True) > _LEVEL, first, second)
    return folded(turn / (turn.norm(dim=-1, keepdim=True) + 1e-9), fold)


def folded(turn: Tensor, fold: int) -> Tensor:
    """Cosine and sine (..., 2) of ``fold`` times the angle whose cosine and sine (..., 2) are given."""
    whole = turn
    for _ in range(fold - 1):
        whole = turned_by(whole, turn)
    return whole


def turned_by(turn: Tensor, other: Tensor) -> Tensor:
    """Cosine and sine (..., 2) of the sum of two angles, each given by its own."""
    c, s = turn.unbind(-1)
    cosine, sine = other.unbind(-1)
    return torch.stack([c * cosine - s * sine, c * sine + s * cosine], -1)
