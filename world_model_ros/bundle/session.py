"""Opens and runs a bundle's graphs in ONNX Runtime, after a check of their tensors against the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import onnxruntime as ort

from world_model_ros.bundle.bundle import Bundle
from world_model_ros.bundle.device import DeviceRun, Resident, require_fit
from world_model_ros.bundle.provider import provider_named
from world_model_ros.bundle.signatures import neutral
from world_model_ros.core.arrays import Array
from world_model_ros.core.errors import UserError

_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


KEPT = ("memory_next",)  # outputs of one tick that the next one and other graphs take


class Graph:
    """One graph of a bundle, ready to run.

    Args:
        bundle: verified.
        name: of the graph.
        provider: as for `provider_named`.
        threads: of one run on the CPU.
        resident: of the brain that the graph is of; with it, and always on a GPU, buffers are kept on the device.

    Attributes:
        spent_ms: time inside ONNX Runtime, of all runs.

    Raises:
        UserError: the provider does not start, or the file's tensors are not those of the manifest.
    """

    def __init__(
        self, bundle: Bundle, name: str, provider: str = "cpu", threads: int = 1, resident: Resident | None = None
    ) -> None:
        self.name = name
        self.spec = bundle.manifest.graphs[name]
        self._session = open_session(bundle.graph_path(name), provider, threads)
        _verify(f"model {bundle.manifest.name}: {self.spec.file}", self._session, self.spec)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]
        self._neutral = {name: neutral(name, spec) for name, spec in self.spec.inputs.items()}
        for array in self._neutral.values():
            array.setflags(write=False)
        on, self._bound = provider_named(provider), None
        if resident is not None or on.device != "cpu":
            kept = () if on.name == "tensorrt" else KEPT  # whose captured graph has one set of buffers
            self._bound = DeviceRun(self._session, self.spec, (on.device, on.device_id), resident or Resident(), kept)
        self._outputs = list(self.spec.outputs)
        self.spent_ms = 0.0

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Inputs by name -> outputs by name, with exactly the manifest's shapes and types; what it does not read is
        left out."""
        before = perf_counter()
        if self._bound is not None:
            found = self._bound.run(inputs)
        else:
            read = {name: inputs[name] for name in self._inputs}
            try:
                found = dict(zip(self._outputs, self._session.run(self._outputs, read)))
            except Exception:  # ONNX Runtime's errors have no common base; that an input fits is only asked now
                for name in self._inputs:
                    require_fit(f"{self.name}: {name}", inputs[name], self.spec.inputs[name])
                raise
        self.spent_ms += (perf_counter() - before) * 1e3
        return found

    def neutral(self) -> dict[str, Array]:
        """Inputs that change nothing, of the right shapes and read-only; see `bundle.signatures.neutral`."""
        return dict(self._neutral)


def open_session(graph: Path | bytes, provider: str = "cpu", threads: int = 1) -> Any:
    """An ONNX Runtime session of a graph, by file or content. Raises `UserError` if it or the provider does not load.

    Threads never spin between runs, because the cores are shared with other nodes, and within one only if the
    provider's options say so.
    """
    asked = provider_named(provider)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int("spin" in asked.options)))
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.add_session_config_entry("session.force_spinning_stop", "1")  # when a run ends
    if "strict" in asked.options:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if asked.name != "cpu" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # CUDA and cuDNN as pip packages are not on the loader's path
    sequence = asked.sequence()
    try:
        source = graph if isinstance(graph, bytes) else str(graph)
        session = ort.InferenceSession(source, options, providers=sequence)
    except Exception as error:  # ONNX Runtime's errors have no common base
        name = "graph" if isinstance(graph, bytes) else str(graph)
        raise UserError(name, str(error), "a graph that ONNX Runtime can load") from error
    if session.get_providers()[0] != sequence[0][0]:
        raise UserError(
            "provider",
            provider,
            f"'cpu', or a machine where {sequence[0][0]} starts: it is installed, but its driver, CUDA or cuDNN "
            "libraries were not found or do not fit",
        )
    session.disable_fallback()
    return session


def _verify(where: str, session: Any, spec: Any) -> None:
    for side, found, asked in (
        ("input", session.get_inputs(), spec.inputs),
        ("output", session.get_outputs(), spec.outputs),
    ):
        have = {tensor.name: (tuple(tensor.shape), _DTYPES.get(tensor.type, tensor.type)) for tensor in found}
        for name, want in asked.items():
            if side == "input" and name not in have:
                continue  # exporters drop inputs that nothing reads
            if have.get(name) != (want.shape, want.dtype):
                legal = f"{want.dtype} {want.shape}, as the manifest says"
                raise UserError(f"{where}: {side} {name}", have.get(name, f"absent; there are {sorted(have)}"), legal)
        unfed = sorted(set(have) - set(asked)) if side == "input" else []
        if unfed:
            raise UserError(f"{where}: input", unfed, f"only {sorted(asked)}, as the manifest says")
