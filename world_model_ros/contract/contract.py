"""Loads and validates a robot's contract: from YAML to a frozen `Contract`, or a `UserError` with the YAML path."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from world_model_ros.contract.contract_text import read_text, read_yaml
from world_model_ros.contract.limits import joint_limits
from world_model_ros.contract.schema import ContractFile, Deployment, Interface, StreamSource
from world_model_ros.contract.senses import JointStream, Stream
from world_model_ros.contract.simulation import Simulation
from world_model_ros.contract.topic_clashes import refuse_clashes
from world_model_ros.contract.urdf.description import Description, describe
from world_model_ros.contract.urdf.text import urdf_text
from world_model_ros.core.arrays import Float
from world_model_ros.core.errors import MissingError, UserError
from world_model_ros.core.files import is_file
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.core.streams import StreamRule
from world_model_ros.core.trajectory import JointLimits

Part = TypeVar("Part", Stream, StreamSource)


@dataclass(frozen=True)
class Contract:
    """A validated contract.

    Args:
        name: robot name.
        interface: what a model binds to.
        deployment: topics, ages, limits, URDF, command.
        text: the YAML it was read from, to be embedded in bags and published.
        folder: folder that relative paths (URDF) start from; None for a contract out of a bag.
    """

    name: str
    interface: Interface
    deployment: Deployment
    text: str
    folder: Path | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: all that was validated, and nothing that was found out since."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __hash__(self) -> int:
        return hash((self.name, self.text, self.folder))

    @cached_property
    def interface_hash(self) -> str:
        """sha256 of the interface as canonical JSON, hex."""
        canonical = json.dumps(self.interface.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def tick_ns(self) -> int:
        return round(1e9 / self.interface.tick_hz)

    @property
    def tick_s(self) -> float:
        return self.tick_ns * 1e-9

    @cached_property
    def joint_names(self) -> tuple[str, ...]:
        return tuple(joint.name for joint in self.interface.joints)

    @property
    def urdf_path(self) -> Path:
        """The URDF file; raises `UserError` if there is none."""
        urdf = self.deployment.urdf
        if urdf is None:
            raise MissingError("deployment.urdf", None, "a URDF file")
        return self._file("deployment.urdf", urdf)

    @property
    def srdf_path(self) -> Path:
        """The SRDF file; raises `UserError` if there is none."""
        settings = self.deployment.gate.collision
        if settings is None or settings.srdf is None:
            raise UserError("deployment.gate.collision.srdf", None, "an SRDF file")
        return self._file("deployment.gate.collision.srdf", settings.srdf)

    def _file(self, field: str, name: str) -> Path:
        folders = [folder for folder in (self.folder, share_folder("config") / "robots") if folder is not None]
        for folder in folders:
            if is_file(folder / name):
                return (folder / name).resolve()
        raise MissingError(field, name, f"a file, absolute or relative to {[str(f) for f in folders]}")

    @cached_property
    def urdf_text(self) -> str:
        """The URDF as plain XML, xacro expanded; raises `UserError` if there is none, or none that can be read."""
        return urdf_text(self.urdf_path)

    @cached_property
    def description(self) -> Description:
        """The URDF as a tree; raises `UserError` if there is none, or one that cannot be used."""
        return describe(self.urdf_text, self.urdf_path)

    def stream(self, name: str) -> Stream:
        """The stream of a name; `UserError` if there is none."""
        return _named("stream", self.interface.streams, name)

    def streams_named(self, wanted: str, field: str) -> list[str]:
        """Names of the streams that a comma separated list out of ``field`` means, of names or kinds (``camera``)."""
        if not isinstance(wanted, str):
            raise UserError(field, wanted, "names or kinds of streams, comma separated")
        streams = self.interface.streams
        found: list[str] = []
        for part in filter(None, (part.strip() for part in wanted.split(","))):
            names = [stream.name for stream in streams if part in (stream.name, stream.kind)]
            if not names:
                legal = sorted({stream.name for stream in streams} | {stream.kind for stream in streams})
                raise UserError(field, part, f"one of {legal}")
            found += [name for name in names if name not in found]
        return found

    def source(self, name: str) -> StreamSource:
        """Where the stream of a name comes from; `UserError` if there is none."""
        return _named("source", self.deployment.streams, name)

    def latency_ns(self, name: str) -> int:
        """How much older than its stamp a stream's sample is; `UserError` if there is no stream of that name."""
        return round(self.source(name).latency_s * 1e9)

    def stream_rules(self) -> list[StreamRule]:
        """Buffering rules of all streams, in interface order."""
        sources = {source.name: source for source in self.deployment.streams}
        return [each.rule(round(sources[each.name].max_age_s * 1e9)) for each in self.interface.streams]

    def joint_ages_s(self) -> tuple[float, ...]:
        """How old the measured state of each joint may be, s, in contract order; the least of the streams that have it.

        Raises:
            UserError: a joint is in no stream.
        """
        streams = self.interface.of(JointStream)
        ages = {
            name: [self.source(each.name).max_age_s for each in streams if name in each.joints]
            for name in self.joint_names
        }
        unseen = [name for name, found in ages.items() if not found]
        if unseen:
            raise UserError("interface.streams", f"{unseen} in no stream of kind joints", "streams of all joints")
        return tuple(min(found) for found in ages.values())

    def limits(self) -> JointLimits:
        """Joint limits in contract order, the tighter of contract and URDF.

        Raises:
            UserError: neither states a limit, or there is no URDF that can be used and has all joints.
        """
        return self._limits

    @cached_property
    def rest(self) -> Float:
        """Where the joints like to be, (J,), rad or m, inside their limits; raises as `limits` does."""
        limits, stated = self.limits(), {limit.name: limit.rest for limit in self.deployment.limits}
        middle = 0.5 * (limits.lower + limits.upper)
        liked = [stated.get(name) for name in limits.names]
        rest = np.array([at if like is None else like for like, at in zip(liked, middle)])
        for name, at, lower, upper in zip(limits.names, rest, limits.lower, limits.upper):
            if not lower <= at <= upper:
                raise UserError(f"deployment.limits: {name}: rest", float(at), f"a position from {lower} to {upper}")
        rest.setflags(write=False)
        return rest

    @property
    def simulation(self) -> Simulation:
        """How the simulator sets the robot up; raises `UserError` if the contract does not say."""
        simulation = self.deployment.simulation
        if simulation is None:
            raise UserError("deployment.simulation", None, "a table, an area for objects and cameras, to be simulated")
        return simulation

    @cached_property
    def _limits(self) -> JointLimits:
        known = None
        if self.deployment.urdf is not None:
            known = {joint.name: joint.limit for joint in self.description.joints}
        return joint_limits(self.joint_names, self.deployment.limits, known)


