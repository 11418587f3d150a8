"""The brain's one inference thread: runs a tick when idle, drops ticks that come while it is busy, never queues."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

from world_model_ros.brain.brain import Brain
from world_model_ros.brain.coverage_monitor import CoverageMonitor
from world_model_ros.brain.decision import Decision
from world_model_ros.brain.session import BrainSession
from world_model_ros.brain.tick_inputs import TickInputs
from world_model_ros.brain.tick_record import TickRecord, TickStatistics, unstamped_values
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.streams import Observation
from world_model_ros.nodes.brain.ticked import AfterTick, Ticked
from world_model_ros.nodes.brain.topics.gate_news import GateNews
from world_model_ros.nodes.brain.topics.goal_inbox import GoalInbox
from world_model_ros.nodes.brain.topics.outbox import BrainOutbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox

_LONG_TICKS = 10  # after which a tick before is another time
_SHARE = 0.85  # of a tick, from when it is due, in which there may be work after it


class TickLoop:
    """Runs the brain on what the inboxes hold.

    Args:
        seed: of the run, from 0 up; each tick has its own, which its record says.
        after: what works in the time that a tick leaves over, in this order, by the name of its stage.
        reference: commanded joint positions (J,) at an observation; None takes what the gate says.
        news: of the gate, as far as there is one.
        turns: ticks in a step of the model, see `Interleaving`.
        alive: whether the middleware is still there; errors after that are no faults.
        log_error: takes a line.
    """

    def __init__(
        self,
        brain: Brain,
        streams: StreamInbox,
        goals: GoalInbox,
        outbox: BrainOutbox,
        seed: int,
        alive: Callable[[], bool],
        log_error: Callable[[str], Any],
        after: Mapping[str, AfterTick] | None = None,
        reference: Callable[[Observation], Float | None] | None = None,
        news: GateNews | None = None,
        turns: int = 1,
    ) -> None:
        self._brain, self._streams, self._goals, self._outbox = brain, streams, goals, outbox
        self._alive, self._log_error = alive, log_error
        self._after, self._news = dict(after or {}), news
        self._commanded_at = reference or (lambda observation: streams.applied.at(observation.now_ns))
        self.statistics = TickStatistics()
        self.observation: Observation | None = None
        self.decision: Decision | None = None
        manifest = brain.bundle.manifest
        scale = manifest.calibration.region_scale
        self.coverage = CoverageMonitor(brain.contract, brain.imagine, manifest.horizon, scale, turns)
        self._session, self._commanded = BrainSession(brain, seed, turns, life=goals.life), False
        self._first_ns: int | None = None  # since the clock last jumped back
        self._last_ns: int | None = None
        self._taken = self._missed_before = 0
        self._tick_ns = brain.contract.tick_ns // turns
        self._free, self._before_ns = brain.contract.interface.action.free, 0
        self._wake = threading.Condition()
        self._due: tuple[int, float] | None = None
        self._busy = self._restart = self._stopped = False
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)
        self._thread.start()

    @property
    def rate_hz(self) -> float:
        """Ticks a second that are asked for."""
        return self._brain.contract.interface.tick_hz * self._session.turns

    def offer(self, now_ns: int) -> None:
        """It is time for a tick. Called by the timer; returns at once."""
        with self._wake:
            if self._last_ns is not None and now_ns < self._last_ns:
                self._streams.flush()
                self._restart, self._first_ns = True, None
            if self._first_ns is None:
                self._first_ns, self._taken, self._missed_before = now_ns, 0, self.statistics.missed
            self._last_ns = now_ns
            free = not self._busy and self._due is None
            if free:
                self._taken += 1
                self._due = (now_ns, perf_counter())
                self._wake.notify()
            passed = (now_ns - self._first_ns) // self._tick_ns + 1
            missed = self._missed_before + passed - self._taken
            self.statistics.missed = max(self.statistics.missed, missed)

    def close(self) -> None:
        """End the thread after the tick it is in."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join()
        now_ns = self._last_ns or 0
        ended = self._session.end(now_ns)
        if self._alive():
            self._outbox.stop()
            self._goals.tell(self._session.life, ended, now_ns)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                self._wake.wait_for(lambda: self._stopped or self._due is not None)
                if self._stopped or self._due is None:
                    return
                (now_ns, since), self._due, self._busy = self._due, None, True
                if self._restart:
                    self._restart = False
                    self._forget()
            try:
                self._tick(now_ns, since)
            except Exception:
                if not self._alive():
                    return
                self.statistics.failed()
                self._forget()
                told = "it had been commanded" if self._commanded else "nothing was commanded"
                self._log_error(f"tick {self._session.index - 1} failed, {told}: {traceback.format_exc()}")

    def _tick(self, now_ns: int, since: float) -> None:
        self._commanded, asked, (refusal, owner) = False, self._goals.take(), self._gate_said()
        observation = self._streams.streams.observe(now_ns)
        reference = self._commanded_at(observation)
        applied = self._sent(observation.now_ns) if self._free else None
        inputs = self._session.inputs_asked(observation, reference, asked, refusal=refusal, applied=applied)
        observed = perf_counter()
        done_tick, decision, failure = None, None, None
        try:
            done_tick = self._session.step(inputs)
            decision = done_tick.decision
            self._outbox.command(decision)
            self._commanded = decision.trajectory is not None or decision.action is not None
        except Exception as exception:
            failure = exception
        done = perf_counter()
        stages_ms = {"observe": (observed - since) * 1e3} | dict(decision.stages_ms if decision else {})
        stages_ms["total"] = (done - since) * 1e3
        stages_ms["runtime"] = decision.runtime_ms if decision else 0.0  # of the total, inside ONNX Runtime
        took_ms = self._streams.convert_ms  # before the tick, by the executor's thread
        stages_ms["convert"] = sum(took_ms.get(name, 0.0) for name in observation.values)
        record = partial(self._record, inputs, decision, stages_ms, failure, owner)
        failure = self._all_of(
            failure,
            *([] if failure is None else [self._outbox.stop]),
            lambda: self._outbox.tick(record()),
            lambda: self._goals.tell(self._session.life, self._session.ended, now_ns),
        )
        if failure is not None:
            raise failure
        assert done_tick is not None
        assert decision is not None
        self._outbox.futures(decision, observation)
        self.observation, self.decision = observation, decision
        self.coverage.add(done_tick.memory, inputs.applied, decision, observation.fresh)
        stages_ms["publish"] = (perf_counter() - done) * 1e3
        self._session.prepare()
        deadline_s = since + _SHARE * self._tick_ns * 1e-9
        ticked = Ticked(observation, inputs.applied, reference, done_tick.memory, inputs.goal, decision, deadline_s)
        for name, part in self._after.items():
            if worked_ms := part.after_tick(ticked):
                stages_ms[name] = worked_ms
        self.statistics.add(now_ns, stages_ms)

    def _record(
        self,
        inputs: TickInputs,
        decision: Decision | None,
        stages_ms: Mapping[str, float],
        failure: Exception | None,
        owner: str | None,
    ) -> TickRecord:
        return TickRecord(
            index=inputs.index,
            seed=inputs.seed,
            observation=inputs.observation,
            applied=inputs.applied,
            reference=inputs.reference,
            goal=inputs.goal,
            decision=decision,
            missed=self.statistics.missed,
            stages_ms=stages_ms,
            restarted=inputs.restarted,
            error=None if failure is None else f"{type(failure).__name__}: {failure}",
            refused_goal=self._goals.refused,
            gate_refusal=inputs.refusal,
            owner=owner,
            turns=self._session.turns,
            unstamped=unstamped_values(inputs.observation, self._brain.contract),
            goal_id=inputs.goal_id,
            asked=inputs.asked,
            ended=self._session.ended,
        )

    def _all_of(self, failure: Exception | None, *steps: Callable[[], object]) -> Exception | None:
        """Do each of the steps, whatever becomes of the others. Returns the first exception of all."""
        for step in steps:
            try:
                step()
            except Exception as exception:
                if failure is not None and self._alive():
                    self._log_error(f"after {type(failure).__name__}: {traceback.format_exc()}")
                failure = failure or exception
        return failure

    def _gate_said(self) -> tuple[str | None, str | None]:
        """The rule that a command broke since the last call, and the owner."""
        return (None, None) if self._news is None else (self._news.take(), self._news.owner)

    def _sent(self, now_ns: int) -> Floats:
        """The action (C,) of free parts that came since the tick before."""
        before_ns, self._before_ns = self._before_ns, now_ns
        if not 0 < now_ns - before_ns < _LONG_TICKS * self._tick_ns:
            before_ns = now_ns - self._tick_ns
        return self._streams.actions.between(before_ns, now_ns)

    def _forget(self) -> None:
        """What was believed before no longer leads to what comes."""
        self._session.restart()
        self.coverage.forget()
        for part in self._after.values():
            part.forget()
