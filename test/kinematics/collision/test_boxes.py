"""Boxes around the parts of a robot: never farther apart than the parts, and where Pinocchio has them."""

from __future__ import annotations

import coal
import numpy as np
import pinocchio as pin

from world_model_ros.kinematics.collision.bounding_boxes import Boxes

JOINTS = (
    pin.JointModelRX(),
    pin.JointModelPY(),
    pin.JointModelRUBZ(),
    pin.JointModelRevoluteUnaligned(np.array([0.6, 0.0, 0.8])),
    pin.JointModelPrismaticUnaligned(np.array([0.0, 0.6, -0.8])),
)


def robot(random: np.random.Generator) -> tuple[pin.Model, pin.GeometryModel, list[int]]:
    """A tree of all kinds of joints, each with a part."""
    model, geometry = pin.Model(), pin.GeometryModel()
    shapes = (coal.Box(0.1, 0.2, 0.3), coal.Cylinder(0.05, 0.3), coal.Sphere(0.1), coal.Capsule(0.04, 0.2))
    ids = []
    for i in range(10):
        joint = model.addJoint(max(0, i - i % 3), JOINTS[i % len(JOINTS)], pin.SE3.Random(), f"joint {i}")
        ids.append(joint)
        geometry.addGeometryObject(pin.GeometryObject(f"part {i}", joint, pin.SE3.Random(), shapes[i % len(shapes)]))
    geometry.addGeometryObject(pin.GeometryObject("table", 0, pin.SE3.Random(), shapes[0]))
    geometry.addAllCollisionPairs()
    return model, geometry, [ids[i] for i in random.permutation(len(ids))]


def test_boxes_are_where_pinocchio_places_them_and_their_gaps_are_lower_bounds() -> None:
    pin.seed(0)
    random = np.random.default_rng(0)
    model, geometry, ids = robot(random)
    boxes, path = Boxes(model, geometry), random.uniform(-2, 2, (20, len(ids)))
    placed, pairs = boxes.place(path[:, np.argsort(ids)]), np.arange(len(geometry.collisionPairs))
    data, scratch, useful = model.createData(), geometry.createData(), 0
    for k, position in enumerate(path):
        q = pin.neutral(model)
        for joint, value in zip(ids, position):
            at = model.joints[joint].idx_q
            q[at : at + model.joints[joint].nq] = [np.cos(value), np.sin(value)][: model.joints[joint].nq]
            if model.joints[joint].nq == 1:
                q[at] = value
        pin.computeDistances(model, data, geometry, scratch, q)
        for i, part in enumerate(geometry.geometryObjects):  # all centred in their own frames
            np.testing.assert_allclose(placed.centres[k, i], scratch.oMg[i].translation, atol=1e-12)
            np.testing.assert_allclose(placed.axes[k, i], scratch.oMg[i].rotation, atol=1e-12), part.name
        true = np.array([result.min_distance for result in scratch.distanceResults])
        gaps = boxes.gaps(placed, np.full_like(pairs, k), pairs, np.full(len(pairs), np.inf))
        assert np.all(gaps <= np.maximum(true, 0.0) + 1e-6)
        useful += int(np.sum(gaps > 0.8 * true))
    assert useful > 0.5 * len(path) * len(pairs)
