"""Contract fields for the simulator: table, objects and where they may be, fixtures, shelves, cloth, cameras."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from world_model_ros.contract.field_types import Count, Finite, Metre, Name, Number, Point, Positive, Span, Strict, once

Shape = Literal["box", "cylinder", "ball"]
# Of what gives way; what is harder is stiff, and its springs too fast for the physics.
SOFTEST_PA, HARDEST_PA = 2e3, 5e4


class Make(Strict):
    """What an object may be made as: a ``shape``, and what it is made of.

    ``breaks_n``: the hardest contact that it stands, N. ``young_pa``: Young's modulus of a box that gives way at its
    sides, Pa. Without either nothing breaks it, and it is stiff.
    """

    shape: Shape
    breaks_n: Positive | None = None
    young_pa: Number | None = Field(default=None, ge=SOFTEST_PA, le=HARDEST_PA)

    @property
    def stiff(self) -> bool:
        """Whether it neither breaks nor gives way."""
        return self.breaks_n is None and self.young_pa is None

    @model_validator(mode="after")
    def _one(self) -> Make:
        if self.young_pa is not None and (self.shape != "box" or self.breaks_n is not None):
            raise ValueError("young_pa: is for a box, and for none that breaks")
        return self


def _make(value: Any) -> Any:
    return value if isinstance(value, (dict, Make)) else {"shape": value}


class _OrShape:
    """Tells editors that a shape may stand alone."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(get_args(Shape)), "type": "string"}, handler(core)]}


ShapeOrMake = Annotated[Make, BeforeValidator(_make), _OrShape()]


class Table(Strict):
    """A box to put objects on, with its edges along the base frame's axes and its centre at ``position_m``."""

    size_m: tuple[Positive, Positive, Positive]
    position_m: Point

    @property
    def top_m(self) -> float:
        """Height of what objects stand on."""
        return self.position_m[2] + self.size_m[2] / 2


class SimulatedCamera(Strict):
    """Where the camera of a stream is and looks. Upright; ``fovy_deg`` is its vertical angle of view.

    Points are in the base frame, or in that of the ``link`` that carries it.
    """

    name: Name
    position_m: Point
    target_m: Point
    fovy_deg: Number = Field(gt=1, lt=170)
    link: str | None = None


class Fixture(Strict):
    """Something with a joint that stands on the table. A target or a stream of its ``name`` is its value.

    ``drawer``: how far it is open, m. ``lid``: the same of that of a box, rad. ``button``: 0 or 1, the other one after
    each press. ``place_m`` is x and y of the middle of a drawer's closed front, of a box's, or of a button; a drawer
    opens to where ``yaw``, rad, points, and a lid has its bar there and its hinge behind.
    """

    name: Name
    kind: Literal["drawer", "button", "lid"]
    place_m: tuple[Metre, Metre]
    yaw: Finite = 0.0


class Shelf(Strict):
    """A board on a block, at ``height_m`` over the table, on which things may be placed.

    ``place_m`` is x and y of its middle; its edges of ``size_m`` are along the base frame's x and y.
    """

    place_m: tuple[Metre, Metre]
    size_m: tuple[Positive, Positive]
    height_m: Positive

    @property
    def area_m(self) -> tuple[Span, Span]:
        """x and y of it, from low to high."""
        (x, y), (width, depth) = self.place_m, self.size_m
        return (x - width / 2, x + width / 2), (y - depth / 2, y + depth / 2)


class Simulation(Strict):
    """How the robot is set up in simulation. Lengths in m in the base frame.

    ``objects_m``: x and y in which objects start and end; fingertips reach 9 cm beyond it, to get behind them.
    ``object_half_m``: least and most of half the width of objects.
    ``objects``: what each object is drawn from, ``object_0`` first: shapes, or ``{shape, breaks_n}`` of what breaks,
    or ``{shape: box, young_pa}`` of what is soft.
    ``objects_there``: least and most of how many of them a scene has, the first ones; None where it has all.
    ``fixtures``: what has a joint and stands on the table.
    ``shelves``: at heights over the table, off the area for objects.
    ``cloth_m``: least and most of the side of a square cloth that lies in the area for objects; None where none does.
    ``posts_m``: x and y where posts may stand in the cameras' way, in cluttered scenes; None where they never do.
    """

    table: Table
    objects_m: tuple[Span, Span]
    object_half_m: tuple[Positive, Positive] = (0.026, 0.036)
    objects: Annotated[list[Annotated[list[ShapeOrMake], Field(min_length=1)]], Field(min_length=1, max_length=6)] = [
        [Make(shape="box"), Make(shape="cylinder")]
    ]
    objects_there: tuple[Count, Count] | None = None
    fixtures: list[Fixture] = []
    shelves: list[Shelf] = []
    cloth_m: tuple[Positive, Positive] | None = None
    cameras: list[SimulatedCamera] = []
    posts_m: tuple[Span, Span] | None = None

    @model_validator(mode="after")
    def _order(self) -> Simulation:
        for name in ("object_half_m", "objects_there", "cloth_m"):
            least, most = getattr(self, name) or (0.0, 0.0)
            if least > most:
                raise ValueError(f"{name}: the least must not be over the most")
        if self.objects_there is not None and self.objects_there[1] > len(self.objects):
            raise ValueError(f"objects_there: at most {len(self.objects)}, as many as there are objects")
        for index, shelf in enumerate(self.shelves):
            if all(low < most and high > least for (low, high), (least, most) in zip(shelf.area_m, self.objects_m)):
                raise ValueError(f"shelves[{index}]: place_m must be off the area for objects, {self.objects_m}")
        once("fixtures", [fixture.name for fixture in self.fixtures])
        return self

    @property
    def furnished(self) -> bool:
        """Whether there is more than one object alone."""
        return len(self.objects) > 1 or bool(self.fixtures or self.shelves) or self.cloth_m is not None
