"""``world-model``: the command line. Each subcommand is a module in `world_model_ros.commands`, or in a folder there.

Exit status: 0 done, 1 done but the answer is no (a goal missed, a model that does not fit), 2 a mistake in the input.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros import __version__
from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import add_json, subcommands

if TYPE_CHECKING:
    import argparse

    from world_model_ros.core.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

COMMANDS = {
    "demo": "run the simulated robot, the brain, the gate and the view, and judge whether goals are reached",
    "latency": "say how much later than the joints each sense is stamped, from a bag",
    "calibrate": "find how a camera maps space to pixels and where it is mounted, from a bag with a board",
    "shadow": "watch a running robot, command nothing, and say how well a model predicts it",
    "collect": "record bags of the simulated robot at work",
    "record": "record episodes of a running robot as bags; keys start, end, judge and discard them",
    "train": "train a model from bags",
    "export": "make a model bundle of a trained checkpoint",
    "upgrade-bundle": "make a model bundle of format 1 into one of this version's",
    "new-robot": "write a contract from a URDF, and say what is still to be filled in",
    "check": "say whether a model bundle, a contract, a recording or a running robot fits, and what does not",
    "commission": "check by small, slow motions that a running robot does what its contract says",
    "report": "bundle checks, versions, hashes and statistics for a bug report, without pictures and names",
    "evaluate": "measure what a model can do: goals in simulation, predictions, regions, surprise, benchmarks",
    "ask": "future, inverse, plan, video or together: what a model makes of a moment of a bag",
    "replay": "run a model over a recorded bag, and draw what it imagined next to what happened",
    "view": "show on a web page what a robot expects to happen: of a bag, or live",
    "imagine": "steer the robot inside the model: see, hear and feel what it imagines",
    "bench": "measure: the gate under attack, ticks, plans, image transport, replay, views",
    "import-lerobot": "make bags of a LeRobot data set",
    "export-lerobot": "make a LeRobot data set of bags",
    "info": "say what is installed: ROS, middleware, providers, GPU, robots, models",
}
_FOLDERS = {
    "bench": "bench",
    "demo": "demo",
    "evaluate": "evaluate",
    **dict.fromkeys(("calibrate", "check", "commission", "new-robot", "record", "report", "shadow"), "robot"),
    "import-lerobot": "lerobot",
    "export-lerobot": "lerobot",
    "train": "model",
    "export": "model",
    "upgrade-bundle": "model",
    "view": "view",
    "imagine": "view",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status."""
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.installation.missing import to_install
    from world_model_ros.core.progress import hush

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show ends no command
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in words if not word.startswith("-")), "")
    parsed = None
    try:
        parsed = _parser(wanted).parse_args(words)
        hush(bool(getattr(parsed, "json", False)))
        status = int(_module(parsed.command).run(parsed))
        if sys.stdout is not None:  # as after >&-
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever read it, as head does, has seen enough
        _forget_output()
        return 141
    except UserError as error:
        return _refused(wanted, error, words)
    except OSError as error:  # of what is written or read, wherever that is
        if error.filename is None and error.errno not in _FULL:
            raise
        field = _argument_of(parsed, error.filename)
        mistake = UserError(field, str(error.filename), f"a file or folder that can be used ({error.strerror})")
        if error.filename is None:
            _forget_output()  # or it is written once more at the end
            mistake = UserError("output", str(error.strerror), "a disk with room left")
        return _refused(wanted, mistake, words)
    except ModuleNotFoundError as error:
        said = to_install(error)
        if said is None:
            raise
        return _refused(wanted, said, words)
    except KeyboardInterrupt:
        return 130


def _refused(wanted: str, error: UserError, words: Sequence[str]) -> int:
    """Say what was wrong in a line on standard error, and with ``--json`` as an object on standard output too."""
    print(f"world-model {wanted}: {error}", file=sys.stderr)
    if "--json" in words:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # nothing may be left to write to
            print(json.dumps({"error": error.told()}), flush=True)
    return 2


def _argument_of(parsed: argparse.Namespace | None, filename: object) -> str:
    """The argument that a file was reached by: it is that file, lies above it, or was to be made below it."""
    if not isinstance(filename, str | bytes) or parsed is None:
        return "path"
    lost, named = Path(os.fsdecode(filename)).absolute(), dict[str, list[Path]]()
    for name, value in vars(parsed).items():
        values = value if isinstance(value, list | tuple) else [value]
        named[name] = [Path(each).absolute() for each in values if isinstance(each, str | Path) and str(each)]
    for found in (
        [name for name, paths in named.items() if lost in paths],
        [name for name, paths in named.items() if not {*lost.parents}.isdisjoint(paths)],
        [name for name, paths in named.items() if any(lost in path.parents for path in paths)],
    ):
        given = [name for name in found if name in getattr(parsed, "given", ())]
        if given or found:
            return (given or found)[0].replace("_", "-")
    return "path"


def _forget_output() -> None:
    """What is still to be written to standard output goes nowhere."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(wanted: str) -> Parser:
    """The parser with all commands, of which only the wanted one is imported."""
    parser = Parser(prog="world-model", description="A world-model brain for ROS 2 robots.")
    parser.add_argument("--version", action="version", version=f"world-model {__version__}")
    for name, subparser in subcommands(parser, "command", COMMANDS):
        if name == wanted:
            _module(name).add_arguments(subparser)
            add_json(subparser, False)
    return parser


def _module(command: str) -> Any:
    folder = f"{_FOLDERS[command]}." if command in _FOLDERS else ""
    return importlib.import_module(f"world_model_ros.commands.{folder}{command.replace('-', '_')}")


if __name__ == "__main__":
    sys.exit(main())
