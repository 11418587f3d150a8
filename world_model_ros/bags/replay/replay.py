"""Replays a bag: runs a brain over it, compares imagination with the recording, and writes a bag and metrics."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from world_model_ros.bags.align.robot_of_bag import require_same_action
from world_model_ros.bags.align.stream_counts import StreamCount
from world_model_ros.bags.align.tick_log import RecordedTick, recorded_ticks
from world_model_ros.bags.align.ticks import BagTicks
from world_model_ros.bags.bag_fit import BagFit
from world_model_ros.bags.replay.horizon_errors import HorizonErrors
from world_model_ros.bags.replay.journal import Journal
from world_model_ros.bags.replay.look_ahead import LookAhead
from world_model_ros.bags.replay.notes import insist_on_required, never_fresh_reasons, replay_notes
from world_model_ros.bags.replay.output_bag import ReplayBag
from world_model_ros.bags.replay.output_folder import replaced_bag, require_replaceable
from world_model_ros.bags.replay.replayed_tick import ReplayedTick
from world_model_ros.bags.replay.report.highlights import Moment
from world_model_ros.bags.replay.same_as_live import SameAsLive
from world_model_ros.bags.replay.state import ReplayState, load_state
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.graph_inputs import measured_positions
from world_model_ros.brain.session import BrainSession
from world_model_ros.bundle.bundle import wrong_interface
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.core.checks import positive, whole
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import path_of


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay.

    Args:
        names: topic in the bag -> topic of the contract.
        seed: of the first tick, where the bag has no record.
        moments: how many imaginations to keep for drawing, those in which most moves.
        resume: ``memory.npz`` of an earlier replay of the same bag, which this one goes on from.
        until_s: stop after the ticks up to this time since the bag's first message.
        rate: at most so many times as fast as it was recorded; as fast as possible without it.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    moments: int = 4
    resume: Path | None = None
    until_s: float | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("until", self.until_s), ("rate", self.rate)):
            if value is not None:
                positive(name, value)
        for name, count in (("seed", self.seed), ("moments", self.moments)):
            whole(name, count)
        if self.resume is not None:
            path_of("resume", self.resume)


@dataclass(frozen=True)
class Replay:
    """Outcome of `replay`: what stands in ``metrics.json``, and what a report shows.

    Args:
        moments: imaginations in which most moves, in order of time. worst: (surprise, time in ns, the imagination that
            led there).
    """

    metrics: dict[str, Any]
    moments: tuple[Moment, ...]
    worst: tuple[tuple[float, int, Moment], ...]
    journal: Journal
    scores: HorizonErrors


def replay(
    bag: str | Path,
    contract: Contract,
    brain: Brain,
    out: str | Path,
    options: ReplayOptions = ReplayOptions(),
    *,
    draw: Callable[[Path, Sequence[Moment]], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Replay a bag. Memory does not grow with its size, but for some bytes a tick.

    Every tick is run as live: the recorded ticks of the bag if it has them (same times, samples, seeds, goals), else
    one every ``contract.tick_ns`` without a goal. After each, the coming H applied actions are rolled out from the
    belief, and compared with what was then measured.

    Writes ``out/bag`` (what was recorded, and ``tick``, ``surprise``, ``command``, ``predicted/...`` under the actions
    that were executed), ``out/metrics.json``, ``out/memory.npz`` to resume from, and ``out/futures.png`` if there is
    something to draw it with. What a former replay wrote there is replaced.

    Args:
        bag: bag folder or file.
        contract: of the robot in the bag.
        brain: made for that contract; one that only watches will do.
        out: folder.
        draw: draws moments into a file.
        progress: called with the number of ticks done.

    Raises:
        UserError: no such bag, a required stream is not in it, ``out`` is in it, or what no replay wrote is in its way
            there. A bag that this call wrote is removed then.
    """
    out, started = require_replaceable(path_of("out", out), path_of("bag", bag)), time.perf_counter()
    _require(contract, brain, options)
    for name, call in (("draw", draw), ("progress", progress)):
        if call is not None and not callable(call):
            raise UserError(name, call, "a function, or None")
    state = None if options.resume is None else load_state(options.resume, brain)
    with BagReader(bag, options.names) as reader, ExitStack() as kept:
        record, source = _source(reader, contract, options, state)
        with BagWriter(kept.enter_context(replaced_bag(out)), contract) as writer:
            outcome = _Outcome(writer, reader, contract, brain, options.moments, record[0].turns if record else 1)
            source.copy = outcome.copy
            for told, after in _until(_run(source, contract, brain, record, state, options), reader, options):
                state = after
                outcome.add(told)
                if progress is not None:
                    progress(len(outcome.journal))
        if not len(outcome.journal) or state is None:
            legal = "one in which all required streams overlap for a tick at least"
            unread = [f"{topic}: {why}" for topic, why in reader.unreadable.items()]
            raise UserError("bag", str(bag), "; ".join([legal, *unread, *reader.damage]))
        metrics = outcome.metrics(source, bool(record), time.perf_counter() - started)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    state.save(out / "memory.npz", brain)
    ahead, moments = outcome.ahead, tuple(outcome.ahead.telling.items())
    if draw is not None and moments:
        draw(out / "futures.png", moments)
    return Replay(metrics, moments, tuple(ahead.worst.items()), outcome.journal, ahead.scores)


