"""Model bundles: found by name or path, and validated (manifest, files, contract) before anything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from world_model_ros.bundle.manifest import FORMAT, GraphSpec, Manifest, TensorSpec
from world_model_ros.bundle.signatures import Tensor, goals_read, signatures
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.files import is_file, is_folder
from world_model_ros.core.installation.share_folder import share_folder
from world_model_ros.core.json_text import read_json

MANIFEST = "manifest.json"
_HASHED = (".onnx", ".bin")  # what graphs are made of


@dataclass(frozen=True)
class Bundle:
    """A verified bundle."""

    folder: Path
    manifest: Manifest

    def graph_path(self, graph: str) -> Path:
        """The file of a graph; `UserError` if the bundle has none of that name."""
        if not isinstance(graph, str) or graph not in self.manifest.graphs:
            raise UserError("graph", graph, f"one of {sorted(self.manifest.graphs)}")
        return self.folder / self.manifest.graphs[graph].file


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``error`` is None where it fits. ``tensor``: one of a graph's inputs or outputs."""

    what: str
    error: UserError | None = None
    tensor: bool = False


@dataclass(frozen=True)
class BundleReport:
    """Everything `check_bundle` looked at, in order."""

    folder: Path
    manifest: Manifest | None
    checks: tuple[Check, ...]

    @property
    def fits(self) -> bool:
        return all(check.error is None for check in self.checks)


def by_chunks(bundle: Bundle) -> bool:
    """Whether a bundle plans by chunks of behaviour."""
    return hasattr(bundle.manifest.planner, "macro_steps")


def known_bundles() -> list[str]:
    """Names of the bundles that come with the package."""
    return sorted(path.parent.name for path in share_folder("models").glob(f"*/{MANIFEST}"))


def find_bundle(name_or_path: str | Path) -> Path:
    """Folder of a bundle, by its name in the package's models or by path. Raises `UserError` if there is none."""
    path = Path(str(name_or_path))
    for folder in (share_folder("models") / path, path):
        if is_file(folder / MANIFEST):
            return folder.resolve()
    raise UserError("model", str(name_or_path), f"a folder with {MANIFEST}, or one of {known_bundles()}")


def require_replaceable(out: Path) -> Path:
    """A folder for a bundle: new, empty, or that of one, which is replaced. `UserError` of any other one."""
    there = sorted(out.iterdir()) if is_folder(out) else []
    try:
        told = manifest_text(out) if there else {}
    except (UserError, OSError):
        told = {}
    files = told.get("files") if isinstance(told.get("graphs"), dict) else None
    legal = "a folder that is new or empty, or one of a bundle, which is replaced"
    if there and not isinstance(files, dict):
        raise UserError("out", str(out), f"{legal}; there is {there[0].name} in it")
    for path in there:
        if path.suffix in _HASHED and not (path.is_file() and path.name in (files or {})):
            raise UserError("out", str(out), f"{legal}; {path.name} is not of the bundle in it")
    return out


def load_bundle(name_or_path: str | Path, contract: Contract) -> Bundle:
    """Find and verify a bundle. Raises the first `UserError` that `check_bundle` would list."""
    require_contract(contract)
    folder = find_bundle(name_or_path)
    manifest = read_manifest(folder)
    for check in _checks(folder, manifest, contract):
        if check.error is not None:
            raise check.error
    return Bundle(folder, manifest)


def check_bundle(name_or_path: str | Path, contract: Contract) -> BundleReport:
    """Look at everything and say what fits and what does not; raises only if there is no such folder."""
    folder = find_bundle(name_or_path)
    try:
        manifest = read_manifest(folder)
    except UserError as error:
        return BundleReport(folder, None, (Check(MANIFEST, error),))
    return BundleReport(folder, manifest, (Check(MANIFEST), *_checks(folder, manifest, contract)))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle. `UserError` if it is not JSON, not of this format, or says what it may not."""
    told = manifest_text(folder)
    if told.get("format") == 1:
        legal = f"{FORMAT}; `world-model upgrade-bundle {folder} --out NEW` makes one of it"
        raise UserError(f"{folder / MANIFEST}: format", 1, legal)
    return validated(folder, told)


def manifest_text(folder: Path) -> dict[str, Any]:
    """What a bundle's manifest says, of any format and not validated. `UserError` if it is no JSON object."""
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(str(path), str(error), "UTF-8 text") from error
    told = read_json(text, str(path))
    if not isinstance(told, dict):
        raise UserError(str(path), type(told).__name__, "a JSON object")
    return told


def validated(folder: Path, told: Mapping[str, Any]) -> Manifest:
    """A manifest of what a bundle says. `UserError` that names the field that is wrong."""
    try:
        return Manifest.model_validate(told)
    except UserError as error:
        raise UserError(f"{folder / MANIFEST}: {error.field}", error.value, error.legal) from error


