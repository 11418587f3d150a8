"""Asks a model five questions at a moment of a bag (future, inverse, plan, video, together); scores the answers.

future: what will the recorded actions lead to? inverse: which actions lie between the observations? plan: which actions
lead to a goal? video: what will be seen on the way to it? together: which actions follow, and what will be seen?

The five are the modes of Motus (Bi et al. 2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from world_model_ros.bags.align.episode import target_poses, target_values
from world_model_ros.bags.align.ticks import Tick
from world_model_ros.bags.replay.horizon_errors import psnr_db
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.tick_inputs import TickInputs
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Floats, Frame
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal, PoseGoal, ValueGoal
from world_model_ros.evaluate.prediction.forecast import SETTLE_TICKS, Watched, watch
from world_model_ros.goals.subgoal import check_goal, goals_taken
from world_model_ros.kinematics.motion import motion_if_any

Mode = Literal["future", "inverse", "plan", "video", "together"]
MODES: tuple[Mode, ...] = get_args(Mode)
_NEAREST = 4  # moments that are named where a picture is asked for and there is none
_WITHIN_S = 0.5  # a moment with an image so near stands for one without


@dataclass(frozen=True)
class Answer:
    """What the model says.

    Args:
        actions: (n, C) in the contract's units. recorded: the actions that were executed instead, (n, C); fewer at the
            end of a bag. They are those of the same ticks.
        now: the frame it starts from, (H, W, 3) uint8; None without a camera.
        frames: imagined, one a tick ahead. real: what was then seen; None where the camera was not fresh, and on the
            way to a goal. goal: picture of the goal.
        scores: by name. blind: why there is no frame where one could be; empty otherwise.
        at_s: the moment, s after the first tick; None of ``inverse``. goal_at_s: that of the goal's frame, if one is of
            the bag. Either is the nearest one with an image, within half a second, where that asked for has none.
    """

    mode: Mode
    actions: Floats
    recorded: Floats
    now: Frame | None
    frames: tuple[Frame, ...]
    real: tuple[Frame | None, ...]
    scores: dict[str, Any]
    goal: Frame | None = None
    blind: str = ""
    at_s: float | None = None
    goal_at_s: float | None = None


def answer(
    mode: Mode,
    bag: Path,
    contract: Contract,
    brain: Brain,
    at_s: float = 1.0,
    goal_image: Frame | None = None,
    goal_at_s: float | None = None,
) -> Answer:
    """Watch a bag up to a moment, and ask.

    Args:
        bag: folder or file.
        contract: of its robot.
        brain: made for the contract; must be able to act for ``plan`` and ``video``.
        at_s: the moment, s after the first tick of the bag. ``inverse`` looks at all of it. Where the camera was not
            fresh then, the nearest moment within half a second at which it was is taken; as for ``goal_at_s``.
        goal_image: (H, W, 3) uint8 of the contract's shape, for ``plan`` and ``video``.
        goal_at_s: in its place, the moment of the bag whose frame is the goal; the end of the horizon without either.

    Raises:
        UserError: a moment outside of the bag, no camera or no planner where one is needed, or a bundle without the
            graph that answers.
    """
    if mode not in MODES:
        raise UserError("mode", mode, f"one of {list(MODES)}")
    seen = watch(bag, contract, brain)
    if mode == "inverse":
        return _inverse(seen, brain)
    tick_s, horizon = 1.0 / contract.interface.tick_hz, brain.bundle.manifest.horizon
    t, last = _tick("at", at_s, tick_s, seen), len(seen.ticks) - 1 - (horizon if mode == "future" else 0)
    if mode != "plan" and t <= last:
        t = _nearest(seen, t, last, contract)
    recorded = np.array(seen.applied[t + 1 : t + 1 + horizon], np.float32)
    if mode == "future":
        if len(recorded) < horizon:
            raise UserError(
                "at", at_s, f"at most {(len(seen.ticks) - 1 - horizon) * tick_s:.1f} s, so that it is known"
            )
        imagined = brain.imagine_executed(seen.memories[t], recorded[None])
        found = _target_scores(imagined, seen.ticks[t : t + 1 + horizon], contract)
        return _shown(mode, contract, brain, seen, t, recorded, recorded, imagined.states[0], found)
    if mode == "together":
        usual = brain.usual_future(seen.memories[t])
        guessed = _action_scores(usual.chunk[: len(recorded)], recorded)
        return _shown(mode, contract, brain, seen, t, usual.chunk, recorded, usual.states, guessed)
    if not brain.acts:
        raise UserError(f"model {brain.bundle.manifest.name}", brain.bundle.manifest.kind, "a model that acts")
    if goal_image is not None:
        goal = Goal("image", seen.ticks[t].observation.now_ns, image=goal_image)
        return _plan(mode, contract, brain, seen, t, recorded, goal)
    goal_s = at_s + horizon * tick_s if goal_at_s is None else goal_at_s
    g = _nearest(seen, _tick("goal-at", goal_s, tick_s, seen), len(seen.ticks) - 1, contract)
    goal = _goal_of(mode, seen, g, t, brain, goal_s)
    return replace(_plan(mode, contract, brain, seen, t, recorded, goal), goal_at_s=round(g * tick_s, 6))


def _goal_of(mode: Mode, seen: Watched, g: int, t: int, brain: Brain, goal_s: float) -> Goal:
    """What was seen at a tick as the goal; of a robot without a camera, everything as its labels say that it was."""
    contract, camera = brain.contract, first_camera(brain.contract.interface)
    image = _frame(seen, g, contract)
    if image is not None:
        return Goal("image", seen.ticks[t].observation.now_ns, image=image)
    if camera is None and mode == "plan":
        return _recorded_goal(seen.ticks[g], brain, goal_s)
    legal = "a robot with a camera" if camera is None else f"a moment with an image ({_blind(seen.ticks, g, contract)})"
    raise UserError("goal-at", goal_s, legal)


def _nearest(seen: Watched, t: int, last: int, contract: Contract) -> int:
    """The tick nearest to ``t``, of 1 to ``last``, at which the first camera was fresh; ``t`` itself of a robot without
    one, and where none is within half a second."""
    camera, near = first_camera(contract.interface), round(_WITHIN_S * contract.interface.tick_hz)
    if camera is None:
        return t
    about = sorted(range(max(1, t - near), min(last, t + near) + 1), key=lambda i: (abs(i - t), i))
    return next((i for i in about if seen.ticks[i].observation.fresh[camera.name]), t)


def _plan(mode: Mode, contract: Contract, brain: Brain, seen: Watched, t: int, recorded: Floats, goal: Goal) -> Answer:
    """What it does for a goal at a tick, and how far that is from the goal in the end."""
    before, targets = seen.ticks[t], contract.interface.targets
    goal = check_goal(goal, contract, brain.bundle.manifest)
    # A recorded robot may have been led past the limits of its contract.
    inputs = TickInputs(t, 0, before.observation, seen.applied[t], before.reference, goal, seen.memories[t - 1])
    decision, _ = brain.decide(inputs)
    if decision.chunk is None or decision.states is None:
        raise UserError("at", t / contract.interface.tick_hz, f"one at which a plan can be made ({decision.status})")
    scores: dict[str, Any] = {"status": decision.status}
    names = [target.name for target in targets]
    if goal.image is not None and decision.aim is not None and decision.poses is not None and decision.aim_target:
        index = names.index(decision.aim_target)
        left = np.linalg.norm(decision.poses[-1, index, :2] - decision.aim[:2])
        scores |= {"target": decision.aim_target, "left_m": round(float(left), 4)}
    for wish in goal.wishes:
        index = names.index(wish.target)
        now = decision.believed(index, targets[index])
        asked = wish.pose[:3] if isinstance(wish, PoseGoal) else np.array([wish.value])
        end = decision.poses if isinstance(wish, PoseGoal) else decision.values
        if now is None or end is None:
            continue
        last = end[-1, index, :3] if isinstance(wish, PoseGoal) else end[-1, index]
        away = [round(float(np.linalg.norm(place - asked)), 4) for place in (now, last)]
        scores |= {f"{wish.target}_away_{targets[index].measure}": away[0]}
        scores |= {f"{wish.target}_left_{targets[index].measure}": away[1]}
    states = decision.states if mode == "video" else decision.states[:0]
    return _shown(mode, contract, brain, seen, t, decision.chunk, recorded, states, scores, goal.image)


def _recorded_goal(tick: Tick, brain: Brain, seconds: float) -> Goal:
    """Everything to be as it was recorded at a tick, as far as the model takes goals for it."""
    contract, manifest = brain.contract, brain.bundle.manifest
    taken, labels = goals_taken(contract, manifest), {label.target: label.name for label in contract.interface.labels}
    wishes: list[PoseGoal | ValueGoal] = []
    for target in contract.interface.targets:
        told, kinds = tick.labels.get(labels.get(target.name, "")), taken.get(target.name, ())
        if told is None or not kinds:
            continue
        if target.kind == "articulated":
            wishes.append(ValueGoal(target.name, float(told[0])))
            continue
        pose = np.array(told, np.float32)
        if "orientation" not in kinds:
            pose[3:] = (0.0, 0.0, 0.0, 1.0)
        wishes.append(PoseGoal(target.name, pose))
    if not wishes:
        raise UserError("goal-at", seconds, f"a moment at which labels say where one of {list(taken)} is")
    return check_goal(Goal.of(wishes, tick.observation.now_ns), contract, manifest)


def _target_scores(imagined: Imagined, ticks: Sequence[Tick], contract: Contract) -> dict[str, Any]:
    """Errors of targets by step ahead, next to those of staying where they are; ``ticks``: now, and those ahead."""
    places = target_poses(list(ticks), contract, motion_if_any(contract))[..., :3]
    values, scores = target_values(list(ticks), contract), {}
    for k, target in enumerate(contract.interface.targets):
        way, real = imagined.way(k, target), values[:, k, None] if target.kind == "articulated" else places[:, k]
        if way is None or np.isnan(real).any():
            continue
        for name, guess in (("error", way[0][0]), ("still_error", real[:1])):
            away = np.linalg.norm(guess - real[1:], axis=-1)
            scores[f"{target.name}_{name}_{target.measure}"] = [round(float(each), 4) for each in away]
    return scores


def _inverse(seen: Watched, brain: Brain) -> Answer:
    """All ticks after the first few; no belief is used, so nothing is given of what was commanded."""
    codes = [decision.sensed for decision in seen.decisions]
    found = []
    for now, after in zip(codes[SETTLE_TICKS:], codes[SETTLE_TICKS + 1 :]):
        if now is None or after is None:
            raise UserError(f"model {brain.bundle.manifest.name}", "no sensed", "a bundle with 'inverse'")
        found.append(brain.action_between(now, after))
    if not found:
        raise UserError("bag", f"{len(seen.ticks)} ticks", f"{SETTLE_TICKS + 2} ticks or more")
    actions, recorded = np.array(found), np.array(seen.applied[SETTLE_TICKS + 1 :], np.float32)
    return Answer("inverse", actions, recorded, None, (), (), _action_scores(actions, recorded))


def _shown(
    mode: Mode,
    contract: Contract,
    brain: Brain,
    seen: Watched,
    t: int,
    actions: Floats,
    recorded: Floats,
    states: Floats,
    scores: dict[str, Any],
    goal: Frame | None = None,
) -> Answer:
    """The answer with its frames decoded."""
    now = _frame(seen, t, contract)
    frames: tuple[Frame, ...] = ()
    real: tuple[Frame | None, ...] = ()
    if now is not None and len(states):
        decoded = brain.decode(states, now).frames
        frames = () if decoded is None else tuple(decoded)
        real = (None,) * len(frames)
        if goal is None:
            real = tuple(_frame(seen, t + 1 + h, contract) for h in range(len(frames)))
            known = [(a, b) for a, b in zip(frames, real) if b is not None]
            scores = scores | {
                "psnr_db": [round(psnr_db(a, b), 2) for a, b in known],
                "psnr_still_db": [round(psnr_db(now, b), 2) for _, b in known],
            }
    blind, at_s = _blind(seen.ticks, t, contract, now), round(t / contract.interface.tick_hz, 6)
    return Answer(mode, actions, recorded, now, frames, real, scores, goal, blind, at_s)


def _blind(ticks: Sequence[Tick], t: int, contract: Contract, now: Frame | None = None) -> str:
    """Why there is no frame at a tick, with the nearest moments that have one; empty if there is, or no camera."""
    camera = first_camera(contract.interface)
    if camera is None or now is not None:
        return ""
    tick_s = 1.0 / contract.interface.tick_hz
    fresh = [i for i, tick in enumerate(ticks) if tick.observation.fresh[camera.name]]
    near = sorted(sorted(fresh, key=lambda i: abs(i - t))[:_NEAREST])
    there = f"fresh at {', '.join(f'{i * tick_s:.1f}' for i in near)} s" if near else "nor at any other moment"
    return f"camera {camera.name} was not fresh at {t * tick_s:.1f} s; {there}"


def _action_scores(found: Floats, recorded: Floats) -> dict[str, Any]:
    """Root mean square error, next to that of always saying the mean, and correlation over all components."""
    if not len(recorded):
        return {}
    wrong = float(np.sqrt(np.mean((found - recorded) ** 2)))
    mean = float(np.sqrt(np.mean((recorded - recorded.mean(0)) ** 2)))
    scores = {"action_rms": round(wrong, 5), "action_rms_of_the_mean": round(mean, 5)}
    if recorded.std() > 0 and found.std() > 0:
        scores["correlation"] = round(float(np.corrcoef(found.ravel(), recorded.ravel())[0, 1]), 4)
    return scores


def _frame(seen: Watched, t: int, contract: Contract) -> Frame | None:
    camera = first_camera(contract.interface)
    if camera is None or t >= len(seen.ticks) or not seen.ticks[t].observation.fresh[camera.name]:
        return None
    return np.asarray(seen.ticks[t].observation.values[camera.name], np.uint8)


def _tick(field: str, seconds: float, tick_s: float, seen: Watched) -> int:
    last = len(seen.ticks) - 1
    if last < 1:
        raise UserError("bag", f"{last + 1} ticks", "two ticks at least")
    t = round(seconds / tick_s) if np.isfinite(seconds) else 0
    if not 1 <= t <= last:
        raise UserError(field, seconds, f"{tick_s:.1f} to {last * tick_s:.1f} s after the first tick")
    return t
