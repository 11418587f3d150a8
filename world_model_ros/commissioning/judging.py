"""What a motion of one joint shows: that it moves, the right way, as far and as fast as the gate led it, and stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from world_model_ros.commissioning.findings import NOTE, OK, WRONG, Check
from world_model_ros.commissioning.ways import Way

WRONG_WAY = 0.25  # of the first motion's length: farther than this the wrong way is a surprise
ELSEWHERE = 0.5  # of another joint's own first motion
TOO_FAR = 2.0  # times what the gate led, and half of the first motion more
WENT_ON = 1.6  # times the first motion's length, after the gate's reference stands
_MOVES = 0.01  # of that length
_RATIO = (0.8, 1.25)
_SPEED = (0.85, 1.15)
_NEAR = 0.12  # by which a ratio may differ from one that is known
_ALLOWED_S = 0.15  # beyond what is promised: transport, joint states, what counts as still
_FULL_LAG = 0.7  # of the gate's tracking_tolerance at full speed, from which on a lag is worth a note
_LATE_S = 0.25  # from a call, or from the silence that is promised, to the gate's change of state
_KNOWN = (
    (180.0 / np.pi, "the driver reports degrees for radians"),
    (np.pi / 180.0, "the controller takes degrees for radians"),
    (1000.0, "the driver reports mm for m"),
    (0.001, "the controller takes mm for m"),
)


@dataclass(frozen=True)
class Probed:
    """How the first, small motion of a joint ended; rad or m, from where it began.

    Args:
        led: where the gate led it. reached: where it was measured when that stood. ended: where it came to rest.
        changed: whether any of its positions ever differed from the one before.
    """

    led: float
    reached: float
    ended: float
    changed: bool


@dataclass(frozen=True)
class Ran:
    """A stretch at constant speed: velocities led and measured, and how far behind the joint was; rad or m, s."""

    led: float
    measured: float
    behind: float


@dataclass(frozen=True)
class Stopped:
    """How a motion ended.

    Args:
        heard_s: from the call, or the last command, to the gate's change of state. stood_s: from there until the joint
            stood. way: how far it went meanwhile. still: whether it stood within the time that was waited.
        speed: of the reference before.
    """

    heard_s: float
    stood_s: float
    way: float
    still: bool
    speed: float


@dataclass(frozen=True)
class Promise:
    """How soon the gate is to brake and stand, and over which way; s, rad or m."""

    heard_s: float
    stood_s: float
    way: float


def surprise(
    way: Way, led: float, moved: float, stands: bool, others: Mapping[str, tuple[float, float]], reached: float
) -> Check | None:
    """Why a motion has to end at once; None if nothing is odd.

    Args:
        led, moved: of the joint, from where the motion began, with the sign of its way taken off.
        stands: whether the gate's reference has come to its end; reached: where the joint was then.
        others: of each other joint, how far it is from where it was, and how long its own first motion would be.
    """
    figures = {"led": led, "measured": moved}
    for name, (by, length) in others.items():
        if abs(by) > ELSEWHERE * length and abs(moved) < 0.5 * max(abs(led), way.probe):
            words = f"{name} moves by {by:.4g} where {way.name} was led by {led:.4g}: names or wires are swapped"
            return Check(way.name, "right joint", WRONG, words, {**figures, "other": by})
    if moved < -WRONG_WAY * way.probe:
        words = f"goes by {moved:.4g} where it was led by {led:.4g}: its direction is the other way round"
        return Check(way.name, "direction", WRONG, words, figures)
    if not stands and moved > TOO_FAR * abs(led) + 0.5 * way.probe:
        return Check(
            way.name, "units", WRONG, f"goes by {moved:.4g} where it was led by {led:.4g}{_factor(moved, led)}"
        )
    if stands and moved > WENT_ON * abs(led):
        if reached <= _RATIO[1] * abs(led):
            words = f"went on to {moved:.4g} after the gate had stopped it at {led:.4g}: the controller does not stop"
            return Check(way.name, "stop", WRONG, words, figures)
        words = f"went {moved:.4g} where it was led by {led:.4g}{_factor(moved, led)}"
        return Check(way.name, "units", WRONG, words, figures)
    return None


def _factor(moved: float, led: float) -> str:
    ratio = moved / led if led else np.inf
    known = next((words for by, words in _KNOWN if abs(ratio / by - 1.0) < _NEAR), "")
    return f", {ratio:.3g} times that: {known or 'another unit or gear ratio'}"


def judge_probe(way: Way, probed: Probed, noise: float) -> list[Check]:
    """The first motion, which ended without a surprise: the joint moves, the right way, as far as it was led."""
    led, ended = abs(probed.led), probed.ended
    figures = {"led": led, "measured": ended, "ratio": ended / led if led else 0.0}
    if abs(ended) < max(_MOVES * way.probe, 5.0 * noise):
        if not probed.changed:
            words = (
                f"its state never changes, also while it was led by {led:.4g} {way.unit}: a driver that repeats itself"
            )
            return [Check(way.name, "live", WRONG, words, figures)]
        words = f"stands still where it was led by {led:.4g} {way.unit}, though its state is live: it is stuck or off"
        return [Check(way.name, "moves", WRONG, words, figures)]
    found = [Check(way.name, "moves", OK, f"by {ended:.4g} {way.unit}", figures)]
    if ended < 0.0:
        words = f"goes by {ended:.4g} where it was led by {led:.4g}: its direction is the other way round"
        return [*found, Check(way.name, "direction", WRONG, words, figures)]
    found += [Check(way.name, "direction", OK, "as it is led"), Check(way.name, "right joint", OK, "no other moves")]
    ratio = ended / led
    if not _RATIO[0] <= ratio <= _RATIO[1]:
        if ratio > _RATIO[1] and probed.reached <= led:
            words = f"went on to {ended:.4g} after the gate had stopped it at {led:.4g}"
            return [*found, Check(way.name, "stop", WRONG, words, figures)]
        words = f"goes by {ended:.4g} where it was led by {led:.4g}{_factor(ended, led)}"
        return [*found, Check(way.name, "units", WRONG, words, figures)]
    return [*found, Check(way.name, "units", OK, f"{ratio:.3f} of what it was led", figures)]


def judge_run(way: Way, ran: Ran, full_speed: float, tolerance: float | None) -> list[Check]:
    """Speed and lag.

    Args:
        full_speed: of the joint, by its limits.
        tolerance: how far it may be behind before the gate brakes; None where that is not watched.
    """
    ratio = ran.measured / ran.led if ran.led else 0.0
    figures = {"led_per_s": ran.led, "measured_per_s": ran.measured, "ratio": ratio}
    if not _SPEED[0] <= ratio <= _SPEED[1]:
        words = f"goes at {ratio:.0%} of the speed that it is led at: a speed slider or scaling of the robot"
        if ratio > _SPEED[1]:
            words = f"goes at {ratio:.0%} of the speed that it is led at"
        return [Check(way.name, "speed", WRONG, words, figures)]
    lag_s = ran.behind / ran.led
    lagging = {"lag_s": lag_s, "following_error": ran.behind}
    told = f"{lag_s * 1e3:.0f} ms behind, {abs(ran.behind):.2g} {way.unit} at this speed"
    level = OK
    if tolerance is not None:
        full = abs(lag_s) * full_speed
        lagging |= {"following_error_at_full_speed": full, "tracking_tolerance": tolerance}
        told += f"; {full:.2g} at full speed, of tracking_tolerance {tolerance:g}"
        level = WRONG if full > tolerance else NOTE if full > _FULL_LAG * tolerance else OK
        told += ": the gate would brake it for that; raise the tolerance, or lower the limit" if level == WRONG else ""
    return [
        Check(way.name, "speed", OK, f"{ratio:.1%} of what it is led at", figures),
        Check(way.name, "lag", level, told, lagging),
    ]


def judge_stop(way: Way, what: str, stopped: Stopped, promise: Promise, lag_s: float) -> Check:
    """Whether the joint stood as soon, and went as far, as the contract promises.

    Args:
        what: ``gate/stop`` or ``silence``.
        lag_s: of the joint behind the gate's reference, which the promise does not hold.
    """
    late_s = max(lag_s, 0.0) + _ALLOWED_S
    most_s, most = promise.stood_s + late_s, promise.way + stopped.speed * late_s
    figures = {
        "heard_s": stopped.heard_s,
        "heard_promised_s": promise.heard_s,
        "stood_s": stopped.stood_s,
        "stood_promised_s": promise.stood_s,
        "way": stopped.way,
        "way_promised": promise.way,
        "lag_s": lag_s,
    }
    told = (
        f"the gate brakes after {stopped.heard_s * 1e3:.0f} ms, the joint stands {stopped.stood_s * 1e3:.0f} ms later"
    )
    told += f" and {stopped.way:.2g} {way.unit} farther (promised {promise.stood_s * 1e3:.0f} ms, {promise.way:.2g}"
    told += f" {way.unit}, and its lag)"
    if not stopped.still:
        words = "does not come to rest: use the emergency stop, and look at the controller"
        return Check(way.name, what, WRONG, words, figures)
    if stopped.stood_s > most_s or stopped.way > most:
        return Check(way.name, what, WRONG, f"{told}: the controller goes on after it is told to stop", figures)
    if stopped.heard_s > promise.heard_s + _LATE_S:
        return Check(way.name, what, WRONG, f"{told}: promised within {promise.heard_s * 1e3:.0f} ms", figures)
    return Check(way.name, what, OK, told, figures)
