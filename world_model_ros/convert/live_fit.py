"""Whether the messages of a running robot are what a stream of the contract promises, and what to change if not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from world_model_ros.contract.schema import Stream, StreamSource
from world_model_ros.convert.incoming import converter_for
from world_model_ros.convert.live_shape import shape_advice
from world_model_ros.convert.stamps import stamp_ns
from world_model_ros.core.errors import UserError

_RATE = (0.8, 1.25)  # of the contract's rate that counts as the same
_AHEAD_S = 0.05  # clocks of two machines that follow NTP differ by less
_ENOUGH = 3  # messages, for a rate


@dataclass(frozen=True)
class Finding:
    """One thing about a topic.

    Args:
        what: ``type``, ``qos``, ``rate``, ``age``, ``stamps``, ``content`` or ``publishers``.
        found: what there is.
        change: what to change in contract or robot; None if it fits.
        level: ``ok``, ``note`` (it runs, somebody should look) or ``wrong``.
    """

    what: str
    found: str
    change: str | None = None
    level: str = "ok"


@dataclass
class StreamFit:
    """Collects what arrives on one stream's topic.

    Args:
        stream, source: of the contract.
    """

    stream: Stream
    source: StreamSource
    messages: int = 0
    _seen: list[tuple[int, int, int]] = field(default_factory=list)  # arrival ns, stamp ns, samples
    _refused: Counter[str] = field(default_factory=Counter)
    _advice: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._convert = converter_for(self.stream, self.source)

    def add(self, message: Any, now_ns: int) -> None:
        """A message of the type that the contract names, that arrived at ``now_ns`` on the ROS clock."""
        self.messages += 1
        samples = 1
        try:
            _, value = self._convert(message)
            samples = len(value) if self.stream.kind == "microphone" else 1
        except UserError as error:
            self._refused[str(error)] += 1
            self._advice[str(error)] = shape_advice(self.stream, message) or "what the robot sends, as the left says"
        self._seen.append((now_ns, stamp_ns(message), samples))

    @property
    def rate_hz(self) -> float | None:
        """Messages a second (microphones: samples), by arrival."""
        if len(self._seen) < _ENOUGH:
            return None
        span_s = (self._seen[-1][0] - self._seen[0][0]) * 1e-9
        return sum(samples for _, _, samples in self._seen[1:]) / span_s if span_s > 0 else None

    @property
    def ages_s(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Arrival minus stamp of each message, s; the way from the sensor's stamp to us."""
        return np.array([now - stamp for now, stamp, _ in self._seen], np.float64) * 1e-9

    def findings(self) -> list[Finding]:
        """Content, rate, age and stamps; nothing is said of a topic that is silent."""
        if not self._seen:
            return []
        return [*self._contents(), *self._rates(), *self._stamps()]

    def _contents(self) -> list[Finding]:
        if not self._refused:
            return [Finding("content", f"all {self.messages} messages can be read")]
        return [
            Finding("content", f"{count} of {self.messages} refused: {error}", self._advice[error], "wrong")
            for error, count in self._refused.most_common(3)
        ]

    def _rates(self) -> list[Finding]:
        rate, name = self.rate_hz, self.stream.name
        if rate is None:
            few = f"{self.messages} messages"
            return [Finding("rate", few, "listen for longer, or the driver is stuck", "wrong")]
        sound = self.stream.kind == "microphone"
        stated = self.stream.sample_rate_hz if self.stream.kind == "microphone" else self.stream.rate_hz
        key = "sample_rate_hz" if sound else "rate_hz"
        found = f"{rate:.0f} samples/s" if sound else f"{rate:.1f} Hz"
        if _RATE[0] * stated <= rate <= _RATE[1] * stated:
            return [Finding("rate", found)]
        change = f"interface.streams: {name}: {key}: {_nice(rate)} (the contract says {stated:g}), or the driver"
        return [Finding("rate", found, change, "wrong" if sound else "note")]

    def _stamps(self) -> list[Finding]:
        stamps = np.array([stamp for _, stamp, _ in self._seen], np.int64)
        ages, limit_s, name = self.ages_s, self.source.max_age_s, self.stream.name
        if (stamps == 0).all():
            return [Finding("stamps", "all are 0", "the driver: it must stamp with the time of measurement", "wrong")]
        middle, worst = float(np.median(ages)), float(ages.max())
        found = f"p50 {middle * 1e3:.1f} ms, at most {worst * 1e3:.1f} ms"
        if middle < -_AHEAD_S:
            clocks = "synchronise the clocks (chrony, PTP), or use_sim_time on one side only"
            return [Finding("stamps", f"{-middle:.3f} s ahead of our clock", clocks, "wrong")]
        if middle > 60.0 + limit_s:
            clocks = "the driver stamps with another clock; or the robot runs on /clock: --use-sim-time"
            return [Finding("stamps", f"{middle:.0f} s behind our clock", clocks, "wrong")]
        result = []
        back = int((np.diff(stamps) <= 0).sum())
        if back:
            change = "the driver: each message needs a newer stamp than the last; these are dropped"
            result.append(Finding("stamps", f"{back} of {len(stamps)} not newer than the one before", change, "wrong"))
        arrivals = np.array([now for now, _, _ in self._seen], np.int64)
        # How old the newest message had become when the next one came: a tick in between sees this.
        needed = max(worst, float((arrivals[1:] - stamps[:-1]).max()) * 1e-9 if len(stamps) > 1 else worst)
        worst, needed = worst + self.source.latency_s, needed + self.source.latency_s
        if middle + self.source.latency_s > limit_s:
            change = f"deployment.streams: {name}: max_age_s: {_up(1.2 * needed)}, or find what delays it"
            return [*result, Finding("age", f"{found}; older than max_age_s {limit_s:g}", change, "wrong")]
        if needed > limit_s:
            held = f"{found}; {needed * 1e3:.0f} ms when the next one came"
            change = f"deployment.streams: {name}: max_age_s: {_up(1.2 * needed)} (the contract says {limit_s:g})"
            return [*result, Finding("age", held, change, "note")]
        return [*result, Finding("age", found)]


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
