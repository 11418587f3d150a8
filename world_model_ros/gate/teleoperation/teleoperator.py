"""Turns teleoperation wishes into smooth commands of one source of the gate, from its current motion to a stop."""

from __future__ import annotations

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.gate.playing.news import GateNews
from world_model_ros.gate.states import Event, State
from world_model_ros.gate.teleoperation.wish import Wish, nothing
from world_model_ros.kinematics.motion import motion_for

_WISH_LASTS_S = 0.3  # a device that says nothing for longer is let go
_GATE_LASTS_S = 1.5  # it says something twice a second
_REFERENCE_LASTS_S = 0.5
_STEP_MOST_S = 0.25  # of time that passes between two steps; a longer pause is none
_SHARE = 0.5  # of the acceleration limits: the gate needs the rest to follow
_SMOOTH_S = 0.1  # in which a velocity changes; at once, the gate, whose jerk is limited, would pass by and come back
_GOES_ON_S = 0.1  # for which a command goes on before it brakes
_SPACING_S = 0.05  # of its points
_LEASH_S, _SLACK_S = 0.2, 0.005  # at the wished velocity, and at the limit: how far ahead of the gate it may lead
_STILL = 0.01  # rad/s or m/s of what stands
_LED_S = 0.15  # in which a joint makes up for the way to its leader


