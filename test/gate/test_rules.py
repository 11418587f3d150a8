"""A trajectory is refused whole, by the rule it breaks, with the joint and the limit named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_driver import HOME, LIMITS, START_NS
from hypothesis import given, settings
from hypothesis import strategies as st

from world_model_ros.core.trajectory import Trajectory, hermite
from world_model_ros.gate.rules import Proposal, Refusal, _extrema, judge

NAMES = LIMITS.names
AGE_S = 0.5


def valid(points: int = 3) -> Proposal:
    return Proposal(
        list(NAMES),
        [0.1 * i for i in range(points)],
        [list(HOME + 0.01 * i) for i in range(points)],
        [[0.1] * 6 for _ in range(points)],
        START_NS,
    )


def refused(proposal: Proposal, now_ns: int = START_NS, newest_ns: int | None = None) -> Refusal:
    verdict = judge(proposal, LIMITS, now_ns, AGE_S, newest_ns)
    assert isinstance(verdict, Refusal)
    return verdict


def with_value(field: str, value: float, row: int = 1, joint: int = 2) -> Proposal:
    rows = [list(each) for each in getattr(valid(), field)]
    rows[row][joint] = value
    return replace(valid(), **{field: rows})


def test_joints_in_another_order_are_mapped_by_name() -> None:
    order = [5, 3, 0, 1, 4, 2]
    shuffled = Proposal(
        [NAMES[i] for i in order],
        valid().times_s,
        [[row[i] for i in order] for row in valid().positions],
        [[row[i] for i in order] for row in valid().velocities],
        START_NS,
    )
    verdict = judge(shuffled, LIMITS, START_NS, AGE_S)
    assert isinstance(verdict, Trajectory)
    assert verdict.names == NAMES
    assert np.allclose(verdict.positions[0], HOME)


@pytest.mark.parametrize(
    "names", [[], NAMES[:5], [*NAMES, "gripper"], [*NAMES[:5], "wrist_9_joint"], [*NAMES[:5], NAMES[0]]]
)
def test_other_joints_than_ours_are_refused(names) -> None:
    assert refused(replace(valid(), names=names)).rule == "joint_names"


def test_no_points_are_refused() -> None:
    assert refused(Proposal(NAMES, [], [], [], START_NS)).rule == "points"


def test_rows_of_another_length_are_refused() -> None:
    assert refused(replace(valid(), velocities=[[], [], []])).rule == "lengths"
    assert refused(replace(valid(), positions=[[0.0] * 6, [0.0] * 7, [0.0] * 6])).rule == "lengths"
    assert refused(replace(valid(), positions=[[0.0] * 6])).rule == "lengths"


@pytest.mark.parametrize("field", ["positions", "velocities"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_names_its_joint(field: str, value: float) -> None:
    refusal = refused(with_value(field, value))
    assert (refusal.rule, refusal.joint) == ("finite", NAMES[2])


@pytest.mark.parametrize("times", [[0.0, 0.1, 0.1], [0.0, 0.2, 0.1], [-0.1, 0.0, 0.1]])
def test_times_must_increase_from_zero(times) -> None:
    assert refused(replace(valid(), times_s=times)).rule == "times"
    assert refused(replace(valid(), times_s=[0.0, np.nan, 1.0])).rule == "finite"


@pytest.mark.parametrize(
    ("field", "legal"),
    [
        ("names", "the names of the joints"),
        ("times_s", "a time of each point, in s after the stamp"),
        ("positions", "a position of each joint at each point"),
        ("velocities", "a velocity of each joint at each point"),
    ],
)
def test_a_field_that_is_not_there_is_named_with_what_belongs_there(field: str, legal: str) -> None:
    assert str(refused(replace(valid(), **{field: None}))) == f"form: no {field}; legal: {legal}"
    assert str(refused(replace(valid(), **{field: 5}))) == f"form: {field} of int; legal: {legal}"
    if field in ("positions", "velocities"):  # as of a message whose points have none
        without = refused(replace(valid(), **{field: [[], [], []]}))
        assert str(without) == f"lengths: a point without {field}; legal: {legal}"


class Mute:
    def __len__(self) -> int:
        raise RuntimeError("has no length today")


def endless():
    while True:
        yield 0.0


LISTS = ("names", "times_s", "positions", "velocities")
NO_LISTS = (None, 5, "abc", object(), Mute(), endless(), np.float64(1.0), {}, set())
NO_NUMBERS = ("0.1", None, 1j, True, object(), [0.0], [[0.0], []], 10**400, np.datetime64(1, "s"), b"1")


@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize("value", NO_LISTS, ids=lambda value: type(value).__name__)
def test_what_holds_no_list_is_refused_as_it_came(field: str, value: object) -> None:
    assert refused(replace(valid(), **{field: value})).rule in ("form", "joint_names", "points", "lengths")


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_trajectory_of_numbers_is_refused_as_it_came(value) -> None:
    for field in ("positions", "velocities"):
        rows = [[value] * 6 for _ in range(3)]
        assert refused(replace(valid(), **{field: rows})).rule == "form"
        if value is not True:  # between numbers it is one
            assert refused(replace(valid(), **{field: [*rows[:2], [0.0] * 6]})).rule == "form"
    assert refused(replace(valid(), times_s=[value] * 3)).rule == "form"
    assert refused(replace(valid(), names=[value] * 6)).rule in ("form", "joint_names")


@pytest.mark.parametrize("command", [None, 5, "move", [valid()], {"names": NAMES}, Proposal])
def test_what_is_no_command_at_all_is_refused(command) -> None:
    assert refused(command).rule == "form"


@pytest.mark.parametrize("stamp_ns", [None, "now", float(START_NS), np.nan, True, [START_NS], 10**400, 1j])
def test_a_stamp_that_is_no_whole_number_is_refused(stamp_ns) -> None:
    assert refused(replace(valid(), stamp_ns=stamp_ns)).rule == "form"
    verdict = judge(replace(valid(), stamp_ns=np.int64(START_NS)), LIMITS, START_NS, AGE_S)
    assert isinstance(verdict, Trajectory)
    assert type(verdict.stamp_ns) is int


def test_a_refusal_of_many_joints_names_the_first_ones() -> None:
    found = refused(replace(valid(), names=[f"joint_{number}" for number in range(100_000)]))
    assert found.rule == "joint_names"
    assert str(found.value).endswith("joint_5, ... 100000 in all")


@pytest.mark.parametrize(("age_s", "rule"), [(0.51, "stamp"), (-0.11, "stamp"), (0.49, None), (-0.09, None)])
def test_stamps_must_be_young_and_not_of_the_future(age_s: float, rule: str | None) -> None:
    verdict = judge(valid(), LIMITS, START_NS + round(age_s * 1e9), AGE_S)
    assert getattr(verdict, "rule", None) == rule


def test_a_command_older_than_the_one_before_is_refused() -> None:
    assert refused(valid(), newest_ns=START_NS + 1).rule == "order"
    assert isinstance(judge(valid(), LIMITS, START_NS, AGE_S, newest_ns=START_NS), Trajectory)


def test_a_position_beyond_a_limit_names_joint_value_and_limit() -> None:
    refusal = refused(with_value("positions", 3.0))
    assert refusal == Refusal("position", "elbow_joint", 3.0, 2.9)


def test_a_position_beyond_a_limit_between_points_is_seen() -> None:
    rows = [[0.0] * 6, [0.0] * 6]
    rows[0][2] = rows[1][2] = 2.85
    speeds = [[0.0] * 6, [0.0] * 6]
    speeds[0][2], speeds[1][2] = 2.0, -2.0  # a bulge of span * v / 4 = 0.1 rad
    refusal = refused(Proposal(NAMES, [0.0, 0.2], rows, speeds, START_NS))
    assert (refusal.rule, refusal.joint) == ("position", "elbow_joint")
    assert refusal.value == pytest.approx(2.95)


@given(st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4), st.floats(0.05, 2.0))
@settings(max_examples=100, deadline=None)
def test_the_extrema_of_the_spline_are_exact(values: list[float], span_s: float) -> None:
    column = np.array(values).reshape(2, 2)
    positions, velocities = (np.tile(column[:, [i]], (1, 6)) for i in range(2))
    path = Trajectory(NAMES, np.array([0.0, span_s]), positions, velocities, 0)
    lowest, highest, fastest = _extrema(path)
    share = np.linspace(0.0, 1.0, 401)[:, None]
    ends = (positions[:1], velocities[:1], positions[1:], velocities[1:])
    sampled, speeds = hermite(share * span_s, span_s, *ends)
    assert lowest[0] == pytest.approx(sampled[:, 0].min(), abs=1e-3)
    assert highest[0] == pytest.approx(sampled[:, 0].max(), abs=1e-3)
    assert lowest[0] <= sampled[:, 0].min() + 1e-9
    assert highest[0] >= sampled[:, 0].max() - 1e-9
    assert fastest[0] == pytest.approx(np.abs(speeds[:, 0]).max(), rel=1e-3, abs=1e-3)


def test_a_trajectory_may_not_reach_beyond_the_horizon() -> None:
    verdict = judge(valid(), LIMITS, START_NS, AGE_S, horizon_s=0.15)
    assert (verdict.rule, verdict.value, verdict.limit) == ("horizon", "0.2 s ahead", "up to 0.15 s")
    assert isinstance(judge(valid(), LIMITS, START_NS, AGE_S, horizon_s=0.2), Trajectory)


def test_a_way_that_ends_exactly_at_a_limit_is_valid() -> None:
    for begin in np.linspace(1.0, 2.8, 50):  # the spline's extremum is the end itself, but for rounding
        rows = [[0.0] * 6, [0.0] * 6]
        rows[0][2], rows[1][2] = float(begin), 2.9
        speeds = [[0.0] * 6, [0.0] * 6]
        speeds[0][2] = (2.9 - float(begin)) / 1.5
        verdict = judge(Proposal(NAMES, [0.0, 1.5], rows, speeds, START_NS), LIMITS, START_NS, AGE_S)
        assert isinstance(verdict, Trajectory)


def test_only_velocities_far_beyond_the_limit_are_refused() -> None:
    assert isinstance(judge(with_value("velocities", 1.9 * 3.0, row=2), LIMITS, START_NS, AGE_S), Trajectory)
    assert refused(with_value("velocities", 2.1 * 3.0, row=2)).rule == "velocity"
    assert refused(with_value("positions", HOME[2] + 0.5)).rule == "velocity"  # 0.5 rad in 0.1 s


def test_the_velocity_rule_names_the_worst_joint_even_where_its_ratio_overflows() -> None:
    slow = replace(LIMITS, velocity=np.array([0.01, 1.0, 1.0, 1.0, 1.0, 1.0]))
    huge = replace(valid(1), velocities=[[1e307, 1e308, 0.0, 0.0, 0.0, 0.0]])
    with np.errstate(over="raise"):
        verdict = judge(huge, slow, START_NS, AGE_S, None)
    assert isinstance(verdict, Refusal)
    assert (verdict.rule, verdict.joint) == ("velocity", NAMES[0])
    fast = replace(valid(), velocities=[[0.0] * 6, [0.0] * 6, [0.03, 2.5, 0.0, 0.0, 0.0, 0.0]])
    verdict = judge(fast, slow, START_NS, AGE_S, None)
    assert isinstance(verdict, Refusal)
    assert (verdict.rule, verdict.joint) == ("velocity", NAMES[0])


def test_finite_but_absurd_numbers_are_refused() -> None:
    refusal = refused(with_value("velocities", 1e308))
    assert refusal.rule in ("position", "velocity")


numbers = st.floats(allow_nan=True, allow_infinity=True)
rows = st.lists(st.lists(numbers, max_size=7), max_size=4)


@given(
    names=st.permutations(NAMES) | st.lists(st.sampled_from([*NAMES, ""]), max_size=7),
    times=st.lists(numbers, max_size=4),
    positions=rows,
    velocities=rows,
)
@settings(max_examples=150, deadline=None)
def test_nonsense_is_judged_never_raised(names, times, positions, velocities) -> None:
    verdict = judge(Proposal(names, times, positions, velocities, START_NS), LIMITS, START_NS, AGE_S)
    assert isinstance(verdict, Refusal | Trajectory)
