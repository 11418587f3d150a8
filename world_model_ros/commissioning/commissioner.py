"""Leads one joint after another a little, slowly and through the gate, and judges what the robot does.

Pure object: time comes in, and what is to be done comes out. It drives as one source of the contract, of kind person.
The gate is armed for one motion at a time, after a person has said yes to it, and is disarmed afterwards. Whatever goes
otherwise than it can only be meant ends all motion at once by ``gate/stop``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from world_model_ros.commissioning.findings import NOT_DONE, NOTE, OK, WRONG, Check
from world_model_ros.commissioning.heard import STILL_S, Heard
from world_model_ros.commissioning.history import Window, slope
from world_model_ros.commissioning.judging import (
    ELSEWHERE,
    Probed,
    Promise,
    Ran,
    Stopped,
    judge_probe,
    judge_run,
    judge_stop,
    surprise,
)
from world_model_ros.commissioning.listening import judge_limits, judge_places, judge_stream
from world_model_ros.commissioning.promise import silence_promise, stop_promise
from world_model_ros.commissioning.steps import GOES_ON_S, Do, lead
from world_model_ros.commissioning.ways import PROBE_S, RUN_S, Way, ways_for
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import CommandSource
from world_model_ros.contract.hands import grippers
from world_model_ros.contract.senses import JointStream
from world_model_ros.contract.topics import GATE_STOP
from world_model_ros.core.arrays import Float
from world_model_ros.gate.states import Event, State
from world_model_ros.kinematics.collision.distances import PairDistances

LISTEN_S = 3.0
_PATIENCE_S = 5.0  # for the gate: to answer, to be owned, to lead in
_ARMING_S = 10.0
_ATTEMPTS = 3  # where this program itself was late, as on a busy machine
_STAND_S = 3.0  # how long a joint that is to stand is waited for
_BEFORE_S = 0.15  # that a place is averaged over
_ASK_AGAIN_S = 0.3
_NEAR = 0.05  # of the first motion's length: the gate has led a joint there
_AMPLE, _SETTING_OFF_S = 1.0, 0.25  # of the first motion's length
_FIRST = 0.7  # over the gate's speed_scale: times the speed, which it makes about the speed of
_QUICKER, _SLOWER = 0.05, 10.0  # of what is missing, in a step; times that, of what is too much
_PLATEAU_S = 0.5  # the last part of a run, that is judged
_BEYOND_S = GOES_ON_S + 0.1  # that a command goes on for, and brakes
_UNSAFE = (Event.JOINTS_DISAGREE, Event.FORCE, Event.CLOCK_JUMP, Event.STOP, Event.DRIVER_NOT_READY)


Result = TypeVar("Result")
Script = Generator[Do, None, Result]


class _EndedError(Exception):
    """A motion has ended otherwise than it was meant to.

    Args:
        check: that says why. unsafe: whether no other motion may follow. again: whether it is worth another try.
    """

    def __init__(self, check: Check, unsafe: bool, again: bool = False) -> None:
        super().__init__(check.words)
        self.check, self.unsafe, self.again = check, unsafe, again


@dataclass(frozen=True)
class Plan:
    """What a commissioning is to do.

    Args:
        share: of the velocity limits. joints: their names, in order; empty for all of the contract.
        asks: whether a person is asked before each motion. moves: whether anything moves at all.
    """

    share: float = 0.05
    joints: tuple[str, ...] = ()
    asks: bool = True
    moves: bool = True


class Commissioner:
    """Listens, then moves; `step` is to be called some 50 times a second until it gives None.

    Args:
        contract: of the robot, with a source of kind person.
        source: as which it drives; None if it only listens.
        distances: of parts and obstacles, by which ways are chosen.

    Attributes:
        heard: takes what comes in. checks: what was found so far.
        ended: why it ended before its end, in words; empty if it did not.
    """

    def __init__(
        self, contract: Contract, source: CommandSource | None, plan: Plan, distances: PairDistances | None = None
    ) -> None:
        self.contract, self.source, self.plan = contract, source, plan
        self.checks: list[Check] = []
        self.ended = ""
        self.limits = contract.limits()
        self._distances = distances
        self.heard = Heard(contract)
        self._before: str | None = None  # who owned the gate at first
        self._script: Generator[Do, None, None] | None = None
        self._watched: Callable[[], Check | None] | None = None
        self._commanded_ns, self._watched_ns = 0, 0
        self._more = 0.0  # times the speed, for a gate with a speed_scale; 0 before it is known
        self._lengths = plan.share * self.limits.velocity * PROBE_S  # (J,) of the first motion of each
        self._sag: dict[str, float] = {}
        self._lag_s = 0.0

    # -- what is to be done ----------------------------------------------------------------------------------------

    def step(self, now_ns: int) -> Do | None:
        """Go on to a time; None at the end."""
        self.heard.now_ns = now_ns
        if self._script is None:
            self._script = self._all()
        odd = None if self._watched is None else self._watched()
        try:
            if odd is not None:
                self._watched = None
                return self._script.throw(_EndedError(odd, unsafe=True))
            return next(self._script)
        except StopIteration:
            return None

    def interrupt(self) -> None:
        """Stop the robot and end: a person has had enough."""
        moving = self._watched is not None
        self.ended = self.ended or "interrupted"
        self._watched = None
        self._script = self._stop() if moving or self.heard.armed else self._pause(0.0)

    def _all(self) -> Script[None]:
        yield Do(say=f"listens for {LISTEN_S:g} s; nothing moves")
        yield from self._pause(LISTEN_S)
        self._judge_rest()
        if not self.plan.moves:
            return
        ways = self._ways()
        hindered = self._hindered()
        if hindered:
            self.ended = hindered
        for way in ways:
            if self.ended:
                self._note(way.name, "motion", NOT_DONE, self.ended)
            elif way.hindered:
                self._note(way.name, "motion", NOT_DONE, way.hindered)
            else:
                yield from self._try(way)
        if not hindered:
            yield from self._leave()

    def _judge_rest(self) -> None:
        for history in self.heard.joints.values():
            history.rest()
        ages = dict(zip(self.contract.joint_names, self.contract.joint_ages_s()))
        for stream in self.contract.interface.of(JointStream):
            age_s = min(ages[name] for name in stream.joints)
            topic = self.contract.source(stream.name).topic
            self.checks += judge_stream(stream, self.heard.times[stream.name], age_s, topic)
        self.checks += judge_places(self.contract, self.heard.joints)
        self.checks += judge_limits(self.contract, self.heard.robot)

    def _ways(self) -> list[Way]:
        places = [history.positions[-1] if history.positions else 0.0 for history in self.heard.joints.values()]
        ways = ways_for(self.contract, np.array(places), self.plan.share, self._distances)
        return [way for way in ways if not self.plan.joints or way.name in self.plan.joints]

    def _hindered(self) -> str:
        """Why nothing may move; empty if it may."""
        news, bad = self.heard.news, [each for each in self.checks if each.level == WRONG]
        stopping = [each for each in bad if each.what in ("age", "stamps", "position", "units", "content")]
        if stopping:
            return f"nothing moves while {stopping[0].subject}: {stopping[0].what} is wrong"
        if any(not each.positions for each in self.heard.joints.values()):
            return "nothing moves while joint states are missing"
        if news is None or not self.heard.reference.stamps_ns:
            return "no gate is heard: start command_gate_node with this contract"
        if news.state is not State.DISARMED:
            return f"{news.words}, owned by {self.heard.owner or 'no source'}: end that (gate/disarm, gate/reset) first"
        self._before = self.heard.owner
        return ""

    def _try(self, way: Way) -> Script[None]:
        """One joint, after a person has said yes; what fails costs this joint alone, unless going on is unsafe."""
        if self.plan.asks:
            reply = yield from self._asked(
                f"{way.name} by {np.copysign(way.whole, way.speed):+.3g} {way.unit} and back, at {abs(way.speed):.3g} "
                f"{way.unit}/s; it is stopped by gate/stop and by silence. Go? [y]es, [n]ot this one, [q]uit: "
            )
            if reply != "y":
                self.ended = "a person has ended it" if reply == "q" else self.ended
                self._note(way.name, "motion", NOT_DONE, "a person said no")
                return
        yield Do(say=f"moves {way.name} by {np.copysign(way.whole, way.speed):+.3g} {way.unit}")
        for attempt in range(_ATTEMPTS):
            before = len(self.checks)
            odd = yield from self._tried(way)
            if odd is None or self.ended:
                return
            anew = next(each for each in self._ways() if each.name == way.name)
            if not odd.again or anew.hindered or attempt == _ATTEMPTS - 1:
                return
            del self.checks[before:]
            way = anew
            yield Do(say=f"moves {way.name} once more: {odd.check.words}")

    def _tried(self, way: Way) -> Script[_EndedError | None]:
        """Move one joint; what has ended that before its end, None if nothing did."""
        try:
            yield from self._move(way)
        except _EndedError as odd:
            self.checks.append(odd.check)
            if odd.unsafe:
                self.ended = f"stopped for safety: {odd.check.subject}: {odd.check.what}"
            self._watched = None
            yield from self._stop()
            if not odd.unsafe:
                yield from self._reset()
            return odd
        return None

    def _move(self, way: Way) -> Script[None]:
        """There in two motions, the second of which ``gate/stop`` ends, and back until silence ends that."""
        self._lag_s = 0.0
        yield from self._arm(way)
        base = float(self.heard.held()[way.joint])
        probed = yield from self._probe(way)
        found = judge_probe(way, probed, self.heard.joints[way.name].noise)
        if not any(self.heard.changed(name) for name in self.heard.joints):
            raise _EndedError(found[-1], unsafe=True)
        if any(each.level == WRONG for each in found):
            self.checks += found[:-1]
            unsafe = found[-1].what in ("direction", "stop")
            if not unsafe:
                yield from self._back(way, base, until_silent=False)
            raise _EndedError(found[-1], unsafe)
        self.checks += found
        ran, stopped, promise = yield from self._run(way)
        paced = self._judge_run(way, ran)
        if paced:
            self.checks.append(self._safe(judge_stop(way, GATE_STOP, stopped, promise, self._lag_s)))
        else:
            self._note(way.name, GATE_STOP, NOT_DONE, "its speed is wrong")
        yield from self._reset()
        yield from self._arm(way)
        stopped, promise = yield from self._back(way, base, until_silent=True)
        if paced:
            self.checks.append(self._safe(judge_stop(way, "silence", stopped, promise, self._lag_s)))
        else:
            self._note(way.name, "silence", NOT_DONE, "its speed is wrong")
        yield from self._look(way)

    def _safe(self, check: Check) -> Check:
        """A check of a stop; one that is wrong ends all motion."""
        if check.level == WRONG:
            raise _EndedError(check, unsafe=True)
        return check

    def _judge_run(self, way: Way, ran: Ran) -> bool:
        gripping = {joint.name for each in grippers(self.contract.interface.action) for joint in each.joints}
        tolerance = None if way.name in gripping else self.contract.deployment.gate.tracking_tolerance
        found = judge_run(way, ran, float(self.limits.velocity[way.joint]), tolerance)
        self.checks += found
        self._lag_s = ran.behind / ran.led if ran.led else 0.0
        return found[0].level != WRONG

    def _look(self, way: Way) -> Script[None]:
        """Of a gripper: whether a person saw it open where the contract says that it does."""
        for gripper in grippers(self.contract.interface.action):
            for joint in gripper.joints:
                if joint.name != way.name:
                    continue
                opened = (joint.open - joint.closed) * way.speed > 0.0
                words = "opened, then closed" if opened else "closed, then opened"
                if not self.plan.asks:
                    told = f"by its numbers it {words}; no person was asked whether it did"
                    self._note(way.name, "gripper", NOTE, told)
                    continue
                reply = yield from self._asked(f"Did the gripper of {way.name} first {words[:-1]}? [y]es, [n]o: ")
                told = (
                    f"a person saw that it {words}" if reply == "y" else f"by its numbers it {words}, a person says no"
                )
                told += "" if reply == "y" else ": open and closed of the contract are the other way round"
                self._note(way.name, "gripper", OK if reply == "y" else WRONG, told)

    # -- motions ---------------------------------------------------------------------------------------------------

    def _probe(self, way: Way) -> Script[Probed]:
        """The first, small motion, until the joint stands."""
        held, begin_ns = self.heard.held(), self.heard.now_ns
        base, end = self.heard.place(way), held[way.joint] + np.copysign(way.probe, way.speed)
        watched = self._watch(way, held)
        reached = None
        while True:
            lasted_s = (self.heard.now_ns - begin_ns) * 1e-9
            place = self.heard.led(way)
            if reached is None and (abs(end - place) < _NEAR * way.probe or lasted_s > self._patience_s):
                reached = self.heard.along(way, base)
                self._watched = partial(self._odd, way, held, watched, reached)
                begin_ns = self.heard.now_ns
            if reached is not None and self.heard.stands(way) and lasted_s > STILL_S:
                break
            if reached is not None and lasted_s > _STAND_S:
                raise _EndedError(
                    Check(way.name, "stop", WRONG, "does not come to rest after a small motion"), unsafe=True
                )
            self._keep_going(way)
            yield self._lead(way, held, end)
        self._watched = None
        led = abs(self.heard.led(way) - held[way.joint])
        if led < 0.5 * way.probe:
            raise _EndedError(self._held_back(way, led, way.probe), unsafe=False)
        return Probed(led, reached, self.heard.along(way, base), self.heard.changed(way.name))

    def _run(self, way: Way) -> Script[tuple[Ran, Stopped, Promise]]:
        """On at the same speed until ``gate/stop``."""
        held = self.heard.held()
        begin_ns, end = self.heard.now_ns, held[way.joint] + np.copysign(3 * way.whole, way.speed)
        self._watch(way, held)
        while (self.heard.now_ns - begin_ns) * 1e-9 < RUN_S:
            self._keep_going(way)
            yield self._lead(way, held, end)
        self._watched = None
        ran = self._ran(way)
        before_ns = self.heard.now_ns
        self.heard.answers.pop("stop", None)
        stopped = yield from self._until_still(way, Do(call="stop"), State.STOPPED, before_ns, abs(ran.led))
        if abs(ran.led) < 0.5 * abs(way.speed):
            raise _EndedError(self._held_back(way, abs(ran.led), abs(way.speed)), unsafe=False)
        return ran, stopped, stop_promise(self.contract, self.limits, way.joint, ran.led)

    def _back(self, way: Way, base: float, until_silent: bool) -> Script[tuple[Stopped, Promise]]:
        """Back to where it began; in the end by saying nothing any more, where that is to be judged."""
        assert self.source is not None
        held, back = self.heard.held(), Way(way.joint, way.name, way.unit, -way.speed)
        speed = abs(way.speed)
        promise = silence_promise(self.contract, self.limits, way.joint, speed, self.source)
        early = promise.heard_s * speed + promise.way if until_silent else 0.0
        beyond = base - float(self.limits.lower[way.joint]), float(self.limits.upper[way.joint]) - base
        if until_silent and beyond[way.speed < 0] < _BEYOND_S * speed:  # or the command would brake at the limit
            early += _BEYOND_S * speed
        begin_ns, from_place = self.heard.now_ns, self.heard.led(way)
        sign = 1.0 if base >= from_place else -1.0
        end = base + sign * (way.whole if until_silent else 0.0)
        end = float(np.clip(end, self.limits.lower[way.joint], self.limits.upper[way.joint]))
        if until_silent:
            self._watch(back, held)
        while sign * (base - self.heard.led(way)) > max(early, _NEAR * way.probe):
            if (self.heard.now_ns - begin_ns) * 1e-9 > 3 * (PROBE_S + RUN_S):
                raise _EndedError(self._held_back(way, abs(self.heard.led(way) - from_place), way.whole), unsafe=False)
            self._keep_going(way)
            yield self._lead(way, held, end)
        self._watched = None
        if not until_silent:
            yield from self._pause(0.1)
            return Stopped(0.0, 0.0, 0.0, True, 0.0), promise
        ran = self._ran(way)
        stopped = yield from self._until_still(way, Do(), State.SLOWING, self._commanded_ns, abs(ran.led))
        yield from self._until(lambda: self.heard.state is State.DISARMED, _PATIENCE_S)
        return stopped, silence_promise(self.contract, self.limits, way.joint, ran.led, self.source)

    def _until_still(self, way: Way, first: Do, expected: State, before_ns: int, speed: float) -> Script[Stopped]:
        """Wait until the gate has changed its state and the joint stands; how that went."""
        yield first
        since_ns: int | None = None
        history = self.heard.joints[way.name]
        while True:
            lasted_s = (self.heard.now_ns - before_ns) * 1e-9
            news = self.heard.news
            if since_ns is None and news is not None and news.since_ns >= before_ns:
                if news.state is not expected and news.cause not in (Event.STOP, Event.SILENCE):
                    raise self._braked(way)
                since_ns = news.since_ns
            if since_ns is not None and (self.heard.now_ns - since_ns) * 1e-9 > 3 * STILL_S and self.heard.stands(way):
                break
            if lasted_s > _STAND_S + _PATIENCE_S * (since_ns is None):
                since_ns = since_ns or self.heard.now_ns
                return Stopped((since_ns - before_ns) * 1e-9, lasted_s, 0.0, False, speed)
            yield Do()
        rest = history.mean(self.heard.now_ns - round(_BEFORE_S * 1e9), self.heard.now_ns)
        after = history.between(since_ns, self.heard.now_ns)
        away = np.flatnonzero(np.abs(after.positions - rest) > self.heard.tolerance(way))
        stood_s = float(after.times_s[away[-1]]) if len(away) else 0.0
        begin = history.mean(since_ns - 20_000_000, since_ns + 20_000_000)
        return Stopped((since_ns - before_ns) * 1e-9, stood_s, abs(rest - begin), True, speed)

    def _ran(self, way: Way) -> Ran:
        """The last stretch, as it was led and as it was measured; with the sign of its way taken off."""
        history = self.heard.joints[way.name]
        window = history.between(self.heard.now_ns - round(_PLATEAU_S * 1e9), self.heard.reference.stamps_ns[-1])
        if len(window.times_s) < 3:
            return Ran(0.0, 0.0, 0.0)
        stamps = self.heard.now_ns - round(_PLATEAU_S * 1e9) + window.times_s * 1e9
        led = self.heard.reference.at(way.joint, stamps)
        speed = slope(Window(window.times_s, led))
        sign = 1.0 if speed > 0 else -1.0
        behind = sign * float(np.mean(led - window.positions)) - self._hangs(way, sign)
        return Ran(abs(speed), sign * slope(window), behind)

    def _hangs(self, way: Way, sign: float) -> float:
        """How far behind a joint that is not led anywhere is already, as one that hangs below its command."""
        return sign * self._sag.get(way.name, 0.0)

    # -- the gate --------------------------------------------------------------------------------------------------

    def _arm(self, way: Way) -> Script[None]:
        """Own the gate, arm it, and hold the robot until its controller is led in and the joint stands."""
        assert self.source is not None
        yield from self._own(way, self.source.name)
        self._watched = partial(self._leaps, way, self._newest())
        yield from self._call(way, "arm", _ARMING_S)
        held, begin_ns = self.heard.held(), self.heard.now_ns
        while True:
            news, lasted_s = self.heard.news, (self.heard.now_ns - begin_ns) * 1e-9
            if news is not None and news.state is State.TRACKING and news.led_in and self.heard.stands(way):
                break
            if lasted_s > 2 * STILL_S:
                self._keep_going(way)
            if lasted_s > _PATIENCE_S:
                heard = news is not None and news.heard
                words = "the joint does not stand" if heard else "no controller listens to the gate"
                raise _EndedError(Check(way.name, "motion", WRONG if not heard else NOT_DONE, words), unsafe=False)
            yield self._lead(way, held, held[way.joint])
        self._watched = None
        span_ns = round(_BEFORE_S * 1e9)
        self._sag = {
            name: float(held[i]) - history.mean(self.heard.now_ns - span_ns, self.heard.now_ns)
            for i, (name, history) in enumerate(self.heard.joints.items())
        }

    def _own(self, way: Way, source: str) -> Script[None]:
        begin_ns, asked_ns = self.heard.now_ns, 0
        while (self.heard.owner or "") != source:
            if (self.heard.now_ns - begin_ns) * 1e-9 > _PATIENCE_S:
                words = f"the gate is not owned by {source}: {self.heard.owned_words or 'no answer on gate/owner'}"
                raise _EndedError(Check(way.name, "motion", NOT_DONE, words), unsafe=False)
            again = (self.heard.now_ns - asked_ns) * 1e-9 > _ASK_AGAIN_S
            asked_ns = self.heard.now_ns if again else asked_ns
            yield Do(own=source if again else None)

    def _call(self, way: Way, call: str, most_s: float) -> Script[None]:
        """Call the gate until it agrees; a robot may have to stand for a while to be armed."""
        begin_ns = self.heard.now_ns
        while True:
            self.heard.answers.pop(call, None)
            yield Do(call=call)
            yield from self._until(lambda: call in self.heard.answers, _PATIENCE_S)
            done, words = self.heard.answers.get(call, (False, "no answer"))
            if done:
                return
            if (self.heard.now_ns - begin_ns) * 1e-9 > most_s:
                raise _EndedError(Check(way.name, "motion", NOT_DONE, f"gate/{call}: {words}"), unsafe=False)
            yield from self._pause(0.2)

    def _stop(self) -> Script[None]:
        """Stop the robot, and wait until the gate has heard it."""
        self.heard.answers.pop("stop", None)
        yield Do(call="stop")
        yield from self._until(lambda: self.heard.state is State.STOPPED and "stop" in self.heard.answers, 2.0)
        yield from self._pause(0.5)

    def _reset(self) -> Script[None]:
        """Out of a stop, once the gate stands."""
        yield from self._until(lambda: self.heard.state in (State.STOPPED, State.DISARMED), _PATIENCE_S)
        for _ in range(10):
            if self.heard.state is State.DISARMED:
                return
            self.heard.answers.pop("reset", None)
            yield Do(call="reset")
            yield from self._until(lambda: "reset" in self.heard.answers, _PATIENCE_S)
            yield from self._until(lambda: self.heard.state is State.DISARMED, 0.3)

    def _leave(self) -> Script[None]:
        """Give the gate back to who owned it before. After what is unsafe it stays stopped, and a person resets it."""
        yield Do(own=self._before or "")
        yield from self._pause(0.2)

    def _keep_going(self, way: Way) -> None:
        """Raise what has ended the motion, if something has."""
        odd = None if self._watched is None else self._watched()
        if odd is not None:
            raise _EndedError(odd, unsafe=True)
        if self.heard.state not in (State.TRACKING, State.HOLDING):
            raise self._braked(way)

    def _braked(self, way: Way) -> _EndedError:
        news = self.heard.news
        assert news is not None
        unsafe = news.cause in _UNSAFE
        words = f"{news.words} while {way.name} moved"
        check = Check(way.name, "motion", WRONG if unsafe else NOT_DONE, words)
        return _EndedError(check, unsafe, again=news.cause is Event.SILENCE)

    def _held_back(self, way: Way, led: float, wanted: float) -> Check:
        news = self.heard.news
        near, refusal = (news.near, news.refusal) if news is not None else (None, "")
        why = f"near {near}" if near else f"it refused: {refusal}" if refusal else "its speed_scale, or its driver's"
        words = f"the gate led it by {led:.3g} of {wanted:.3g}: {why}"
        return Check(way.name, "motion", NOT_DONE, words)

    # -- small things ----------------------------------------------------------------------------------------------

    def _lead(self, way: Way, held: Float, end: float) -> Do:
        """The next command for one joint, from where the gate has it now."""
        speed = self._asked_speed(way, abs(end - self.heard.led(way)) > way.probe * _AMPLE)
        self._commanded_ns = self.heard.now_ns
        return Do(lead(self.limits, held, way.joint, self.heard.led(way), speed, end, self.heard.now_ns))

    @property
    def _patience_s(self) -> float:
        """How long a first motion may take to its end, which a gate with a low ``speed_scale`` comes to slowly."""
        return 3 * PROBE_S + 0.25 / (1.0 if self.heard.news is None else self.heard.news.speed_scale)

    def _asked_speed(self, way: Way, ample: bool) -> float:
        """How fast to command, so that a gate with a ``speed_scale`` leads the joint as fast as was meant.

        Args:
            ample: whether the end is so far away that the joint is at its speed.
        """
        scale = 1.0 if self.heard.news is None else self.heard.news.speed_scale
        if scale == 1.0:
            return abs(way.speed)
        more, short = self._more or _FIRST / scale, 1.0 - abs(self.heard.speed(way)) / abs(way.speed)
        going = ample and (self.heard.now_ns - self._watched_ns) * 1e-9 > _SETTING_OFF_S
        if short < 0.0 or going:
            short *= 1.0 if short > 0.0 else _SLOWER  # what is too fast is given up soon
            more = float(np.clip(more * (1.0 + _QUICKER * short), 1.0, 1.0 / scale))
        self._more = more
        return min(abs(way.speed) * more, float(self.limits.velocity[way.joint]))

    def _watch(self, way: Way, held: Float) -> Float:
        """Look from now on whether the robot does what can only be a mistake; where (J,) it is measured now."""
        base, self._watched_ns = self._newest(), self.heard.now_ns
        self._watched = lambda: self._odd(way, held, base, None)
        return base

    def _odd(self, way: Way, held: Float, base: Float, reached: float | None) -> Check | None:
        """What is odd about a motion; ``reached``: how far the joint was when the gate's reference stood."""
        sign = float(np.copysign(1.0, way.speed))
        led = sign * (self.heard.led(way) - float(held[way.joint]))
        moved = self._newest() - base
        others = {
            name: (float(moved[i]), float(self._lengths[i]))
            for i, name in enumerate(self.heard.joints)
            if i != way.joint
        }
        return surprise(way, led, sign * float(moved[way.joint]), reached is not None, others, reached or 0.0)

    def _leaps(self, way: Way, base: Float) -> Check | None:
        """Whether a joint moves although none is led anywhere."""
        moved = np.abs(self._newest() - base)
        share = moved / np.maximum(ELSEWHERE * self._lengths, 2.0 * self.contract.deployment.gate.arm_tolerance)
        if np.all(share <= 1.0):
            return None
        name = self.limits.names[int(np.argmax(share))]
        words = f"moves by {moved.max():.4g} as the gate takes over, which leads nothing: its state is not what its "
        words += "controller goes by (names swapped, an offset, another unit), or something else drives it"
        return Check(name, "takes over", WRONG, words, {"moved": float(moved.max())})

    def _newest(self) -> Float:
        return np.array([self.heard.newest(name) for name in self.heard.joints])

    def _asked(self, question: str) -> Script[str]:
        self.heard.reply = None
        yield Do(ask=question)
        while self.heard.reply is None:
            yield Do()
        return self.heard.reply

    def _pause(self, span_s: float) -> Script[None]:
        begin_ns = self.heard.now_ns
        yield from self._until(lambda: (self.heard.now_ns - begin_ns) * 1e-9 >= span_s, span_s)

    def _until(self, so: Callable[[], bool], most_s: float) -> Script[None]:
        begin_ns = self.heard.now_ns
        while not so() and (self.heard.now_ns - begin_ns) * 1e-9 < most_s:
            yield Do()

    def _note(self, subject: str, what: str, level: str, words: str) -> None:
        self.checks.append(Check(subject, what, level, words))


def subjects(checks: Sequence[Check]) -> list[str]:
    """What was checked, in order."""
    return list(dict.fromkeys(each.subject for each in checks))
