"""The arm's fingertip goes where the chunk says, and nowhere else."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world_model_ros.contract.contract import Contract, contract_from_text, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics, tool_down

CONTRACT = load_contract("tabletop_arm")
BOX = np.array(CONTRACT.interface.action.workspace_m)
ARM = ArmKinematics(CONTRACT)
DOWN = tool_down()
TICK_S = 0.1
NEAR_HOME = np.array([-0.3, -1.5, 2.2, -2.2, -1.57, -1.87])


def at(x: float, y: float, z: float = 0.03) -> np.ndarray:
    q = ARM.solve(NEAR_HOME, np.array([x, y, z]), DOWN)
    assert q is not None
    return q


HOME = at(0.45, 0.0)
in_box = st.tuples(st.floats(*BOX[0]), st.floats(*BOX[1]))


def edited(old: str, new: str) -> Contract:
    assert old in CONTRACT.text
    return contract_from_text(CONTRACT.text.replace(old, new), folder=CONTRACT.folder)


@given(in_box)
@settings(max_examples=100, deadline=None)
def test_every_point_of_the_workspace_is_reached_from_home(point) -> None:
    position, rotation = ARM.tip(at(*point))
    assert np.linalg.norm(position - [*point, 0.03]) < 5e-4
    assert np.arccos(np.clip((np.trace(rotation.T @ DOWN) - 1) / 2, -1, 1)) < 2e-3


def test_a_point_out_of_reach_has_no_solution() -> None:
    assert ARM.solve(HOME, np.array([1.5, 0.0, 0.03]), DOWN) is None


@given(
    start=in_box,
    chunk=st.lists(st.tuples(*[st.floats(-0.06, 0.06)] * 2), min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_the_fingertip_follows_the_clipped_displacements_inside_the_workspace(start, chunk) -> None:
    q = at(*start)
    trajectory = ARM.chunk_trajectory(q, np.array(chunk), 5, TICK_S)
    tips = np.array([ARM.tip(row)[0] for row in trajectory.positions])
    expected = [tips[0]]
    for move in chunk:
        goal = expected[-1] + [*np.clip(move, -0.03, 0.03), 0.0]
        expected.append(np.clip(goal, BOX[:, 0], BOX[:, 1]))
    slow_stop = len(trajectory.positions) == len(chunk) + 2
    reached = np.delete(tips, -2, axis=0) if slow_stop else tips  # the extra point is on the way to the last
    assert np.abs(reached - expected).max() < 5e-4
    assert np.all(trajectory.velocities[-1] == 0)
    assert np.allclose(trajectory.times_s, np.arange(len(trajectory.times_s)) * TICK_S)
    assert trajectory.stamp_ns == 5
    assert np.all(np.abs(np.diff(trajectory.positions, axis=0)) <= ARM.limits.velocity * TICK_S + 1e-9)


def test_a_stop_that_is_too_hard_for_one_tick_takes_two() -> None:
    fast = ARM.chunk_trajectory(HOME, np.full((3, 2), 0.03), 0, TICK_S)
    slow = ARM.chunk_trajectory(HOME, np.full((3, 2), 0.001), 0, TICK_S)
    assert (len(fast.positions), len(slow.positions)) == (5, 4)


def test_the_locked_height_is_approached_by_at_most_the_bound_a_tick() -> None:
    q = at(0.45, 0.0, z=0.11)
    tips = [ARM.tip(row)[0] for row in ARM.chunk_trajectory(q, np.zeros((6, 2)), 0, TICK_S).positions]
    assert [tip[2] for tip in tips[:6]] == pytest.approx([0.11, 0.08, 0.05, 0.03, 0.03, 0.03], abs=3e-4)


def test_a_fingertip_outside_of_the_workspace_comes_back_no_faster_than_the_bound() -> None:
    q = at(0.45, 0.40)
    tips = np.array([ARM.tip(row)[0] for row in ARM.chunk_trajectory(q, np.zeros((5, 2)), 0, TICK_S).positions])
    assert tips[1:4, 1] == pytest.approx([0.37, 0.34, 0.32], abs=3e-4)


def test_a_tilted_tool_turns_to_point_down() -> None:
    tilted = HOME + np.array([0, 0, 0, 0.3, 0, 0])
    last = ARM.chunk_trajectory(tilted, np.zeros((8, 2)), 0, TICK_S).positions[-1]
    assert np.abs(ARM.tip(last)[1] - DOWN).max() < 3e-3


def test_displacements_are_shortened_where_a_joint_would_be_too_fast() -> None:
    slow = re.sub(r"velocity: [23]\.0", "velocity: 0.1", CONTRACT.text)
    arm = ArmKinematics(contract_from_text(slow, folder=CONTRACT.folder))
    trajectory = arm.chunk_trajectory(HOME, np.full((6, 2), 0.03), 0, TICK_S)
    steps = np.abs(np.diff(trajectory.positions, axis=0))
    assert steps.max() <= 0.1 * TICK_S + 1e-9
    assert np.linalg.norm(arm.tip(trajectory.positions[-1])[0] - arm.tip(HOME)[0]) > 0.01


def test_the_applied_action_is_what_the_fingertip_did() -> None:
    assert ARM.applied_action(at(0.45, 0.0), at(0.47, -0.01)) == pytest.approx([0.02, -0.01], abs=3e-4)


def test_joints_are_mapped_by_name() -> None:
    first = "    - {name: shoulder_pan_joint}\n"
    last = "    - {name: wrist_3_joint}\n"
    swapped = CONTRACT.text.replace(last, "@").replace(first, last).replace("@", first)
    arm = ArmKinematics(contract_from_text(swapped, folder=CONTRACT.folder))
    order = [CONTRACT.joint_names.index(name) for name in arm.names]
    assert order != sorted(order)
    q = HOME + np.array([0.1, 0.2, -0.1, 0.05, 0.1, 0.4])
    assert np.allclose(arm.tip(q[order])[0], ARM.tip(q)[0])
    solution = arm.solve(HOME[order], *ARM.tip(q))
    assert solution is not None
    assert np.allclose(solution, q[order], atol=2e-3)


def test_a_link_that_the_urdf_lacks_is_named() -> None:
    with pytest.raises(UserError, match=r"finger_tip.*fingertip"):
        ArmKinematics(edited("link: fingertip", "link: finger_tip"))


def test_a_joint_that_the_urdf_lacks_is_named() -> None:
    with pytest.raises(UserError, match=r"interface.joints: got \['wrist_9_joint'\]"):
        ArmKinematics(
            contract_from_text(CONTRACT.text.replace("wrist_3_joint", "wrist_9_joint"), folder=CONTRACT.folder)
        )


def test_a_chunk_is_solved_well_within_a_tick() -> None:
    chunk = np.full((12, 2), 0.02)
    spans = []
    for _ in range(20):
        begin = time.perf_counter()
        ARM.chunk_trajectory(HOME, chunk, 0, TICK_S)
        spans.append(time.perf_counter() - begin)
    assert np.median(spans) < 0.02  # about 0.002 on a quiet machine
