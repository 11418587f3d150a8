"""Schema of a model bundle's ``manifest.json``; `bundle.bundle.read_manifest` reads the file."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from world_model_ros.core.errors import UserError

FORMAT = 2
"""Of bundles; `bundle.upgrade` makes one of format 1 into one of this."""


def _named(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("a name: a line that can be read")
    if "/" in text or text in (".", ".."):
        raise ValueError("a name that a folder can have, without /")
    return text


def require_name(name: str | None) -> None:
    """`UserError` of a name that no bundle can have; None is that of the robot."""
    try:
        _named("robot" if name is None else name)
    except (ValueError, AttributeError) as error:
        raise UserError("name", name, "a name that a folder can have, a line without /") from error


Count = Annotated[int, Field(gt=0, le=2**31 - 1, strict=True)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]  # in the bundle's own folder, nowhere else
Named = Annotated[str, AfterValidator(_named)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Made(Strict):
    """What programs make themselves: of a wrong value a `UserError` names the field, as of a file."""

    where: ClassVar[str] = ""

    @model_validator(mode="wrap")
    @classmethod
    def _said(cls, told: Any, make: ModelWrapValidatorHandler[Any]) -> Any:
        try:
            return make(told)
        except ValidationError as error:
            first = error.errors()[0]
            field = cls.where + ".".join(str(part) for part in first["loc"])
            missing = first["type"] == "missing"
            legal = "a value: this is required" if missing else first["msg"]
            legal = legal.removeprefix("Input should be ").removeprefix("Value error, ")
            value = "nothing" if missing else first.get("input")
            raise UserError(field or cls.__name__.lower(), value, legal) from error


class TensorSpec(Strict):
    """Shape and type of a tensor; all sizes are fixed."""

    shape: tuple[Count, ...]
    dtype: Literal["float32", "uint8"] = "float32"


class GraphSpec(Strict):
    """One ONNX file and its tensors by name."""

    file: FileName
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]


class Sizes(Made):
    """Sizes that the contract does not fix.

    Args:
        state: S, of an imagined state.
        memory: M, of the belief.
        code: D, of an image; 0 without a camera.
        horizon: H, imagined ticks.
        candidates: N, samples of the planner in each iteration.
        iterations: I, of the planner.
    """

    where: ClassVar[str] = "sizes."

    state: Count
    memory: Count
    code: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]
    horizon: Count
    candidates: Count
    iterations: Count


class PlannerSpec(BaseModel):
    """Settings that the plan graph was made with, by part of the planner; see
    `world_model_ros.planning.planner.PlanConfig`.

    Args:
        beta: colour of the noise that it expects.
        every: ticks of the model between two plans; in between, the last one goes on.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    beta: Annotated[float, Field(ge=0)] = 2.0
    every: Count = 1


class Calibration(BaseModel):
    """Conformal calibration on held-out episodes.

    Args:
        region_scale: semi-axes of the 90 % region in units of sigma; 2.5 is that of a Gaussian in three dimensions.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    region_scale: Annotated[float, Field(gt=0)] = 2.5


class Manifest(Made):
    """A bundle's manifest, format 2.

    Args:
        kind: ``watch`` perceives and imagines, ``act`` plans too.
        robot: name of the contract it was made for.
        interface_hash: of that contract; ``interface`` is the interface itself, to say what differs.
        graphs: by name: perceive, rollout, decode; plan, goal for ``act``; inverse and policy where there are.
        files: sha256 of every file next to the manifest.
        streams: order of ``fresh`` in perceive. targets: order of K.
        goals: what may be asked of each target, see `bundle.signatures.goals_read`; empty in one that does not say.
        provenance: data, seeds and settings of the training; ``labelled_ticks`` by target.
        scores: measured on held-out episodes.
    """

    format: Literal[2]
    name: Named
    kind: Literal["act", "watch"]
    robot: Named
    interface_hash: Sha256
    interface: dict[str, Any] = {}
    tick_hz: Annotated[float, Field(gt=0)]
    horizon: Count
    sizes: Sizes
    graphs: dict[str, GraphSpec]
    files: dict[FileName, Sha256]
    streams: tuple[str, ...]
    targets: tuple[str, ...] = ()
    goals: dict[str, tuple[Literal["position", "orientation", "value"], ...]] = {}
    planner: PlannerSpec | None = None
    provenance: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    calibration: Calibration = Calibration()

    @property
    def unlabelled(self) -> list[str]:
        """Targets of which nothing in the training data said where they are; none where the manifest does not say."""
        ticks = self.provenance.get("labelled_ticks")
        return [name for name, count in ticks.items() if not count] if isinstance(ticks, dict) else []
