"""Rollout and decode for any number of candidates or states, by graphs of a fixed number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.runtime.decision import Decoded, Floats, Imagined
from world_model_ros.runtime.session import Graph


def imagine(graph: Graph, belief: Floats, candidates: Floats) -> Imagined:
    """Roll out action sequences (N, H, C) from a belief (M,)."""
    size = graph.spec.inputs["candidates"].shape[0]
    runs = [
        {name: array[:count] for name, array in graph.run({"memory": belief, "candidates": batch}).items()}
        for batch, count in _batches(np.asarray(candidates, np.float32), size)
    ]
    return Imagined(**_joined(runs))


def decode(graph: Graph, states: Floats, reference: NDArray[np.uint8] | None, still: Floats | None = None) -> Decoded:
    """Decode states (B, S); without a reference frame the picture starts from black.

    Args:
        still: (K,) 1 for targets that have not moved since the reference; a graph without that input does not ask.
    """
    size = graph.spec.inputs["states"].shape[0]
    fixed = graph.zeros()
    if reference is not None and "reference" in fixed:
        fixed["reference"] = reference
    if still is not None and "still" in fixed:
        fixed["still"] = still
    runs = [
        {name: array[:count] for name, array in graph.run(fixed | {"states": batch}).items()}
        for batch, count in _batches(np.asarray(states, np.float32), size)
    ]
    senses = _joined(runs)
    return Decoded(senses.pop("frames", None), senses)


def _batches(rows: Floats, size: int) -> Iterator[tuple[Floats, int]]:
    """Pieces of exactly ``size`` rows, the last one filled up with its last row, and how many of each count."""
    for first in range(0, len(rows), size):
        piece = rows[first : first + size]
        filling = np.repeat(piece[-1:], size - len(piece), axis=0)
        yield np.concatenate([piece, filling]), len(piece)


def _joined(runs: list[dict[str, NDArray[Any]]]) -> dict[str, Any]:
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
