"""The life of goals, a state machine that is stepped by ticks: what is pursued, what waits, what has ended and why.

Nothing here looks at a clock or at topics: time is the tick's, so that live, in replays and in evaluation the same
goals end at the same ticks. Each goal that was asked has exactly one result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from world_model_ros.contract.deployment.goals import GoalSettings
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.life.asked_types import Asked, Cancel, Refusal, Request, Wish, id_after, plain_id
from world_model_ros.goals.life.watch import Seen, Watch

Status = Literal["accepted", "executing", "canceling", "succeeded", "canceled", "aborted", "rejected"]
Reason = Literal["reached", "refused", "impossible", "stuck", "timeout", "cancelled", "preempted", "lost"]

STUCK_S = 30.0  # of a request, where neither it nor the contract says another
QUEUE = 32  # goals that are not over, at most
REMEMBERED = 256  # goals that are over, whose ids are taken
_STOPPING_NS = 1_000_000_000  # after which a cancelled goal is over even if something still moves


@dataclass(frozen=True)
class Result:
    """How a goal ended.

    Args:
        id: None of a request that has none of its own, or one that is taken; ``about`` is what its sender knows it by.
        rule: of a reason ``refused``: the field, or the gate's rule. why: in words.
        step: that it was at, from 0, of ``steps``. watch: how that had gone.
        elapsed_ns: since it was first pursued. now_ns: of the tick.
    """

    id: str | None
    status: Status
    reason: Reason
    now_ns: int
    rule: str | None = None
    why: str = ""
    step: int = 0
    steps: int = 0
    watch: Watch = field(default_factory=Watch)
    elapsed_ns: int = 0
    about: str = ""


@dataclass(frozen=True)
class LiveGoal:
    """A goal that is not over.

    Args:
        plain: of a plain topic. given_ns: stamp of its message; 0 without one.
        accepted_ns: tick at which it came. seen_ns: the last tick that it was pursued at; None while it waits.
        elapsed_ns: since it was first pursued. cancel_ns: since it was cancelled; None if it was not.
    """

    id: str
    steps: tuple[Goal, ...]
    timeout_s: float | None
    stuck_s: float | None
    accepted_ns: int
    plain: bool = False
    given_ns: int = 0
    step: int = 0
    elapsed_ns: int = 0
    seen_ns: int | None = None
    watch: Watch = field(default_factory=Watch)
    cancel_ns: int | None = None

    @property
    def goal(self) -> Goal:
        """The goal of the step that it is at."""
        return self.steps[self.step]

    @property
    def status(self) -> Status:
        if self.cancel_ns is not None:
            return "canceling"
        return "accepted" if self.seen_ns is None else "executing"

    @property
    def progress(self) -> float:
        """Share of all steps that is done, 0 to 1."""
        return (self.step + self.watch.share) / len(self.steps)


@dataclass(frozen=True)
class Over:
    """A goal that is over, and is remembered for a while."""

    id: str
    status: Status
    accepted_ns: int


@dataclass(frozen=True)
class Life:
    """All goals at a moment: what is pursued, what waits, what ended lately.

    Args:
        settings: of the contract.
        goals: those that are not over; the first is pursued, the others wait in their order.
        kept: the last that was reached, which is kept up until another comes or it is cancelled.
        over: the last ones that are over, oldest first. stamp_ns: of the newest goal.
        results: of the goals that the last call ended.
    """

    settings: GoalSettings = field(default_factory=GoalSettings)
    goals: tuple[LiveGoal, ...] = ()
    kept: LiveGoal | None = None
    over: tuple[Over, ...] = ()
    stamp_ns: int = 0
    results: tuple[Result, ...] = ()

    @property
    def current(self) -> LiveGoal | None:
        """What is pursued, or is being cancelled; None if nothing is, or what was reached is kept up."""
        return self.goals[0] if self.goals else None

    @property
    def goal(self) -> Goal | None:
        """What the next tick is to pursue."""
        pursued = self.current or self.kept
        return None if pursued is None or pursued.cancel_ns is not None else pursued.goal

    @property
    def goal_id(self) -> str | None:
        """Id of the goal that is pursued."""
        pursued = self.current or self.kept
        return None if pursued is None or pursued.cancel_ns is not None else pursued.id

    def known(self, id: str) -> bool:
        """Whether an id is taken."""
        return any(each.id == id for each in self.goals) or any(each.id == id for each in self.over)

    def asked(self, asked: Sequence[Asked], now_ns: int) -> Life:
        """The life after what was asked since the tick before, in that order."""
        takes: dict[type, Callable[[Life, Asked, int], Life]] = {
            Request: _request,
            Wish: _wish,
            Cancel: _cancel,
            Refusal: _refusal,
        }
        life, results = replace(self, results=()), list[Result]()
        for each in asked:
            life = takes[type(each)](replace(life, results=()), each, now_ns)._begun(now_ns)
            results += life.results
        return replace(life, results=tuple(results))

    def follow(self, goal: Goal | None, now_ns: int, id: str | None = None) -> Life:
        """The life with this goal pursued, whatever was; for whoever says at each tick what is to be pursued."""
        life = replace(self, results=())
        if goal is None:
            return life if self.goal is None else _all_ended(replace(life, kept=None), "cancelled", now_ns)
        if goal.same_as(self.goal) and id in (None, self.goal_id):
            return life
        made = _live(life, id or plain_id(goal.kind, goal.stamp_ns, b""), (goal,), now_ns, plain=True)
        life = _all_ended(life, "preempted", now_ns)
        if life.known(made.id):  # its life is over, and it is pursued all the same
            return replace(life, kept=made)
        return replace(life, goals=(made,))._begun(now_ns)

    def ticked(self, seen: Seen, now_ns: int) -> Life:
        """The life after a tick that pursued `goal`."""
        life, now = replace(self, results=()), self.current
        if now is None:
            return life
        passed_ns = 0 if now.seen_ns is None else max(now_ns - now.seen_ns, 0)
        now = replace(now, elapsed_ns=now.elapsed_ns + passed_ns, seen_ns=now_ns)
        if now.cancel_ns is not None:
            now = replace(now, cancel_ns=now.cancel_ns + passed_ns)
            life = replace(life, goals=(now, *life.goals[1:]))
            if seen.moves and (now.cancel_ns or 0) < _STOPPING_NS:
                return life
            return _ended(life, now, "cancelled", now_ns)._begun(now_ns)
        watch = now.watch.after(seen, passed_ns)
        now = replace(now, watch=watch)
        life = replace(life, goals=(now, *life.goals[1:]))
        if seen.reached and watch.reached_ns >= _ns(self.settings.hold_s):
            if now.step + 1 < len(now.steps):
                now = replace(now, step=now.step + 1, watch=Watch())
                return replace(life, goals=(now, *life.goals[1:]))._stamped(now_ns)
            life = _ended(life, now, "reached", now_ns)
            return replace(life, kept=None if life.goals else now)._begun(now_ns)
        if now.timeout_s is not None and now.elapsed_ns >= _ns(now.timeout_s):
            return _ended(life, now, "timeout", now_ns)._begun(now_ns)
        if now.stuck_s is not None and watch.still_ns >= _ns(now.stuck_s):
            reason: Reason = "refused" if watch.rule else "stuck" if watch.tried else "impossible"
            return _ended(life, now, reason, now_ns)._begun(now_ns)
        return life

    def lost(self, now_ns: int) -> Life:
        """The brain ends, and everything with it."""
        return _all_ended(replace(self, results=(), kept=None), "lost", now_ns)

    def _begun(self, now_ns: int) -> Life:
        """With the first goal pursued."""
        now = self.current
        if now is None or now.seen_ns is not None:
            return self
        return replace(self, kept=None, goals=(replace(now, seen_ns=now_ns), *self.goals[1:]))._stamped(now_ns)

    def _stamped(self, now_ns: int) -> Life:
        """With a stamp of its own on the step that begins: a new stamp is a new goal. Plain goals have theirs."""
        now = self.current
        assert now is not None
        if now.plain:
            return replace(self, stamp_ns=max(self.stamp_ns, now.goal.stamp_ns))
        stamp_ns = max(now_ns, self.stamp_ns + 1)
        steps = (*now.steps[: now.step], replace(now.goal, stamp_ns=stamp_ns), *now.steps[now.step + 1 :])
        return replace(self, stamp_ns=stamp_ns, goals=(replace(now, steps=steps), *self.goals[1:]))


_STATUSES: dict[Reason, Status] = {"reached": "succeeded", "cancelled": "canceled"}  # of all others: aborted
_WORDS: dict[Reason, str] = {
    "reached": "within its tolerance for {hold_s:g} s",
    "stuck": "no nearer for {still_s:.1f} s{unmoved}",
    "impossible": "nothing could be done about it for {still_s:.1f} s: {status}",
    "refused": "the gate refuses its motions ({rule}), and it came no nearer for {still_s:.1f} s",
    "timeout": "not reached in {elapsed_s:.1f} s: {status}",
    "cancelled": "cancelled after {elapsed_s:.1f} s",
    "preempted": "another goal came after {elapsed_s:.1f} s",
    "lost": "the brain ended",
}


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _live(life: Life, id: str, steps: tuple[Goal, ...], now_ns: int, plain: bool, given_ns: int = 0) -> LiveGoal:
    return LiveGoal(id, steps, life.settings.timeout_s, life.settings.stuck_s, now_ns, plain, given_ns)


def _ended(life: Life, goal: LiveGoal, reason: Reason, now_ns: int) -> Life:
    """Without a goal that is not over until now."""
    status = _STATUSES.get(reason, "aborted")
    seen, watch = goal.watch.seen, goal.watch
    why = _WORDS[reason].format(
        hold_s=life.settings.hold_s,
        still_s=watch.still_ns * 1e-9,
        unmoved="" if watch.moved else ", and nothing moved: is the gate armed?",
        status="no tick" if seen is None else seen.status,
        rule=watch.rule,
        elapsed_s=goal.elapsed_ns * 1e-9,
    )
    rule = watch.rule if reason == "refused" else None
    steps = len(goal.steps)
    result = Result(goal.id, status, reason, now_ns, rule, why, goal.step, steps, watch, goal.elapsed_ns)
    return replace(
        life,
        goals=tuple(each for each in life.goals if each is not goal),
        over=_remembered(life, Over(goal.id, status, goal.accepted_ns)),
        results=(*life.results, result),
    )


def _all_ended(life: Life, reason: Reason, now_ns: int) -> Life:
    """Without any goal; those that were cancelled before are so still."""
    for goal in life.goals:
        life = _ended(life, goal, reason if goal.cancel_ns is None else "cancelled", now_ns)
    return life


def _remembered(life: Life, over: Over) -> tuple[Over, ...]:
    return (*life.over, over)[-REMEMBERED:]


def _refused(life: Life, refusal: Refusal, now_ns: int) -> Life:
    own = refusal.id if refusal.id is not None and not life.known(refusal.id) else None
    about = refusal.about or (refusal.id or "" if own is None else "")
    result = Result(own, "rejected", "refused", now_ns, refusal.rule, refusal.why, about=about)
    over = life.over if own is None else _remembered(life, Over(own, "rejected", now_ns))
    return replace(life, over=over, results=(*life.results, result))


def _request(life: Life, asked: Asked, now_ns: int) -> Life:
    assert isinstance(asked, Request)
    if life.known(asked.id):
        why = f"id: got {asked.id!r}; expected one that no goal had before"
        return _refused(life, Refusal(asked.id, "id", why), now_ns)
    if asked.queue and len(life.goals) >= QUEUE:
        why = f"mode: got 'queue'; expected 'replace', or fewer than the {QUEUE} goals that are not over"
        return _refused(life, Refusal(asked.id, "mode", why), now_ns)
    if not asked.queue:
        life = _all_ended(life, "preempted", now_ns)
    made = replace(
        _live(life, asked.id, asked.steps, now_ns, plain=False),
        timeout_s=asked.timeout_s or life.settings.timeout_s,
        stuck_s=asked.stuck_s or life.settings.stuck_s or STUCK_S,
    )
    return replace(life, goals=(*life.goals, made))


def _wish(life: Life, asked: Asked, now_ns: int) -> Life:
    """As plain topics have it: values are a part of the goal until they are replaced, and so are poses of one stamp."""
    assert isinstance(asked, Wish)
    goal, given_ns = asked.goal, asked.given_ns
    before = life.current or life.kept
    joins = before is not None and before.plain and before.cancel_ns is None and before.goal.wishes and goal.wishes
    if joins and before is not None:
        if goal.kind == "value":
            goal, given_ns = before.goal.with_wish(goal.wishes[0], goal.stamp_ns), before.given_ns
        elif given_ns == 0 or given_ns != before.given_ns or not before.goal.poses:
            goal = replace(goal, also=(*goal.also, *before.goal.values))
        else:
            goal = before.goal.with_wish(goal.wishes[0], before.goal.stamp_ns)
            if goal.same_as(before.goal):
                return life
            if life.current is before:  # poses of one stamp are one goal
                return replace(life, goals=(replace(before, steps=(goal,), watch=Watch()), *life.goals[1:]))
    id = asked.id
    while life.known(id):
        id = id_after(id)
    life = _all_ended(life, "preempted", now_ns)
    return replace(life, goals=(_live(life, id, (goal,), now_ns, True, given_ns),))


def _cancel(life: Life, asked: Asked, now_ns: int) -> Life:
    assert isinstance(asked, Cancel)
    if asked.id is None:
        life = replace(life, kept=None)
        for goal in life.goals[1:]:
            life = _ended(life, goal, "cancelled", now_ns)
    elif life.kept is not None and life.kept.id == asked.id:
        return replace(life, kept=None)
    for goal in life.goals[1:]:
        if goal.id == asked.id:
            return _ended(life, goal, "cancelled", now_ns)
    now = life.current
    if now is None or now.cancel_ns is not None or asked.id not in (None, now.id):
        return life
    return replace(life, goals=(replace(now, cancel_ns=0), *life.goals[1:]))


def _refusal(life: Life, asked: Asked, now_ns: int) -> Life:
    assert isinstance(asked, Refusal)
    if asked.ends:
        life = replace(_all_ended(life, "preempted", now_ns), kept=None)
    return _refused(life, asked, now_ns)
