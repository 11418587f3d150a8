"""Checks one stream's messages against the contract (content, rate, age, stamps, QoS), and advises what to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from world_model_ros.check.message_times import MessageTimes
from world_model_ros.check.shape_advice import shape_advice
from world_model_ros.contract.schema import StreamSource
from world_model_ros.contract.senses import Stream
from world_model_ros.convert.senses.converters import converter_for
from world_model_ros.convert.senses.transforms import TransformConverter
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import AbsentError, OtherMessage, UserError

OUR_CLOCK = "our clock"
_RATE = (0.8, 1.25)  # of the contract's rate that counts as the same
_BURST = 2.0  # times the contract's rate: what comes faster had been kept back, which tells nothing of the sensor
_AGAIN = "held up in this run, as by a busy machine: first try again with nothing else running; only if it stays so, "
_AHEAD_S = 0.05  # clocks of two machines that follow NTP differ by less
_MOST_KINDS = 3  # of errors that are reported
_MOST_GAPS = 3  # that are reported


@dataclass(frozen=True)
class Finding:
    """A finding about one topic.

    Args:
        what: ``type``, ``qos``, ``rate``, ``age``, ``stamps``, ``content`` or ``publishers``.
        found: what there is.
        change: what to change in contract or robot; None if it fits.
        level: ``ok``, ``note`` (it runs, a person should look) or ``wrong``.
    """

    what: str
    found: str
    change: str | None = None
    level: str = "ok"


@dataclass
class StreamFit:
    """Collects what arrives on one stream's topic, whether it is heard or read from a bag; `fit_for` makes it.

    Args:
        stream, source: of the contract.
        clock: what arrivals are timed by, in words.

    Attributes:
        messages: of this stream. others: messages on its topic that have nothing of it, as of other joints or frames.
        times: when they came. zero_ns: from which times are told; the first message where it is None.
        since_ns, until_ns: within which silence counts, ends included; None: not known.
        tick_hz: of the contract; 0: not known.
        held_up_with: streams that something held up in this run; all others were there too.
    """

    stream: Stream
    source: StreamSource
    clock: str = OUR_CLOCK
    messages: int = 0
    others: int = 0
    _read: int = 0
    times: MessageTimes = field(default_factory=MessageTimes)
    zero_ns: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    tick_hz: float = 0.0
    held_up_with: Sequence[str] = ()
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)  # by field, and what is legal there
    _first: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # its error, and what to change
    _frames: Counter[str] = field(default_factory=Counter)
    _content_ns: int = 0  # when the newest message is of, by what it holds; 0 where it has no stamp
    _absent: int = 0
    _why_absent: str = ""  # the newest reason
    oldest_s: ClassVar[float] = np.inf  # the highest max_age_s that is ever proposed

    def __post_init__(self) -> None:
        self._convert = converter_for(self.stream, self.source)
        self.times.long_ns += round(self.source.max_age_s * 1e9)

    def add(self, message: Any, now_ns: int) -> None:
        """A message of the type that the contract names, that arrived at ``now_ns`` on the ROS clock."""
        samples = self.judge(message)
        if samples is not None:
            header = hasattr(message, "header")
            self.arrived(stamp_ns(message) if header else self._content_ns or now_ns, now_ns, samples)

    def add_static(self, message: Any) -> None:
        """A message with transforms that never change."""
        if isinstance(self._convert, TransformConverter):
            with suppress(UserError):  # what it lacks is said with the next ones that change
                self._convert.static(message)

    def arrived(self, stamp: int, now_ns: int, samples: int = 1) -> None:
        """Count a message by its stamp and its arrival, ns."""
        self.messages += 1
        self.times.add(now_ns, stamp, samples)

    def judge(self, message: Any) -> int | None:
        """Look at a message's content: its number of samples, or None if it is another publisher's business."""
        frame = str(getattr(getattr(message, "header", None), "frame_id", ""))
        self._content_ns = 0
        try:
            stamp, value = self._convert(message)
        except OtherMessage as error:
            self.others += 1
            if isinstance(error, AbsentError):
                self._absent += 1
                self._why_absent = str(error)
            return None
        except UserError as error:
            self.refuse(error, message)
            self._frames[frame] += 1
            return 1
        self._read += 1
        self._content_ns = stamp
        self._frames[frame] += 1
        self.look(message, stamp, value)
        return len(value) if self.stream.has_samples else 1

    def look(self, message: Any, stamp: int, value: NDArray[Any]) -> None:
        """Look at a message that was read, by kind of stream."""

    def refuse(self, error: UserError, message: Any = None) -> None:
        """Count a message that cannot be read; of errors of a kind the first one is reported."""
        kind = error.field, error.legal
        if kind not in self._first:
            advice = None if message is None else shape_advice(self.stream, message)
            self._first[kind] = str(error), advice or "make the robot send what is expected"
        self._refused[kind] += 1

    @property
    def rate_hz(self) -> float | None:
        """Messages a second (microphones: samples), by arrival."""
        return self.times.rate_hz

    @property
    def ages_s(self) -> NDArray[np.float64]:
        """Arrival minus stamp of each message, s; the way from the sensor's stamp to us."""
        return self.times.ages_s

    def findings(self) -> list[Finding]:
        """Content, rate, age, stamps and signs of a second publisher; nothing is said of a topic that is silent."""
        if not self.messages:
            return [] if not self._absent else [Finding("content", *self._missed(), "wrong")]
        absent = [Finding("content", *self._missed(), "note")] if self._absent else []
        return [*self.contents(), *absent, *self._rates(), *self._stamps(), *self._publishers()]

    def _missed(self) -> tuple[str, str]:
        """That it was not in messages, and what to do."""
        change = f"deployment.streams: {self.source.name}, or what publishes it"
        return f"not in {self._absent} of {self.messages + self.others} messages, such as: {self._why_absent}", change

    def contents(self) -> list[Finding]:
        if not self._refused:
            return [Finding("content", f"all {self.messages} messages can be read")]
        looked = self._read + self._refused.total()
        of = f"{looked}" if looked == self.messages else f"{looked} that were looked at, of {self.messages},"
        usual = self._refused.most_common(_MOST_KINDS)
        found = [
            Finding("content", f"{count} of {of} refused: {self._first[kind][0]}", self._first[kind][1], "wrong")
            for kind, count in usual
        ]
        rest = self._refused.total() - sum(count for _, count in usual)
        if rest:
            words = f"{rest} of {of} refused, for other reasons"
            found.append(Finding("content", words, "what is above first", "wrong"))
        return found

    @property
    def shared(self) -> bool:
        """Whether several publishers share the topic as they may, each with something of its own."""
        return self.others > 0

    @property
    def several_senders(self) -> bool:
        """Whether the messages are of more than one publisher, as far as they tell."""
        return bool(self._publishers())

    def _publishers(self) -> list[Finding]:
        """What gives a second publisher away; a live check knows them by name besides."""
        found = self.signs()
        if len(self._frames) > 1:
            kinds = ", ".join(f"{count} of {frame!r}" for frame, count in self._frames.most_common(4))
            found.append(f"messages of several frames: {kinds}")
        change = "one publisher a topic"
        return [Finding("publishers", f"two publishers, it seems: {words}", change, "note") for words in found]

    def signs(self) -> list[str]:
        """Signs of a second publisher, by kind of stream."""
        return []

    def _rates(self) -> list[Finding]:
        rate, name = self.rate_hz, self.stream.name
        if self.stream.has_samples and sum(self._refused.values()) == self.messages:
            return []  # it is not known how many samples there were
        if rate is None:
            few = f"{self.messages} messages"
            return [Finding("rate", few, "listen for longer, or the driver is stuck", "wrong")]
        sound, stated = self.stream.has_samples, self.stream.samples_hz
        found = f"{rate:.0f} samples/s" if sound else f"{rate:.1f} Hz"
        of_several = not sound and self.several_senders  # what they send together is the rate of none of them
        if of_several or _RATE[0] * stated <= rate <= _RATE[1] * stated:
            return [Finding("rate", found)]
        if self._one_a_tick(rate):
            return [Finding("rate", f"{found}, steady, as many as there are ticks; the contract says {stated:g}")]
        change = f"interface.streams: {name}: {self.stream.rate_field}: {_nice(rate)}"
        change += f" (the contract says {stated:g}), or the driver"
        quickest = self.held_up()
        found += "" if quickest is None else f", at times {quickest:.0f}"
        return [Finding("rate", found, self._again(change), "wrong" if sound else "note")]

    def _one_a_tick(self, rate: float) -> bool:
        """Whether a bag has about one picture a tick, as simulators and other data sets write them: no model sees more.
        A robot that runs should send what its contract says."""
        steady = self.times.quickest_hz is not None and self.times.quickest_hz <= _RATE[1] * rate
        as_many = _RATE[0] * self.tick_hz <= rate <= _RATE[1] * self.tick_hz
        return self.stream.is_picture and self.clock != OUR_CLOCK and as_many and steady

    def _again(self, change: str) -> str:
        """Advice, after that to try again where the run was held up; all streams of a run are told alike."""
        if self.held_up() is not None:
            return f"at times it keeps the contract's rate, so it was {_AGAIN}{change}"
        if self.held_up_with:
            were = "was" if len(self.held_up_with) == 1 else "were"
            return f"{', '.join(self.held_up_with)} {were} {_AGAIN}{change}"
        return change

    def held_up(self) -> float | None:
        """Its rate at the best times, if that is the contract's while the mean is lower: the sensor can do it, and
        something held it up; else None."""
        rate, quickest, stated = self.rate_hz, self.times.quickest_hz, self.stream.samples_hz
        if rate is None or quickest is None or self.several_senders or rate >= _RATE[0] * stated:
            return None
        return quickest if _RATE[0] * stated <= quickest <= _BURST * stated else None

    def _stamps(self) -> list[Finding]:
        times, limit_s = self.times, self.source.max_age_s
        if times.zeros == times.count:
            return [Finding("stamps", "all are 0", "the driver: it must stamp with the time of measurement", "wrong")]
        middle = float(np.median(times.ages_s))
        if middle < -_AHEAD_S:
            clocks = "synchronise the clocks (chrony, PTP), or use_sim_time on one side only"
            return [Finding("stamps", f"{-middle:.3f} s ahead of {self.clock}", clocks, "wrong")]
        if middle > 60.0 + limit_s:
            clocks = "the driver stamps with another clock; or the robot runs on /clock: --use-sim-time"
            if self.clock != OUR_CLOCK:
                clocks = "the driver stamps with another clock; or it was recorded without use_sim_time"
            return [Finding("stamps", f"{middle:.0f} s behind {self.clock}", clocks, "wrong")]
        return [*self._odd_stamps(), self._age(middle), *self._gaps()]

    def _age(self, middle: float) -> Finding:
        """What is usual: single silences and delays are named by `_gaps`."""
        limit_s = self.source.max_age_s
        found = f"p50 {middle * 1e3:.1f} ms, at most {self.times.worst_s * 1e3:.1f} ms"
        # How old the newest message has become when the next one comes: a tick in between sees this.
        needed = self.times.held_s + self.source.latency_s
        change = f"deployment.streams: {self.stream.name}: max_age_s: {_up(1.2 * needed)}"
        if 1.2 * needed > self.oldest_s:
            change = f"leave max_age_s: nothing is to be moved by what is over {self.oldest_s:g} s old"
        if middle + self.source.latency_s > limit_s:
            found = f"{found}; older than max_age_s {limit_s:g}"
            return Finding("age", found, self._again(f"{change}, or find what delays it"), "wrong")
        if needed > limit_s:
            held = f"{found}; {needed * 1e3:.0f} ms when the next one comes, 99 % quantile"
            return Finding("age", held, self._again(f"{change} (the contract says {limit_s:g})"), "note")
        return Finding("age", found)

    def _gaps(self) -> list[Finding]:
        """Silences, and single delays, in which the newest message was too old: a rate or an age tells nothing."""
        times, limit_s = self.times, self.source.max_age_s
        gaps = times.gaps(limit_s - self.source.latency_s, self.since_ns, self.until_ns)
        if times.held_s + self.source.latency_s > limit_s:  # which is said already of the usual ones
            gaps = [gap for gap in gaps if gap.long_ns * 1e-9 > times.silence_s]
        if not gaps:
            return []
        longest = sorted(sorted(gaps, reverse=True)[:_MOST_GAPS], key=lambda gap: gap.end_ns)
        zero_ns = times.first_ns if self.zero_ns is None else self.zero_ns
        listed = ", ".join(
            f"{gap.held_ns * 1e-9:.2f} s from {(gap.end_ns - gap.held_ns - zero_ns) * 1e-9:.2f} s on" for gap in longest
        )
        often = f"{len(gaps)} times nothing for over max_age_s {limit_s:g}"
        often += ", the longest:" if len(gaps) > _MOST_GAPS else ":"
        change = (
            "no harm where the sensor was off; else look at the machine (was it busy?), driver, network and recorder"
        )
        return [Finding("gaps", f"{'nothing for' if len(gaps) == 1 else often} {listed}", change, "note")]

    def _odd_stamps(self) -> list[Finding]:
        """Some that are 0, ahead, or not newer than one before."""
        times, result = self.times, []
        if times.zeros:
            found = f"{times.zeros} of {times.count} are 0"
            result.append(Finding("stamps", found, "the driver: it must stamp each; these are dropped", "wrong"))
        if times.old:
            found = f"{times.old} of {times.count} over a minute behind {self.clock}"
            result.append(Finding("stamps", found, "the driver, or what held these messages up", "note"))
        if times.ahead:
            found = f"{times.ahead} of {times.count} too far ahead of {self.clock}, by up to {times.ahead_s:.3f} s"
            result.append(Finding("stamps", found, "the driver; these messages are refused", "note"))
        if times.back:
            change = "the driver: each message needs a newer stamp than the last; these are dropped"
            found = f"{times.back} of {times.count} not newer than the one before"
            result.append(Finding("stamps", found, change, "wrong"))
        return result


