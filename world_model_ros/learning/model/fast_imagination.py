"""Imagines many futures from one belief, with fewer matrix products than calling `WorldModel.step` for each.

What does not depend on the step before is one product for all steps: the actions, and joints that are numbers in the
state. The first step's recurrent products have one row, because all candidates begin with the same belief.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import linear, silu

if TYPE_CHECKING:
    from world_model_ros.learning.model.world_model import WorldModel


def imagined_states(model: WorldModel, memory: Tensor, actions: Tensor) -> Tensor:
    """Memory (S,), actions (N, H, C) in contract units -> imagined states (N, H, S)."""
    first, cell = model.act[0], model.predict
    assert isinstance(first, torch.nn.Linear)
    size = model.sizes.state
    hidden, numbers = memory[None, :size], memory[size:]
    action = actions.shape[2]  # C
    of_hidden, of_numbers = first.weight[:, :size].T, first.weight[:, size:-action]
    of_action = first.weight[:, -action:]
    drive = linear((actions / model.action_scale).transpose(0, 1), of_action, first.bias)  # (H, N, hidden)
    ahead = None
    if model.commanded is not None:
        ahead = model.commanded.ahead(numbers, actions, model.joint_scale())
        before = torch.cat([numbers.expand(actions.shape[0], 1, -1), ahead[:, :-1]], 1)
        drive = drive + linear(before.transpose(0, 1), of_numbers)
    states: list[Tensor] = []
    for each in drive.unbind(0):
        x = silu(torch.addmm(each, hidden, of_hidden) if states else hidden @ of_hidden + each)
        gates = linear(x, cell.weight_ih, cell.bias_ih).chunk(3, 1)
        kept = linear(hidden, cell.weight_hh, cell.bias_hh).chunk(3, 1)
        update = torch.sigmoid(gates[1] + kept[1])
        fresh = torch.tanh(gates[2] + torch.sigmoid(gates[0] + kept[0]) * kept[2])
        hidden = fresh + update * (hidden - fresh)
        states.append(hidden)
    after = torch.stack(states, 1)
    return after if ahead is None else torch.cat([after, ahead], -1)
