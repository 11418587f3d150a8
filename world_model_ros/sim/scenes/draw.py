"""Draws scenes from seeds, at three levels of variety: objects, light and surroundings."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.scenes.scene import BackgroundConfig, ObjectConfig, OccluderConfig, SceneConfig

# plain: one object, a little variation. varied: another camera pose, light, table, colours and background sound.
# cluttered: varied, with other objects next to it and, often, a post in the camera's way.
Variety = Literal["plain", "varied", "cluttered"]
VARIETIES: tuple[Variety, ...] = get_args(Variety)
CURRICULUM: dict[Variety, float] = {"plain": 0.3, "varied": 0.35, "cluttered": 0.35}

Triple = tuple[float, float, float]

_TIP_CLEAR_M = 0.09  # between the fingertip's home and an object
_APART_M = 0.10  # between the middles of two objects
_NEAR_EDGE = 0.15  # share of clutter in which the object starts outside of the area for objects
_EDGE_M = 0.04
_POST_SHARE = 0.6
_LOUD_SHARE = 0.5


def variety_named(text: str) -> Variety:
    """A level of variety by its name. Raises `UserError` for another."""
    for variety in VARIETIES:
        if variety == text:
            return variety
    raise UserError("scenes", text, f"one of {list(VARIETIES)}")


def draw_variety(scenes: str, random: np.random.Generator) -> Variety:
    """The level that is asked for; of the ``curriculum`` one by its share. Draws only then."""
    if scenes == "curriculum":
        scenes = str(random.choice(list(CURRICULUM), p=list(CURRICULUM.values())))
    return variety_named(scenes)


def home_tips(contract: Contract) -> Float:
    """Where the fingertips are at rest, x and y in m: (T, 2)."""
    return ArmKinematics(contract).tips(contract.rest)[:, :2]


def scene_for_seed(contract: Contract, seed: int, variety: Variety = "plain") -> SceneConfig:
    """The scene of a seed: the target object away from where the fingertips rest, in random surroundings."""
    random = np.random.default_rng([seed, 0x5CE7E])
    tips = home_tips(contract)
    place = tips[0]
    while not _clear_of(place, tips, _TIP_CLEAR_M):
        place = random.uniform(*np.array(contract.simulation.objects_m).T)
    start = float(place[0]), float(place[1]), float(random.uniform(-3.1, 3.1))
    item = random_object(random, start, contract.simulation.object_half_m)
    scene = random_surroundings(random, item)
    return vary(contract, scene, np.random.default_rng([seed, 0x7A41E5]), variety, tips)


def _clear_of(place: Float, others: Float, clear_m: float) -> bool:
    """Whether a place (2,) is farther than that from all of (n, 2)."""
    return bool(np.all(np.hypot(*(place - others).T) >= clear_m))


def random_object(
    random: np.random.Generator, start: Triple, half_m: tuple[float, float] = (0.026, 0.036)
) -> ObjectConfig:
    """An object of random shape, size, mass, friction and colour (green to purple: never the fingertip's orange).

    Args:
        half_m: least and most of half its width.
    """
    shape: Literal["box", "cylinder"] = "box" if random.random() < 0.5 else "cylinder"
    half = float(random.uniform(*half_m))
    height = float(random.uniform(0.026, 0.034))
    rgb = _colour(random, (0.36, 0.74), (0.8, 1.0), (0.55, 0.95))
    return ObjectConfig(
        shape=shape,
        half_size=(half, half, height),
        mass=float(random.uniform(0.1, 0.6)),
        friction=float(random.uniform(0.3, 0.9)),
        rgb=rgb,
        start=start,
    )


def random_surroundings(
    random: np.random.Generator, item: ObjectConfig, home: tuple[float, ...] | None = None
) -> SceneConfig:
    """A scene with this object under random light, with a table of random colour and a slightly moved camera."""
    shade = random.uniform(-0.06, 0.06) + random.uniform(-0.015, 0.015, 3)
    red, green, blue = (float(value) for value in np.array(SceneConfig.table_rgb) + shade)
    right, up, back = (float(value) for value in random.normal(0.0, 0.004, 3))
    return SceneConfig((item,), home, float(random.uniform(0.85, 1.15)), (red, green, blue), (right, up, back))


def vary(
    contract: Contract, scene: SceneConfig, random: np.random.Generator, variety: Variety, tips: Float
) -> SceneConfig:
    """A plain scene at a level of variety; ``tips`` (T, 2) is where the fingertips start, x and y in m.

    Raises:
        UserError: no such level.
    """
    if variety_named(variety) == "plain":
        return scene
    item = scene.objects[0]
    item = replace(item, rgb=_colour(random, (0.32, 0.78), (0.65, 1.0), (0.45, 1.0)))
    if item.shape == "box":
        least, most = contract.simulation.object_half_m
        depth = float(random.uniform(min(0.02, least), most))
        item = replace(item, half_size=(item.half_size[0], depth, item.half_size[2]))
    table = _colour(random, (0.0, 1.0), (0.0, 0.25), (0.4, 0.85))
    tone = float(random.uniform(0.6, 1.15))
    pattern = (table[0] * tone, table[1] * tone, table[2] * tone), float(random.uniform(0.04, 0.15))
    scene = replace(
        scene,
        objects=(item,),
        light=float(random.uniform(0.65, 1.35)),
        light_from=(float(random.uniform(-0.6, 0.6)), float(random.uniform(-0.6, 0.6))),
        table_rgb=table,
        table_pattern=pattern if random.random() < 0.5 else None,
        camera_shift=_shift(random, 0.010),
        camera_aim=_shift(random, 0.006),
        background=_background(random),
    )
    return _clutter(contract, scene, random, tips) if variety == "cluttered" else scene


def _clutter(contract: Contract, scene: SceneConfig, random: np.random.Generator, tips: Float) -> SceneConfig:
    """The scene with one or two more objects, grey, yellow or pink, and perhaps a post."""
    low, high = np.array(contract.simulation.objects_m).T
    item = scene.objects[0]
    if random.random() < _NEAR_EDGE:
        place = random.uniform(low - _EDGE_M, high + _EDGE_M)
        if _clear_of(place, tips, _TIP_CLEAR_M):
            item = replace(item, start=(float(place[0]), float(place[1]), item.start[2]))
    objects = [item]
    for _ in range(int(random.integers(1, 3))):
        for _ in range(50):  # it may be that there is no room; then there is one less
            place = random.uniform(low - _EDGE_M, high + _EDGE_M)
            others = np.array([*(each.start[:2] for each in objects), *tips])
            if _clear_of(place, others, _APART_M):
                objects.append(_other(random, (float(place[0]), float(place[1]), float(random.uniform(-3.1, 3.1)))))
                break
    posts: tuple[OccluderConfig, ...] = ()
    area = contract.simulation.posts_m
    if area is not None and random.random() < _POST_SHARE:
        x, y = random.uniform(*np.array(area).T)
        grey = float(random.uniform(0.05, 0.9))
        width, height = float(random.uniform(0.008, 0.018)), float(random.uniform(0.12, 0.28))
        posts = (OccluderConfig((float(x), float(y)), width, height, (grey, grey, grey)),)
    return replace(scene, objects=tuple(objects), occluders=posts)


def _other(random: np.random.Generator, start: Triple) -> ObjectConfig:
    """An object that is not the target: it looks different."""
    item = random_object(random, start)
    hue = (0.13, 0.19) if random.random() < 0.5 else (0.86, 0.95)
    saturation = (0.0, 0.1) if random.random() < 0.35 else (0.6, 1.0)
    size = float(random.uniform(0.018, 0.036))
    return replace(
        item,
        rgb=_colour(random, hue, saturation, (0.3, 1.0)),
        half_size=(size, size, float(random.uniform(0.015, 0.04))),
    )


def _background(random: np.random.Generator) -> BackgroundConfig:
    loud = random.random() < _LOUD_SHARE
    return BackgroundConfig(
        level=float(10.0 ** random.uniform(-2.7, -1.5)) if loud else 0.0,
        hum_hz=float(random.choice([50.0, 60.0, random.uniform(80.0, 300.0)])),
        tone=float(random.uniform(0.0, 1.0)),
        swell_hz=float(random.uniform(0.1, 3.0)),
    )


def _shift(random: np.random.Generator, spread_m: float) -> Triple:
    """Normal, never beyond twice its spread, m."""
    x, y, z = (float(value) for value in np.clip(random.normal(0.0, spread_m, 3), -2 * spread_m, 2 * spread_m))
    return x, y, z


def _colour(
    random: np.random.Generator, hue: tuple[float, float], saturation: tuple[float, float], value: tuple[float, float]
) -> Triple:
    """Red, green, blue of a random hue, saturation and value in these ranges, 0 to 1."""
    drawn = (float(random.uniform(*each)) for each in (hue, saturation, value))
    return colorsys.hsv_to_rgb(*drawn)
