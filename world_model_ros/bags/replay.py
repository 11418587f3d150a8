"""Run a brain over a recorded bag, and hold what it imagined against what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.horizon_scores import HorizonScores
from world_model_ros.bags.reader import BagReader
from world_model_ros.bags.tick_log import RecordedTick, recorded_ticks
from world_model_ros.bags.ticks import BagTicks, Tick
from world_model_ros.bags.writer import BagWriter
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.schema import CameraStream
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.decision import Decision, Imagined, Memory
from world_model_ros.runtime.graphs import first_camera
from world_model_ros.runtime.inputs import measured_positions
from world_model_ros.runtime.tick_record import TickRecord

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Moment:
    """One imagination and what came of it, to be drawn.

    Args:
        now: (H, W, 3) uint8 RGB, the frame it started from. stamp_ns: of that tick.
        seconds: T times ahead. imagined: T frames. real: T frames, None where the camera was not fresh.
        surprise: of the tick.
    """

    now: Frame
    stamp_ns: int
    seconds: tuple[float, ...]
    imagined: tuple[Frame, ...]
    real: tuple[Frame | None, ...]
    surprise: float


@dataclass(frozen=True)
class Replay:
    """Outcome of `replay`: what stands in ``metrics.json``, and moments to draw."""

    metrics: dict[str, Any]
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class _Step:
    """One replayed tick; ``applied`` is what was done since the last one."""

    tick: Tick
    applied: NDArray[np.float32]
    decision: Decision
    memory: Memory
    live: RecordedTick | None


def replay(
    bag: str | Path,
    contract: Contract,
    brain: Brain,
    out: str | Path,
    *,
    seed: int = 0,
    moments: int = 4,
    draw: Callable[[Path, Sequence[Moment]], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Replay a bag.

    Every tick is run as live: the recorded ticks of the bag if it has them (same times, samples, seeds, goals), else
    one every ``contract.tick_ns`` without a goal. After each, the coming H applied actions are rolled out from the
    belief, and compared with what was then measured.

    Writes ``out/bag`` (``tick``, ``surprise``, ``command``, ``predicted/...`` under the actions that were executed),
    ``out/metrics.json``, and ``out/futures.png`` if there is something to draw it with.

    Args:
        bag: bag folder or file.
        contract: of the robot in the bag.
        brain: made for that contract; one that only watches will do.
        out: folder.
        seed: of the first tick, where the bag has no record.
        moments: how many imaginations to keep for drawing, evenly spread.
        draw: draws moments into a file.
        progress: called with the number of ticks done.

    Raises:
        UserError: no such bag, a required stream is not in it, or ``out`` has a bag already.
    """
    out = Path(out)
    with BagReader(bag) as reader, BagWriter(out / "bag", contract) as writer:
        record = recorded_ticks(reader, contract)
        source = BagTicks(reader, contract, [each.plan for each in record] if record else None)
        steps = list(_run(source, contract, brain, record, seed, writer, progress))
        if not steps:
            raise UserError("bag", str(bag), "one in which all required streams overlap for a tick at least")
        scores, kept = _look_ahead(steps, contract, brain, moments, writer)
        metrics = {
            "robot": contract.name,
            "model": brain.bundle.manifest.name,
            "bag": Path(bag).name,
            "follows_record": bool(record),
            **_summary(steps, contract),
            "refused": dict(source.refused),
            "horizon": scores.table(),
            "same_as_live": _same_as_live(steps) if record else None,
        }
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    if draw is not None and kept:
        draw(out / "futures.png", kept)
    return Replay(metrics, tuple(kept))


def _run(
    source: BagTicks,
    contract: Contract,
    brain: Brain,
    record: list[RecordedTick],
    seed: int,
    writer: BagWriter,
    progress: Callable[[int], None] | None,
) -> Iterator[_Step]:
    """The ticks, one after the other, each from the memory of the one before."""
    motion = motion_for(contract)
    memory = brain.start()
    before: NDArray[np.float64] | None = None
    for index, tick in enumerate(source):
        live = record[index] if record else None
        reference, goal = tick.reference, None
        applied = np.zeros(contract.interface.action.size, np.float32)
        tick_seed = seed + index
        if live is not None:
            reference, applied, goal, tick_seed = live.reference, live.applied, live.goal, live.seed
            if live.restarted:
                memory = brain.start()
        elif before is not None and reference is not None:
            applied = np.asarray(motion.applied_action(before, reference), np.float32)
        before = reference
        restarted = memory.fresh_start
        decision, memory = brain.tick(tick.observation, applied, reference, memory, goal, tick_seed)
        now_ns = tick.observation.now_ns
        told = TickRecord(
            index=index,
            seed=tick_seed,
            observation=tick.observation,
            applied=applied,
            reference=reference,
            goal=goal,
            decision=decision,
            missed=0,
            stages_ms=decision.stages_ms,
            restarted=restarted,
        )
        writer.write("tick", "std_msgs/msg/String", writer.make.string(told.json()), now_ns)
        writer.write("surprise", "std_msgs/msg/Float32", writer.make.float32(decision.surprise), now_ns)
        if decision.trajectory is not None:
            command = writer.make.trajectory(decision.trajectory)
            writer.write("command", "trajectory_msgs/msg/JointTrajectory", command, now_ns)
        if progress is not None:
            progress(index + 1)
        yield _Step(tick, applied, decision, memory, live)


