"""Computes the planner's cost of imagined futures in NumPy, for candidate motions from other programs.

The same terms as `world_model_ros.planning.costs`, which live inside the plan graph; here in NumPy, on what the rollout
graph returns. Distances in m, smaller is better.

That graph could not give them: how far ahead is trusted depends on all candidates together, and it takes them in padded
batches of a fixed number. In bundles that exist it would have to be written by hand, as nodes, without PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from world_model_ros.brain.decision import Imagined
from world_model_ros.bundle.manifest import PlannerSpec
from world_model_ros.contract.hands import sides
from world_model_ros.contract.schema import Interface
from world_model_ros.core.arrays import Float, Floats

_EARLY = 0.3  # weight of the first step, that of the last being 1
_FADES_M = 0.04  # nearer than this to its goal, an object need not be pushed from behind any more
_TINY = 1e-8
_REGION = 2.5003  # what `PlannerSpec` says by default
_DEFAULTS = {"standoff_m": 0.05, "behind_weight": 0.35, "trust_m": 0.06, "risk_weight": 0.1, "region_scale": _REGION}
# Of bundles that do not say.
_NONE = {"outside_weight": 0.0, "margin_m": 0.0, "apart_m": 0.0, "apart_weight": 0.0}


def candidate_costs(
    imagined: Imagined, wants: Mapping[str, Floats], interface: Interface, spec: PlannerSpec
) -> tuple[Float, Float]:
    """What N candidates cost: the way to the goal (N,), and not knowing (N,). Their sum is the planner's cost.

    How far ahead is trusted depends on all N together, so costs compare within one call only.

    Args:
        imagined: what they lead to.
        wants: goal tensors as the plan graph takes them: ``goal_poses`` (K, 7) and ``goal_position_weights`` (K,),
            perhaps with ``goal_hands`` (T,), or ``goal_joints`` (J,) and ``goal_joints_weight`` (1,).
        interface: of the contract, with K targets.
        spec: of a planner that has this objective, see `is_cost_of`.
    """
    told = getattr(spec, "cost", {})
    settings = {name: float(told.get(name, default)) for name, default in (_DEFAULTS | _NONE).items()}
    targets = interface.targets
    n, horizon = imagined.states.shape[:2]
    goal, risk = np.zeros((n, horizon)), np.zeros((n, horizon))
    if "goal_poses" in wants and imagined.poses is not None and imagined.sigma is not None:
        positions = np.asarray(imagined.poses[..., :3], np.float64)
        radius = settings["region_scale"] * np.asarray(imagined.sigma, np.float64).mean(-1)
        tips = list(interface.fingertips)
        for k, target in enumerate(targets):
            place, weight = np.asarray(wants["goal_poses"][k, :3], np.float64), float(wants["goal_position_weights"][k])
            each = _length(positions[:, :, k] - place)
            if target.kind == "object" and tips:
                hands = wants.get("goal_hands")
                pushing = {tips[0]: 1.0} if hands is None else dict(zip(tips, hands.tolist()))
                for tip, share in pushing.items():
                    behind = _behind(positions[:, :, tip], positions[:, :, k], place, settings["standoff_m"])
                    each = each + share * settings["behind_weight"] * behind
            trust = np.minimum(settings["trust_m"] / radius[:, :, k].mean(0), 1.0)
            goal += weight * each * trust
            risk += weight * settings["risk_weight"] * radius[:, :, k]
        goal += float(np.max(wants["goal_position_weights"])) * _trespass(positions, interface, settings)
    late = np.linspace(_EARLY, 1.0, horizon)
    total = (goal * late).sum(1)
    if "goal_joints" in wants and imagined.joints is not None:
        off = np.asarray(imagined.joints[:, -1], np.float64) - wants["goal_joints"]
        total += horizon * float(wants["goal_joints_weight"][0]) * (off**2).mean(-1)
    return total, (risk * late).sum(1)


def is_cost_of(spec: PlannerSpec) -> bool:
    """Whether a planner judges by these terms, and not by an objective of its own."""
    told = spec.model_extra or {}
    return bool(told.get("objective", "" if "solver" in told else "goal") == "goal")


def _trespass(positions: Float, interface: Interface, settings: Mapping[str, float]) -> Float:
    """That fingertips of targets at (N, H, K, 3) leave their workspaces, or come to another's side, (N, H)."""
    cost = np.zeros(positions.shape[:2])
    hands = [(positions[:, :, k], hand) for k, hand in interface.fingertips.items() if hand.axes]
    for places, hand in hands:
        place = places[..., hand.axes]
        beyond = np.maximum(hand.low - place, place - hand.high) - settings["margin_m"]
        cost += settings["outside_weight"] * _length(np.maximum(beyond, 0.0))
    for first, second, side in sides([hand.box for _, hand in hands]):
        between = (hands[first][0] - hands[second][0])[..., :2] @ side
        cost += settings["apart_weight"] * np.maximum(settings["apart_m"] - between, 0.0)
    return cost


def _behind(fingertip: Float, pushed: Float, goal: Float, standoff_m: float) -> Float:
    """See `world_model_ros.planning.costs.behind_cost`."""
    to_goal, away = (goal - pushed)[..., :2], (fingertip - pushed)[..., :2]
    distance, radius = _length(to_goal), _length(away)
    cosine = -(to_goal * away).sum(-1) / (distance * radius)
    arc = standoff_m * 0.5 * np.pi * (1.0 - cosine)
    return np.asarray((np.abs(radius - standoff_m) + arc) * np.minimum(distance / _FADES_M, 1.0))


def _length(vector: Float) -> Float:
    return np.asarray(np.sqrt((vector * vector).sum(-1) + _TINY))
