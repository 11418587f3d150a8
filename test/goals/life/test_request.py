"""Requests are read strictly: what is wrong is named by its place, with what would have been right."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from free_robot import free_contract
from hypothesis import given, settings
from hypothesis import strategies as st

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.goals.life.asked_types import Request
from world_model_ros.goals.life.request import STEPS, id_of, read_request

ARM = load_contract("tabletop_arm")
ID, OTHER = "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "00000000-0000-0000-0000-000000000007"
POSE = {"poses": {"fingertip": [0.5, 0.1, 0.03]}}
JOINT = "elbow_joint"


def read(told: Any, contract: Contract = ARM) -> Request:
    return read_request(told if isinstance(told, str) else json.dumps(told), contract, None, OTHER)


def test_all_but_the_steps_may_be_left_out():
    request = read({"steps": [POSE]})
    assert (request.id, request.queue, request.timeout_s, request.stuck_s) == (OTHER, False, None, None)
    (goal,) = request.steps
    assert (goal.kind, goal.target) == ("pose", "fingertip")
    np.testing.assert_allclose(goal.pose, [0.5, 0.1, 0.03, 0, 0, 0, 0])  # which asks for no orientation


def test_everything_may_be_said():
    steps = [POSE, {"poses": {"object_0": [0.5, 0.0, 0.03, 0, 0, 0, 1]}}, {"joints": {JOINT: 1.5}}]
    request = read({"id": ID.upper(), "steps": steps, "timeout_s": 20, "stuck_s": 5.5, "mode": "queue"})
    assert (request.id, request.queue, request.timeout_s, request.stuck_s) == (ID, True, 20.0, 5.5)
    assert [goal.kind for goal in request.steps] == ["pose", "pose", "joints"]
    assert np.isfinite(request.steps[2].joints).sum() == 1


def test_poses_and_values_of_a_step_are_wished_at_once():
    free = free_contract(drawer=True)
    goal = read({"steps": [{"values": {"drawer": 0.1}, "poses": {"effector": [0.5, 0.0, 0.2]}}]}, free).steps[0]
    assert [each.target for each in goal.wishes] == ["effector", "drawer"]


@pytest.mark.parametrize(
    ("told", "field", "legal"),
    [
        ("", "goal/request", "JSON"),
        ("{", "goal/request", "JSON"),
        ("[" * 100_000, "goal/request", "JSON"),
        ("[]", "goal/request", "an object with the keys"),
        ('{"steps": [], "steps": []}', "goal/request", "each key once"),
        (
            '{"steps": [{"poses": {"fingertip": [0.5, 0.1, 0.03], "fingertip": [0.4, 0.1, 0.03]}}]}',
            "goal/request",
            "each key once",
        ),
        ('{"steps": [{"joints": {"elbow_joint": NaN}}]}', "goal/request", "finite"),
        ({"steps": [POSE], "time": 3}, "goal/request", "one of the keys"),
        ({"steps": [POSE], "id": "pick"}, "id", "a UUID"),
        ({"steps": [POSE], "id": 7}, "id", "a UUID"),
        ({}, "steps", f"1 to {STEPS}"),
        ({"steps": POSE}, "steps", f"1 to {STEPS}"),
        ({"steps": []}, "steps", f"1 to {STEPS}"),
        ({"steps": [POSE] * (STEPS + 1)}, "steps", f"1 to {STEPS}"),
        ({"steps": [POSE], "mode": "later"}, "mode", "queue"),
        ({"steps": [POSE], "mode": []}, "mode", "queue"),
        ({"steps": [POSE], "timeout_s": 0}, "timeout_s", "over 0"),
        ({"steps": [POSE], "timeout_s": "5"}, "timeout_s", "over 0"),
        ({"steps": [POSE], "stuck_s": True}, "stuck_s", "over 0"),
        ({"steps": [POSE, {}]}, "steps[1]", "poses, values or both"),
        ({"steps": [POSE, 3]}, "steps[1]", "an object"),
        ({"steps": [{**POSE, "joints": {JOINT: 1}}]}, "steps[0]", "or else joints"),
        ({"steps": [{"pose": [1, 2, 3]}]}, "steps[0]", "one of the keys"),
        ({"steps": [{"poses": {}}]}, "steps[0]", "fingertip"),
        ({"steps": [{"poses": {"cup": [0.5, 0.1, 0.03]}}]}, "steps[0].poses", "fingertip"),
        ({"steps": [{"poses": {"fingertip": [0.5, 0.1]}}]}, "steps[0].poses.fingertip", "x y z"),
        ({"steps": [{"poses": {"fingertip": [0.5, 0.1, None]}}]}, "steps[0].poses.fingertip[2]", "a finite number"),
        ({"steps": [{"poses": {"fingertip": [0.5, 0.1, 10**400]}}]}, "steps[0].poses.fingertip[2]", "finite"),
        ({"steps": [{"poses": {"fingertip": [0.5, 0.1, 0, 0, 0, 0, 9]}}]}, "steps[0].poses.fingertip", "length 1"),
        ({"steps": [{"poses": {"fingertip": [9.0, 0.1, 0.03]}}]}, "steps[0]: goal: position.x", "0.28 to 0.72"),
        ({"steps": [{"poses": {"fingertip": [1e300, 0.1, 0.03]}}]}, "steps[0]: goal: pose", "finite"),
        ({"steps": [{"values": {"fingertip": 1.0}}]}, "steps[0].values", "one of []"),
        ({"steps": [{"joints": {"wheel": 1.0}}]}, "steps[0].joints", JOINT),
        ({"steps": [{"joints": {}}]}, "steps[0].joints", JOINT),
        ({"steps": [{"joints": {JOINT: 9.0}}]}, f"steps[0]: goal: joints[{JOINT}]", "2.9"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_legal(told: Any, field: str, legal: str):
    with pytest.raises(UserError) as caught:
        read(told)
    assert caught.value.field == field
    assert legal in caught.value.legal
    assert "\n" not in str(caught.value)


def test_the_id_of_a_bad_request_is_found_if_it_can_be_read():
    assert id_of(json.dumps({"id": ID, "steps": 3})) == ID
    assert id_of('{"id": "x"}') is id_of("{") is id_of("[]") is None


KEYS = st.sampled_from(
    ["id", "steps", "mode", "timeout_s", "poses", "values", "joints", "fingertip", "object_0", JOINT]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(ID) | st.just("queue")
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=7) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=30
)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | JSON.map(json.dumps) | st.dictionaries(KEYS, JSON, max_size=5).map(json.dumps))
def test_whatever_comes_is_a_request_or_an_error_of_a_user(text: str):
    try:
        found: Request | UserError = read(text)
    except UserError as error:
        found = error
    assert isinstance(found, UserError) or found.steps