def _look_ahead(
    steps: list[_Step], contract: Contract, brain: Brain, moments: int, writer: BagWriter
) -> tuple[HorizonScores, list[Moment]]:
    """Imagine under the executed actions from every tick that has a whole horizon before it."""
    horizon = brain.bundle.manifest.horizon
    scores = HorizonScores(horizon, contract.tick_ns * 1e-9)
    camera = first_camera(contract.interface)
    starts = range(len(steps) - horizon)
    shown = [t for t in starts if _frame(steps[t], camera) is not None]
    wanted = {shown[round(i)] for i in np.linspace(0, len(shown) - 1, min(moments, len(shown)))} if shown else set()
    kept: list[Moment] = []
    for t in starts:
        step, coming = steps[t], steps[t + 1 : t + 1 + horizon]
        executed = np.stack([each.applied for each in coming])[None]
        imagined = brain.imagine(step.memory, executed)
        _score_joints(scores, step, coming, imagined, contract)
        _score_targets(scores, step, coming, imagined, contract, brain)
        _write_future(writer, step, imagined, contract)
        now = _frame(step, camera)
        if now is None:
            continue
        frames = brain.decode(imagined.states[0], now).frames
        assert frames is not None
        real = [_frame(each, camera) for each in coming]
        for h, (guess, truth) in enumerate(zip(frames, real), start=1):
            if truth is not None:
                scores.frame(h, guess, truth, now)
        if t in wanted:
            picked = sorted({max(1, round(horizon * share)) for share in (0.25, 0.5, 0.75, 1.0)})
            kept.append(
                Moment(
                    now,
                    step.tick.observation.now_ns,
                    tuple(h * contract.tick_ns * 1e-9 for h in picked),
                    tuple(frames[h - 1] for h in picked),
                    tuple(real[h - 1] for h in picked),
                    step.decision.surprise,
                )
            )
    return scores, kept


def _frame(step: _Step, camera: CameraStream | None) -> Frame | None:
    """What the camera showed at a tick; None if it was not fresh."""
    value = None if camera is None else step.tick.observation.values.get(camera.name)
    return None if value is None else np.asarray(value, np.uint8)


def _score_joints(
    scores: HorizonScores, step: _Step, coming: list[_Step], imagined: Imagined, contract: Contract
) -> None:
    now = measured_positions(step.tick.observation, contract)
    for h, each in enumerate(coming, start=1):
        real = measured_positions(each.tick.observation, contract)
        if now is not None and real is not None:
            scores.joints(h, imagined.joints[0, h - 1], real, now)


def _score_targets(
    scores: HorizonScores, step: _Step, coming: list[_Step], imagined: Imagined, contract: Contract, brain: Brain
) -> None:
    """Those targets that the bag has labels for."""
    if imagined.poses is None or imagined.sigma is None:
        return
    truths = {label.target: label.name for label in contract.interface.labels}
    scale = brain.bundle.manifest.calibration.region_scale
    for k, target in enumerate(contract.interface.targets):
        now = step.tick.labels.get(truths.get(target.name, ""))
        for h, each in enumerate(coming, start=1):
            real = each.tick.labels.get(truths.get(target.name, ""))
            if now is not None and real is not None:
                guess, sigma = imagined.poses[0, h - 1, k, :3], imagined.sigma[0, h - 1, k]
                scores.target(target.name, h, guess, real[:3], now[:3], sigma * scale)


def _write_future(writer: BagWriter, step: _Step, imagined: Imagined, contract: Contract) -> None:
    """Imagined states with the stamp of the frame they are decoded against, and the targets' paths."""
    now_ns, camera = step.tick.observation.now_ns, first_camera(contract.interface)
    frame_ns = now_ns if camera is None else step.tick.observation.stamps_ns.get(camera.name, now_ns)
    states = writer.make.tensor(imagined.states[0], frame_ns)
    writer.write("predicted/states", "sensor_msgs/msg/Image", states, now_ns)
    if imagined.poses is None:
        return
    times = [now_ns + h * contract.tick_ns for h in range(1, len(imagined.states[0]) + 1)]
    for k, target in enumerate(contract.interface.targets):
        path = writer.make.path(imagined.poses[0, :, k], times, contract.interface.base_frame)
        writer.write(f"predicted/{target.name}/path", "nav_msgs/msg/Path", path, now_ns)


def _summary(steps: list[_Step], contract: Contract) -> dict[str, Any]:
    observations = [step.tick.observation for step in steps]
    surprise = [step.decision.surprise for step in steps]
    spent_ms = [sum(step.decision.stages_ms.values()) for step in steps]
    return {
        "ticks": len(steps),
        "seconds": (observations[-1].now_ns - observations[0].now_ns) * 1e-9,
        "fresh": {
            stream.name: float(np.mean([each.fresh[stream.name] for each in observations]))
            for stream in contract.interface.streams
        },
        "surprise": {"mean": float(np.mean(surprise)), "p95": float(np.percentile(surprise, 95))},
        "tick_ms": {"p50": float(np.percentile(spent_ms, 50)), "p99": float(np.percentile(spent_ms, 99))},
    }


def _same_as_live(steps: list[_Step]) -> dict[str, Any]:
    """How far the replayed ticks are from the recorded ones; from the start only if the record has the start."""
    gaps = [
        abs(step.decision.surprise - step.live.surprise)
        for step in steps
        if step.live is not None and step.live.surprise is not None
    ]
    begins = steps[0].live is not None and steps[0].live.restarted
    return {
        "record_has_the_start": begins,
        "ticks": len(gaps),
        "equal": sum(gap == 0.0 for gap in gaps),
        "largest_difference_of_surprise": max(gaps, default=None),
    }
