"""Restores the PyTorch world model and the planner's settings from a bundle, for benchmarks or to export them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from world_model_ros.bundle.bundle import Bundle, by_chunks
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.planning.planner import PlanConfig

if TYPE_CHECKING:
    from world_model_ros.learning.model.world_model import WorldModel

_PREFIX = "model."
# Set below, or training only, or the same in every model, and stored as one where there are several.
_NOT_EXPORTED = ("sensed", "sigma_scale", "seen_head.", "reader.grid", "mels.", "whitening.")


def restored_model(bundle: Bundle, contract: Contract) -> WorldModel:
    """The model of a bundle, from the weights that its graphs name.

    Raises:
        UserError: weights are missing or have other shapes: the bundle was exported by an older or newer version. Or it
            plans by chunks, which is exported from its training.
    """
    if by_chunks(bundle):
        legal = "the folder of its training: a model that plans by chunks is not restored from its bundle"
        raise UserError("model", bundle.manifest.name, legal)
    import torch

    from world_model_ros.learning.model.world_model import Sizes, WorldModel

    weights = _weights(bundle)
    sizes = bundle.manifest.sizes
    hidden = len(weights.get("fuse.2.bias", ())) or Sizes().hidden
    model = WorldModel(contract.interface, Sizes(len(weights.get("predict.bias_ih", ())) // 3, sizes.code, hidden))
    wanted = model.state_dict()
    odd = [
        name
        for name, tensor in wanted.items()
        if not name.startswith(_NOT_EXPORTED) and tuple(weights.get(name, _Nothing).shape) != tuple(tensor.shape)
    ]
    if odd:
        legal = f"a bundle of this version; missing or of another shape: {', '.join(odd[:4])} ({len(odd)} in all)"
        raise UserError("model", bundle.manifest.name, legal)
    known = {name: torch.from_numpy(weights[name].copy()) for name in wanted if name in weights}
    model.load_state_dict(known, strict=False)
    if model.targets and "sigma_scale" not in known:
        scales = _scales(bundle, [model.targets, 1], [sizes.horizon, model.targets, 1])
        model.sigma_scale[: sizes.horizon + 1] = torch.from_numpy(scales)
    return model.eval().requires_grad_(False)


def plan_config(bundle: Bundle) -> PlanConfig:
    """Settings that the bundle's plan graph was made with."""
    spec = bundle.manifest.planner
    if spec is None:
        raise UserError("model", bundle.manifest.name, "a bundle with a planner (kind 'act')")
    return PlanConfig.of(spec.model_dump())


class _Nothing:
    shape = (-1,)


def _weights(bundle: Bundle) -> dict[str, Any]:
    from onnx import numpy_helper

    return {
        tensor.name.removeprefix(_PREFIX): numpy_helper.to_array(tensor)
        for graph in bundle.manifest.graphs
        for tensor in _initializers(bundle, graph)
    }


def _initializers(bundle: Bundle, graph: str) -> list[Any]:
    import onnx

    return list(onnx.load(str(bundle.graph_path(graph))).graph.initializer)


def _scales(bundle: Bundle, one: list[int], ahead: list[int]) -> Any:
    """Scales of sigma (H + 1, K): constants known by their shape, since torchscript leaves them without names.

    Rollout has those of each step ahead. Perceive has some of these too, for surprise, besides that of now.
    """
    import numpy as np
    from onnx import numpy_helper

    def of_shape(graph: str, shape: list[int]) -> list[Any]:
        return [numpy_helper.to_array(t)[..., 0] for t in _initializers(bundle, graph) if list(t.dims) == shape]

    later, perceived = of_shape("rollout", ahead), of_shape("perceive", one)
    if len(later) != 1 or not 1 <= len(perceived) <= 3:
        legal = f"one constant of shape {ahead} in rollout, and one to three of {one} in perceive"
        raise UserError("model", bundle.manifest.name, legal)
    known = {each.tobytes() for each in later[0]}
    now = next((scale for scale in perceived if scale.tobytes() not in known), later[0][0])
    return np.concatenate([now[None], later[0]])
