"""Parts of a chunk model by themselves: columns of a state, a behaviour of two modes, a distance, macro dynamics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from world_model_ros.core.errors import UserError
from world_model_ros.learning.behaviour import chunk_losses
from world_model_ros.learning.behaviour.chunk_losses import GoalMix, ValueConfig, reached, value_loss
from world_model_ros.learning.behaviour.chunk_model import ChunkModel, ChunkSizes
from world_model_ros.learning.behaviour.chunk_training import ChunkConfig, fit_statistics, train_chunks
from world_model_ros.learning.behaviour.play_data import Play, exchanged
from world_model_ros.learning.behaviour.state.layout import Entry, StateLayout, folded_yaw

LAYOUT = StateLayout((Entry("hand", 1), Entry("drawer", -1, 1, True), Entry("cube", 4, 0, True)))
SMALL = ChunkSizes(chunk=2, behaviour=64, dynamics=64, distance=64)


def yawed(yaw: float) -> list[float]:
    return [0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)]


def state(hand: list[float], drawer: float, cube: list[float], yaw: float = 0.0) -> torch.Tensor:
    poses = (torch.tensor([hand + yawed(yaw)]), torch.tensor([[drawer]]), torch.tensor([cube + yawed(yaw)]))
    return reported(LAYOUT, [each.float() for each in poses])


def states_of(hand: np.ndarray, drawer: np.ndarray, cube: np.ndarray, yaw: np.ndarray) -> torch.Tensor:
    """As `state`, of many at once: places (N, 3), the rest (N,)."""
    none = np.zeros_like(yaw)
    turned = np.stack([none, none, np.sin(yaw / 2), np.cos(yaw / 2)], -1)
    poses = (np.concatenate([place, turned], -1) for place in (hand, cube))
    at_hand, at_cube = (torch.from_numpy(pose).float() for pose in poses)
    return reported(LAYOUT, [at_hand, torch.from_numpy(drawer).float()[:, None], at_cube])


def reported(layout: StateLayout, values: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([layout.of_report(entry, value) for entry, value in zip(layout.entries, values)], -1)


def test_columns_of_a_state():
    assert LAYOUT.size == 5 + 1 + 5
    assert LAYOUT.goal_size == 1 + 3
    assert LAYOUT.goal_columns == [5, 6, 7, 8]
    found = state([0.1, 0.2, 0.3], 0.7, [0.4, 0.5, 0.6], np.pi / 8)[0]
    expected = [0.1, 0.2, 0.3, np.cos(np.pi / 8), np.sin(np.pi / 8), 0.7, 0.4, 0.5, 0.6, 0.0, 1.0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("fold", [1, 2, 4])
def test_what_looks_the_same_has_the_same_columns(fold: int):
    turned = [torch.tensor([yawed(0.3 + turn * 2 * np.pi / fold)]) for turn in range(fold)]
    for each in turned:
        torch.testing.assert_close(folded_yaw(each, fold), folded_yaw(turned[0], fold), atol=1e-5, rtol=0)
    torch.testing.assert_close(folded_yaw(-turned[0], fold), folded_yaw(turned[0], fold))


@pytest.mark.parametrize("side", ["xyz", "y", "x", "xx", "yx"])
def test_a_cube_on_any_of_its_sides_has_the_yaw_that_its_edges_show(side: str):
    tipped = Rotation.from_euler("z", 0.3)
    for axis in side:
        tipped = tipped * Rotation.from_euler(axis, np.pi / 2)
    quaternion = torch.tensor(np.array([tipped.as_quat()]), dtype=torch.float32)
    np.testing.assert_allclose(folded_yaw(quaternion, 4)[0], [np.cos(1.2), np.sin(1.2)], atol=1e-5)


def test_a_pose_comes_back_as_an_equal_one():
    entry = LAYOUT.entries[2]
    pose = LAYOUT.pose(entry, state([0.0] * 3, 0.0, [0.4, 0.5, 0.6], 0.2 + np.pi / 2))[0]
    np.testing.assert_allclose(pose, [0.4, 0.5, 0.6, *yawed(0.2)], atol=1e-6)


def test_a_goal_is_reached_within_the_tolerance_of_each_thing_that_counts():
    model, tolerance = ChunkModel(LAYOUT, 2, SMALL), torch.tensor([0.1, 0.04])
    now = state([0.0] * 3, 0.5, [0.4, 0.0, 0.02])

    def there(drawer: float, x: float, counts: list[float]) -> bool:
        goals = torch.tensor([[drawer, x, 0.0, 0.02, *counts]])
        return bool(reached(now, goals, model, tolerance))

    assert there(0.55, 0.43, [1.0] * 4)
    assert not there(0.65, 0.43, [1.0] * 4)
    assert not there(0.55, 0.45, [1.0] * 4)
    assert there(0.65, 0.43, [0.0, 1.0, 1.0, 1.0])


STILL, TICKS = 1, 21


def fork(episodes: int = 60) -> Play:
    """A hand that waits, goes round to the left or to the right, as often, to the same place, a cube in it."""
    random, states, actions, begins = np.random.default_rng(3), [], [], [0]
    half = (TICKS - STILL) // 2
    for _ in range(episodes):
        side = random.choice([-1.0, 1.0])
        moves = np.zeros((TICKS + 1, 2), np.float32)
        moves[STILL:, 0] = 0.05
        moves[STILL : STILL + half, 1] = side * 0.05
        moves[STILL + half : TICKS, 1] = -side * 0.05
        place = np.concatenate([np.zeros((1, 2)), moves.cumsum(0)[:-1]])
        low = np.concatenate([place, np.zeros((len(place), 1))], -1)
        states.append(states_of(low, low[:, 2], low, low[:, 2]))
        actions.append(torch.from_numpy(moves))
        begins.append(begins[-1] + TICKS + 1)
    return Play(LAYOUT, torch.cat(states), torch.cat(actions), torch.tensor(begins))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[ChunkModel, Play]:
    play = fork()
    torch.manual_seed(0)
    model = ChunkModel(LAYOUT, 2, SMALL)
    fit_statistics(model, play, torch.full((2,), 0.05))
    held = torch.zeros(60, dtype=torch.bool)
    held[::10] = True
    config = ChunkConfig(1000, 1, 128, 2e-3, 1e-3, averaging=0.99, target=0.05, sizes=SMALL)
    train_chunks(model, play, held, torch.tensor([0.1, 0.04]), config, tmp_path_factory.mktemp("run"))
    return model, play


def end_of(play: Play, count: int) -> torch.Tensor:
    goal = play.states[TICKS][play.layout.goal_columns]
    return torch.cat([goal, torch.ones(4)])[None].expand(count, -1)


@pytest.mark.slow
def test_behaviour_goes_left_or_right_and_never_between(trained: tuple[ChunkModel, Play]):
    model, play = trained
    noise = torch.randn(400, 2, 2, generator=torch.Generator().manual_seed(1))

    def sides(tick: int) -> torch.Tensor:
        with torch.no_grad():
            chunks = model.sample(play.memory(torch.tensor([tick])).expand(400, -1), end_of(play, 400), noise)
        return chunks[:, :, 1].mean(1) / 0.05

    at_the_fork, later = sides(STILL), sides(STILL + 4)
    assert 0.3 < float((at_the_fork > 0.5).float().mean()) < 0.7
    assert 0.3 < float((at_the_fork < -0.5).float().mean()) < 0.7
    assert float((at_the_fork.abs() < 0.5).float().mean()) < 0.28  # of a Gaussian with that spread 0.38
    gone = play.actions[STILL + 4, 1].sign()
    assert float((later * gone > 0.5).float().mean()) > 0.9


@pytest.mark.slow
def test_a_chunk_is_imagined_and_the_distance_falls_on_the_way(trained: tuple[ChunkModel, Play]):
    model, play = trained
    at = torch.arange(STILL, TICKS - 2)
    with torch.no_grad():
        ahead = model.imagine_chunk(play.memory(at), play.chunk(at, 2))[:, -1, : LAYOUT.size]
        distance = model.distance(play.memory(at), end_of(play, len(at)))
    miss = (ahead - play.states[at + 2])[:, 6:8].norm(dim=-1)
    assert (
        float(miss.median()) < 0.01 < 0.05 < float((play.states[at + 2] - play.states[at])[:, 6:8].norm(dim=-1).min())
    )
    assert distance[0] > distance[9] + 2.0 > distance[-1] + 4.0


def test_goals_come_from_the_future_of_the_same_episode():
    play = fork(6)
    at = torch.arange(1, 6 * (TICKS + 1) - 3)
    goals = play.goals(at, GoalMix(0.0, 0.0, 4.0), torch.Generator().manual_seed(0))
    end = play.begins[torch.searchsorted(play.begins, at, right=True)] - 1
    x = goals[:, 1]
    assert (x >= play.states[at][:, 6] - 1e-6).all()
    assert (x <= play.states[end][:, 6] + 1e-6).all()
    now = play.goals(at, GoalMix(0.0, 1.0, 4.0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(now[:, :4], play.states[at][:, LAYOUT.goal_columns])


TWINS = StateLayout((Entry("hand", 1), Entry("a", 4, 0, True), Entry("drawer", -1, 1, True), Entry("b", 4, 2, True)))


def twins(yaw: float = 0.0) -> torch.Tensor:
    hand, a, b = ([*place, *yawed(yaw)] for place in ([0.0, 0.0, 0.1], [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]))
    return reported(TWINS, [torch.tensor([each], dtype=torch.float32) for each in (hand, a, [0.7], b)])


def test_things_that_are_alike_have_been_each_other():
    states = twins().repeat(6, 1) + torch.arange(6)[:, None]
    play = Play(TWINS, states, torch.arange(12.0).reshape(6, 2), torch.tensor([0, 4, 6]), torch.tensor([1, 5]))
    both = exchanged(play, ("a", "b"))
    assert both.begins.tolist() == [0, 4, 6, 10, 12]
    assert both.pool is not None
    assert both.pool.tolist() == [1, 5, 7, 11]
    a, b = TWINS.columns(TWINS.entries[1]), TWINS.columns(TWINS.entries[3])
    torch.testing.assert_close(both.states[:6], states)
    torch.testing.assert_close(both.states[6:, a], states[:, b])
    torch.testing.assert_close(both.states[6:, b], states[:, a])
    torch.testing.assert_close(both.states[6:, [*range(5), 10]], states[:, [*range(5), 10]])
    torch.testing.assert_close(both.actions[6:], play.actions)
    torch.testing.assert_close(exchanged(exchanged(play, ("a", "b")), ("b", "a")).states[18:], states)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a",), r"two or more of \['a', 'drawer', 'b'\]"),
        (("a", "hand"), "two or more of"),
        (("a", "drawer"), "one kind and one symmetry"),
    ],
)
def test_only_things_of_one_kind_are_alike(names: tuple[str, ...], said: str):
    with pytest.raises(UserError, match=said):
        TWINS.exchanged(names)


def test_a_thing_turned_by_its_symmetry_or_with_the_hand_is_seen_alike():
    model = ChunkModel(TWINS, 2, SMALL)

    def turned(state: torch.Tensor) -> torch.Tensor:
        return model.features(torch.cat([state, state], -1))[:, -4:]

    straight = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    torch.testing.assert_close(turned(twins()), straight, atol=1e-5, rtol=0)
    torch.testing.assert_close(turned(twins(0.3)), straight, atol=1e-5, rtol=0)
    poses = [torch.tensor([[0.0, 0.0, 0.0, *yawed(yaw)]], dtype=torch.float32) for yaw in (0.1, 0.3, 0.3 + np.pi / 2)]
    askew = reported(TWINS, [poses[0], poses[1], torch.zeros(1, 1), poses[2]])
    by = [np.cos(4 * 0.2), np.sin(4 * 0.2)]
    np.testing.assert_allclose(turned(askew)[0], [*by, *by], atol=1e-5)


def test_a_run_that_was_broken_off_becomes_what_it_would_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("world_model_ros.learning.behaviour.chunk_training._SAVED", 4)
    play, held = fork(6), torch.zeros(6, dtype=torch.bool)
    held[0] = True
    config = ChunkConfig(steps=8, batch=16, sizes=SMALL)

    def run(folder: Path, stop: int | None = None) -> ChunkModel:
        torch.manual_seed(0)
        model = ChunkModel(LAYOUT, 2, SMALL)
        fit_statistics(model, play, torch.full((2,), 0.05))
        if stop is not None:
            import world_model_ros.learning.behaviour.chunk_training as training

            whole = training._ChunkRun._losses
            with monkeypatch.context() as broken:
                broken.setattr(
                    training._ChunkRun,
                    "_losses",
                    lambda self, step: whole(self, step) if step < stop else (_ for _ in ()).throw(KeyboardInterrupt()),
                )
                with pytest.raises(KeyboardInterrupt):
                    train_chunks(model, play, held, torch.tensor([0.1, 0.04]), config, folder)
            return run(folder)
        train_chunks(model, play, held, torch.tensor([0.1, 0.04]), config, folder)
        return model

    whole, resumed = run(tmp_path / "a").state_dict(), run(tmp_path / "b", stop=6).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    model = ChunkModel(LAYOUT, 2, SMALL)
    with pytest.raises(UserError, match="other settings"):
        train_chunks(model, play, held, torch.ones(2), ChunkConfig(steps=9, batch=16, sizes=SMALL), tmp_path / "a")


TURNED = StateLayout((Entry("hand", 1, 2, True, hand=True), Entry("cube", 4, 0, True, yaw_goals=True)))


def turned_cube(yaw: float, x: float = 0.4) -> torch.Tensor:
    poses = ([0.0, 0.0, 0.1, *yawed(0.0)], [x, 0.1, 0.0, *yawed(yaw)])
    return reported(TURNED, [torch.tensor([each], dtype=torch.float32) for each in poses])


def turned_goal(yaw: float, x: float, *counts: float) -> torch.Tensor:
    """Counts are of the hand, of the cube's place, and of its yaw."""
    wanted = turned_cube(yaw, x)[0, TURNED.goal_columns]
    return torch.cat([wanted, torch.tensor(counts).repeat_interleave(torch.tensor([3, 3, 2]))])[None]


