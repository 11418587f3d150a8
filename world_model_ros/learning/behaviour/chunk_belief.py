"""A Kalman-like filter of a chunk model's state under noisy, stale or absent reports; also measures surprise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.bundle.signatures import UNKNOWN
from world_model_ros.learning.behaviour.chunk_model import ChunkModel
from world_model_ros.learning.behaviour.play_data import Play

SEEN = 0.002  # what a tracker's pose is believed to, m or the unit of a scalar
_NEVER = 1e6  # age in ticks of what was never seen
_LEARN = 0.05  # share of a new tick in the noise of reports
_OUTLIER = 20.0  # times the least noise: so much of what is missed counts for it at most
_LEAST_TURN = 0.1  # noise of a yaw at least, of how much its cosine and sine vary
_MOVED = 9.0  # square of the deviations, in the mean over axes, from which on a thing has moved against all expectation
_LEAST_GAIN = 0.1  # of a report
_SAMPLES = 1024


class ChunkBelief(nn.Module):
    """Reports -> memories (N, 6 R + 2 E), of E entries.

    A memory is the state (R,) now and a tick ago, how many ticks ago each entry was fresh (E,), the variance (E,) that
    the model expects of it since, and of each column (R,) its variance while it is fresh, the noise of its reports, the
    last report and by how much that missed what the one before it let expect. What is not fresh goes on as the model
    expects; what never was stays upright at the mean of the training data, and nothing is known of it.

    Reports count by their noise, as in a Kalman filter, for each place and yaw by itself. What two reports in a row
    miss, m and m', shows the noise (Mehra 1970): an error of one report is in both, with either sign, so that the mean
    of -m m' is its variance, to which neither what moves unexpectedly nor one that is put elsewhere adds. Under `SEEN`
    there is none, and a report is believed as it is.

    Args:
        model: with statistics.
        unseen: (A, E) scale of the expected deviation by age, the last for all that is older; ones without it.
    """

    def __init__(self, model: ChunkModel, unseen: Tensor | None = None) -> None:
        super().__init__()
        entries = model.layout.entries
        self.model, self.state, self.entries = model, 2 * model.layout.size, len(entries)
        self.register_buffer("unseen", torch.ones(1, len(entries)) if unseen is None else unseen)
        self.unseen: Tensor
        upright = torch.cat([torch.tensor([0.0, 0, 0, 1, 0][: entry.size]) for entry in entries])
        turned = torch.cat([torch.tensor([0.0, 0, 0, 1, 1][: entry.size]) for entry in entries])
        self.register_buffer("nowhere", (1.0 - turned) * model.mean + upright)  # what was never seen
        self.nowhere: Tensor
        self.columns = [number for number, entry in enumerate(entries) for _ in range(entry.size)]
        part = torch.tensor([2 * number for number in self.columns]) + turned.long()  # a place or value, or a yaw
        same = (part[:, None] == part).float()
        self.register_buffer("pooled", same / same.sum(0), persistent=False)
        of_place = ((torch.tensor(self.columns)[:, None] == torch.tensor(self.columns)) * (1.0 - turned)).float()
        usual = of_place @ model.step_miss / of_place.sum(1)  # of the place that a column belongs to
        self.register_buffer("unit", turned * model.step_miss / usual + (1.0 - turned), persistent=False)
        first = [model.layout.columns(entry).start for entry in entries]
        self.register_buffer("first_columns", torch.tensor(first), persistent=False)
        scalar = torch.tensor([float(entries[number].scalar) for number in self.columns])
        least = turned * _LEAST_TURN * model.scale + (1.0 - turned) * SEEN + scalar * UNKNOWN
        self.register_buffer("least", least, persistent=False)
        self.pooled: Tensor
        self.unit: Tensor
        self.first_columns: Tensor
        self.least: Tensor

    @property
    def size(self) -> int:
        """Numbers in a memory."""
        return 3 * self.state + 2 * self.entries

    def first(self, state: Tensor) -> Tensor:
        """Memories (N, M) of states now and a tick ago (N, 2 R), in which everything is fresh and without noise."""
        r = self.model.layout.size
        none = torch.zeros(len(state), 2 * self.entries + 2 * r)
        return torch.cat([state, none, state[:, :r], torch.zeros(len(state), r)], -1)

    def forward(
        self, memory: Tensor, reported: Tensor, fresh: Tensor, applied: Tensor, reset: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Memories of the next tick, and surprises (N,).

        A surprise is by how much what is reported misses what is expected, in units of what one usual tick in a hundred
        exceeds; of what was not seen for a while, or is reported with noise, more is usual.

        Args:
            memory: (N, M). reported: (N, R). fresh: (N, E). applied: (N, C). reset: (N, 1) 1 forgets the memory.
        """
        model, e, r = self.model, self.entries, self.model.layout.size
        state, age, variance, unsure, noise, last, missed = memory.split([self.state, e, e, r, r, r, r], -1)
        age = (1.0 - reset) * age + reset * _NEVER
        known = (age < _NEVER).to(age.dtype)
        chunk = applied[:, None].expand(-1, model.chunk_ticks, -1)
        expected = model.imagine_chunk(state, chunk)[:, 0, :r]
        spread = torch.exp(2.0 * model.log_spread(state, chunk)[:, 0])
        seen, was = fresh[:, self.columns], known[:, self.columns]
        again = (age == 0.0).to(age.dtype)[:, self.columns] * seen  # and the tick before, too
        miss = again * (reported - last - (expected - state[:, :r]))
        noise = (1.0 - reset) * noise + again * _LEARN * (self._noise(miss, missed) - noise)
        ahead = again * unsure + ((1.0 - again) * variance[:, self.columns] + spread[:, self.columns]) * self.unit**2
        believed, unsure = self._fused(expected, reported, ahead, noise)
        now = seen * believed + (1.0 - seen) * (was * expected + (1.0 - was) * self.nowhere)
        before = was * state[:, :r] + (1.0 - was) * now
        usual = torch.sqrt(model.step_miss**2 * (1.0 + age[:, self.columns]) + self._above(noise))
        surprise = ((reported - expected).abs() / usual * seen * was).amax(1) / model.usual_miss
        later = (1.0 - fresh) * (known * (age + 1.0).clamp(max=_NEVER - 1.0) + (1.0 - known) * _NEVER)
        grown = (1.0 - fresh) * known * (variance + spread)
        return torch.cat([now, before, later, grown, seen * unsure, noise, reported, miss], -1), surprise

    def _noise(self, miss: Tensor, missed: Tensor) -> Tensor:
        """Variance (N, R) of one report that shows in what two in a row missed."""
        most = _OUTLIER * self.least
        miss, missed = (torch.maximum(torch.minimum(each, most), -most) for each in (miss, missed))
        return -(miss * missed) @ self.pooled

    def _fused(self, expected: Tensor, reported: Tensor, unsure: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """What is believed of a report (N, R), and the variance of that; as it is, where it has no noise."""
        noise = self._above(noise)
        gain = unsure / (unsure + noise)
        odd = ((reported - expected) ** 2 / (unsure + noise)) @ self.pooled > _MOVED
        gain = torch.where(odd, 1.0, gain.clamp(min=_LEAST_GAIN))
        between = self.model.layout.upright(reported + (1.0 - gain) * (expected - reported))
        return torch.where(gain < 1.0, between, reported), gain * noise

    def _above(self, noise: Tensor) -> Tensor:
        """Variance (N, R) of reports, as far as it is more than any tracker's."""
        return (noise - self.least**2).clamp(min=0.0)

    def sigma(self, memory: Tensor) -> Tensor:
        """Standard deviation (N, E) of what is believed, more than `UNKNOWN` of what never was fresh."""
        e, r = self.entries, self.model.layout.size
        age, variance, unsure = memory[:, self.state : self.state + 2 * e + r].split([e, e, r], -1)
        row = (age.clamp(1.0, float(len(self.unseen))) - 1.0).long()
        grown = (self.unseen.gather(0, row) * torch.sqrt(variance)).clamp(max=0.5 * UNKNOWN)
        grown = torch.sqrt(grown**2 + unsure.index_select(1, self.first_columns))
        return torch.where(age < _NEVER, grown, 10.0 * UNKNOWN)


@torch.no_grad()
def unseen_misses(belief: ChunkBelief, play: Play, at: Tensor, ticks: int) -> Tensor:
    """By how many sigmas each entry is missed, at each tick after it was last fresh: (B, ticks, E).

    The other entries stay fresh.

    Args:
        at: ticks (B,) at which everything is fresh; at most some of them are used.
    """
    at = at[torch.linspace(0, len(at) - 1, min(len(at), _SAMPLES)).long()]
    entries, layout = belief.model.layout.entries, belief.model.layout
    found = torch.zeros(len(at), ticks, len(entries))
    for number, entry in enumerate(entries):
        memory, part = belief.first(play.memory(at)), layout.place(entry)
        fresh = torch.ones(len(at), len(entries))
        fresh[:, number] = 0.0
        for tick in range(ticks):
            truth = play.states[at + tick + 1]
            memory, _ = belief(memory, truth, fresh, play.actions[at + tick], torch.zeros(len(at), 1))
            miss = (memory[:, part] - truth[:, part]).norm(dim=-1)
            found[:, tick, number] = miss / belief.sigma(memory)[:, number]
    return found