def _checks(folder: Path, manifest: Manifest, contract: Contract) -> Iterator[Check]:
    yield Check("interface", wrong_interface(manifest, contract))
    yield Check("order of streams and targets", _wrong_order(manifest, contract))
    for name, sha256 in manifest.files.items():
        yield Check(f"file {name}", wrong_file(folder / name, sha256))
    asked = signatures(contract.interface, manifest.sizes, manifest.kind)
    for graph, signature in asked.items():
        found = manifest.graphs.get(graph)
        if found is None and signature.optional:
            continue
        if found is None:
            needed = sorted(name for name, each in asked.items() if not each.optional)
            legal = f"all of {needed} in a bundle of kind {manifest.kind!r}"
            yield Check(f"graph {graph}", UserError(f"model {manifest.name}: graphs", sorted(manifest.graphs), legal))
            continue
        yield Check(f"graph {graph}", _unhashed(manifest, graph, found))
        for side, want, have in (
            ("input", signature.inputs, found.inputs),
            ("output", signature.outputs, found.outputs),
        ):
            for name, tensor in want.items():
                field = f"model {manifest.name}: {graph}: {side} {name}"
                yield Check(f"{graph}: {side} {name}", _wrong_tensor(field, tensor, have.get(name), side), tensor=True)
            for name in sorted(set(have) - set(want)):
                field = f"model {manifest.name}: {graph}: {side}"
                yield Check(f"{graph}: {side} {name}", UserError(field, name, f"one of {sorted(want)}"), tensor=True)
    yield from (Check(f"graph {name}", _unknown_graph(manifest, name, list(asked))) for name in manifest.graphs)
    yield from (Check(f"goals for {name}", _wrong_goals(manifest, contract, name)) for name in manifest.goals)
    for path in sorted(folder.iterdir()):
        if path.suffix in _HASHED and path.name not in manifest.files:
            legal = "a sha256 of every graph and of all weights in the folder"
            yield Check(f"file {path.name}", UserError(f"{folder / MANIFEST}: files", f"none of {path.name}", legal))


def wrong_interface(manifest: Manifest, contract: Contract) -> UserError | None:
    """Why a bundle is for another robot; None if it is for this one."""
    if manifest.interface_hash == contract.interface_hash:
        return None
    legal = f"a model made for robot {contract.name!r}, interface {contract.interface_hash[:12]}"
    if manifest.interface:
        ours = contract.interface.model_dump(mode="json")
        parts = [key for key in ours if ours[key] != manifest.interface.get(key)]
        legal += f"; what differs: {', '.join(parts) or 'nothing but the hash'}"
    made_for = f"made for robot {manifest.robot!r}, interface {manifest.interface_hash[:12]}"
    return UserError(f"model {manifest.name}", made_for, legal)


def _wrong_order(manifest: Manifest, contract: Contract) -> UserError | None:
    for field, found, legal in (
        ("streams", manifest.streams, [stream.name for stream in contract.interface.streams]),
        ("targets", manifest.targets, [target.name for target in contract.interface.targets]),
        ("tick_hz", manifest.tick_hz, contract.interface.tick_hz),
        ("sizes.horizon", manifest.sizes.horizon, manifest.horizon),
    ):
        if (list(found) if isinstance(found, tuple) else found) != legal:
            return UserError(f"model {manifest.name}: {field}", found, str(legal))
    return None


def _unknown_graph(manifest: Manifest, name: str, legal: Sequence[str]) -> UserError | None:
    if name in legal:
        return None
    return UserError(f"model {manifest.name}: graphs", name, f"one of {legal} in a bundle of kind {manifest.kind!r}")


def _wrong_goals(manifest: Manifest, contract: Contract, name: str) -> UserError | None:
    """Why a target cannot be asked for what the manifest says; None if it can, as far as the plan's inputs tell."""
    plan = manifest.graphs.get("plan")
    read = {} if plan is None else goals_read(contract.interface, plan.inputs)
    if name not in read:
        return UserError(f"model {manifest.name}: goals", name, f"a target that the plan reads goals of: {list(read)}")
    wrong = sorted({*manifest.goals[name]} - {*read[name]})
    return UserError(f"model {manifest.name}: goals.{name}", wrong, f"some of {read[name]}") if wrong else None


def wrong_file(path: Path, sha256: str) -> UserError | None:
    """What is wrong with a file of a bundle; None if it is there and whole."""
    if not path.is_file():
        return UserError(str(path), "no such file", "every file that the manifest lists")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found == sha256:
        return None
    return UserError(str(path), f"sha256 {found[:16]}", f"sha256 {sha256[:16]}; the file is damaged or was changed")


def _unhashed(manifest: Manifest, graph: str, found: GraphSpec) -> UserError | None:
    if found.file in manifest.files:
        return None
    return UserError(
        f"model {manifest.name}: graphs.{graph}.file", found.file, f"one of files: {sorted(manifest.files)}"
    )


def _wrong_tensor(field: str, want: Tensor, found: TensorSpec | None, side: str) -> UserError | None:
    if found is None:  # a graph need not read everything it could
        may_lack = not want.needed if side == "input" else want.optional
        return None if may_lack else UserError(field, "absent", str(want))
    if want.fits(found):
        return None
    return UserError(field, str(Tensor(found.shape, found.dtype)), str(want))
