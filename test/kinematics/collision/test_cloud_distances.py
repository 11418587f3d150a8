"""Distances of a robot from points that a depth sensor sees, held against Coal's of a ball at each."""

from __future__ import annotations

from dataclasses import replace

import coal
import numpy as np
import pytest

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.deployment.gate import Cloud
from world_model_ros.kinematics.collision import distances as distances_module
from world_model_ros.kinematics.collision.distances import PairDistances
from world_model_ros.kinematics.collision.hulls import convex_hull
from world_model_ros.kinematics.collision.outlines import Outline

HOME = np.array([-0.3, -1.5, 2.2, -2.2, -1.57, -1.87])
SLOW_M, STOP_M = 0.06, 0.02


def with_clouds(contract: Contract, *names: str) -> Contract:
    clouds = [Cloud(name=name, topic=f"{name}/points") for name in names]
    gate = contract.deployment.gate.model_copy(update={"clouds": clouds})
    return replace(contract, deployment=contract.deployment.model_copy(update={"gate": gate}))


def mesh() -> coal.ConvexBase:
    corners = coal.StdVec_Vec3s()
    corners.extend(np.random.default_rng(2).normal(size=(40, 3)) * [0.1, 0.05, 0.2])
    return coal.ConvexBase.convexHull(corners, True, "Qt")


