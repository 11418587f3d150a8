"""Tracks which source of commands (brain, MoveIt, person) owns the gate, takeovers, and how commands were judged.

Whoever is asked for takes over while the robot stands still, or in motion with a first command that the motion at hand
can go over to within the limits; else the gate brakes before (see `Gate`). No source owns a gate of several sources
until one is asked for, and a gate without an owner does not move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from world_model_ros.contract.deployment.gate import BRAIN, CommandSource
from world_model_ros.core.checks import whole_ns
from world_model_ros.core.errors import UserError
from world_model_ros.gate.rules import Refusal

OWNER, JOIN = "owner", "join"  # rules: of a source that does not own the gate, of a first command that does not join
NO_OWNER = ""  # as a name that is asked for
UNBROKEN = ("accepted", "state", OWNER)  # counts of commands that broke no rule about what they say


@dataclass(frozen=True)
class Asked:
    """A source that takes over next, None for no source, and when it was asked for."""

    name: str | None
    since_ns: int


class Ownership:
    """The owner, who is asked for, and how the commands of each source were judged.

    Args:
        sources: all that send commands; None for the brain alone, which then owns the gate from the start.

    Attributes:
        sources: by name.
        owner: a name, or None; since_ns: when it took over, on the ROS clock, 0 before anybody did.
        asked: who takes over next, or None.
        counts: "accepted", and refused commands by rule, by source.
        refusals: the last one by source that broke a rule about what a command says.
        refused: why the newest request was refused; None if it was not.
    """

    def __init__(self, sources: Sequence[CommandSource] | None = None) -> None:
        named = (CommandSource(name=BRAIN, kind="brain"),) if sources is None else sources
        self.sources = {each.name: each for each in named}
        self.owner = BRAIN if sources is None else None
        self.since_ns = 0
        self.asked: Asked | None = None
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in self.sources}
        self.refusals: dict[str, Refusal] = {}
        self.refused: Refusal | None = None

    def ask(self, name: str, now_ns: int) -> Refusal | None:
        """Ask for the next owner, `NO_OWNER` for none; the owner itself takes back what was asked before.

        `UserError` of a name that is no text, and of a time that is not in whole nanoseconds.
        """
        legal = [source.name for source in self.sources.values() if source.moves]
        if not isinstance(name, str):
            raise UserError("owner", name, f"one of {legal}, or an empty text for no owner")
        now_ns = whole_ns("now_ns", now_ns)
        self.refused = None
        if name != NO_OWNER and name not in legal:
            self.refused = Refusal(OWNER, None, name, f"{' or '.join(legal)}, or an empty text for no owner")
        elif (name or None) == self.owner:
            self.asked = None
        elif self.asked is None or self.asked.name != (name or None):
            self.asked = Asked(name or None, now_ns)
        return self.refused

    def refusal(self, source: str, braking: bool) -> Refusal | None:
        """Why commands of a source are not even judged; None where they are.

        Args:
            braking: whether the gate brakes, and may do so to hand over.
        """
        if source not in self.sources:
            return Refusal(OWNER, None, source, f"one of {sorted(self.sources)}")
        asked = self.asked
        braking = braking and asked is not None
        if (source == self.owner and not braking) or not self.sources[source].moves:
            return None
        if asked is not None and source == asked.name:
            return None
        told = self.owner or "no source"
        if asked is not None:
            told += f", and {asked.name or 'no source'} next"
        return Refusal(OWNER, None, source, f"{told}; command/owner asks for another")

    def take_over(self, now_ns: int) -> None:
        """Make the source that was asked for the owner."""
        assert self.asked is not None
        self.owner, self.since_ns, self.asked = self.asked.name, now_ns, None

    def count(self, source: str, refusal: Refusal | None) -> None:
        """Count a command of a source."""
        rule = "accepted" if refusal is None else refusal.rule
        self.counts.setdefault(source, Counter())[rule] += 1
        if refusal is not None and rule not in UNBROKEN:
            self.refusals[source] = refusal
