"""Runs the rollout and decode graphs, which take a fixed batch size, on any number of candidates and states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Decoded, Imagined
from world_model_ros.bundle.session import Graph
from world_model_ros.bundle.signatures import reference_of
from world_model_ros.core.arrays import Floats

Frames = Mapping[str, NDArray[np.uint8] | None]


def imagine(graph: Graph, belief: Floats, candidates: Floats) -> Imagined:
    """Roll out action sequences (N, H, C) from a belief (M,)."""
    size, fixed = graph.spec.inputs["candidates"].shape[0], graph.neutral()
    runs = [
        {name: array[:count] for name, array in graph.run(fixed | {"memory": belief, "candidates": batch}).items()}
        for batch, count in _batches(np.asarray(candidates, np.float32), size)
    ]
    return Imagined(**_joined(runs))


def decode(graph: Graph, states: Floats, references: Frames, still: Floats | None = None) -> Decoded:
    """Decode states (B, S).

    Args:
        graph: the decode graph.
        states: of any number.
        references: last real frame of each camera by name, (H, W, 3) uint8; a picture without one starts from black.
        still: (K,) 1 for targets that have not moved since the references; a graph without that input does not ask.
    """
    size = graph.spec.inputs["states"].shape[0]
    fixed = graph.neutral()
    given = {reference_of(camera): frame for camera, frame in references.items() if frame is not None}
    fixed |= {name: frame for name, frame in given.items() if name in fixed}
    if still is not None and "still" in fixed:
        fixed["still"] = still
    runs = [
        {name: array[:count] for name, array in graph.run(fixed | {"states": batch}).items()}
        for batch, count in _batches(np.asarray(states, np.float32), size)
    ]
    senses = _joined(runs)
    pictures = {name: senses.pop(name) for name in list(senses) if senses[name].dtype == np.uint8}
    return Decoded(pictures, senses)


def _batches(rows: Floats, size: int) -> Iterator[tuple[Floats, int]]:
    """Pieces of exactly ``size`` rows, the last one filled up with its last row, and how many of each count."""
    for first in range(0, len(rows), size):
        piece = rows[first : first + size]
        filling = np.repeat(piece[-1:], size - len(piece), axis=0)
        yield np.concatenate([piece, filling]), len(piece)


def _joined(runs: list[dict[str, NDArray[Any]]]) -> dict[str, Any]:
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