def _require(contract: Contract, brain: Brain, options: ReplayOptions) -> None:
    """`UserError` of a brain of another robot, and of other types."""
    require_contract(contract)
    for name, value, kind in (("brain", brain, Brain), ("options", options, ReplayOptions)):
        if not isinstance(value, kind):
            raise UserError(name, value, f"a {kind.__name__}")
    other = wrong_interface(brain.bundle.manifest, contract)
    if other is not None:
        raise other


class _Outcome:
    """What becomes of the ticks of a replay.

    Args:
        writer: of the bag that is written. moments: that are kept. turns: ticks in a step of the model.

    Attributes:
        journal: what happened. ahead: what was imagined, and how good it was.
    """

    def __init__(
        self, writer: BagWriter, reader: BagReader, contract: Contract, brain: Brain, moments: int, turns: int
    ) -> None:
        self._reader, self._contract, self._brain = reader, contract, brain
        self._beside = ReplayBag(writer, reader, contract)
        self._fit = BagFit(reader, contract, sparing=True)
        self._same = SameAsLive()
        self.journal = Journal(contract)
        self.ahead = LookAhead(contract, brain, moments, self._beside.future, turns)

    def copy(self, topic: str, kind: str, bag_ns: int, raw: bytes) -> None:
        """Each message is copied, and judged by the contract."""
        self._beside.copy(topic, kind, bag_ns, raw)
        self._fit.hear(topic, bag_ns, raw)

    def add(self, told: ReplayedTick) -> None:
        """The next tick."""
        self.journal.add(told)
        self.ahead.add(told)
        self._same.add(told)
        self._beside.tick(told, told.reference, told.goal)

    def metrics(self, source: BagTicks, live: bool, wall_s: float) -> dict[str, Any]:
        """What stands in ``metrics.json``; ``live``: the ticks were those of the recording.

        Raises:
            UserError: a required stream was never fresh.
        """
        summary = self.journal.summary()
        insist_on_required(self._reader, source, self._contract, summary["fresh"], live, self._fit)
        reasons = never_fresh_reasons(source, self._contract, summary["fresh"], self._fit)
        model_s = self.ahead.model_s + float(self.journal.spent_ms().sum()) * 1e-3
        return {
            "robot": self._contract.name,
            "model": self._brain.bundle.manifest.name,
            "bag": self._reader.path.name,
            "follows_record": live,
            "messages": source.messages,
            "streams": {name: _told_of(count) for name, count in source.counts.items()},
            **summary,
            "wall_s": wall_s,
            "real_time_factor": summary["seconds"] / wall_s,
            "real_time_factor_without_model": summary["seconds"] / max(wall_s - model_s, 1e-9),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "commands": self._beside.commands,
            "commands_sha256": self._beside.commands_sha256,
            "prediction": self.ahead.prediction(),
            "horizon": self.ahead.scores.table(),
            "refused": source.refused,
            "never_fresh": reasons,
            "notes": replay_notes(self._reader, source, self._contract, self._beside, self._fit, reasons),
            "same_as_live": self._same.outcome(*self._beside.same_commands()) if live else None,
        }