class Teleoperator:
    """Leads a robot as a person wishes; pure, time comes in as ``now_ns`` of the ROS clock.

    It has a motion of its own, which begins where the gate's reference is and as fast, follows what is wished within
    half of the acceleration limits, and stops where the person lets go. Each command says how that motion goes on, and
    brakes after 0.1 s: should this be the last one, the robot stops.

    Args:
        contract: of the robot, with kinematics of its action.
        source: of the gate, as the contract names it.

    Raises:
        UserError: the contract's action has no kinematics here.
    """

    def __init__(self, contract: Contract, source: str) -> None:
        self._motion, self._limits = motion_for(contract), contract.limits()
        self._names, self._tick_s = contract.joint_names, 1.0 / contract.interface.tick_hz
        self._most = np.array(contract.interface.action.bounds)
        self._source, self._size = source, contract.interface.action.size
        self._acceleration = _SHARE * self._limits.acceleration
        self._news: GateNews | None = None
        self._owner: str | None = None
        self._asked: str | None = None
        self._reference: tuple[Float, Float] | None = None
        self._wish = nothing(self._size)
        self._news_ns = self._reference_ns = self._wish_ns = 0
        self._step_ns: int | None = None
        self._led: tuple[Float, Float] | None = None  # position and velocity of its own motion
        self._refusal = ""  # of the gate, why its motion ended
        self._let_go = False  # whether the person has held nothing since this motion began

    @property
    def place(self) -> Float | None:
        """(J,) where it leads the robot now; None while it does not."""
        return None if self._led is None else self._led[0].copy()

    @property
    def waits_for(self) -> str | None:
        """What has to happen before a wish moves the robot, for a person; None if nothing."""
        news = self._news
        if news is None:
            return "the gate, which has not said anything"
        if self._source not in (self._owner, self._asked):
            return f"the gate to be owned by {self._source}; it is owned by {self._owner or 'no source'}"
        if not self._hears(news):
            return f"the gate, which {news.words.removeprefix('the gate ')}"
        if self._reference is None:
            return "gate/applied, where the robot is"
        if self._let_go or self._led is None:
            return None
        return f"the switch, or the stick, to be let go of once{f' ({self._refusal})' if self._refusal else ''}"

    def hear_gate(self, news: GateNews, now_ns: int) -> None:
        """Take what the gate says."""
        refused = self._news is not None and news.refused > self._news.refused
        self._news, self._news_ns, self._owner = news, now_ns, news.owner
        if refused and self._reference is not None and self._led is not None:  # what is wished cannot be: stop here
            self._led, self._let_go, self._refusal = self._reference, False, news.refusal

    def hear_owner(self, owner: str | None, asked: str | None) -> None:
        """Take who owns the gate, and who is asked for."""
        self._owner, self._asked = owner, asked

    def hear_reference(self, position: Float, velocity: Float, now_ns: int) -> None:
        """Take the motion (J,) that the gate sends the controller (``gate/applied``)."""
        if np.isfinite(position).all() and np.isfinite(velocity).all():
            self._reference, self._reference_ns = (position, velocity), now_ns

    def hear_wish(self, wish: Wish, now_ns: int) -> None:
        """Take what the person wants; that lasts 0.3 s."""
        self._wish, self._wish_ns = wish, now_ns

    def step(self, now_ns: int) -> Trajectory | None:
        """Go on to a time; the command for the gate, or None if it would not be followed."""
        passed_s = 0.0 if self._step_ns is None else (now_ns - self._step_ns) * 1e-9
        self._step_ns = now_ns
        reference = self._reference
        if reference is None or not self._followed(now_ns):
            self._led = None
            return None
        if self._led is None or not 0.0 <= passed_s <= _STEP_MOST_S:
            # At rest it does not set off because a stick was held meanwhile; a robot that another drives is taken over.
            takes_over = self._news is not None and self._news.state is State.TRACKING and self._owner != self._source
            self._let_go = takes_over if self._led is None else self._let_go
            self._led, passed_s = reference, 0.0
        wish = self._wish if 0 <= now_ns - self._wish_ns <= _WISH_LASTS_S * 1e9 else nothing(self._size)
        if wish.neutral:
            self._let_go, self._refusal = True, ""
        if wish.neutral or not self._let_go:
            self._led, wish = self._dropped(*self._led, *reference), nothing(self._size)
        self._led = self._ahead(*self._led, wish, passed_s, *reference)
        return self._command(*self._led, now_ns)

    def _followed(self, now_ns: int) -> bool:
        news = self._news
        if news is None or not 0 <= now_ns - self._news_ns <= _GATE_LASTS_S * 1e9:
            return False
        fresh = 0 <= now_ns - self._reference_ns <= _REFERENCE_LASTS_S * 1e9
        return fresh and self._source in (self._owner, self._asked) and self._hears(news)

    def _hears(self, news: GateNews) -> bool:
        """Whether the gate takes commands."""
        silent = news.state is State.SLOWING and news.cause is Event.SILENCE  # taken back by a command
        return silent or news.state in (State.HOLDING, State.TRACKING) or news.handing_over

    def _dropped(self, position: Float, velocity: Float, at: Float, speed: Float) -> tuple[Float, Float]:
        """Its own motion, of a person who has let go, with the gate at ``at`` and as fast as ``speed`` (J,).

        Where the gate could not follow, in front of an obstacle or slowed down, what is not done yet is dropped: it
        would be done later, when nothing is wished any more.
        """
        still = np.all(np.abs(velocity) < _STILL) and np.all(np.abs(speed) < _STILL)
        usual = _LEASH_S * np.maximum(np.abs(velocity), np.abs(speed)) + _SLACK_S * self._limits.velocity
        return (at, speed) if still or np.any(np.abs(position - at) > usual) else (position, velocity)

    def _ahead(
        self, position: Float, velocity: Float, wish: Wish, passed_s: float, at: Float, speed: Float
    ) -> tuple[Float, Float]:
        """Its own motion after a span of time, with the gate at ``at`` and as fast as ``speed`` (J,)."""
        limits = self._limits
        braking_s = np.maximum(_SMOOTH_S, np.abs(velocity) / (2.0 * self._acceleration))
        stop = position + velocity * braking_s  # where it would stand if it were let go of now
        room = np.clip([limits.lower - stop, limits.upper - stop], -_LED_S * limits.velocity, _LED_S * limits.velocity)
        wanted = np.clip(self._wanted(wish, stop), *(room / _LED_S))  # near a limit ever slower
        change = wanted - velocity
        share = float(np.min(self._acceleration * passed_s / np.maximum(np.abs(change), 1e-9)))
        after = velocity + min(share, 1.0 - np.exp(-passed_s / _SMOOTH_S)) * change
        there = position + 0.5 * (velocity + after) * passed_s
        leash = _LEASH_S * np.maximum(np.abs(wanted), np.abs(after)) + _SLACK_S * limits.velocity
        near = np.clip(there, at - leash, at + leash)
        after = np.where(near == there, after, np.clip(speed, np.minimum(after, 0.0), np.maximum(after, 0.0)))
        inside = np.clip(near, limits.lower, limits.upper)
        return inside, np.where(inside == near, after, 0.0)

    def _wanted(self, wish: Wish, stop: Float) -> Float:
        """Velocities (J,) that are wished, of a robot that could stop there."""
        if wish.neutral:
            return np.zeros_like(stop)
        if wish.places is not None:
            away = np.where(np.isnan(wish.places), 0.0, wish.places - stop)
            return np.asarray(away / _LED_S)
        action = np.clip(wish.rates * self._tick_s, -self._most, self._most)
        way = self._motion.chunk_trajectory(stop, action[None], 0, self._tick_s).positions
        return np.asarray((way[-1] - way[0]) / self._tick_s)

    def _command(self, position: Float, velocity: Float, now_ns: int) -> Trajectory:
        """How a motion goes on: for a while as it is, then to a stop."""
        braking_s = float(np.max(np.abs(velocity) / self._acceleration))
        count = max(2, int(np.ceil((_GOES_ON_S + braking_s) / _SPACING_S)) + 1)
        times = np.linspace(0.0, _GOES_ON_S + braking_s, count)
        since = np.maximum(times - _GOES_ON_S, 0.0)
        left = np.ones(count) if braking_s == 0.0 else 1.0 - since / braking_s
        way = np.minimum(times, _GOES_ON_S) + since * 0.5 * (1.0 + left)
        positions = position + way[:, None] * velocity
        lower, upper = self._limits.lower, self._limits.upper
        inside = np.clip(positions, lower, upper)
        # A cubic stays among its ends and their velocities times a third of a step from them.
        most = 3.0 * np.maximum(np.minimum(inside - lower, upper - inside), 0.0) / times[1]
        velocities = np.clip(left[:, None] * velocity, -most, most)
        velocities[-1] = 0.0
        return Trajectory(self._names, times, inside, velocities, now_ns)
