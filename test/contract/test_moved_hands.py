"""Fingertips as the action moves them, and as targets."""

from __future__ import annotations

import copy

import numpy as np
import yaml

from world_model_ros.contract.contract import contract_from_text, load_contract
from world_model_ros.contract.hands import sides
from world_model_ros.contract.schema import Interface

CONTRACT = load_contract("humanoid_upper_body")
TWO = CONTRACT.interface


def of_parts() -> Interface:
    """The humanoid with a joint between its fingertips."""
    data = copy.deepcopy(yaml.safe_load(CONTRACT.text))
    left, right = data["interface"]["action"]["fingertips"]
    tips = [tip | {"kind": "tip_displacement", "bound_m": 0.02} for tip in (left, right)]
    waist = {"kind": "joint_displacement", "joints": ["left_wrist_yaw_joint"], "bound": 0.1}
    data["interface"]["action"] = {"kind": "parts", "parts": [tips[0], waist, tips[1]]}
    return contract_from_text(yaml.safe_dump(data), folder=CONTRACT.folder).interface


def test_each_hand_knows_its_target_its_axes_its_columns_and_its_workspace():
    left, right = TWO.hands
    assert [hand.link for hand in (left, right)] == ["left_fingertip", "right_fingertip"]
    assert [TWO.targets[hand.target].link for hand in (left, right)] == ["left_fingertip", "right_fingertip"]
    assert (left.axes, left.columns, right.columns) == ((0, 1), slice(0, 2), slice(2, 4))
    np.testing.assert_array_equal(left.box.T, TWO.action.tips[0].workspace_m)
    np.testing.assert_array_equal(left.low, left.box[0, :2])
    np.testing.assert_array_equal(left.high, left.box[1, :2])


def test_columns_of_a_hand_are_its_own_where_other_parts_lie_between():
    assert [hand.columns for hand in of_parts().hands] == [slice(0, 2), slice(3, 5)]


def test_a_fingertip_that_the_action_does_not_move_has_no_axes():
    targets = [*TWO.targets[1:], TWO.targets[0].model_copy(update={"link": "elbow"})]
    other = TWO.model_copy(update={"targets": targets})
    assert [hand.target for hand in other.hands] == [None, 0]
    assert [(hand.link, hand.target, hand.axes) for hand in other.fingertips.values()] == [
        ("right_fingertip", 0, (0, 1)),
        ("elbow", 2, ()),
    ]


def test_a_side_points_from_one_workspace_to_the_other():
    boxes = [np.array([[0.0, 0.1, 0.0], [0.2, 0.5, 1.0]]), np.array([[0.0, -0.5, 0.0], [0.2, -0.1, 0.0]])]
    ((first, second, side),) = sides(boxes)
    assert (first, second) == (0, 1)
    np.testing.assert_allclose(side, [0.0, 1.0])
    assert list(sides([boxes[0], boxes[0]])) == []
