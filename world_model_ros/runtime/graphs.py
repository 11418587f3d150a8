"""The tensors that a contract asks of a bundle's graphs. All fixed; no batch axis outside."""

from __future__ import annotations

from dataclasses import dataclass, field

from world_model_ros.contract.schema import CameraStream, Interface, Stream
from world_model_ros.runtime.manifest import Sizes, TensorSpec

WATCH = ("perceive", "rollout", "decode")
ACT = (*WATCH, "plan", "goal")


@dataclass(frozen=True)
class Tensor:
    """Shape (None: any size there) and type that are asked for; an optional tensor may be absent."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    optional: bool = False

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


def stream_tensor(stream: Stream) -> Tensor:
    """How an observation holds a stream: camera (H, W, 3) uint8 RGB, microphone (window, channels),
    taxels (rows, cols, 3) N, wrench (6,) N and N m, joints (joints, fields)."""
    if stream.kind == "camera":
        return Tensor((stream.height, stream.width, 3), "uint8")
    if stream.kind == "microphone":
        return Tensor((stream.window, stream.channels))
    if stream.kind == "taxels":
        return Tensor((stream.rows, stream.cols, 3))
    if stream.kind == "wrench":
        return Tensor((6,))
    return Tensor((len(stream.joints), len(stream.fields)))


def first_camera(interface: Interface) -> CameraStream | None:
    """The camera that goal images and decoded frames are seen by."""
    return next((stream for stream in interface.streams if stream.kind == "camera"), None)


def signatures(interface: Interface, sizes: Sizes, kind: str) -> dict[str, Signature]:
    """Every graph a bundle of this kind must have, with its tensors, and those it may have.

    Letters below: S state, M memory, D code, H horizon, N samples, I iterations, C action, K targets, J joints.
    Where several targets are fingertips, ``goal_hands`` says which of them pushes.
    Rollout and decode take any number of candidates or states at a time, fixed by the graph.
    Without targets there are no poses; without a camera nothing is seen, and there is no goal image. A perceive that
    takes ``since``, as many actions as it likes but two at least, is handed those before ``applied``, and ``before``
    them the belief that they began from, or zeros where there is none.
    """
    s, m, d = sizes.state, sizes.memory, sizes.code
    h, n, c = sizes.horizon, sizes.candidates, interface.action.size
    k, j = len(interface.targets), len(interface.joints)
    camera = first_camera(interface)
    image = None if camera is None else stream_tensor(camera)
    streams = {stream.name: stream_tensor(stream) for stream in interface.streams}
    seen = {"seen": Tensor((k, 3))} if k and camera else {}
    belief = {"poses": Tensor((k, 7)), "sigma": Tensor((k, 3))} if k else {}

    def futures(*front: None) -> dict[str, Tensor]:
        heads = {"states": Tensor((*front, h, s)), "joints": Tensor((*front, h, j))}
        heads["contact"] = Tensor((*front, h, 1), optional=True)  # of a model that was trained with touch
        return heads | ({"poses": Tensor((*front, h, k, 7)), "sigma": Tensor((*front, h, k, 3))} if k else {})

    decoded = {
        stream.name: Tensor((None, None) if stream.kind == "microphone" else (None, *tensor.shape), optional=True)
        for stream, tensor in zip(interface.streams, streams.values())
        if stream.kind != "camera"
    }
    past = {"before": Tensor((m,), optional=True), "since": Tensor((None, c), optional=True)} if k else {}
    graphs = {
        "perceive": Signature(
            streams
            | past
            | {
                "fresh": Tensor((len(streams),)),
                "applied": Tensor((c,)),
                "memory": Tensor((m,)),
                "reset": Tensor((1,)),
            },
            {"memory_next": Tensor((m,)), "surprise": Tensor((1,)), "sensed": Tensor((None,), optional=True)}
            | belief
            | seen,
        ),
        "rollout": Signature({"memory": Tensor((m,)), "candidates": Tensor((None, h, c))}, futures(None)),
    }
    sensed = {"sensed": Tensor((None,)), "sensed_next": Tensor((None,))}
    graphs["inverse"] = Signature(sensed, {"action": Tensor((c,))}, optional=True)
    graphs["policy"] = Signature({"memory": Tensor((m,))}, futures() | {"chunk": Tensor((h, c))}, optional=True)
    if image:
        still = {"still": Tensor((k,), optional=True)} if k else {}  # of targets known not to have moved since
        graphs["decode"] = Signature(
            {"states": Tensor((None, s)), "reference": image, **still},
            {"frames": Tensor((None, *image.shape), "uint8")} | decoded,
        )
    if kind == "watch":
        return graphs
    bounds = {"bounds_low": Tensor((h, c)), "bounds_high": Tensor((h, c)), "warm": Tensor((h, c))}
    goals = {"goal_poses": Tensor((k, 7)), "goal_weights": Tensor((k,))} if k else {}
    fingers = sum(target.kind == "fingertip" for target in interface.targets)
    if fingers > 1:  # which of them pushes
        goals["goal_hands"] = Tensor((fingers,), optional=True)
    code = {"goal_code": Tensor((d,)), "goal_code_weight": Tensor((1,))} if camera else {}
    graphs["plan"] = Signature(
        {"memory": Tensor((m,)), "goal_joints": Tensor((j,)), "goal_joints_weight": Tensor((1,))}
        | goals
        | code
        | bounds
        | {"noise": Tensor((sizes.iterations, n, h, c))},
        futures()
        | {"chunk": Tensor((h, c)), "cost": Tensor((1,))}
        | ({"candidate_poses": Tensor((None, h, 3), optional=True)} if k else {}),
    )
    if image:
        graphs["goal"] = Signature({"image": image}, {"code": Tensor((d,))} | seen)
    return graphs
