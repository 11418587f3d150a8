"""Parses an ONNX Runtime execution provider (``cpu``, ``cuda``, ``tensorrt``) and its options; must be installed.

Example::

    provider_named("cuda:graph")                               # fp32, each run one CUDA graph
    provider_named("tensorrt:fp16,cache=/var/cache/world_model")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime as ort

from world_model_ros.core.errors import UserError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
OPTIONS = {
    "cpu": ("spin",),
    "cuda": ("graph", "tf32", "strict", "device"),
    "tensorrt": ("graph", "fp16", "cache", "strict", "device"),
}
_VALUED = ("cache", "device")


@dataclass(frozen=True)
class Provider:
    """A provider with its options.

    Args:
        name: a key of `PROVIDERS`.
        options: by name, of those in `OPTIONS`; True for those without a value.

            - ``spin``: within a run, threads wait for work by spinning, which is quicker on cores without other work.
            - ``graph``: each run is one CUDA graph, captured once, instead of kernels that are launched one by one.
            - ``tf32``: products in TensorFloat-32, which is beyond the bound of parity with the CPU.
            - ``fp16``: half precision where TensorRT finds it quicker; measure the parity.
            - ``cache=FOLDER``: engines of TensorRT are kept there; without it they are built at each start.
            - ``strict``: refuse a graph with a node that only the CPU can run.
            - ``device=N``: number of the GPU.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """Where buffers are, as ONNX Runtime calls it."""
        return "cpu" if self.name == "cpu" else "cuda"

    @property
    def device_id(self) -> int:
        return int(self.options.get("device", 0))

    def sequence(self) -> list[tuple[str, dict[str, str]]]:
        """Execution providers with their options, best first."""
        cpu: tuple[str, dict[str, str]] = (PROVIDERS["cpu"], {})
        if self.name == "cpu":
            return [cpu]
        number, captured = str(self.device_id), str(int("graph" in self.options))
        cuda = {"device_id": number, "use_tf32": str(int("tf32" in self.options)), "enable_cuda_graph": captured}
        if self.name == "cuda":
            return [(PROVIDERS["cuda"], cuda), cpu]
        engine = {
            "device_id": number,
            "trt_fp16_enable": str(int("fp16" in self.options)),
            "trt_cuda_graph_enable": captured,
        }
        if "cache" in self.options:
            engine |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(self.options["cache"])}
        return [(PROVIDERS["tensorrt"], engine), (PROVIDERS["cuda"], cuda | {"enable_cuda_graph": "0"}), cpu]

    def __str__(self) -> str:
        words = [name if value is True else f"{name}={value}" for name, value in self.options.items()]
        return self.name + (":" + ",".join(words) if words else "")


def available_providers() -> list[str]:
    """Providers of this installation, by our names, in the order of `PROVIDERS`."""
    found = ort.get_available_providers()
    return [name for name, full in PROVIDERS.items() if full in found]


def provider_named(asked: str) -> Provider:
    """``name``, or ``name:option,option=value``.

    ``auto`` is ``cuda`` where ONNX Runtime has it, else ``cpu``. TensorRT is only taken when asked for: it builds
    engines for minutes at the first start.

    Raises:
        UserError: there is no such provider or option, or it is not installed.
    """
    name, _, words = str(asked).partition(":")
    if name == "auto":
        name = "cuda" if "cuda" in available_providers() else "cpu"
    if name not in PROVIDERS:
        raise UserError("provider", asked, f"one of {['auto', *PROVIDERS]}, perhaps with options after a colon")
    options = _options(asked, name, words)
    if name not in available_providers():
        raise UserError(
            "provider",
            asked,
            f"one of {['auto', *available_providers()]}: onnxruntime {ort.__version__} is installed without "
            f"{PROVIDERS[name]}, which needs the package onnxruntime-gpu (extra 'gpu') "
            "in place of onnxruntime, and an NVIDIA driver",
        )
    return Provider(name, options)


def _options(asked: str, name: str, words: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in filter(None, words.split(",")):
        option, _, value = word.partition("=")
        if option not in OPTIONS[name]:
            raise UserError("provider", asked, f"options of {name}: {list(OPTIONS[name])}")
        if (option in _VALUED) != bool(value):
            raise UserError("provider", asked, f"{option}=VALUE" if option in _VALUED else f"{option}, without a value")
        options[option] = value or True
    if not str(options.get("device", 0)).isdigit():
        raise UserError("provider", asked, "device=N, the number of a GPU from 0 up")
    if "cache" in options and not Path(options["cache"]).is_dir():
        raise UserError("provider", asked, "cache=FOLDER, a folder that exists")
    return options
