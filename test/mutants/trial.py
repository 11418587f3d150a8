"""Apply each mutant to a copy of the package, run its tests, and expect red: ``scripts/mutants [--json] [NAME ...]``.

Exit status: 0 all killed, 1 some survived, 2 some no longer apply, or their tests are not green without them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from catalogue import MUTANTS
from mutation import Mutant, Stale

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "world_model_ros"
EXTRAS = "sim,test,train,report,lerobot,view"  # of scripts/test
_LONGEST_S = 300.0


def copy_of(root: Path, folder: Path) -> Path:
    """The package and its tests as copies, and all else as links, so that a run leaves nothing behind."""
    for each in root.iterdir():
        if each.name in (PACKAGE, "test"):
            shutil.copytree(each, folder / each.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif not each.name.startswith("."):
            (folder / each.name).symlink_to(each)
    return folder


def red(copy: Path, tests: Sequence[str]) -> bool:
    """Whether one of the tests fails in a copy; a run that hangs is red too.

    Raises:
        Stale: there are no such tests, or pytest itself failed.
    """
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode in (0, 1):
        return done.returncode == 1
    if done.returncode == 2 and "Error" in done.stdout:  # a mutant that cannot even be imported
        return True
    raise Stale(f"pytest ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")


def verdict(mutant: Mutant, copy: Path, green: dict[tuple[str, ...], bool]) -> str:
    """``killed``, ``survived``, or why it could not be tried."""
    path = copy / PACKAGE / mutant.file
    try:
        changed = mutant.applied(copy / PACKAGE)
        if mutant.tests not in green:
            green[mutant.tests] = not red(copy, mutant.tests)
        if not green[mutant.tests]:
            return "stale: its tests fail without it"
        before = path.read_text(encoding="utf-8")
        path.write_text(changed, encoding="utf-8")
        try:
            return "killed" if red(copy, mutant.tests) else "survived"
        finally:
            path.write_text(before, encoding="utf-8")
    except Stale as error:
        return f"stale: {error}"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="of mutants; all without any")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(words)
    known = {mutant.name: mutant for mutant in MUTANTS}
    unknown = sorted(set(asked.names) - set(known))
    if unknown:
        parser.error(f"no mutant {', '.join(unknown)}; there are {', '.join(known)}")
    if find_spec("pytest") is None:  # else every test would seem to fail
        parser.error(
            f"no pytest in {sys.executable}; scripts/setup --extras {EXTRAS} brings it, and so does scripts/test"
        )
    chosen = [known[name] for name in asked.names] or list(MUTANTS)
    found: dict[str, str] = {}
    green: dict[tuple[str, ...], bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(ROOT, Path(folder))
        for mutant in chosen:
            found[mutant.name] = verdict(mutant, copy, green)
            print(f"{found[mutant.name]:10.200} {mutant.name}: {mutant.promise}", file=sys.stderr, flush=True)
    killed = sum(each == "killed" for each in found.values())
    if asked.json:
        print(json.dumps({"killed": killed, "of": len(found), "mutants": found}, indent=1))
    else:
        print(f"{killed} of {len(found)} mutants killed")
    if any(each.startswith("stale") for each in found.values()):
        return 2
    return 0 if killed == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