def qos_findings(source: StreamSource, offered: Sequence[tuple[str, str]]) -> list[Finding]:
    """Whether the contract's subscription hears publishers that offer (reliability, durability) in lower case."""
    asked, result = source.qos, []
    for policy, want, poorer in (
        ("reliability", "reliable", "best_effort"),
        ("durability", "transient_local", "volatile"),
    ):
        offers = {pair[policy == "durability"] for pair in offered}
        if getattr(asked, policy) == want and poorer in offers:
            change = f"deployment.streams: {source.name}: qos: {{{policy}: {poorer}}}; as it is, nothing is heard"
            result.append(
                Finding("qos", f"the robot offers {policy} {poorer}, the contract asks for {want}", change, "wrong")
            )
    if result or not offered:
        return result
    return [Finding("qos", ", ".join(sorted({" ".join(pair) for pair in offered})))]


def type_findings(source: StreamSource, legal: Sequence[str], types: Sequence[str]) -> list[Finding]:
    """Whether the topic's types are the contract's."""
    other = sorted(set(types) - {source.type})
    if not other:
        return [Finding("type", source.type)] if types else []
    usable = [each for each in other if each in legal]
    change = f"the robot must publish one of {list(legal)}"
    if usable:
        change = f"deployment.streams: {source.name}: type: {usable[0]}"
    return [Finding("type", f"{', '.join(other)}; the contract says {source.type}", change, "wrong")]


def _nice(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def _up(seconds: float) -> str:
    return f"{np.ceil(seconds * 100) / 100:g}"
