"""Tasks for two hands: they can be done, are judged whole, and the oracle does them."""

from __future__ import annotations

import numpy as np
import pytest

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.core.errors import UserError
from world_model_ros.evaluate.tasks.oracle import PushOracle
from world_model_ros.evaluate.tasks.task import Judge, Task, task_goal, task_kinds
from world_model_ros.evaluate.tasks.task_draw import default_kinds, draw_task, judged_kinds
from world_model_ros.goals.subgoal import check_goal
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import scene_for_seed

CONTRACT = load_contract("humanoid_upper_body")
ARMS = ArmKinematics(CONTRACT)
TIPS = {name: place for name, place in zip(ARMS.links, ARMS.tips(CONTRACT.rest))}  # noqa: C416
HAND = "right_fingertip"


def places(x: float, y: float) -> dict[str, np.ndarray]:
    return TIPS | {"object_0": np.array([x, y, 0.08])}


def test_a_robot_is_given_what_it_has_hands_for():
    arm = load_contract("tabletop_arm")
    for contract in (CONTRACT, arm):
        assert set(task_kinds(default_kinds(contract))) <= set(task_kinds(judged_kinds(contract))) | {"push_image"}
    assert "together" in default_kinds(CONTRACT)
    with pytest.raises(UserError, match="2 fingertips"):
        draw_task("together", 0, arm, {"fingertip": np.array([0.45, 0.0, 0.03])})


@pytest.mark.parametrize("kind", ["pose", "together", "push", "steady"])
def test_goals_are_legal_and_hands_stay_on_their_sides(kind):
    random = np.random.default_rng(0)
    for seed in range(60):
        task = draw_task(kind, seed, CONTRACT, places(*random.uniform([0.37, -0.18], [0.49, 0.18])))
        check_goal(task_goal(task, 1), CONTRACT)
        ends = {**TIPS, **{part.target: part.position for part in task.parts}}
        assert ends["left_fingertip"][1] - ends[HAND][1] > 0.05
        if kind == "steady":
            stop = next(part for part in task.parts if part.target in TIPS).position
            assert np.linalg.norm((stop - task.position)[:2]) == pytest.approx(0.06)


def test_a_task_is_done_when_every_part_is_held_at_the_same_time():
    def judged(hand: list[float]) -> Judge:
        task = draw_task("together", 1, CONTRACT, places(0.43, 0.0))
        judge = Judge(task, 0)
        for tick, error_m in enumerate(hand, 1):
            for part in task.parts:
                off = np.array([error_m if part.target == HAND else 0.0, 0.0, 0.0])
                judge.see(tick * 100_000_000, part.target, part.position + off)
        return judge

    done = judged([0.05, *[0.012] * 6]).verdict(700_000_000)
    assert done is not None
    assert done.reached
    assert done.error_m == pytest.approx(0.012)
    assert judged([0.05] * 7).verdict(700_000_000) is None
    assert judged([0.01] * 3 + [0.05] + [0.01] * 3).verdict(700_000_000) is None


def pursued(kind: str, seed: int, oracle: bool) -> tuple[Task, bool]:
    """Without the oracle everything stays where it is."""
    maker = MessageMaker(standard_types().types.__getitem__)
    rig = Rig(CONTRACT, scene_for_seed(CONTRACT, seed), seed, maker)
    policy = PushOracle(CONTRACT)
    try:
        task, judge = None, None
        while judge is None or judge.verdict(rig.now_ns) is None:
            q = rig.robot.joint_state()[0]
            item = rig.robot.object_pose()
            now = {link: ARMS.tip(q, link)[0] for link in ARMS.links} | {"object_0": item[:3]}
            if judge is None:
                task = draw_task(kind, seed, CONTRACT, now)
                judge = Judge(task, rig.now_ns)
            for name, position in now.items():
                judge.see(rig.now_ns, name, position)
            if oracle:
                rig.send(policy.command(task, rig.reference, {"object_0": item}, rig.now_ns), rig.now_ns)
            rig.advance(rig.now_ns + CONTRACT.tick_ns)
        return task, judge.verdict(rig.now_ns).reached
    finally:
        rig.robot.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["together", "push", "steady"])
def test_the_oracle_does_it_behind_the_gate(kind):
    assert all(pursued(kind, seed, oracle=True)[1] for seed in range(31_000, 31_003))


@pytest.mark.slow
def test_nothing_happens_by_itself():
    assert not pursued("together", 31_000, oracle=False)[1]