def test_a_yaw_is_reached_up_to_its_symmetry_and_only_where_it_is_asked_for():
    model = ChunkModel(TURNED, 2, SMALL)
    chord = 2 * np.sin(4 * 0.15 / 2)
    tolerance = torch.tensor([0.04, 0.04, chord], dtype=torch.float32)

    def there(yaw: float, x: float = 0.4, turned: float = 1.0) -> bool:
        return bool(reached(turned_cube(yaw, x), turned_goal(0.2, 0.4, 0.0, 1.0, turned), model, tolerance))

    assert there(0.2)
    assert there(0.2 + np.pi / 2)
    assert there(0.34)
    assert not there(0.36)
    assert not there(0.2, 0.45)
    assert there(0.36, turned=0.0)


def test_networks_see_how_far_a_yaw_is_to_be_turned():
    model = ChunkModel(TURNED, 2, SMALL)
    state = turned_cube(0.1)
    memory = torch.cat([state, state], -1)
    asked = model.asked(memory, turned_goal(0.3, 0.4, 0.0, 1.0, 1.0))[0, -2:]
    np.testing.assert_allclose(asked, [np.cos(0.8), np.sin(0.8)], atol=1e-5)
    assert not model.asked(memory, turned_goal(0.3, 0.4, 0.0, 1.0, 0.0))[0, -2:].any()


