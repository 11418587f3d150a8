"""A gripper that knows where everything is does what a brain is judged by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.evaluate.tasks.oracle import GraspOracle, oracle_for
from world_model_ros.evaluate.tasks.success import STRICT_M
from world_model_ros.evaluate.tasks.task import Judge, TaskKind
from world_model_ros.evaluate.tasks.task_draw import draw_task
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import scene_for_seed

pytestmark = pytest.mark.slow
CONTRACT = load_contract("gripper_arm_tracked")


@pytest.mark.parametrize("kind", ["pose", "grasp", "place", "place_turned"])
def test_an_oracle_grasps_carries_and_places(kind: TaskKind):
    arm, make = ArmKinematics(CONTRACT), MessageMaker(standard_types().types.__getitem__)
    rig = Rig(CONTRACT, scene_for_seed(CONTRACT, 11), 11, make)

    def places() -> dict:
        return {"grasp_point": arm.tips(rig.robot.joint_state()[0])[0], "object_0": rig.robot.object_pose()}

    try:
        rig.advance(rig.now_ns + 3 * CONTRACT.tick_ns)
        start = {name: place[:3] for name, place in places().items()}
        task = replace(draw_task(kind, 11, CONTRACT, start), tolerance_m=STRICT_M[kind])
        oracle, judge, verdict = oracle_for(CONTRACT), Judge(task, rig.now_ns), None
        assert isinstance(oracle, GraspOracle)
        while verdict is None:
            way = oracle.command(task, rig.reference, {"object_0": rig.robot.object_pose()}, rig.now_ns)
            rig.send(way, rig.now_ns + 40_000_000)
            rig.advance(rig.now_ns + CONTRACT.tick_ns)
            for name, place in places().items():
                judge.see(rig.now_ns, name, place)
            verdict = judge.verdict(rig.now_ns)
        assert verdict.reached, f"{task}: {verdict}"
        assert rig.take_refusal() is None
    finally:
        rig.robot.close()
