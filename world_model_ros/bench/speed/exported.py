"""Exports a PyTorch module to ONNX as bundles are, runs it in ONNX Runtime, and counts its matrix-product FLOPs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from world_model_ros.bundle.device import DeviceRun, Resident
from world_model_ros.bundle.manifest import GraphSpec, TensorSpec
from world_model_ros.bundle.provider import provider_named
from world_model_ros.bundle.session import open_session
from world_model_ros.core.installation.missing import imported

if TYPE_CHECKING:
    from torch import nn


def need_torch() -> None:
    """`UserError` that names the extra if torch or onnx is not installed."""
    for name in ("onnx", "torch"):
        imported(name)


class ExportedModule:
    """A module in ONNX Runtime.

    Args:
        module: with flat tensor inputs.
        inputs: by name, in the module's order.
        outputs: names; empty leaves them to the exporter.
        provider, threads: as for `bundle.session.open_session`.
        bound: whether buffers are kept on the device, as they always are on a GPU.
    """

    def __init__(
        self,
        module: nn.Module,
        inputs: Mapping[str, NDArray[Any]],
        outputs: list[str],
        provider: str = "cpu",
        threads: int = 1,
        bound: bool = False,
    ) -> None:
        from torch import from_numpy

        from world_model_ros.learning.export.onnx_exporter import exporter_named, graph_of

        given = tuple(from_numpy(value) for value in inputs.values())
        graph = graph_of(module, given, exporter_named(None), list(inputs), outputs or None)
        self._module, self._given = module, inputs
        self._session = open_session(graph.SerializeToString(), provider, threads)
        self._inputs = {value.name: inputs[value.name] for value in self._session.get_inputs()}
        on, self._bound = provider_named(provider), None
        if bound or on.device != "cpu":
            self._bound = DeviceRun(self._session, self._spec(), (on.device, on.device_id), Resident())

    def run(self) -> Any:
        """Outputs in order."""
        if self._bound is not None:
            return list(self._bound.run(self._inputs).values())
        return self._session.run(None, self._inputs)

    def _spec(self) -> GraphSpec:
        """Shapes and types of its tensors."""
        from torch import from_numpy, inference_mode

        with inference_mode():
            found = self._module(*(from_numpy(value) for value in self._given.values()))
        outputs = zip(self._session.get_outputs(), found if isinstance(found, tuple) else (found,))
        return GraphSpec(
            file="exported.onnx",
            inputs={name: TensorSpec(shape=value.shape) for name, value in self._inputs.items()},
            outputs={value.name: TensorSpec(shape=tuple(each.shape)) for value, each in outputs},
        )

    @property
    def products(self) -> int:
        """Floating-point operations of its matrix products: two for each multiplication."""
        from torch import from_numpy, inference_mode
        from torch.utils.flop_counter import FlopCounterMode

        counter = FlopCounterMode(display=False)
        with inference_mode(), counter:
            self._module(*(from_numpy(value) for value in self._given.values()))
        return int(counter.get_total_flops())
