"""Runs an ONNX graph with buffers kept on a device such as a GPU (IO binding); arrays already there are not copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort

from world_model_ros.bundle.manifest import GraphSpec, TensorSpec
from world_model_ros.core.arrays import Array
from world_model_ros.core.errors import UserError


class Resident:
    """Arrays that graphs of one brain handed out, and whose values are still on the device.

    So a belief goes from tick to tick, and from perceive to plan, without being copied to the device.
    """

    def __init__(self) -> None:
        self._known: list[tuple[Array, Any]] = []

    def add(self, array: Array, value: Any) -> None:
        """An array, and the device's value that holds the same until `forget`."""
        self._known.append((array, value))

    def forget(self, value: Any) -> None:
        """This value is about to be written."""
        self._known = [pair for pair in self._known if pair[1] is not value]

    def find(self, array: Array) -> Any | None:
        """The device's value of that very array, if it is still there."""
        return next((value for known, value in self._known if known is array), None)


def require_fit(field: str, value: object, asked: TensorSpec) -> None:
    """`UserError` of what a tensor cannot be filled with."""
    legal = f"{asked.dtype} {asked.shape}"
    if not isinstance(value, np.ndarray):
        raise UserError(field, value, f"an array of {legal}")
    if value.shape != asked.shape or value.dtype != asked.dtype:
        raise UserError(field, f"{value.dtype} {value.shape}", legal)


class DeviceRun:
    """A session with its buffers on a device.

    Args:
        session: of ONNX Runtime.
        spec: of the graph.
        device: ``cpu`` or ``cuda``, and its number.
        resident: shared by the graphs of a brain.
        kept: outputs that later runs take as inputs. They have two buffers each: one is read while the other one is
            written (ping-pong).
    """

    def __init__(
        self, session: Any, spec: GraphSpec, device: tuple[str, int], resident: Resident, kept: tuple[str, ...] = ()
    ) -> None:
        self._session, self._resident, self._specs = session, resident, spec.inputs
        self._inputs = {
            name: ort.OrtValue.ortvalue_from_numpy(np.zeros(spec.inputs[name].shape, spec.inputs[name].dtype), *device)
            for name in (each.name for each in session.get_inputs())
        }
        self._outputs = {name: self._buffer(asked, device) for name, asked in spec.outputs.items()}
        self._sides = [
            {name: self._buffer(spec.outputs[name], device) for name in kept if name in spec.outputs} for _ in range(2)
        ]
        self._held: dict[str, Array] = {}  # what the inputs' buffers hold, as far as it cannot change
        self._bindings: dict[tuple[int, ...], tuple[Any, Any]] = {}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Inputs by name -> outputs by name, copied to the host and read-only."""
        taken = {name: self._taken(name, inputs[name]) for name in self._inputs}
        written = self._outputs | self._side(taken)
        binding, options = self._binding(taken, written)
        self._session.run_with_iobinding(binding, options)
        outputs = {}
        for name, value in written.items():
            outputs[name] = value.numpy().copy() if value.device_name() == "cpu" else value.numpy()
            outputs[name].setflags(write=False)
            if name in self._sides[0]:
                self._resident.add(outputs[name], value)
        return outputs

    @staticmethod
    def _buffer(asked: TensorSpec, device: tuple[str, int]) -> Any:
        return ort.OrtValue.ortvalue_from_shape_and_type(list(asked.shape), np.dtype(asked.dtype), *device)

    def _side(self, taken: Mapping[str, Any]) -> dict[str, Any]:
        """The buffers of kept outputs whose turn it is; never those that this run reads."""
        self._sides.reverse()
        if any(value is each for value in self._sides[0].values() for each in taken.values()):
            self._sides.reverse()
        for value in self._sides[0].values():
            self._resident.forget(value)
        return self._sides[0]

    def _taken(self, name: str, array: Array) -> Any:
        """The device's value of an input: where it is already, or the input's own buffer with the array copied in."""
        there = self._resident.find(array)
        if there is not None:
            return there
        if self._held.get(name, self) is not array:
            require_fit(name, array, self._specs[name])  # a buffer takes what has as many bytes
            self._inputs[name].update_inplace(np.ascontiguousarray(array))
            if array.flags.writeable:
                self._held.pop(name, None)
            else:
                self._held[name] = array
        return self._inputs[name]

    def _binding(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """One binding, and one captured graph, for each choice of buffers."""
        key = tuple(value.data_ptr() for value in (*inputs.values(), *outputs.values()))
        if key not in self._bindings:
            binding, options = self._session.io_binding(), ort.RunOptions()
            for name, value in inputs.items():
                binding.bind_ortvalue_input(name, value)
            for name, value in outputs.items():
                binding.bind_ortvalue_output(name, value)
            options.add_run_config_entry("gpu_graph_id", str(len(self._bindings) + 1))
            self._bindings[key] = (binding, options)
        return self._bindings[key]