def _told_of(count: StreamCount) -> dict[str, Any]:
    return {
        "messages": count.messages,
        "dropped": count.dropped,
        "gaps": count.gaps,
        "longest_gap_s": count.longest_gap_s,
        "bag_minus_stamp_s": count.mean_offset_s(),
    }


def replayed(
    bag: str | Path, contract: Contract, brain: Brain, options: ReplayOptions = ReplayOptions()
) -> Iterator[ReplayedTick]:
    """The ticks of `replay`, one after the other; nothing is written, and nothing is compared.

    Raises:
        UserError: no such bag, a required stream is not in it, or no tick is before the end that is asked for.
    """
    with BagReader(bag, options.names) as reader:
        record, source = _source(reader, contract, options, None)
        for told, _ in _until(_run(source, contract, brain, record, None, options), reader, options):
            yield told


def _source(
    reader: BagReader, contract: Contract, options: ReplayOptions, state: ReplayState | None
) -> tuple[list[RecordedTick], BagTicks]:
    """The recorded ticks, none if the bag has none, and what cuts all of them; those after ``state``."""
    after_ns = -1 if state is None else state.now_ns
    require_same_action(reader, contract)
    record = [each for each in recorded_ticks(reader, contract) if each.plan.now_ns > after_ns]
    if state is not None and not reader.start_ns <= state.now_ns <= reader.end_ns:
        raise UserError("resume", str(options.resume), f"the memory of a replay of {reader.path.name}")
    return record, BagTicks(reader, contract, [each.plan for each in record] if record else None, after_ns)


def _until(
    run: Iterator[tuple[ReplayedTick, ReplayState]], reader: BagReader, options: ReplayOptions
) -> Iterator[tuple[ReplayedTick, ReplayState]]:
    """The ticks up to ``options.until_s``; `UserError` if there is none."""
    until_ns = None if options.until_s is None else reader.start_ns + round(options.until_s * 1e9)
    for count, (told, after) in enumerate(run):
        if until_ns is not None and told.now_ns > until_ns:
            if not count:
                first_s = (told.now_ns - reader.start_ns) * 1e-9
                raise UserError("until", options.until_s, f"more than {first_s:.3f}, when the first tick is")
            return
        yield told, after


def _run(
    source: BagTicks,
    contract: Contract,
    brain: Brain,
    record: list[RecordedTick],
    state: ReplayState | None,
    options: ReplayOptions,
) -> Iterator[tuple[ReplayedTick, ReplayState]]:
    """The ticks, one after the other, each from the memory of the one before."""
    turns, first = record[0].turns if record else 1, 0 if state is None else state.index + 1
    session = BrainSession(brain, options.seed, turns, () if state is None else state.left, first)
    pace = _Pace(options.rate)
    for count, tick in enumerate(source):
        if tick.jumped:
            session.restart()
        live = record[count] if record else None
        if live is None:
            inputs = session.inputs(tick.observation, tick.reference, applied=tick.applied)
        else:
            session.follow(live.restarted)
            inputs = session.inputs(
                tick.observation,
                live.reference,
                live.goal,
                refusal=live.refusal,
                applied=live.applied,
                seed=live.seed,
                asked=live.asked,
                goal_id=live.goal_id,
            )
        pace.wait(tick.observation.now_ns)
        done = session.step(inputs)
        measured = measured_positions(tick.observation, contract)
        yield ReplayedTick(tick, done, live, measured), ReplayState(tick.observation.now_ns, inputs.index, session.left)


class _Pace:
    """Waits until a time of the bag has come, at ``rate`` times its speed."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._first: tuple[int, float] | None = None

    def wait(self, now_ns: int) -> None:
        if self._rate is None:
            return
        if self._first is None:
            self._first = now_ns, time.monotonic()
        due = self._first[1] + (now_ns - self._first[0]) * 1e-9 / self._rate
        time.sleep(max(0.0, due - time.monotonic()))
