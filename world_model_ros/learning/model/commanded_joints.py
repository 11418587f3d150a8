"""Predicts joint positions: where each was commanded to be (kept in the state), plus learned lag and an offset.

Shapes: B batch, C action, J joint positions, N = 2 J + 1 numbers: commanded positions, offsets, and whether both are
known. Positions are normalised, in units of the data's spread.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from world_model_ros.contract.schema import Interface
from world_model_ros.contract.senses import JointStream

_LEAK = 0.02  # share of what joints are behind by which the commanded positions are corrected each tick
FINE = 10.0  # joints are behind what is commanded by about a tenth of their spread
_FADES = 0.9  # of the offset, a tick ahead


class CommandedJoints(nn.Module):
    """A joint is where it was commanded to be, plus what is learned of its lag and sag, plus an offset.

    Commanded positions begin as those measured first, and go on by what is commanded. The offset makes positions those
    measured now, and fades in what is imagined.

    Args:
        interface: with an action of kind ``joint_displacement``.
        streams: of joints.
        recurrent: size of the recurrent part of the state, from which the lag is read; how far a joint sags depends
            on the commanded positions too.
    """

    def __init__(self, interface: Interface, streams: Sequence[JointStream], recurrent: int) -> None:
        super().__init__()
        joints = [joint for stream in streams for joint in stream.joints]
        self.count = len(joints)  # J
        self.size = 2 * self.count + 1  # N
        self.lag = nn.Linear(recurrent + self.count, self.count)
        moves = torch.zeros(interface.action.size, self.count)  # (C, J), which joint a component moves
        if interface.action.kind == "joint_displacement":
            for c, name in enumerate(interface.action.joints):
                for j, joint in enumerate(joints):
                    moves[c, j] = float(name == joint)
        self.moves: Tensor
        self.register_buffer("moves", moves, persistent=False)

    def step(self, numbers: Tensor, action: Tensor, scale: Tensor) -> Tensor:
        """One tick ahead: (B, N), action (B, C) in contract units, spread of the joints (J,) -> (B, N)."""
        commanded, offset, known = self._parts(numbers)
        return torch.cat([commanded + (action @ self.moves) / scale, _FADES * offset, known], -1)

    def ahead(self, numbers: Tensor, actions: Tensor, scale: Tensor) -> Tensor:
        """`step` again and again: numbers (N,) under action sequences (B, H, C) -> (B, H, N)."""
        batch, horizon = actions.shape[:2]
        commanded, offset, known = self._parts(numbers)
        fades = torch.tensor([_FADES ** (h + 1) for h in range(horizon)])[:, None]
        return torch.cat(
            [
                commanded + ((actions @ self.moves) / scale).cumsum(1),
                (fades * offset).expand(batch, -1, -1),
                known.expand(batch, horizon, -1),
            ],
            -1,
        )

    def surprise(self, numbers: Tensor, measured: Tensor, there: Tensor) -> Tensor:
        """What the filter is shown: how far the measured joints (B, J) are from where they were commanded, (B, J)."""
        commanded, _, known = self._parts(numbers)
        return FINE * known * self._behind(commanded, measured, there)

    def correct(self, numbers: Tensor, recurrent: Tensor, measured: Tensor, there: Tensor) -> Tensor:
        """Numbers (B, N) after measuring joints (B, J), where they are ``there``; recurrent (B, R), corrected."""
        commanded, offset, known = self._parts(numbers)
        behind = self._behind(commanded, measured, there)
        # At first what is measured is taken for what was commanded; later only a little, should a command be missed.
        commanded = commanded + torch.where(known > 0.5, _LEAK, 1.0) * behind
        offset = torch.where(there, measured - commanded - self._lagging(recurrent, commanded), offset)
        known = torch.maximum(known, there.float().amin(-1, keepdim=True))
        return torch.cat([commanded, offset, known], -1)

    def positions(self, numbers: Tensor, recurrent: Tensor) -> Tensor:
        """(B, N) and (B, R) -> positions (B, J)."""
        commanded, offset, _ = self._parts(numbers)
        return commanded + self._lagging(recurrent, commanded) + offset

    def _parts(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        commanded, offset, known = numbers.split([self.count, self.count, 1], -1)
        return commanded, offset, known

    def _lagging(self, recurrent: Tensor, commanded: Tensor) -> Tensor:
        out: Tensor = self.lag(torch.cat([recurrent, commanded], -1)) / FINE
        return out

    @staticmethod
    def _behind(commanded: Tensor, measured: Tensor, there: Tensor) -> Tensor:
        return torch.where(there, measured - commanded, torch.zeros_like(commanded))
