"""Training losses of a batch: imagined poses, senses, contact and, without targets, images; and predicted actions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from world_model_ros.contract.senses import JointStream, TaxelStream
from world_model_ros.learning.data.batch import Batch
from world_model_ros.learning.model.commanded_joints import FINE
from world_model_ros.learning.model.filtering import filter_sensed, imagine, sense
from world_model_ros.learning.model.world_model import WorldModel
from world_model_ros.learning.training.config import TrainConfig
from world_model_ros.learning.training.imagined_ticks import Moments, draw_starts, farthest
from world_model_ros.learning.training.losses.joint_embedding import joint_embedding_losses
from world_model_ros.learning.training.losses.pictures import image_loss


def losses(
    model: WorldModel, batch: Batch, config: TrainConfig, stage: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """All losses of a batch, by name; their sum is what is minimised.

    Args:
        config: horizon, starts, frames and objective. Windows must be longer than the horizon by three.
        stage: 0 or 1.
        generator: on the CPU, whatever the device, so that every device draws the same.
    """
    sensed = sense(model, batch)
    priors, posteriors = filter_sensed(model, batch, sensed)
    horizon = 1 if config.objective == "one_step" else config.horizon
    starts = draw_starts(batch, config.horizon, config.starts[stage], generator)
    states = imagine(model, posteriors, batch.applied, starts, horizon)  # (B, P, H+1, S)
    moments = Moments.of(states, starts)
    out: dict[str, Tensor] = {}
    if config.objective == "jepa":
        out |= joint_embedding_losses(model, batch, moments, generator)
        priors, moments = priors.detach(), moments.detach()  # heads only read what was learned without them
    elif config.objective == "observations" and config.far_starts[stage]:
        ahead = farthest(batch, config)
        far = draw_starts(batch, ahead, config.far_starts[stage], generator)
        beyond = Moments.of(imagine(model, posteriors, batch.applied, far, ahead), far)
        moments = moments.joined(beyond.some(config.far_share, generator))
    if model.targets:
        out |= _pose_losses(model, moments.states, moments.of_window(batch.labels))
        predicted = model.positions(priors[:, 1:].flatten(0, 1))
        out["prior"] = pose_error(model, predicted, batch.labels[:, 1:].flatten(0, 1))
        if model.cameras and config.objective != "jepa":
            name = model.cameras[0].name
            index = [stream.name for stream in model.streams].index(name)
            coded = model.coded({key: value.flatten(0, 1) for key, value in batch.features.items()})
            there = batch.sensed.flatten(0, 1)[:, index, None, None] > 0.5
            truth = torch.where(there, batch.labels.flatten(0, 1), torch.nan)
            out["coded"] = pose_error(model, coded, truth)
    sensed_moments = moments.some(config.sensed_share[stage], generator)
    out |= _sense_losses(model, batch, sensed_moments) | _contact_loss(model, batch, sensed_moments)
    out |= _action_losses(model, batch, sensed.code(), posteriors)
    if model.cameras and not model.targets:
        # Without positions it is pictures that teach what moves; where there are some, pictures only read the states,
        # and get a stage of their own: shaping the belief too made objects a fifth worse.
        assert batch.frames is not None
        out["image"] = 4.0 * image_loss(model, batch, states, starts, config.frames[stage], generator)
    return out


def _action_losses(model: WorldModel, batch: Batch, code: Tensor, posteriors: Tensor) -> dict[str, Tensor]:
    """Of the action between two observations, and of the one that follows on a belief; in units of its spread."""
    applied = batch.applied[:, 1:] / model.action_scale
    between = model.action_between(code[:, :-1], code[:, 1:]) / model.action_scale
    known = batch.fresh[:, 1:].amax(-1) * batch.fresh[:, :-1].amax(-1)  # something was sensed on both ends
    follows = model.usual_action(posteriors[:, :-1].detach()) / model.action_scale
    return {
        "inverse": 0.1 * (smooth_l1_loss(between, applied, reduction="none") * known[..., None]).mean(),
        "policy": 0.1 * smooth_l1_loss(follows, applied),
    }


def pose_error(model: WorldModel, position: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 of positions (n, K, 3) in units of their spread, over the truths that are not NaN."""
    known = ~torch.isnan(truth)
    truth = torch.where(known, truth, position.detach())  # before the loss: NaN times zero is NaN in its gradient
    error = smooth_l1_loss(position / model.pose_scale, truth / model.pose_scale, reduction="sum", beta=0.1)
    return error / known.sum().clamp(min=1)


def _pose_losses(model: WorldModel, states: Tensor, truth: Tensor) -> dict[str, Tensor]:
    position = model.positions(states)
    known = ~torch.isnan(truth)
    out = {"pose": 4.0 * pose_error(model, position, truth)}
    sigma = model.raw_sigma(states.detach())
    miss = torch.where(known, (position.detach() - truth).abs(), torch.zeros_like(truth))
    likelihood = (torch.log(sigma) + miss / sigma) * known  # Laplace, robust to jumps
    out["sigma"] = 0.02 * likelihood.sum() / known.sum().clamp(min=1)
    return out


def _sense_losses(model: WorldModel, batch: Batch, moments: Moments) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    states = moments.states
    for i, stream in enumerate(model.streams):
        there = moments.of_window(batch.sensed[..., i])[:, None]
        feature = batch.features[stream.name]
        encoder = model.encoder(stream.name)
        if not encoder.has_head:
            if stream is model.cameras[0]:
                target = moments.of_window(feature.detach())
                code = model.code_head(states.detach())  # must not pull the code toward what is easy to predict
                out["code"] = 0.2 * (((code - target) ** 2) * there).mean()
            continue
        target = encoder.target(feature.flatten(0, 1)).unflatten(0, feature.shape[:2])
        target = moments.of_window(target)
        error = encoder.missed(model.sense_normalised(stream, states), target)
        if stream in model.kept_joints:  # positions are as commanded already; what counts is finer than their spread
            assert isinstance(stream, JointStream)
            fine = [FINE, *(1.0 for _ in stream.fields[1:])]
            error = error * torch.tensor(fine * len(stream.joints), device=error.device)
        loss = smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
        out[stream.name] = encoder.weight * (loss * there).mean()
    return out


def _contact_loss(model: WorldModel, batch: Batch, moments: Moments) -> dict[str, Tensor]:
    """Of the force on all pads together, where all are known."""
    felt: list[tuple[Tensor, Tensor]] = []
    for stream in model.interface.of(TaxelStream):
        feature = batch.features[stream.name]
        newton = moments.of_window(_newton(feature.flatten(0, 1)).unflatten(0, feature.shape[:2]))
        felt.append((newton, moments.of_window(batch.sensed[..., model.streams.index(stream)])))
    if not felt:
        return {}
    newton, known = (torch.stack(each) for each in zip(*felt))
    error = model.contact_head(moments.states)[:, 0] - newton.sum(0)
    loss = smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
    return {"contact": 0.05 * (loss * known.prod(0)).mean()}


def _newton(taxels: Tensor) -> Tensor:
    """Sum of the lengths of the taxel forces, N: (n, rows*cols*3) -> (n,)."""
    return taxels.reshape(taxels.shape[0], -1, 3).norm(dim=-1).sum(-1)