def test_yaws_are_asked_for_half_of_the_time_in_training():
    states = torch.cat([turned_cube(0.01 * step) for step in range(400)])
    play = Play(TURNED, states, torch.zeros(400, 2), torch.tensor([0, 400]))
    at = play.starts(torch.tensor([0]), 2)
    counts = play.goals(at, GoalMix(0.1, 0.1, 10.0), torch.Generator().manual_seed(0)).chunk(2, -1)[1]
    assert (counts[:, 3:6] == 1).all()
    for part in (slice(0, 3), slice(6, 8)):
        assert 0.3 < counts[:, part].mean() < 0.7
        assert torch.equal(counts[:, part].amin(1), counts[:, part].amax(1))


def pressed(count: int = 3000) -> Play:
    """A drawer that a push opens by chance: one of 0.5 in three of ten, one of 1.0 in seven of ten; else it stays."""
    random, states, actions = np.random.default_rng(5), [], []
    for _ in range(count):
        push = random.choice([0.5, 1.0])
        opens = random.random() < (0.3 if push == 0.5 else 0.7)
        drawer, hand, cube = [0.0, 0.0, 0.0, float(opens)], random.normal(0.0, 0.1, 3), random.normal(0.5, 0.1, 3)
        states += [[*hand, each, *cube, hand[0]] for each in drawer]
        actions += [[push, 0.0]] * len(drawer)
    hand, drawer, cube, yaw = np.split(np.array(states), [3, 4, 7], axis=1)
    told = states_of(hand, drawer[:, 0], cube, yaw[:, 0])
    return Play(LAYOUT, told, torch.tensor(actions, dtype=torch.float32), torch.arange(count + 1) * 4)


