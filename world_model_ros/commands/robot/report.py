"""``world-model report``: what a bug report needs, in one folder or zip: checks, versions, hashes; no pictures."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from world_model_ros import __version__
from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import add_json, between, show
from world_model_ros.commands.robot_and_model import add_robot
from world_model_ros.core.anonymous import Anonymous
from world_model_ros.core.errors import UserError

_ABOUT = {
    "versions.json": "versions of package, Python, system, ROS, middleware and libraries; processor",
    "contract.yaml": "the contract",
    "contract.json": "its name and hashes",
    "model.json": "name, format and hashes of the bundle's files",
    "check_contract.txt": "what `world-model check` says of the contract",
    "check_model.txt": "what it says of the bundle",
    "check_live.txt": "what it says of the running robot",
    "check_bag.txt": "what it says of the bag",
    "latency.txt": "how late each sense of the bag is stamped",
    "live.json": "topics; what gate and nodes say of themselves: states, refusals, diagnostics",
    "bag.json": "the same of the bag",
    "not_made.txt": "what could not be made, and why",
    "README.txt": "this list",
}
_SAYS = {"check": "robot.check", "latency": "latency"}


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    parser.add_argument("--model", default="", help="bundle: name or folder; none without it")
    parser.add_argument("--live", type=between(1.0, 600.0), help="listen to the running robot for so many seconds")
    parser.add_argument("--bag", type=Path, help="a recording of what went wrong; it stays where it is")
    parser.add_argument("--out", type=Path, default=Path("world-model-report.zip"), help="folder or .zip (%(default)s)")
    parser.add_argument("--with-names", action="store_true", help="leave paths, users, hosts and addresses in")


def run(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out
    if out.exists():
        raise UserError("out", str(out), "a folder or .zip that does not exist yet")
    if not out.absolute().parent.is_dir():
        raise UserError("out", str(out), "a place in a folder that is there")
    files, not_made = _files(arguments)
    if not_made:
        files["not_made.txt"] = "\n".join(not_made) + "\n"
    names = None if arguments.with_names else Anonymous()
    if names is not None:
        files = {name: names.text(text) for name, text in files.items()}
    files["README.txt"] = _readme(files, names)
    _write(out, files)
    told = {
        "out": str(out),
        "files": {name: len(text.encode()) for name, text in files.items()},
        "replaced": None if names is None else dict(names.counts),
        "not_made": not_made,
    }
    show(told, arguments.json, [f"{out}, of {len(files)} files:", *files["README.txt"].splitlines()])
    return 0


def _files(arguments: argparse.Namespace) -> tuple[dict[str, str], list[str]]:
    """Name and text of each file, and what could not be made; one that fails costs itself alone."""
    files: dict[str, str] = {}
    not_made: list[str] = []

    def put(name: str, make: Callable[[], str]) -> None:
        try:
            files[name] = make()
        except Exception as error:  # whatever is broken is why a report is made
            not_made.append(f"{name}: {error if isinstance(error, UserError) else repr(error)}")

    put("versions.json", _versions)
    put("contract.yaml", lambda: _contract(arguments.robot).text)
    put("contract.json", lambda: _contract_hashes(arguments.robot))
    put("check_contract.txt", lambda: _said("check", _contract_file(arguments.robot)))
    if arguments.model:
        put("model.json", lambda: _model(arguments.model))
        put("check_model.txt", lambda: _said("check", arguments.model, "--robot", arguments.robot))
    if arguments.bag is not None:
        put("check_bag.txt", lambda: _said("check", arguments.robot, "--bag", str(arguments.bag)))
        put("latency.txt", lambda: _said("latency", str(arguments.bag), "--robot", arguments.robot))
        put("bag.json", lambda: _bag(arguments.bag))
    if arguments.live is not None:
        put("check_live.txt", lambda: _said("check", arguments.robot, "--live", f"{arguments.live:g}"))
        put("live.json", lambda: _live(arguments.live))
    return files, not_made


def _versions() -> str:
    from world_model_ros.commands.info import middleware
    from world_model_ros.core.installation.versions import versions

    return _json(versions(__version__) | {"rmw": middleware()})


def _contract(robot: str) -> Any:
    from world_model_ros.contract.contract import load_contract

    return load_contract(robot)


def _contract_file(robot: str) -> str:
    """The contract as `check` takes one, where a bundle has the same name."""
    if robot.endswith((".yaml", ".yml")):
        return robot
    from world_model_ros.core.installation.share_folder import share_folder

    return str(share_folder("config") / "robots" / f"{robot}.yaml")


def _contract_hashes(robot: str) -> str:
    contract = _contract(robot)
    sha256 = hashlib.sha256(contract.text.encode()).hexdigest()
    urdf = None if contract.deployment.urdf is None else hashlib.sha256(contract.urdf_text.encode()).hexdigest()
    return _json(
        {"name": contract.name, "interface_hash": contract.interface_hash, "sha256": sha256, "urdf_sha256": urdf}
    )


def _model(name: str) -> str:
    from world_model_ros.bundle.bundle import find_bundle, read_manifest

    folder = find_bundle(name)
    manifest = read_manifest(folder)
    hashes = {each.name: _sha256(each) for each in sorted(folder.iterdir()) if each.is_file()}
    told = {"name": folder.name, "format": manifest.format, "robot": manifest.robot}
    return _json(told | {"interface_hash": manifest.interface_hash, "sha256": hashes})


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


def _bag(path: Path) -> str:
    from world_model_ros.bags.health import bag_health

    return _json(bag_health(path))


def _live(seconds: float) -> str:
    from world_model_ros.bringup.domain import middleware_environment

    os.environ.update(middleware_environment("shared_memory"))
    from world_model_ros.nodes.robot.health import hear_health

    return _json(hear_health(seconds))


def _said(command: str, *words: str) -> str:
    """What a command of this package prints."""
    import importlib

    module = importlib.import_module(f"world_model_ros.commands.{_SAYS[command]}")
    parser = Parser(prog=f"world-model {command}")
    module.add_arguments(parser)
    add_json(parser, False)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        module.run(parser.parse_args(list(words)))
    return said.getvalue()


def _json(told: Any) -> str:
    return json.dumps(told, indent=1, default=str) + "\n"


def _readme(files: dict[str, str], names: Anonymous | None) -> str:
    lines = [f"{name}: {_ABOUT[name]}, {len(files[name].encode())} bytes" for name in sorted(files)]
    if names is None:
        lines.append("Paths, users, hosts and addresses are in it as they are.")
    else:
        counted = ", ".join(f"{count} of a {kind}" for kind, count in sorted(names.counts.items())) or "nothing"
        lines.append(f"Taken out: {counted}. Read it through before you send it: other names are left as they are.")
    lines.append("No picture and no sound is in it.")
    return "\n".join(lines) + "\n"


def _write(out: Path, files: dict[str, str]) -> None:
    if out.suffix == ".zip":
        with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(f"{out.stem}/{name}", text)
        return
    out.mkdir()
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
