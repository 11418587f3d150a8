"""Columns that are read at once, against the same read one by one."""

from __future__ import annotations

from math import cos, sin

import torch

from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.state.columns import Columns, Pairs, Turns
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout


def test_columns_stand_in_the_order_that_they_are_named():
    values = torch.arange(10.0).reshape(2, 5)
    assert Columns([3, 0])(values).tolist() == [[3.0, 0.0], [8.0, 5.0]]
    assert Columns([[4, 1], [1, 2]])(values)[1].tolist() == [[9.0, 6.0], [6.0, 7.0]]
    assert len(Columns([[4, 1], [1, 2]])) == 2
    assert len(Pairs([])) == 0


def test_each_turn_is_folded_as_often_as_it_says():
    angles = [0.3, 0.5, 0.2]
    row = torch.tensor([[part(angle) for angle in angles for part in (cos, sin)]])
    places = [slice(0, 2), slice(2, 4), slice(4, 6)]
    turns = Turns([(places[0], places[2], 4), (places[1], places[2], 1), (places[1], places[0], 4)])
    found = torch.atan2(*turns(row, row)[0].flip(-1).T)
    torch.testing.assert_close(found, torch.tensor([0.3 - 0.8, 0.5 - 0.2, 0.5 - 1.2]))


def test_what_does_not_change_in_the_flow_is_asked_once_and_chunks_are_the_same():
    layout = StateLayout((Entry("hand", 1), Entry("drawer", -1, 1, True), Entry("cube", 4, 0, True)))
    torch.manual_seed(0)
    model = ChunkModel(layout, 2, ChunkSizes(chunk=3, behaviour=32, dynamics=32, distance=32))
    memory, goals = torch.randn(7, 2 * layout.size), torch.rand(7, 2 * layout.goal_size)
    noise = torch.randn(7, 3, 2)
    chunk = noise.flatten(1)
    for step in range(model.sizes.flow):
        time = torch.full((7, 1), step / model.sizes.flow)
        seen, asked = model.features(memory), model.asked(memory, goals)
        chunk = chunk + model.flow(seen, asked, chunk, time) / model.sizes.flow
    torch.testing.assert_close(model.sample(memory, goals, noise), chunk.reshape(7, 3, 2), atol=1e-5, rtol=1e-5)


def test_turns_of_an_imagined_state_are_of_length_one_and_all_else_stays():
    layout = StateLayout(
        (Entry("hand", 1), Entry("drawer", -1, 1, True), Entry("ball", 0, 2, True), Entry("cube", 4, 0, True))
    )
    state = torch.randn(5, layout.size, generator=torch.Generator().manual_seed(0))
    found = layout.upright(state)
    for entry in layout.entries:
        columns = layout.columns(entry)
        turned = slice(columns.start + 3, columns.stop) if entry.fold > 0 else slice(0, 0)
        torch.testing.assert_close(found[:, turned].norm(dim=-1), torch.ones(5) * (entry.fold > 0), atol=1e-4, rtol=0)
        torch.testing.assert_close(
            found[:, turned],
            state[:, turned] / state[:, turned].norm(dim=-1, keepdim=True).clamp(min=1e-6),
            atol=1e-4,
            rtol=0,
        )
        assert torch.equal(found[:, layout.place(entry)], state[:, layout.place(entry)])