@pytest.mark.slow
def test_what_may_move_is_imagined_as_moved_or_as_it_was_and_never_between(tmp_path: Path):
    play = pressed()
    torch.manual_seed(0)
    model = ChunkModel(LAYOUT, 2, SMALL)
    fit_statistics(model, play, torch.ones(2))
    config = ChunkConfig(250, 250, 256, 3e-3, 1e-3, sizes=SMALL)
    train_chunks(model, play, torch.zeros(3000, dtype=torch.bool), torch.tensor([0.1, 0.04]), config, tmp_path)
    at = play.starts(torch.arange(50), 2)
    with torch.no_grad():
        ahead = model.imagine_chunk(play.memory(at), play.chunk(at, 2))[:, -1, : LAYOUT.size]
    hard = play.actions[at, 0] == 1.0
    assert 10 < hard.sum() < 40
    assert (ahead[~hard, 5] == 0.0).all()
    torch.testing.assert_close(ahead[hard, 5], torch.ones(int(hard.sum())), atol=0.05, rtol=0)
    torch.testing.assert_close(ahead[:, 6:], play.states[at, 6:], atol=1e-5, rtol=0)


def test_partial_goals_leave_out_whole_things_in_a_share_of_them():
    play = fork(6)
    at = torch.arange(1, 6 * (TICKS + 1) - 3).repeat(10)

    def counts(partial: float) -> torch.Tensor:
        return play.goals(at, GoalMix(0.2, 0.1, 10.0, partial), torch.Generator().manual_seed(0)).chunk(2, -1)[1]

    assert (counts(0.0) == 1).all()
    some = counts(0.6)
    for part in (slice(0, 1), slice(1, 4)):
        assert torch.equal(some[:, part].amin(1), some[:, part].amax(1))
        assert 0.65 < some[:, part].mean() < 0.75
    assert 0.5 < some.amin(1).mean() < 0.6  # 0.4 whole, and a quarter of the others


