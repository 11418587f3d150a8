"""Input and output tensors that a contract requires of each graph of a bundle, and neutral values of the inputs.

All sizes are fixed, and no graph has a batch axis.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bundle.manifest import Sizes, TensorSpec
from world_model_ros.contract.schema import Interface
from world_model_ros.contract.senses import CameraStream

UNKNOWN = 100.0
"""Sigma, in m or the unit of something articulated, from which on nothing is known of where a target is."""


@dataclass(frozen=True)
class Tensor:
    """Shape and type that are asked for.

    Args:
        shape: None stands for any size.
        dtype: of the elements.
        optional: an output that may be absent.
        needed: an input without which the graph makes no sense; any other need not be read.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    optional: bool = False
    needed: bool = False

    def fits(self, found: TensorSpec) -> bool:
        return (
            found.dtype == self.dtype
            and len(found.shape) == len(self.shape)
            and all(want in (None, size) for want, size in zip(self.shape, found.shape))
        )

    def __str__(self) -> str:
        return f"{self.dtype} ({', '.join('any' if size is None else str(size) for size in self.shape)})"


@dataclass(frozen=True)
class Signature:
    """Tensors of one graph by name; an optional graph may be absent, and what needs it then says so."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor] = field(default_factory=dict)
    optional: bool = False


def first_camera(interface: Interface) -> CameraStream | None:
    """The camera that goal images and decoded frames are seen by."""
    return next(iter(cameras(interface)), None)


def cameras(interface: Interface) -> list[CameraStream]:
    """The cameras, in the order of the streams."""
    return interface.of(CameraStream)


def reference_of(camera: str) -> str:
    """Name of the input of decode that takes the last real frame of a camera."""
    return f"reference_{camera}"


_ONES = {"target_gains"}
_IDENTITY = {"action_matrix"}


def neutral(name: str, spec: TensorSpec) -> NDArray[Any]:
    """Value of an input that changes nothing: what a runtime feeds that has nothing to say.

    ``action_matrix`` is the identity, ``target_gains`` are ones, anything else is zeros: a weight, a mask, an offset,
    a stream that is not fresh, a camera whose place is not known.
    """
    if name in _IDENTITY:
        return np.identity(spec.shape[0]).astype(spec.dtype)
    return np.full(spec.shape, float(name in _ONES), np.dtype(spec.dtype))


def goals_read(interface: Interface, inputs: Collection[str], untaught: Collection[str] = ()) -> dict[str, list[str]]:
    """What may be asked of each target: ``position``, ``orientation`` where it counts, or ``value``.

    Args:
        interface: of the contract.
        inputs: that the plan graph reads.
        untaught: targets of which nothing in the training said where they are.
    """
    read = {
        "position": {"goal_poses", "goal_position_weights"} <= set(inputs),
        "orientation": {"goal_poses", "goal_rotation_weights"} <= set(inputs),
        "value": {"goal_values", "goal_value_weights"} <= set(inputs),
    }
    found = {}
    for target in interface.targets:
        meant = ["value"] if target.kind == "articulated" else ["position", "orientation"]
        meant = [kind for kind in meant if kind != "orientation" or target.orientation != "free"]
        kinds = [kind for kind in meant if read[kind]]
        if kinds and target.name not in untaught:
            found[target.name] = kinds
    return found


GEOMETRY = 12  # numbers of a camera: fx, fy, cx, cy in pixels, x, y, z in m, quaternion x, y, z, w, and 1 if known


def signatures(interface: Interface, sizes: Sizes, kind: str) -> dict[str, Signature]:
    """Every graph that a bundle of this kind has, and those it may have, with their tensors.

    A graph reads those of its inputs that it needs. Letters: S state, M memory, D code, H horizon, N samples,
    I iterations, P proposals, C action, K targets, J joints, T fingertips, V cameras. Where a size is any, the graph
    fixes it.

    - perceive: streams by name as `contract.senses` shapes them, ``fresh`` (1 for those that are), ``applied`` action,
      ``memory``, ``reset``; ``since`` are at least two actions before ``applied``, and ``before`` the belief that they
      started from, or zeros.
    - rollout: states that candidates lead to. decode: what they look, feel and sound like; ``reference_<camera>`` is
      a camera's last real frame, ``still`` is 1 for targets that have not moved since. policy: how it usually goes on.
      inverse: the action between two observations.
    - plan: goals with their weights. ``goal_hands`` says which fingertip pushes, ``proposals`` are chunks to try where
      ``proposals_mask`` is 1, ``goal_values`` are scalars such as how far a drawer is open. ``keep_weights`` say which
      targets are to stay where they are, ``force_bound_n`` bounds the contact force at each (0 does not), and
      ``behaviour_noise`` is for what samples behaviour, next to ``noise``. ``chance`` is that of reaching the goal.
    - ``held``: how likely each target is held. ``other_poses``, ``other_weight``: a second place where each may be.
    - ``values``: of targets that are articulated, as far as the model believes or imagines them.
    - goal: a picture of any camera as ``codes``; ``given`` is 1 for cameras that there is a picture of.
    - Where they apply: ``camera_geometry`` (see `GEOMETRY`), ``action_matrix`` and ``action_offset`` (what the robot
      makes of an action), ``target_gains`` and ``readout_residual`` in m (corrections of where targets are read).
    """
    s, m = sizes.state, sizes.memory
    h, c = sizes.horizon, interface.action.size
    k, j, seeing = len(interface.targets), len(interface.joints), cameras(interface)
    streams = {stream.name: Tensor(stream.shape, stream.dtype) for stream in interface.streams}
    seen = {"seen": Tensor((k, 3))} if k and seeing else {}
    articulated = _articulated(interface)
    memory, candidates = Tensor((m,), needed=True), Tensor((None, h, c), needed=True)
    geometry = {"camera_geometry": Tensor((len(seeing), GEOMETRY))} if seeing else {}
    corrected = {"action_matrix": Tensor((c, c)), "action_offset": Tensor((c,))}
    corrected |= {"target_gains": Tensor((k,)), "readout_residual": Tensor((k, 3))} if k else {}

    def futures(*front: None) -> dict[str, Tensor]:
        heads = {"states": Tensor((*front, h, s))} | ({"joints": Tensor((*front, h, j), optional=True)} if j else {})
        heads["contact"] = Tensor((*front, h, 1), optional=True)  # of a model that was trained with touch
        heads |= {"values": Tensor((*front, h, k), optional=True)} if articulated else {}
        return heads | ({"poses": Tensor((*front, h, k, 7)), "sigma": Tensor((*front, h, k, 3))} if k else {})

    sensed = {name: Tensor((None,), needed=True) for name in ("sensed", "sensed_next")}
    about = {"fresh": Tensor((len(streams),)), "applied": Tensor((c,)), "memory": Tensor((m,)), "reset": Tensor((1,))}
    past = {"before": Tensor((m,)), "since": Tensor((None, c))} if k else {}
    found = {"memory_next": Tensor((m,)), "surprise": Tensor((1,)), "sensed": Tensor((None,), optional=True)}
    graphs = {
        "perceive": Signature(streams | past | about | corrected | geometry, found | _belief(interface) | seen),
        "rollout": Signature({"memory": memory, "candidates": candidates} | corrected, futures(None)),
        "inverse": Signature(sensed, {"action": Tensor((c,))}, optional=True),
        "policy": Signature({"memory": memory} | corrected, futures() | {"chunk": Tensor((h, c))}, optional=True),
    }
    if seeing:
        graphs["decode"] = _decode(interface, sizes, geometry)
    if kind == "act":
        chosen = {"chunk": Tensor((h, c)), "cost": Tensor((1,)), "chance": Tensor((1,), optional=True)}
        shown = {"candidate_poses": Tensor((None, h, 3), optional=True)} if k else {}
        asked = {"memory": memory} | _goals(interface, sizes) | corrected
        graphs["plan"] = Signature(asked, futures() | chosen | shown)
        if seeing:
            graphs["goal"] = _goal(interface, sizes, geometry, seen)
    return graphs


def _articulated(interface: Interface) -> bool:
    return any(target.kind == "articulated" for target in interface.targets)


def _belief(interface: Interface) -> dict[str, Tensor]:
    """What is believed of targets now."""
    k = len(interface.targets)
    if not k:
        return {}
    found = {"poses": Tensor((k, 7)), "sigma": Tensor((k, 3))}
    found |= {"values": Tensor((k,), optional=True)} if _articulated(interface) else {}
    second = {"other_poses": (k, 7), "other_weight": (k,), "held": (k,)}
    return found | {name: Tensor(shape, optional=True) for name, shape in second.items()}


def _goal(interface: Interface, sizes: Sizes, rest: dict[str, Tensor], seen: dict[str, Tensor]) -> Signature:
    """A picture of any camera as codes, where there are cameras; ``rest`` are further inputs."""
    first, *others = cameras(interface)
    images = {each.name: Tensor(each.shape, each.dtype) for each in others}
    images[first.name] = Tensor(first.shape, "uint8", needed=True)
    count = 1 + len(others)
    codes = {"codes": Tensor((count, sizes.code))}
    return Signature(images | {"given": Tensor((count,))} | rest, codes | seen)


def _decode(interface: Interface, sizes: Sizes, geometry: dict[str, Tensor]) -> Signature:
    inputs, outputs = {"states": Tensor((None, sizes.state), needed=True)}, {}
    if interface.targets:
        inputs["still"] = Tensor((len(interface.targets),))
    for number, camera in enumerate(cameras(interface)):
        inputs[reference_of(camera.name)] = Tensor(camera.shape, camera.dtype)
        outputs[camera.name] = Tensor((None, *camera.shape), camera.dtype, optional=number > 0)
    for stream in interface.streams:
        if stream.name not in outputs:
            outputs[stream.name] = Tensor((None, *stream.decoded_shape), optional=True)
    return Signature(inputs | geometry, outputs)


def _goals(interface: Interface, sizes: Sizes) -> dict[str, Tensor]:
    """Inputs of plan besides the belief."""
    h, c, k = sizes.horizon, interface.action.size, len(interface.targets)
    seeing = len(cameras(interface))
    joints = len(interface.joints)
    asked = {"goal_joints": Tensor((joints,)), "goal_joints_weight": Tensor((1,))} if joints else {}
    if k:
        asked["goal_poses"] = Tensor((k, 7))
        weights = ("goal_position_weights", "goal_rotation_weights", "goal_values", "goal_value_weights")
        asked |= {name: Tensor((k,)) for name in (*weights, "keep_weights", "force_bound_n")}
        fingers = len(interface.fingertips)
        asked |= {"goal_hands": Tensor((fingers,))} if fingers > 1 else {}
    if seeing:
        asked |= {"goal_codes": Tensor((seeing, sizes.code)), "goal_code_weights": Tensor((seeing,))}
    asked |= {name: Tensor((h, c)) for name in ("bounds_low", "bounds_high", "warm")}
    asked |= {"proposals": Tensor((None, h, c)), "proposals_mask": Tensor((None,))}
    asked |= {"behaviour_noise": Tensor((None, None, None, c))}
    return asked | {"noise": Tensor((sizes.iterations, sizes.candidates, h, c))}
