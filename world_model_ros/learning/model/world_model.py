"""The world model network: encoders, a belief filter that predicts and corrects by what is sensed, and readout heads.

Shapes: B batch, S state, C action, D image code, K targets, J joint positions in the state. After Ha &
Schmidhuber 2018 and Dreamer (Hafner et al. 2019), without a stochastic state; trained on what it predicts many steps
ahead.

A state is a recurrent part and, where the action displaces joints, those of `learning.model.commanded_joints`. Where it
moves a fingertip, joint positions read from the recurrent part were better (9 against 21 mrad).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from world_model_ros.contract.schema import Interface
from world_model_ros.contract.senses import CameraStream, JointStream, Stream
from world_model_ros.learning.model.commanded_joints import CommandedJoints
from world_model_ros.learning.model.decoder import ImageDecoder, Picture, Ways
from world_model_ros.learning.model.encoders import PositionReader, StreamEncoder, VectorEncoder, encoder_for, mlp
from world_model_ros.learning.model.fast_imagination import imagined_states
from world_model_ros.learning.model.image_keypoints import ImagePlaces
from world_model_ros.learning.model.sensed import Sensed
from world_model_ros.learning.model.whitening import Whitening

MOST_AHEAD = 63  # ticks with a spread of their own


@dataclass(frozen=True)
class Sizes:
    """Widths of the network."""

    state: int = 256
    code: int = 160
    hidden: int = 256


class WorldModel(nn.Module):
    """Encoders for the streams of a contract, belief filter, dynamics and heads."""

    def __init__(self, interface: Interface, sizes: Sizes | None = None) -> None:
        super().__init__()
        sizes = sizes or Sizes()
        self.interface, self.sizes = interface, sizes
        self.streams = list(interface.streams)
        self.cameras = interface.of(CameraStream)
        self.targets, action = len(interface.targets), interface.action
        self.objects = [k for k, target in enumerate(interface.targets) if target.kind == "object"]
        self.action_scale: Tensor
        self.register_buffer("action_scale", torch.tensor(action.bounds))
        self.usual: Tensor  # `learning.model.surprise.signals` from which they are surprising; from calibration
        self.register_buffer("usual", torch.ones(2 + 2 * len(self.streams)))
        self.sensed: Tensor  # streams that the training data really had
        self.register_buffer("sensed", torch.ones(len(self.streams), dtype=torch.bool))
        self._there: tuple[bool, ...] = ()  # of ``settled``
        self.encoders = nn.ModuleDict()
        self.mels = nn.ModuleDict()
        for stream in self.streams:
            self.encoders[stream.name] = encoder = encoder_for(stream, sizes.code)
            if (front := encoder.front()) is not None:
                self.mels[stream.name] = front
        encoders = [self.encoder(stream.name) for stream in self.streams]
        features = sum(encoder.width for encoder in encoders)
        self.joint_streams = interface.of(JointStream)
        kept = self.joint_streams if interface.action.kind == "joint_displacement" else []
        self.kept_joints = kept  # streams whose positions are numbers in the state
        self.commanded = CommandedJoints(interface, kept, sizes.state) if kept else None
        numbers, joints = (self.commanded.size, self.commanded.count) if self.commanded is not None else (0, 0)
        self.state_size = sizes.state + numbers  # S
        recurrent, state, hidden = sizes.state, self.state_size, sizes.hidden
        self.fuse = mlp(features + len(self.streams), hidden, hidden)
        self.correct = nn.GRUCell(hidden + joints, recurrent)
        self.act = nn.Sequential(nn.Linear(state + action.size, hidden), nn.SiLU())
        self.predict = nn.GRUCell(hidden, recurrent)
        self._add_pose_heads(state, hidden)
        self.sense_heads = nn.ModuleDict(
            {s.name: mlp(state, hidden, each.size) for s, each in zip(self.streams, encoders) if each.has_head}
        )
        self.whitening = Whitening([encoder.size for encoder in encoders])
        self.contact_head = mlp(state, 64, 1)
        self.expected_head = mlp(state, 64, 1 + len(self.streams))  # how large innovations are here, logarithms
        self.observation_size = hidden + joints  # O
        self.inverse = mlp(2 * self.observation_size, hidden, action.size)
        self.policy = mlp(state, hidden, action.size)
        if self.cameras:
            self._add_picture_heads(state, sizes)

    def _add_pose_heads(self, state: int, hidden: int) -> None:
        self.pose_mean: Tensor
        self.pose_scale: Tensor
        self.orientation: Tensor
        self.sigma_scale: Tensor
        if self.targets:
            self.pose_head = mlp(state, hidden, self.targets * 3)
            self.sigma_head = mlp(state, 128, self.targets * 3)
            self.register_buffer("pose_mean", torch.zeros(self.targets, 3))
            self.register_buffer("pose_scale", torch.full((self.targets, 3), 0.1))
            self.register_buffer("orientation", torch.tensor([0.0, 0.0, 0.0, 1.0]).repeat(self.targets, 1))
            self.register_buffer(
                "sigma_scale", torch.ones(MOST_AHEAD + 1, self.targets)
            )  # by step ahead, from calibration

    def _add_picture_heads(self, state: int, sizes: Sizes) -> None:
        camera = self.cameras[0]
        self.code_head = mlp(state, sizes.hidden, sizes.code)
        self.decoder = ImageDecoder(camera.height, camera.width, state, self.targets)
        if self.targets:
            points = 48
            # Keeps places in the code; training only.
            self.seen_head = mlp(points + sizes.code, 128, self.targets * 3)
            self.reader = PositionReader(camera.height, camera.width, self.targets)
            self.places = ImagePlaces(camera.height, camera.width, self.reader.channels, self.targets)

    def features(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What does not depend on time: stream arrays (B, ...) -> vectors (B, n), camera code with its keypoints.

        Keys: each stream's name; ``<camera>/points`` too. Stage two trains on these, cached.
        """
        out: dict[str, Tensor] = {}
        for stream in self.streams:
            if stream.name not in values:
                continue
            found = self.encoder(stream.name).features(self.fronted(stream.name, values[stream.name]))
            out |= {stream.name + end: feature for end, feature in found.items()}
        return out

    def fronted(self, name: str, value: Tensor) -> Tensor:
        """A stream's array (B, ...) as its encoder takes it."""
        return self.mels[name](value) if name in self.mels else value

    def sense(self, features: Mapping[str, Tensor], fresh: Tensor) -> Sensed:
        """Features (B, n) and freshness (B, streams) -> what the filter takes. A missing stream contributes nothing."""
        parts, joints, there = [], [], []
        for i, stream in enumerate(self.streams):
            x, known = features[stream.name], fresh[:, i : i + 1] > 0.5
            if stream in self.kept_joints:
                positions = self.vector_encoder(stream.name).normalise(x)[:, :: len(stream.fields)]
                joints.append(positions)
                there.append(known.expand_as(positions))
            x = self.encoder(stream.name).encode(x)
            parts.append(torch.where(known, x, torch.zeros_like(x)))
        fused = self.fuse(torch.cat([*parts, fresh], 1))
        if not joints:
            none = fused[:, :0]
            return Sensed(fused, none, none > 0)
        return Sensed(fused, torch.cat(joints, 1), torch.cat(there, 1))

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """Imagine one tick: state (B, S), action (B, C) in contract units -> state (B, S)."""
        recurrent, numbers = self._parts(state)
        after = self.predict(self.act(torch.cat([state, action / self.action_scale], -1)), recurrent)
        if self.commanded is None:
            return after
        return torch.cat([after, self.commanded.step(numbers, action, self.joint_scale())], -1)

    def imagine(self, memory: Tensor, actions: Tensor) -> Tensor:
        """Imagine on: what one belief (S,) comes to under action sequences (N, H, C), states (N, H, S)."""
        return imagined_states(self, memory, actions)

    def update(self, state: Tensor, action: Tensor, sensed: Sensed) -> tuple[Tensor, Tensor]:
        """One tick of the filter: belief before, action applied since, senses now -> (prior, posterior), (B, S)."""
        prior = self.step(state, action)
        recurrent, numbers = self._parts(prior)
        if self.commanded is None:
            return prior, self.correct(sensed.fused, recurrent)
        behind = self.commanded.surprise(numbers, sensed.joints, sensed.there)
        corrected = self.correct(torch.cat([sensed.fused, behind], -1), recurrent)
        numbers = self.commanded.correct(numbers, corrected, sensed.joints, sensed.there)
        return prior, torch.cat([corrected, numbers], -1)

    def _parts(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """The recurrent part of a state and the numbers after it."""
        return state[:, : self.sizes.state], state[:, self.sizes.state :]

    def action_between(self, code: Tensor, code_next: Tensor) -> Tensor:
        """The action (B, C) that was applied between two observations a tick apart, from their codes (B, O) alone."""
        return self.inverse(torch.cat([code, code_next], -1)) * self.action_scale

    def usual_action(self, state: Tensor) -> Tensor:
        """The action (B, C) that followed in the recordings on what is believed, (B, S): a policy prior."""
        return self.policy(state) * self.action_scale

    def joint_scale(self) -> Tensor:
        """Units of the joint positions in the state, (J,): rad, m or a share of travel."""
        scales = [self.vector_encoder(s.name).scale[:: len(s.fields)] for s in self.kept_joints]
        return torch.cat(scales) if scales else self.action_scale[:0]

    def positions(self, state: Tensor) -> Tensor:
        """State (B, S) -> target positions (B, K, 3), m, base frame."""
        raw = self.pose_head(state).reshape(-1, self.targets, 3)
        out: Tensor = raw * self.pose_scale + self.pose_mean
        return out

    def sigma(self, state: Tensor, ahead: int) -> Tensor:
        """State imagined ``ahead`` ticks ahead (B, S) -> calibrated standard deviation (B, K, 3), m."""
        return self.raw_sigma(state) * self.sigma_scale[ahead][:, None]

    def sigmas(self, states: Tensor) -> Tensor:
        """States imagined 1 to H ticks ahead (N, H, S) -> calibrated standard deviations (N, H, K, 3), m."""
        n, horizon = states.shape[:2]
        raw = self.raw_sigma(states.flatten(0, 1)).reshape(n, horizon, self.targets, 3)
        return raw * self.sigma_scale[1 : horizon + 1, :, None]

    def raw_sigma(self, state: Tensor) -> Tensor:
        """What `sigma` is before calibration: (B, S) -> (B, K, 3), m."""
        raw = self.sigma_head(state).reshape(-1, self.targets, 3)
        out: Tensor = nn.functional.softplus(raw - 3.0) * 0.1 + 5e-4
        return out

    def poses(self, state: Tensor) -> Tensor:
        """State (B, S) -> (B, K, 7). Position is predicted; orientation is the mean of the training labels."""
        position = self.positions(state)
        return torch.cat([position, self.orientation.expand(position.shape[0], -1, -1)], -1)

    def senses(self, state: Tensor) -> dict[str, Tensor]:
        """State (B, S) -> predicted senses in raw units, flat (B, n); microphones as mean log-mel."""
        return {
            stream.name: self.encoder(stream.name).measured(self.sense_normalised(stream, state))
            for stream in self.streams
            if stream.name in self.sense_heads
        }

    def sense_normalised(self, stream: Stream, state: Tensor) -> Tensor:
        """What the state (B, S) says of a stream that has a head, in units of the data's spread, (B, n)."""
        x: Tensor = self.sense_heads[stream.name](state)
        if stream not in self.kept_joints:
            return x
        assert isinstance(stream, JointStream)
        assert self.commanded is not None
        recurrent, numbers = self._parts(state)
        positions = self.commanded.positions(numbers, recurrent)
        begin = sum(len(s.joints) for s in self.kept_joints[: self.kept_joints.index(stream)])
        positions = positions[:, begin : begin + len(stream.joints), None]
        rest = x.unflatten(1, (len(stream.joints), len(stream.fields)))[:, :, 1:]
        return torch.cat([positions, rest], -1).flatten(1)

    def seen(self, image: Tensor) -> Tensor:
        """Positions (B, K, 3) read from an image (B, H, W, 3) of the first camera alone, m."""
        return self.reader(image) * self.pose_scale + self.pose_mean

    def picture(self, state: Tensor, reference: Tensor, still: Tensor | None = None) -> Picture:
        """What the first camera would see: states (B, S), and real frames (B or 1, H, W, 3) that what stays is from.

        Targets are where they are believed to be; how far that is from where the reference shows them, the usual
        camera says. Those of which ``still`` (K,) is 1 are known to be where they were, whatever a belief drifted to.
        """
        ways = None
        if self.targets:
            was = self.places(self.reader.maps(reference))
            believed = (self.positions(state) - self.pose_mean) / self.pose_scale
            shift = self.places.project(believed) - self.places.project(self.places.read(was))
            ways = Ways(was, was + (shift if still is None else shift * (1.0 - still)[:, None]))
        out: Picture = self.decoder(state, reference, ways)
        return out

    def coded(self, features: Mapping[str, Tensor]) -> Tensor:
        """Positions (B, K, 3) that the first camera's code holds, m. Trains the encoder to keep them."""
        name = self.cameras[0].name
        raw = self.seen_head(torch.cat([features[name + "/points"], features[name]], 1))
        out: Tensor = raw.reshape(-1, self.targets, 3) * self.pose_scale + self.pose_mean
        return out

    def sensed_streams(self) -> list[Stream]:
        """Streams that were there in training."""
        return [stream for stream, there in zip(self.streams, self._there or self.sensed.tolist()) if there]

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Meanwhile which streams there are is plain Python and no tensor, so that a graph may be shaped by it."""
        self._there = tuple(self.sensed.tolist())
        try:
            yield
        finally:
            self._there = ()

    def encoder(self, name: str) -> StreamEncoder:
        """The encoder of a stream."""
        encoder = self.encoders[name]
        assert isinstance(encoder, StreamEncoder)
        return encoder

    def vector_encoder(self, name: str) -> VectorEncoder:
        """The encoder of a stream of joints."""
        encoder = self.encoders[name]
        assert isinstance(encoder, VectorEncoder)
        return encoder
