"""ONNX Runtime: providers that fail loudly, and graphs whose tensors were verified against the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from world_model_ros.core.errors import UserError
from world_model_ros.runtime.bundle import Bundle

Array = NDArray[Any]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


def available_providers() -> list[str]:
    """Providers of this installation, by our names, in the order of `PROVIDERS`."""
    found = ort.get_available_providers()
    return [name for name, full in PROVIDERS.items() if full in found]


def choose_provider(asked: str) -> str:
    """``auto`` -> ``cuda`` where ONNX Runtime has it, else ``cpu``; anything else must be there.

    TensorRT is only taken when asked for: it builds engines for minutes at the first start.
    """
    if asked == "auto":
        return "cuda" if "cuda" in available_providers() else "cpu"
    if asked not in PROVIDERS:
        raise UserError("provider", asked, f"one of {['auto', *PROVIDERS]}")
    if asked not in available_providers():
        raise UserError(
            "provider",
            asked,
            f"one of {['auto', *available_providers()]}: onnxruntime {ort.__version__} is installed without "
            f"{PROVIDERS[asked]}, which needs the package onnxruntime-gpu (extra 'gpu') "
            "in place of onnxruntime, and an NVIDIA driver",
        )
    return asked


class Graph:
    """One graph of a bundle, ready to run.

    Args:
        bundle: verified.
        name: of the graph.
        provider: ``cpu``, ``cuda`` or ``tensorrt``, from `choose_provider`.
        threads: of one run on the CPU. They sleep between runs, because the cores are shared with other nodes.

    Raises:
        UserError: the provider does not start, or the file's tensors are not those of the manifest.
    """

    def __init__(self, bundle: Bundle, name: str, provider: str = "cpu", threads: int = 1) -> None:
        self.name = name
        self.spec = bundle.manifest.graphs[name]
        self._session = _open(bundle.graph_path(name), provider, threads)
        _verify(f"model {bundle.manifest.name}: {self.spec.file}", self._session, self.spec)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]
        self._outputs = list(self.spec.outputs)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Inputs by name -> outputs by name, with exactly the manifest's shapes and types; what it does not read is
        left out."""
        read = {name: inputs[name] for name in self._inputs}
        return dict(zip(self._outputs, self._session.run(self._outputs, read)))

    def zeros(self) -> dict[str, Array]:
        """Inputs of the right shapes, all zero; to warm up."""
        return {name: np.zeros(spec.shape, spec.dtype) for name, spec in self.spec.inputs.items()}


def _open(path: Path, provider: str, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if provider != "cpu" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # CUDA and cuDNN as pip packages are not on the loader's path
    asked = PROVIDERS[provider]
    try:
        session = ort.InferenceSession(str(path), options, providers=list(dict.fromkeys((asked, PROVIDERS["cpu"]))))
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise UserError(str(path), str(error), "a graph that ONNX Runtime can load") from error
    if session.get_providers()[0] != asked:
        raise UserError(
            "provider",
            provider,
            f"'cpu', or a machine where {asked} starts: it is installed, but its driver, CUDA or cuDNN libraries "
            "were not found or do not fit",
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