def test_value_is_learned_from_as_many_macro_steps_as_it_takes_and_the_episode_has(monkeypatch: pytest.MonkeyPatch):
    play, k = fork(6), SMALL.chunk
    torch.manual_seed(0)
    model = ChunkModel(LAYOUT, 2, SMALL)
    fit_statistics(model, play, torch.full((2,), 0.05))
    for parameter in model.distances.parameters():
        torch.nn.init.zeros_(parameter)  # all values are 0

    @torch.no_grad()
    def learned(at: int, ahead: int, there: int = 99) -> float:
        """What is learned from: with values of 0 the root of the loss, by the weight of what disappoints."""
        config = ValueConfig(0.9, 0.9, 1.0, (ahead,))
        monkeypatch.setattr(chunk_losses, "reached", lambda way, *_: (torch.arange(way.shape[1]) >= there)[None])
        draw = torch.Generator().manual_seed(3)
        loss = value_loss(model, model, play, torch.tensor([at]), torch.ones(2), config, draw)
        return -float((loss / (1.0 - config.expectile)) ** 0.5)

    assert learned(1, 1) == pytest.approx(-1.0)
    assert learned(1, 3) == pytest.approx(-1.0 - 0.9 - 0.81)
    assert learned(TICKS - 2 * k, 3) == pytest.approx(-1.0 - 0.9)  # two are left
    assert learned(1, 3, there=k) == pytest.approx(-1.0)  # in the second
    assert learned(1, 3, there=k - 1) == 0.0