def _named(field: str, parts: Sequence[Part], name: str) -> Part:
    found = next((part for part in parts if part.name == name), None)
    if found is None:
        raise UserError(field, name, f"one of {sorted(part.name for part in parts)}")
    return found


def require_contract(contract: object) -> None:
    """`UserError` of what is no contract, as the name of a robot."""
    if not isinstance(contract, Contract):
        raise UserError("contract", contract, "a Contract, of load_contract")


def known_robots() -> list[str]:
    """Names of the contracts that come with the package."""
    return sorted(path.stem for path in (share_folder("config") / "robots").glob("*.yaml"))


def load_contract(robot: str | Path) -> Contract:
    """Read a contract by file path, or by the name of one that comes with the package."""
    path = Path(str(robot))
    if path.suffix not in (".yaml", ".yml"):
        path = share_folder("config") / "robots" / f"{robot}.yaml"
    if not is_file(path):
        if path.suffix in (".yaml", ".yml"):
            raise UserError("robot", f"no such file: {robot}", f"a contract file, or one of {known_robots()}")
        raise UserError("robot", str(robot), f"a contract file (.yaml) or one of {known_robots()}")
    return contract_from_text(read_text(path), str(path), path.resolve().parent)


def contract_from_text(text: str, where: str = "contract", folder: Path | None = None) -> Contract:
    """Read a contract from YAML text. ``where`` stands in front of every error."""
    data = read_yaml(text, where)
    if not isinstance(data, dict):
        raise UserError(where, data, "a mapping with format, name, interface and deployment")
    try:
        parsed = ContractFile.model_validate(data)
    except ValidationError as error:
        raise _as_user_error(where, error) from error
    refuse_clashes(parsed.deployment, f"{where}: ")
    return Contract(parsed.name, parsed.interface, parsed.deployment, text, folder)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a contract file, for editors."""
    return ContractFile.model_json_schema()


def _as_user_error(where: str, error: ValidationError) -> UserError:
    """The first mistake as a UserError; the others are counted in it."""
    # A mistyped key shows up twice: as unknown, and as missing under its right name. The unknown one says more.
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    value, legal = first.get("input"), first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if first["type"] == "extra_forbidden":
        value = first["loc"][-1]
        legal = f"no such key; legal here: {_legal_keys(first['loc'][:-1])}"
    elif first["type"] == "missing" and isinstance(first["loc"][-1], int):
        path, legal = path.rpartition("[")[0], f"a list with at least {first['loc'][-1] + 1} values"
    elif first["type"] in ("missing", "union_tag_not_found"):
        path += _tag_key(first)
        value, legal = "nothing", "a value: this key is required"
    elif first["type"] == "union_tag_invalid":
        path += _tag_key(first)
        value, legal = first["ctx"]["tag"], f"one of {first['ctx']['expected_tags']}"
    elif isinstance(value, dict) and first["type"] == "value_error":
        path, value = _meant(path, value, legal)
    more = len(error.errors()) - 1
    if more:
        legal += f" (and {more} more)"
    return UserError(where + ": " + (path.lstrip(".") or "contract"), value, legal)


def _meant(path: str, value: Any, words: str) -> tuple[str, Any]:
    """Place and value of what a message about several values names first, as in ``gate.collision: stop_m: ...``.

    Of a list, a name is that of the entry that has it.
    """
    for names in words.split(": ")[:-1]:
        inner, place = value, path
        for name in names.split("."):
            if isinstance(inner, list):
                inner, place = next((each for each in inner if _name_in(each) == name), None), f"{place}: {name}"
            else:
                inner, place = inner.get(name) if isinstance(inner, dict) else None, f"{place}.{name}"
        if inner is None and not (isinstance(value, dict) and re.fullmatch(r"[\w.]+", names)):
            break
        path, value = place, "nothing" if inner is None else inner
    return path, value


def _name_in(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, dict) else None


def _tag_key(error: ErrorDetails) -> str:
    """The key of a union's tag below the place of an error; empty where the error is about none."""
    key = error.get("ctx", {}).get("discriminator", "").strip("'")
    return f".{key}" if key else ""


def _legal_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Field names of the model at a location of the contract."""
    models: list[type[BaseModel]] = [ContractFile]
    for part in loc:
        if isinstance(part, int):
            continue
        found: list[type[BaseModel]] = []
        for model in models:
            if part in model.model_fields:
                found += _models_in(model.model_fields[part].annotation)
            else:  # the tag of a discriminated union
                found += [model] if part in _tags(model) else []
        models = found or models
    return sorted({name for model in models for name in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return getattr(kind.annotation, "__args__", ()) if kind else ()
