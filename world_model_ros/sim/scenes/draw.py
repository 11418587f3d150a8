"""Samples random scenes from seeds, at three levels of variety: objects, fixtures, cloth, light and surroundings."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import hypot, sqrt
from typing import Literal, get_args

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.simulation import Make, Simulation
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.sim.scenes.cloth import ClothConfig
from world_model_ros.sim.scenes.fixtures import FixtureConfig, Placed, placed
from world_model_ros.sim.scenes.scene import BackgroundConfig, ObjectConfig, OccluderConfig, SceneConfig
from world_model_ros.sim.scenes.unfamiliar import FORMS, UNFAMILIAR

# plain: one object, a little variation. varied: another camera pose, light, table, colours and background sound.
# cluttered: varied, with other objects next to it and, often, a post in the camera's way.
Variety = Literal["plain", "varied", "cluttered"]
VARIETIES: tuple[Variety, ...] = get_args(Variety)
CURRICULUM: dict[Variety, float] = {"plain": 0.3, "varied": 0.35, "cluttered": 0.35}

# What a scene must be like: alike: all objects the same but for their places. upright: none of them a ball. fragile:
# the first one breaks. unseen: that one has a shape that no data is gathered with. messy: a glass, a ball, two boxes
# and one of such a shape; drawers and lids are closed.
Wish = Literal["alike", "upright", "fragile", "unseen", "messy"]
# Which object may be made so, by its number, and what that is called.
_MADE: dict[Wish, tuple[Callable[[int, Make], bool], str]] = {
    "upright": (lambda _, make: make.shape != "ball", "one that can be stacked"),
    "messy": (lambda index, make: _MESS[index](make), "a glass, a ball, a box, a box, and any, in this order"),
    "fragile": (lambda index, make: index != 0 or make.breaks_n is not None, "one that breaks: {shape, breaks_n}"),
}
_MESS: tuple[Callable[[Make], bool], ...] = (
    lambda make: make.breaks_n is not None,
    lambda make: make.shape == "ball" and make.stiff,
    *[lambda make: make.shape == "box" and make.stiff] * 2,
    lambda _: True,
)
# How many objects are there, least and most, and which one has a shape that no data is gathered with.
_COUNTS: dict[Wish, tuple[int, int]] = {"alike": (2, 6), "upright": (2, 6), "messy": (len(_MESS), len(_MESS))}
_UNSEEN: dict[Wish, int] = {"unseen": 0, "messy": len(_MESS) - 1}

Triple = tuple[float, float, float]

_TIP_CLEAR_M = 0.09  # between the fingertip's home and an object
_APART_M, _GAP_M = 0.10, 0.01  # between the middles of two objects at least, and between what they reach
_UNFAMILIAR_SIZE = (0.9, 1.1)
_LONGEST_M = max(hypot(*form.half[:2]) for form in FORMS.values()) * _UNFAMILIAR_SIZE[1]
_NEAR_EDGE = 0.15  # share of clutter in which the object starts outside of the area for objects
_EDGE_M = 0.04
_POST_SHARE = 0.6
_LOUD_SHARE = 0.5
# Half of what cameras are moved at most along each axis, and of the places that they look at. On a bench that people
# work at that is 5 cm, and 9 cm at a distance of 1.1 m, 5 degrees.
_DESK_M, _BENCH_M = (0.010, 0.006), (0.025, 0.045)
_ALIKE_SHARE, _STACKED_SHARE, _PUT_IN_SHARE = 0.2, 0.12, 0.12
_DRAWS, _ARRANGEMENTS = 1_000, 30
_LIGHT = 0.25  # mass of what is hollow or foam, of that of what is not
_FOAM_HUE = 0.16
_ROLLING_M = 0.0008  # of a ball, or of a cylinder that was toppled, which stops before long


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


def scene_for_seed(contract: Contract, seed: int, variety: Variety = "plain", wish: Wish | None = None) -> SceneConfig:
    """The scene of a seed: the target object away from where the fingertips rest, in random surroundings.

    Args:
        wish: what it must be like, where the contract has several objects.
    """
    random = np.random.default_rng([seed, 0x5CE7E])
    tips = home_tips(contract)
    place = tips[0]
    while not _clear_of(place, tips, _TIP_CLEAR_M):
        place = random.uniform(*np.array(contract.simulation.objects_m).T)
    start = float(place[0]), float(place[1]), float(random.uniform(-3.1, 3.1))
    simulation = contract.simulation
    item = random_object(random, start, simulation.object_half_m, makes_of(simulation, 0, wish))
    if wish is not None and _UNSEEN.get(wish) == 0:
        item = unfamiliar(np.random.default_rng([seed, 0x05EE]), item)
    scene = random_surroundings(random, item)
    scene = vary(contract, scene, np.random.default_rng([seed, 0x7A41E5]), variety, tips)
    return furnish(contract, scene, seed, tips, wish)


def makes_of(simulation: Simulation, index: int, wish: Wish | None = None) -> list[Make]:
    """What an object is drawn from.

    Raises:
        UserError: none of it is as wished.
    """
    makes = simulation.objects[index]
    if wish not in _MADE:
        return makes
    fits, legal = _MADE[wish]
    found = [make for make in makes if fits(index, make)]
    if not found:
        given = [make.model_dump(exclude_none=True) for make in makes]
        raise UserError(f"deployment.simulation.objects[{index}]", given, legal)
    return found


def furnish(
    contract: Contract, scene: SceneConfig, seed: int, tips: Float, wish: Wish | None = None, played: bool = False
) -> SceneConfig:
    """The scene with the other objects that are there, the fixtures and the cloth of the contract.

    Args:
        tips: (T, 2) where the fingertips start, x and y in m.
        played: whether one object may lie on another one, or in a drawer.
    """
    simulation = contract.simulation
    if not simulation.furnished:
        return scene
    random = np.random.default_rng([seed, 0xF0121])
    fixtures = [_started(random, fixture) for fixture in placed(contract).values()]
    if wish == "messy":
        fixtures = [replace(each, value=0.0) if each.mechanism.latch is None else each for each in fixtures]
    count = _count(np.random.default_rng([seed, 0xC0417]), simulation, wish)
    items = _arranged(random, scene.objects[0], simulation, count, tips, wish)
    items = [replace(item, rolling=_ROLLING_M if item.shape in ("cylinder", "ball") else 0.0) for item in items]
    if played:
        items = _played(random, items, [each for each in fixtures if each.mechanism.inside is not None], contract)
    cloth = _cloth(np.random.default_rng([seed, 0xC107]), simulation)
    return replace(scene, objects=tuple(items), fixtures=tuple(fixtures), cloth=cloth)


def _cloth(random: np.random.Generator, simulation: Simulation) -> ClothConfig | None:
    """A cloth of any colour, its middle anywhere in the area for objects: it may fall on them."""
    if simulation.cloth_m is None:
        return None
    x, y = random.uniform(*np.array(simulation.objects_m).T)
    place, side = (float(x), float(y), float(random.uniform(-3.1, 3.1))), float(random.uniform(*simulation.cloth_m))
    return ClothConfig(place, side, rgb=_colour(random, (0.0, 1.0), (0.2, 0.8), (0.4, 0.9)))


def _started(random: np.random.Generator, fixture: Placed) -> FixtureConfig:
    """A fixture with a value of its own: closed or somewhere open, off or on."""
    most = fixture.mechanism.most if fixture.mechanism.latch is None else 1.0
    share = float(random.uniform(0.3, 1.0)) if fixture.mechanism.latch is None else 1.0
    return replace(fixture.config, value=0.0 if random.random() < 0.5 else share * most)


def _count(random: np.random.Generator, simulation: Simulation, wish: Wish | None) -> int:
    """How many objects are there."""
    there = len(simulation.objects)
    least, most = simulation.objects_there or (there, there)
    needed, at_most = (1, there) if wish is None else _COUNTS.get(wish, (1, there))
    return min(there, at_most, max(int(random.integers(least, most + 1)), needed))


def _arranged(
    random: np.random.Generator, first: ObjectConfig, simulation: Simulation, count: int, tips: Float, wish: Wish | None
) -> list[ObjectConfig]:
    """So many objects that none meets another one, the first of them where it is.

    Raises:
        UserError: there is no room for them.
    """
    alike = (random.random() < _ALIKE_SHARE and wish != "messy") or wish == "alike"
    unseen = None if wish is None else _UNSEEN.get(wish)
    reach = first.reach if alike else sqrt(2.0) * simulation.object_half_m[1]
    for _ in range(_ARRANGEMENTS):
        items = [first]
        for index in range(1, count):
            start = _free_place(random, simulation, items, tips, _LONGEST_M if index == unseen else reach)
            if start is None:
                break
            item = random_object(random, start, simulation.object_half_m, makes_of(simulation, index, wish))
            item = unfamiliar(random, item) if index == unseen else item
            items.append(replace(first, start=start) if alike else item)
        else:
            return items
    legal = f"room for {count} objects, {_APART_M} m from each other and {_TIP_CLEAR_M} m from the fingertips"
    raise UserError("deployment.simulation.objects_m", simulation.objects_m, legal)


def _free_place(
    random: np.random.Generator, simulation: Simulation, others: Sequence[ObjectConfig], tips: Float, reach: float
) -> Triple | None:
    """Where one more object may be that has this reach at most: x, y and yaw; None if there is no room."""
    low, high = np.array(simulation.objects_m).T
    places = np.array([item.start[:2] for item in others])
    apart = np.array([max(_APART_M, item.reach + reach + _GAP_M) for item in others])
    for _ in range(_DRAWS):
        place = random.uniform(low, high)
        if _clear_of(place, tips, _TIP_CLEAR_M) and _clear_of(place, places, apart):
            return float(place[0]), float(place[1]), float(random.uniform(-3.1, 3.1))
    return None


def _played(
    random: np.random.Generator, items: list[ObjectConfig], drawers: Sequence[FixtureConfig], contract: Contract
) -> list[ObjectConfig]:
    """The objects as a game may have left them: now and then one on another one, or one in a drawer."""
    if random.random() < _STACKED_SHARE and len(items) > 1 and "ball" not in (items[0].shape, items[1].shape):
        below = items[1]
        items[0] = replace(items[0], start=(*below.start[:2], items[0].start[2]), lift=2 * below.half_size[2])
    elif random.random() < _PUT_IN_SHARE and drawers:
        drawer = drawers[int(random.integers(len(drawers)))]
        x, y, z = Placed(drawer, contract.simulation.table.top_m).floor(drawer.value)
        index = int(random.integers(len(items)))
        turned = items[index].start[2]
        items[index] = replace(items[index], start=(float(x), float(y), turned), lift=float(z) + 0.001)
    return items


def _clear_of(place: Float, others: Float, clear_m: float | Float) -> bool:
    """Whether a place (2,) is farther than that, or than these (n,), from all of (n, 2)."""
    return bool(np.all(np.hypot(*(place - others).T) >= clear_m))


def random_object(
    random: np.random.Generator,
    start: Triple,
    half_m: tuple[float, float] = (0.026, 0.036),
    makes: Sequence[Make] = (Make(shape="box"), Make(shape="cylinder")),
) -> ObjectConfig:
    """An object of random shape, size, mass, friction and colour (green to purple: never the fingertip's orange).

    What breaks or gives way is light. Glass is pale, foam yellow.

    Args:
        half_m: least and most of half its width.
        makes: that it is one of.
    """
    make = makes[int(random.random() * len(makes))]
    half = float(random.uniform(*half_m))
    height = float(random.uniform(0.026, 0.034))
    rgb = _colour(random, (0.36, 0.74), (0.8, 1.0), (0.55, 0.95))
    return ObjectConfig(
        shape=make.shape,
        half_size=(half, half, half if make.shape == "ball" else height),
        mass=float(random.uniform(0.1, 0.6)) * (1.0 if make.stiff else _LIGHT),
        friction=float(random.uniform(0.3, 0.9)),
        rgb=_as_made(make, rgb),
        start=start,
        breaks_n=make.breaks_n,
        young_pa=make.young_pa,
    )


def unfamiliar(random: np.random.Generator, item: ObjectConfig) -> ObjectConfig:
    """An object like this one, but stiff, and of a shape that no data is gathered with, a little smaller or larger."""
    shape = UNFAMILIAR[int(random.integers(len(UNFAMILIAR)))]
    x, y, z = random.uniform(*_UNFAMILIAR_SIZE) * np.array(FORMS[shape].half)
    return replace(item, shape=shape, half_size=(float(x), float(y), float(z)), breaks_n=None, young_pa=None)


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
    item = replace(item, rgb=_as_made(item, _colour(random, (0.32, 0.78), (0.65, 1.0), (0.45, 1.0))))
    if item.shape == "box":
        least, most = contract.simulation.object_half_m
        depth = float(random.uniform(min(0.02, least), most))
        item = replace(item, half_size=(item.half_size[0], depth, item.half_size[2]))
    table = _colour(random, (0.0, 1.0), (0.0, 0.25), (0.4, 0.85))
    tone = float(random.uniform(0.6, 1.15))
    pattern = (table[0] * tone, table[1] * tone, table[2] * tone), float(random.uniform(0.04, 0.15))
    moved_m, turned_m = _BENCH_M if contract.simulation.furnished else _DESK_M
    scene = replace(
        scene,
        objects=(item,),
        light=float(random.uniform(0.65, 1.35)),
        light_from=(float(random.uniform(-0.6, 0.6)), float(random.uniform(-0.6, 0.6))),
        table_rgb=table,
        table_pattern=pattern if random.random() < 0.5 else None,
        camera_shift=_shift(random, moved_m),
        camera_aim=_shift(random, turned_m),
        background=_background(random),
    )
    cluttered = variety == "cluttered" and not contract.simulation.furnished  # which says itself what is there
    return _clutter(contract, scene, random, tips) if cluttered else scene


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


def _as_made(made: Make | ObjectConfig, rgb: Triple) -> Triple:
    """The colour of what is made so, given one: glass is pale with a tinge of it, foam yellow and as bright."""
    if made.young_pa is not None:
        return colorsys.hsv_to_rgb(_FOAM_HUE, 0.6, max(rgb))
    red, green, blue = rgb if made.breaks_n is None else (0.8 + 0.2 * part for part in rgb)
    return red, green, blue


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
