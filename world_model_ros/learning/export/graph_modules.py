"""Graphs of a world model's bundle (perceive, rollout, plan and more) as PyTorch modules with flat, named tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.bundle.signatures import reference_of
from world_model_ros.contract.senses import Stream, TaxelStream
from world_model_ros.learning.model.surprise import LOOK_BACK, Ticks, surprise
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.planning.objective import Goals, JointReader
from world_model_ros.planning.planner import PlanConfig, Planner

_SHOWN = 8  # candidates that a plan hands out for drawing


class NamedGraph(nn.Module):
    """A module with names for its flat inputs and outputs."""

    inputs: list[str]
    outputs: list[str]


class Perceive(NamedGraph):
    """Senses and the applied action -> belief. Inputs: streams in contract order, fresh, applied, memory, reset.

    With objects, how they were expected to move is compared with what is believed now: ``before`` (S,) is the belief
    `LOOK_BACK` ticks ago, zeros if there is none, and ``since`` the actions between it and ``applied``.
    """

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model = model
        self.inputs = [*(stream.name for stream in model.streams), "fresh", "applied", "memory", "reset"]
        self.inputs += ["before", "since"] if model.objects else []
        self.outputs = ["memory_next", *(["poses", "sigma"] if model.targets else []), "surprise", "sensed"]
        if model.targets and model.cameras:
            self.outputs.append("seen")

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        model, count = self.model, len(self.model.streams)
        values = {stream.name: value[None] for stream, value in zip(model.streams, tensors[:count])}
        given = dict(zip(self.inputs[count:], tensors[count:]))
        fresh, memory, keep = given["fresh"], given["memory"], 1.0 - given["reset"]
        features = model.features(values)
        state, applied = (memory * keep)[None], (given["applied"] * keep)[None]
        sensed = model.sense(features, fresh[None])
        prior, posterior = model.update(state, applied, sensed)
        out = [posterior[0]]
        if model.targets:
            out += [model.poses(posterior)[0], model.sigma(posterior, 0)[0]]
        before, since = torch.zeros_like(state), applied[None].expand(1, LOOK_BACK, -1)
        if "since" in given:
            before, since = (given["before"] * keep)[None], torch.cat([given["since"], applied])[None]
        out.append(surprise(model, Ticks(prior, posterior, features, fresh[None], before, since)))
        out.append(sensed.code()[0])
        if "seen" in self.outputs:
            out.append(model.seen(values[model.cameras[0].name])[0])
        return tuple(out)


class Rollout(NamedGraph):
    """Belief and candidates -> imagined states and what they mean. Inputs: memory (S,), candidates (N, H, C)."""

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model, self.joints = model, JointReader.of(model.interface)
        self.inputs = ["memory", "candidates"]
        self.outputs = ["states", *(["poses", "sigma"] if model.targets else []), "joints", *_contact(model)]

    def forward(self, memory: Tensor, candidates: Tensor) -> tuple[Tensor, ...]:
        states = self.model.imagine(memory, candidates)
        return (states, *_heads(self.model, self.joints, states))


def _contact(model: WorldModel) -> list[str]:
    return ["contact"] if any(isinstance(stream, TaxelStream) for stream in model.sensed_streams()) else []


def _heads(model: WorldModel, joints: JointReader, states: Tensor) -> list[Tensor]:
    """States (N, H, S) -> poses (N, H, K, 7), sigma (N, H, K, 3), joints (N, H, J), contact (N, H, 1)."""
    n, horizon, size = states.shape
    flat = states.reshape(n * horizon, size)
    out = []
    if model.targets:
        out += [model.poses(flat).reshape(n, horizon, model.targets, 7), model.sigmas(states)]
    out.append(joints(model.senses(flat)).reshape(n, horizon, -1))
    if _contact(model):
        out.append(model.contact_head(flat).clamp(min=0.0).reshape(n, horizon, 1))
    return out


class Plan(NamedGraph):
    """One plan a call. Inputs as listed; goals with weight zero are off."""

    def __init__(self, model: WorldModel, config: PlanConfig) -> None:
        super().__init__()
        self.model, self.planner = model, Planner(model, model.interface, config)
        self.joints = JointReader.of(model.interface)
        self.inputs = ["memory"]
        self.inputs += ["goal_poses", "goal_position_weights"] if model.targets else []
        self.inputs += ["goal_hands"] if len(model.interface.fingertips) > 1 else []
        self.inputs += ["goal_joints", "goal_joints_weight"]
        self.inputs += ["goal_codes", "goal_code_weights"] if model.cameras else []
        self.inputs += ["bounds_low", "bounds_high", "warm", "noise"]
        self.outputs = [
            "chunk",
            "states",
            *(["poses", "sigma"] if model.targets else []),
            "joints",
            *_contact(model),
            "cost",
        ]
        if model.targets:
            self.outputs.append("candidate_poses")

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.inputs, tensors))
        goals = Goals(
            given.get("goal_poses"),
            given.get("goal_position_weights"),
            given["goal_joints"],
            given["goal_joints_weight"],
            given.get("goal_codes"),
            given.get("goal_code_weights"),
            given.get("goal_hands"),
        )
        found = self.planner(
            given["memory"], goals, given["bounds_low"], given["bounds_high"], given["warm"], given["noise"]
        )
        heads = _heads(self.model, self.joints, found.states[None])
        out = [found.chunk, found.states, *(head[0] for head in heads), found.cost]
        if self.model.targets:
            flat = self.model.positions(found.futures[-_SHOWN:].flatten(0, 1))[:, 0]
            out.append(flat.reshape(_SHOWN, -1, 3))
        return tuple(out)


class ReadGoal(NamedGraph):
    """Goal image of the first camera (H, W, 3) uint8 -> codes (V, D) and the target positions seen in it (K, 3)."""

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model = model
        self.inputs, self.outputs = [model.cameras[0].name], ["codes", *(["seen"] if model.targets else [])]

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        name = self.model.cameras[0].name
        features = self.model.features({name: image[None]})
        others = torch.zeros(len(self.model.cameras) - 1, features[name].shape[1])
        codes = torch.cat([features[name], others]) if len(others) else features[name]
        return (codes, *([self.model.seen(image[None])[0]] if self.model.targets else []))


class Inverse(NamedGraph):
    """What was sensed at two ticks, one after the other (O,), as `Perceive` hands it out -> the action between (C,)."""

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model = model
        self.inputs, self.outputs = ["sensed", "sensed_next"], ["action"]

    def forward(self, sensed: Tensor, sensed_next: Tensor) -> Tensor:
        return self.model.action_between(sensed[None], sensed_next[None])[0]


class Policy(NamedGraph):
    """Belief (S,) -> how it usually goes on: actions (H, C), and the states that they lead to with what they mean."""

    def __init__(self, model: WorldModel, config: PlanConfig) -> None:
        super().__init__()
        self.model, self.joints, self.horizon = model, JointReader.of(model.interface), config.horizon
        self.inputs = ["memory"]
        self.outputs = ["chunk", "states", *(["poses", "sigma"] if model.targets else []), "joints", *_contact(model)]

    def forward(self, memory: Tensor) -> tuple[Tensor, ...]:
        state, actions, states = memory[None], [], []
        for _ in range(self.horizon):
            action = self.model.usual_action(state)
            state = self.model.step(state, action)
            actions.append(action)
            states.append(state)
        heads = _heads(self.model, self.joints, torch.stack(states, 1))
        return (torch.cat(actions), torch.cat(states), *(head[0] for head in heads))


class Decode(NamedGraph):
    """Imagined states (B, S) and the last real frame (H, W, 3) -> imagined frames (B, H, W, 3) uint8 and senses.

    With targets, ``still`` (K,) is 1 for those that are known not to have moved since that frame.
    """

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model = model
        camera = model.cameras[0].name
        self.inputs = ["states", reference_of(camera), *(["still"] if model.targets else [])]
        self.outputs = [camera, *(stream.name for stream in self._felt())]

    def forward(self, states: Tensor, reference: Tensor, still: Tensor | None = None) -> tuple[Tensor, ...]:
        frames = self.model.picture(states, reference[None].float(), still).frame.permute(0, 2, 3, 1)
        out = [(255.0 * frames + 0.5).clamp(0.0, 255.0).to(torch.uint8)]
        senses = self.model.senses(states)
        for stream in self._felt():
            out.append(self.model.encoder(stream.name).shown(senses[stream.name], stream))
        return tuple(out)

    def _felt(self) -> list[Stream]:
        """Streams besides the picture that are decoded."""
        return [stream for stream in self.model.sensed_streams() if stream.name in self.model.sense_heads]
