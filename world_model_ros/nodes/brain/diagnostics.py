"""The brain's health as diagnostic statuses: ticks, senses, goal, calibration, and drivers of the robot."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from world_model_ros.brain.brain import Brain
from world_model_ros.contract.topics import APPLIED
from world_model_ros.nodes.brain.driver_watch import Drivers
from world_model_ros.nodes.brain.precedence import Precedence
from world_model_ros.nodes.brain.tick_loop import TickLoop
from world_model_ros.nodes.brain.topics.goal_inbox import GoalInbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.diagnostics import ERROR, OK, STALE, WARN, status

_HANGS_S = 2.0  # without a tick; a clock that stands still looks the same
_REMEMBERED_S = 10.0  # for so long after a failed tick it is an error
_SLOW = 0.95  # share of the asked rate below which a person should look


def brain_statuses(brain: Brain, loop: TickLoop, streams: StreamInbox, goals: GoalInbox) -> list[DiagnosticStatus]:
    """Statuses ``world_model: tick``, ``senses``, ``goal`` and, where objects are predicted, ``calibration``."""
    found = [_tick(brain, loop), _senses(brain, loop, streams), _goal(brain, loop, goals)]
    if any(target.kind == "object" for target in brain.contract.interface.targets):
        found.append(_calibration(loop))
    return found


def _tick(brain: Brain, loop: TickLoop) -> DiagnosticStatus:
    statistics, asked_hz = loop.statistics, loop.rate_hz
    rate_hz = statistics.rate_hz()
    level, words = OK, f"{rate_hz:.1f} ticks a second"
    if statistics.ticks < 2:
        level, words = STALE, "no ticks yet; does the clock run?"
    elif rate_hz < _SLOW * asked_hz:
        level, words = WARN, f"{rate_hz:.1f} ticks a second, {asked_hz:g} asked"
    elif statistics.since_tick_s() > _HANGS_S:  # nothing has ended meanwhile, whatever the rate was before
        level, words = ERROR, f"no tick has ended for {statistics.since_tick_s():.1f} s; does the clock run?"
    if statistics.since_error_s() < _REMEMBERED_S:
        level, words = ERROR, f"{statistics.errors} ticks failed, see the log"
    values: dict[str, object] = {
        "model": brain.bundle.manifest.name,
        "kind": brain.bundle.manifest.kind,
        "policy": brain.policy,
        "provider": brain.provider,
        "asked_hz": asked_hz,
        "rate_hz": rate_hz,
        "ticks": statistics.ticks,
        "ticks_missed": statistics.missed,
        "ticks_failed": statistics.errors,
    }
    for stage, (p50, p99) in statistics.stage_percentiles().items():
        values |= {f"{stage}_p50_ms": p50, f"{stage}_p99_ms": p99}
    return status("world_model: tick", level, words, values, brain.contract.name)


def _senses(brain: Brain, loop: TickLoop, streams: StreamInbox) -> DiagnosticStatus:
    observation = loop.observation
    values: dict[str, object] = {}
    missing: list[str] = []
    required: list[str] = []
    ages_s = {} if observation is None else observation.ages_s()
    for source in brain.contract.deployment.streams:
        fresh = observation is not None and observation.fresh[source.name]
        values[f"{source.name}_fresh"] = fresh
        values[f"{source.name}_age_s"] = ages_s.get(source.name, "never")
        values[f"{source.name}_refused"] = streams.bad[source.name]
        values[f"{source.name}_late"] = streams.late[source.name]
        if source.name in streams.absent:
            values[f"{source.name}_absent"] = streams.absent[source.name]
        if not fresh:
            (required if source.required else missing).append(source.name)
    sink = brain.contract.deployment.action
    applied = APPLIED if sink is None else sink.topic
    values[f"{applied}_refused"] = streams.bad[applied]
    if loop.decision is not None:
        values["surprise"] = loop.decision.surprise
    if required:
        return status("world_model: senses", ERROR, f"nothing is commanded without {', '.join(required)}", values)
    if missing:
        return status("world_model: senses", WARN, f"not fresh: {', '.join(missing)}", values)
    return status("world_model: senses", OK, "all streams fresh", values)


def _goal(brain: Brain, loop: TickLoop, goals: GoalInbox) -> DiagnosticStatus:
    goal, decision = goals.goal, loop.decision
    words = "no tick yet" if decision is None else decision.status
    values: dict[str, object] = {"refused": goals.refusals, "kind": "none" if goal is None else goal.kind}
    if goal is not None and goal.values:
        values |= {each.target: each.value for each in goal.values}
    if decision is not None and decision.aim is not None:
        values |= {"target": decision.aim_target, "aim_m": [round(float(x), 4) for x in decision.aim[:3]]}
    if goals.refused is not None:
        return status("world_model: goal", ERROR, f"goal refused: {goals.refused}", values)
    waiting = goal is not None and words not in ("pursuing", "reached", "random")
    return status("world_model: goal", WARN if waiting else OK, words, values)


def _calibration(loop: TickLoop) -> DiagnosticStatus:
    """How often the 90 % regions at the end of the horizon held what then came."""
    coverage = loop.coverage
    values: dict[str, object] = {"looks": coverage.looked, "nominal": 0.9}
    if not coverage.looked:
        return status("world_model: calibration", OK, "nothing to look back at yet", values)
    values["hit_rate"] = coverage.hit_rate
    words = f"{coverage.hit_rate:.0%} of {coverage.looked} outcomes were in their 90 % region"
    return status("world_model: calibration", WARN if coverage.off else OK, words, values)


def drivers_status(drivers: Drivers | None, precedence: Precedence) -> DiagnosticStatus:
    """Status ``world_model: drivers``: whether joint states come in time, else whether that is the brain's doing."""
    values: dict[str, object] = {"real_time_priority": precedence.priority}
    if precedence.given_back is not None:
        values["real_time_given_back"] = precedence.given_back
    if drivers is None:
        return status("world_model: drivers", WARN, "no joint states come", values)
    level = ERROR if drivers.starved else WARN if drivers.late else OK
    return status("world_model: drivers", level, drivers.words(), values | dict(drivers.values()))
