"""Ranks candidate motions of other programs by what the model imagines, in time that ticks leave; commands nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from nav_msgs.msg import Path
from rclpy.node import Node
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Imagined
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.brain.imagination.candidates import (
    Candidate,
    candidate_from,
    candidate_of_actions,
    joined,
    verdicts,
    whole_trajectory,
)
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.futures import joints_message, path_message, placed_targets
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.rules import Refusal, judge
from world_model_ros.kinematics.motion import Motion
from world_model_ros.nodes.brain.spare_time import SpareTime
from world_model_ros.nodes.brain.ticked import Ticked
from world_model_ros.nodes.candidates.inbox import CandidateInbox, Request
from world_model_ros.nodes.candidates.job import Job, motion_or_reason
from world_model_ros.nodes.view.marker_messages import marker_array
from world_model_ros.view.markers.future_markers import candidate_marker

_PATIENCE_TICKS = 10  # without time for a batch


class CandidateServer:
    """Takes the newest request after each tick, as many batches of the rollout graph as fit before the next one.

    Not thread-safe: made before the inference thread starts, used by it alone.
    """

    def __init__(self, node: Node, contract: Contract, brain: Brain, inbox: CandidateInbox) -> None:
        self._node, self._contract, self._brain, self._inbox = node, contract, brain, inbox
        self._motion: Motion | UserError = motion_or_reason(contract)
        self._limited = contract.deployment.urdf is not None or bool(contract.deployment.limits)
        self._make = MessageMaker(ros_class)
        manifest = brain.bundle.manifest
        self._horizon = manifest.horizon
        self._batch = manifest.graphs["rollout"].inputs["candidates"].shape[0]
        begin = perf_counter()
        zeros = np.zeros((self._batch, self._horizon, contract.interface.action.size), np.float32)
        brain.imagine(brain.start(), zeros)
        self._spare = SpareTime(perf_counter() - begin)
        self._job: Job | None = None
        self._answered = 0
        self._ranking = node.create_publisher(String, "candidates/ranking", 10)
        self._joints = node.create_publisher(JointTrajectory, "candidates/best/joints", 10)
        self._futures = node.create_publisher(MarkerArray, "candidates/futures", 10)
        self._paths = {
            place: node.create_publisher(Path, f"candidates/best/{name}/path", 10)
            for name, place in placed_targets(contract).items()
        }

    def close(self) -> None:
        for publisher in (self._ranking, self._joints, self._futures, *self._paths.values()):
            self._node.destroy_publisher(publisher)

    def forget(self) -> None:
        """The belief was started anew: what is at work begins again."""
        self._job = None

    def after_tick(self, ticked: Ticked) -> float:
        """Work on the newest request until ``ticked.deadline_s``. Returns the ms that it took."""
        begin, request = perf_counter(), self._inbox.newest
        if request.version == self._answered:
            return 0.0
        if self._job is None or self._job.request.version != request.version:
            self._job = self._begin(request, ticked)
        else:
            self._job.ticks += 1
        job, worked = self._job, False
        while job.left:
            if not self._spare.fits(ticked.deadline_s):
                break
            lap = perf_counter()
            self._step(job)
            worked = True
            self._spare.took(perf_counter() - lap)
        job.busy_ms += (perf_counter() - begin) * 1e3
        job.waited = 0 if worked else job.waited + 1
        if not job.left or job.waited >= _PATIENCE_TICKS:
            self._answer(job)
            self._answered, self._job = request.version, None
        return (perf_counter() - begin) * 1e3

    def _begin(self, request: Request, ticked: Ticked) -> Job:
        start = ticked.reference
        if start is None:
            start = measured_positions(ticked.observation, self._contract)
        return Job(request, ticked, start, list(request.offers), refused=dict(request.refused))

    def _step(self, job: Job) -> None:
        """Imagine one batch."""
        names, job.left = job.left[: self._batch], job.left[self._batch :]
        fit = []
        for name in names:
            try:
                fit.append(self._candidate(name, job))
            except UserError as error:
                job.refused[name] = str(error)
        if fit:
            job.done += fit
            actions = np.stack([each.actions for each in fit])
            job.futures.append(self._brain.imagine_executed(job.ticked.memory, actions))

    def _candidate(self, name: str, job: Job) -> Candidate:
        offer, now_ns = job.request.offers[name], job.ticked.observation.now_ns
        if self._contract.interface.action.free and not isinstance(offer, Trajectory):
            return candidate_of_actions(name, offer, self._contract, self._horizon)
        if isinstance(self._motion, UserError):
            raise self._motion
        if job.start is None:
            raise UserError("candidates", "no joint states", "fresh ones: motions start from where the robot is")
        if not isinstance(offer, Trajectory):
            found = candidate_of_actions(name, offer, self._contract, self._horizon)
            tick_s = self._contract.tick_s
            whole = self._motion.chunk_trajectory(job.start, found.actions.astype(np.float64), now_ns, tick_s)
        else:
            whole = whole_trajectory(offer, self._contract, job.start, now_ns)
            found = candidate_from(name, whole, self._contract, self._motion, now_ns, self._horizon)
        return replace(found, refused=self._refusal(whole, now_ns))

    def _refusal(self, trajectory: Trajectory, now_ns: int) -> str | None:
        """What the gate would say of it, as far as that depends on the trajectory alone."""
        if not self._limited:
            return None
        settings = self._contract.deployment.gate
        verdict = judge(
            replace(trajectory, stamp_ns=now_ns),
            self._contract.limits(),
            now_ns,
            settings.command_max_age_s,
            horizon_s=settings.horizon_s,
        )
        return str(verdict) if isinstance(verdict, Refusal) else None

    def _answer(self, job: Job) -> None:
        decision, now_ns = job.ticked.decision, job.ticked.observation.now_ns
        goal = job.ticked.goal
        answer: dict[str, Any] = {
            "request": job.request.name,
            "now_ns": now_ns,
            "goal": None if goal is None else {"kind": goal.kind, "target": decision.aim_target},
            "horizon_s": round(self._horizon * self._contract.tick_s, 6),
            "candidates": [],
            "refused": [{"name": name, "why": why} for name, why in job.refused.items()],
            "busy_ms": round(job.busy_ms, 3),
            "ticks": job.ticks,
            "error": None,
        }
        if job.left:
            answer["error"] = f"no time: a batch takes {self._spare.slowest_s * 1e3:.1f} ms, no tick left as much over"
        elif job.done:
            imagined = joined(job.futures)
            manifest = self._brain.bundle.manifest
            found = verdicts(job.done, imagined, decision.wants or {}, self._contract, manifest)
            answer["candidates"] = found
            self._publish_best(imagined, found[0]["index"], now_ns)
        self._ranking.publish(self._make.string(json.dumps(answer)))

    def _publish_best(self, imagined: Imagined, best: int, now_ns: int) -> None:
        if imagined.joints is not None:
            self._joints.publish(joints_message(self._make, self._contract, imagined.joints[best], now_ns))
        if imagined.poses is None or not self._paths:
            return
        for k, publisher in self._paths.items():
            publisher.publish(path_message(self._make, self._contract, imagined.poses[best, :, k], now_ns))
        lines = candidate_marker(imagined.poses[:, :, next(iter(self._paths)), :3])
        self._futures.publish(marker_array(lines, self._contract.interface.base_frame, now_ns))
