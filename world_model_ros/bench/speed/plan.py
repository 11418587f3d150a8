"""``world-model bench plan``, the part without PyTorch: makes plan inputs, times the plan graph and thread settings."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bench.speed.made_up_senses import observation
from world_model_ros.bench.speed.timing import alternate, spread
from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import Bundle
from world_model_ros.bundle.provider import provider_named
from world_model_ros.bundle.session import Graph
from world_model_ros.bundle.signatures import cameras, neutral
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.noise import coloured_noise

Inputs = dict[str, NDArray[Any]]
_SETTLING = 3  # ticks until there is a belief


def plan_inputs(brain: Brain, seed: int = 0, iterations: int = 0, samples: int = 0, horizon: int = 0) -> Inputs:
    """Inputs of a plan for the last target that is a place, 5 cm from where made-up senses have it.

    Args:
        iterations, samples, horizon: of the planner, where they are not the bundle's.
    """
    manifest, contract = brain.bundle.manifest, brain.contract
    if manifest.kind != "act":
        raise UserError("model", manifest.name, "a bundle with a planner (kind 'act')")
    sizes, action = manifest.sizes, contract.interface.action
    memory, poses = brain.start(), None
    for tick in range(_SETTLING):
        decision, memory = brain.tick(
            observation(contract, tick * contract.tick_ns, seed), None, None, memory, None, seed
        )
        poses = decision.belief_poses
    steps, bounds = horizon or sizes.horizon, np.array(action.bounds)
    shape = (iterations or sizes.iterations, samples or sizes.candidates, steps, action.size)
    random = np.random.default_rng(seed)
    inputs: Inputs = {
        "memory": memory.belief,
        "goal_joints": np.zeros(len(contract.interface.joints), np.float32),
        "goal_joints_weight": np.zeros(1, np.float32),
        "goal_codes": np.zeros((len(cameras(contract.interface)), sizes.code), np.float32),
        "goal_code_weights": np.zeros(len(cameras(contract.interface)), np.float32),
        "bounds_low": np.tile(-bounds, (steps, 1)).astype(np.float32),
        "bounds_high": np.tile(bounds, (steps, 1)).astype(np.float32),
        "warm": np.clip(0.3 * bounds * random.standard_normal(shape[2:]), -bounds, bounds).astype(np.float32),
        "noise": coloured_noise(seed, shape),
    }
    placed = [k for k, target in enumerate(contract.interface.targets) if target.kind != "articulated"]
    if poses is not None and placed:
        inputs["goal_poses"], inputs["goal_position_weights"] = poses.copy(), np.zeros(len(poses), np.float32)
        inputs["goal_poses"][placed[-1], :2] += 0.05
        inputs["goal_position_weights"][placed[-1]] = 1.0
        fingers = len(contract.interface.fingertips)
        if fingers > 1:
            inputs["goal_hands"] = np.eye(fingers, dtype=np.float32)[0]
    for name, spec in manifest.graphs["plan"].inputs.items():
        inputs.setdefault(name, neutral(name, spec))
    return inputs


def shipped_plan(bundle: Bundle, contract: Contract, provider: str, threads: int, repeats: int) -> dict[str, Any]:
    """Times of the bundle's own plan graph, and of the noise that is drawn for it outside.

    Returns:
        ``stages_ms``, ``plan_ms``, ``share_in_runtime``, ``overhead_ms``: see `bench.speed.timing`.
    """
    provider = str(provider_named(provider))
    inputs = plan_inputs(Brain(bundle, contract, provider, threads))
    graph = Graph(bundle, "plan", provider, threads)
    spec = bundle.manifest.planner
    beta, seed = 2.0 if spec is None else spec.beta, iter(range(10**9))
    laps = alternate(
        {
            "noise": lambda: coloured_noise(next(seed), inputs["noise"].shape, beta),
            "plan": lambda: graph.run(inputs),
        },
        repeats,
        warm=5,
    )
    share = laps["plan"] / (laps["plan"] + laps["noise"])
    return {
        "stages_ms": {name: spread(each) for name, each in laps.items()},
        "plan_ms": spread(laps["plan"])["p50"],
        "share_in_runtime": round(float(np.median(share)), 4),
        "overhead_ms": spread(laps["noise"])["p50"],
    }


def settings(bundle: Bundle, contract: Contract, repeats: int) -> dict[str, Any]:
    """The plan graph and perceive on the CPU with one thread and two, that sleep or spin while they wait.

    Returns:
        ``stages_ms`` by graph, threads and how they wait.
    """
    inputs = {"plan": plan_inputs(Brain(bundle, contract, "cpu", 1))}
    variants = {}
    for name in ("perceive", "plan"):
        for threads, provider in ((1, "cpu"), (2, "cpu"), (2, "cpu:spin")):
            graph = Graph(bundle, name, provider, threads)
            given = inputs.get(name, graph.neutral())
            waiting = "spinning" if provider.endswith("spin") else "sleeping"
            variants[f"{name} {threads} {waiting}"] = partial(graph.run, given)
    return {"stages_ms": {name: spread(each) for name, each in alternate(variants, repeats, warm=5).items()}}