@pytest.mark.parametrize(
    ("shape", "exact"),
    [
        (coal.Sphere(0.1), True),
        (coal.Capsule(0.05, 0.3), True),
        (coal.Cylinder(0.05, 0.3), True),
        (coal.Box(0.1, 0.2, 0.3), True),
        (mesh(), False),
        (coal.Ellipsoid(0.1, 0.2, 0.3), False),
        (coal.Cone(0.1, 0.2), False),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_point_is_as_far_from_a_shape_as_coal_says_and_no_farther_from_others(shape, exact: bool) -> None:
    random = np.random.default_rng(1)
    points, rotation = random.normal(size=(200, 3)) * 0.3, np.linalg.qr(random.normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    place = np.array([0.1, -0.2, 0.3])
    outline = Outline(shape)
    ball, tiny = coal.Sphere(1e-6), 1e-6
    theirs = np.array(
        [
            coal.distance(
                ball,
                coal.Transform3s(np.eye(3), point),
                shape,
                coal.Transform3s(rotation, place),
                coal.DistanceRequest(),
                coal.DistanceResult(),
            )
            for point in points
        ]
    )
    ours = np.array([outline.least(point[None], rotation, place) for point in points])
    outside = theirs > 1e-3
    assert outside.sum() > 50
    assert np.all(ours[outside] <= theirs[outside] + 2 * tiny)
    assert np.all(ours[theirs <= 0] <= tiny)
    if exact:
        assert ours[outside] == pytest.approx(theirs[outside], abs=2 * tiny)
    assert outline.least(points, rotation, place) == pytest.approx(ours.min(), abs=1e-12)


def nearest(contract: Contract, position: np.ndarray, points: np.ndarray, radius_m: float) -> dict[str, float]:
    """Of each part by name, by one ball at a time; hulls and boxes by their own outline."""
    distances = PairDistances(contract)
    distances._place(position)
    found: dict[str, float] = {}
    base = distances._base
    for first, second in distances.pairs:
        if second != "obstacle front":
            continue
        part = next(i for i, each in enumerate(distances._geometry.geometryObjects) if each.name == first)
        place, shape = distances._scratch.oMg[part], distances._geometry.geometryObjects[part].geometry
        found[first] = min(
            coal.distance(
                coal.Sphere(radius_m),
                coal.Transform3s(np.eye(3), base.act(point)),
                shape,
                coal.Transform3s(place.rotation, place.translation),
                coal.DistanceRequest(),
                coal.DistanceResult(),
            )
            for point in points
        )
    return found


@pytest.mark.parametrize("few", [0, 1000], ids=["by boxes", "all measured"])
def test_every_moving_part_is_as_far_from_a_cloud_as_its_nearest_point(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distances_module, "FEW", few)
    contract, random = with_clouds(load_contract("tabletop_arm"), "front", "side"), np.random.default_rng(4)
    distances = PairDistances(contract)
    mine = np.array([i for i, (_, second) in enumerate(distances.pairs) if second == "obstacle front"])
    others = np.array([i for i, (_, second) in enumerate(distances.pairs) if second == "obstacle side"])
    assert len(mine) == len(others) >= 15
    assert distances.measure(HOME, mine).min() > 100  # nothing was seen yet
    for _ in range(4):
        points = random.uniform([-0.8, -0.8, 0.0], [0.8, 0.8, 1.0], (30, 3))
        assert np.array_equal(distances.see("front", points, 0.02), mine)
        theirs = nearest(contract, HOME, points, 0.02)
        names = [distances.pairs[pair][0] for pair in mine]
        exact = distances.measure(HOME, mine)
        far = np.array([theirs[name] for name in names])
        assert exact[far > 1e-3] == pytest.approx(far[far > 1e-3], abs=1e-5)
        assert np.all(exact[far <= 0] <= 1e-5)
        known = distances.at(HOME, SLOW_M)[mine]
        assert np.all(known <= exact + 1e-9)
        assert known[known < SLOW_M] == pytest.approx(exact[known < SLOW_M], abs=1e-9)
        assert distances.measure(HOME, others).min() > 100
    distances.see("front", np.empty((0, 3)), 0.02)
    assert distances.at(HOME, SLOW_M)[mine].min() > SLOW_M


@pytest.mark.parametrize("few", [0, 1000], ids=["by boxes", "all measured"])
def test_no_part_that_comes_near_a_cloud_is_left_out_along_a_path(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances_module, "FEW", few)
    contract, random = with_clouds(load_contract("tabletop_arm"), "front"), np.random.default_rng(5)
    limits, distances, plain = contract.limits(), PairDistances(contract), PairDistances(contract)
    mine = np.array([i for i, (_, second) in enumerate(distances.pairs) if second == "obstacle front"])
    position, hits = HOME, 0
    for trial in range(40):
        if trial % 3 == 0:
            points = random.uniform([-0.8, -0.8, 0.0], [0.8, 0.8, 1.0], (20, 3))
            distances.see("front", points, 0.02)
            plain.see("front", points, 0.02)
        goal = random.uniform(limits.lower, limits.upper)
        path = position + np.linspace(0.0, 0.3, 10)[:, None] * (goal - position)
        pairs, now = distances.now(path, SLOW_M, STOP_M)
        below = set(pairs[distances.below(path, pairs, now, np.full(len(pairs), STOP_M))].tolist()) & set(mine.tolist())
        seen = np.array([plain.measure(configuration, mine) for configuration in path])
        theirs = set(mine[seen.min(axis=0) < STOP_M].tolist())
        assert below == theirs
        hits += bool(theirs)
        position = path[random.integers(1, 10)]
    assert 3 < hits < 40


def test_a_hull_of_a_mesh_is_measured() -> None:
    box = coal.BVHModelOBBRSS()
    corners = np.array([[x, y, z] for x in (-0.1, 0.1) for y in (-0.1, 0.1) for z in (-0.1, 0.1)])
    box.beginModel(12, 8)
    box.addVertices(corners)
    box.addTriangles(np.array([[0, 1, 3], [0, 2, 3], [4, 5, 7], [4, 6, 7], [0, 1, 5], [0, 4, 5]]))
    box.endModel()
    outline = Outline(convex_hull(box, "box"))
    point = np.array([[0.3, 0.0, 0.0], [0.2, 0.2, 0.2]])
    assert outline.distances(point) == pytest.approx([0.2, np.sqrt(3) * 0.1])
