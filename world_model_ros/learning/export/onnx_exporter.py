"""Converts a PyTorch module to an ONNX graph, by either of PyTorch's exporters (dynamo or torchscript).

``dynamo`` is built on `torch.export` and is the one that stays. ``torchscript`` traces, is on its way out of PyTorch,
and needs no onnxscript. Both keep the names of weights, which `learning.export.restore` finds them by.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import onnx
import torch
from torch import Tensor, nn

from world_model_ros.core.errors import UserError
from world_model_ros.learning.export.graph_modules import NamedGraph

Exporter = Literal["dynamo", "torchscript"]
EXPORTERS: tuple[Exporter, ...] = get_args(Exporter)
_MODEL = "model."  # in front of the names of weights, as `learning.export.restore` finds them


def exporter_named(name: str | None) -> Exporter:
    """The exporter of that name; without one ``dynamo``, where onnxscript is installed.

    Raises:
        UserError: no such exporter, or ``dynamo`` without onnxscript.
    """
    there = importlib.util.find_spec("onnxscript") is not None
    if name is None:
        return "dynamo" if there else "torchscript"
    for each in EXPORTERS:
        if each == name:
            if each == "dynamo" and not there:
                raise UserError("exporter", name, "torchscript, or pip install onnxscript (extra: train)")
            return each
    raise UserError("exporter", name, f"one of {list(EXPORTERS)}")


def onnx_graph(module: NamedGraph, example: tuple[Tensor, ...], exporter: Exporter) -> onnx.ModelProto:
    """The graph of a module, with fixed shapes.

    Args:
        module: its inputs and outputs are named.
        example: an input each, of the shapes that the graph gets.
        exporter: which of the two.
    """
    return graph_of(module, example, exporter, module.inputs, module.outputs)


def graph_of(
    module: nn.Module, example: tuple[Tensor, ...], exporter: Exporter, inputs: list[str], outputs: list[str] | None
) -> onnx.ModelProto:
    """As `onnx_graph`, of a module that does not name what goes in and out; None leaves names to the exporter."""
    names: dict[str, Any] = {"input_names": inputs, "output_names": outputs}
    with torch.no_grad(), _quiet():
        if exporter == "torchscript":
            buffer: Any = io.BytesIO()
            torch.onnx.export(module.eval(), example, buffer, opset_version=17, dynamo=False, **names)
            return onnx.load_from_string(buffer.getvalue())
        program = torch.onnx.export(
            module.eval(), example, opset_version=20, dynamo=True, optimize=False, verbose=False, **names
        )
    assert program is not None
    return _plain(_smaller(program.model).model_proto)


def _smaller(model: Any) -> Any:
    """Constants folded and what is said twice said once, with every weight under its name.

    Onnxscript's rewriting is left out: it takes ``x + 1e-8`` for ``x``. ONNX Runtime fuses when it loads the graph.
    """
    import onnx_ir
    from onnx_ir.passes import common
    from onnxscript.optimizer import fold_constants_ir
    from torch.onnx import ONNXProgram

    def should_fold(node: Any) -> bool | None:
        return False if any(value is not None and _is_weight(value.name or "") for value in node.inputs) else None

    common.InlinePass()(model)
    fold_constants_ir(model, onnx_shape_inference=True, should_fold=should_fold)
    smaller = onnx_ir.passes.Sequential(
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedFunctionsPass(),
        common.RemoveUnusedOpsetsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.OutputFixPass(),
        common.NameFixPass(),
    )
    logger = logging.getLogger(common.DeduplicateInitializersPass.__module__)
    logger.addFilter(_tells)
    try:
        smaller(model)
    finally:
        logger.removeFilter(_tells)
    return ONNXProgram(model, None)


def _tells(record: logging.LogRecord) -> bool:
    """False of what is said of each output that is a constant, which stays one, as it should."""
    return "as it is a graph input or output" not in record.getMessage()


def _is_weight(name: str) -> bool:
    return _MODEL in name


def _plain(proto: onnx.ModelProto) -> onnx.ModelProto:
    """With weights named as the model names them, and nothing of where nodes come from: paths of this machine."""
    graph = proto.graph
    for said in (proto, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        said.ClearField("metadata_props")
        said.ClearField("doc_string")
    del graph.value_info[:]
    for tensor in graph.initializer:
        tensor.name = _named(tensor.name)
    for node in graph.node:
        node.input[:] = [_named(name) for name in node.input]
    return proto


def _named(name: str) -> str:
    """The model's own name of a weight that a part of its planner holds."""
    return _MODEL + name.partition(f".{_MODEL}")[2] if name.startswith("planner.") and f".{_MODEL}" in name else name


@contextmanager
def _quiet() -> Iterator[None]:
    """Both exporters warn of operators that are in no graph of ours, and of constants that are meant to be some."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
