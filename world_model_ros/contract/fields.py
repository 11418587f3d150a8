"""Field types that all parts of a contract share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Range = tuple[Finite, Finite]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Qos(Strict):
    """Subscription quality of service; a best-effort publisher is only heard with ``best_effort``."""

    reliability: Literal["reliable", "best_effort"] = "reliable"
    durability: Literal["volatile", "transient_local"] = "volatile"
    depth: Count = 10


def known(where: str, names: list[str], legal: list[str]) -> None:
    if unknown := [name for name in names if name not in legal]:
        raise ValueError(f"{where}: unknown {unknown}; legal: {legal}")


def same(where: str, names: list[str], legal: list[str]) -> None:
    known(where, names, legal)
    missing = [name for name in legal if name not in names]
    if missing:
        raise ValueError(f"{where}: missing {missing}")
    once(where, names)


def once(where: str, names: list[str]) -> None:
    if len(names) != len(set(names)):
        raise ValueError(f"{where}: a name stands twice in {names}")
