"""Starts a list of processes without ROS launch, watches them, and stops every one of them.

Example::

    with Running(own(simulation(SimulationOptions("robot.yaml"))), Path("out/logs")) as running:
        while not running.ended():
            time.sleep(0.2)
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from world_model_ros.bringup.domain import local_environment, middleware_environment
from world_model_ros.bringup.options import Value
from world_model_ros.bringup.processes import Process, log_file, own
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import share_folder

_PATIENCE_S = ((signal.SIGINT, 8.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
_TAIL_LINES = 15
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Ended:
    """A process that ended by itself.

    Args:
        process: which.
        status: exit status; negative is the signal that ended it.
        tail: the last lines it printed.
    """

    process: Process
    status: int
    tail: str

    def __str__(self) -> str:
        return f"{self.process.name} ended with status {self.status}; its last lines:\n{self.tail}"


class Running:
    """Processes in groups of their own, so that a Ctrl-C in the terminal reaches only us, and we stop them in order.

    Args:
        processes: what to start, in this order; stopped in the other.
        log_folder: gets one ``<node name>.log`` each.
        environment: of the processes; None keeps them on loopback in a ROS domain of their own.
        to_terminal: names of the nodes that print to our standard error instead of a log.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        log_folder: Path,
        environment: Mapping[str, str] | None = None,
        to_terminal: Sequence[str] = (),
    ) -> None:
        self.environment = dict(local_environment() if environment is None else environment)
        self._processes = {process.name: process for process in processes}
        self._folder = log_folder
        self._to_terminal = tuple(to_terminal)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Running:
        if own(list(self._processes.values())) and find_spec("rclpy") is None:  # rather than in the log of each
            raise ModuleNotFoundError("No module named 'rclpy'", name="rclpy")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for process in self._processes.values():
                self._start(process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def names(self) -> list[str]:
        """Names of the nodes whose processes were started."""
        return list(self._children)

    def pid(self, name: str) -> int:
        """Process id of a node."""
        return self._children[name].pid

    def ended(self) -> list[Ended]:
        """Processes that ended by themselves; those with ``respawn`` are started again and not reported."""
        found = []
        for name, child in list(self._children.items()):
            status = child.poll()
            if status is None:
                continue
            if self._processes[name].respawn:
                self._start(self._processes[name])
            else:
                found.append(Ended(self._processes[name], status, self._tail(name)))
        return found

    def stop(self) -> dict[str, int]:
        """End all: SIGINT, then SIGTERM, then SIGKILL to those still there. Returns the exit statuses by node name."""
        for number, patience_s in _PATIENCE_S:
            alive = [child for child in reversed(self._children.values()) if child.poll() is None]
            for child in alive:
                _signal_group(child.pid, number)
            deadline = time.monotonic() + patience_s
            while any(child.poll() is None for child in alive) and time.monotonic() < deadline:
                time.sleep(0.02)
        return {name: child.wait() for name, child in self._children.items()}

    def _start(self, process: Process) -> None:
        command = command_line(process)
        if process.name in self._to_terminal:
            self._spawn(process, command, None)
            return
        with log_file(self._folder, process).open("ab" if process.name in self._children else "wb") as log:
            self._spawn(process, command, log.fileno())

    def _spawn(self, process: Process, command: list[str], output: int | None) -> None:
        self._children[process.name] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno() if output is None else output,
            stderr=subprocess.STDOUT,
            env=self.environment | middleware_environment(process.profile, self.environment),
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )

    def _tail(self, name: str) -> str:
        path = log_file(self._folder, self._processes[name])
        if name in self._to_terminal or not path.is_file():
            return "(printed above)"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:]) or "(nothing)"


def command_line(process: Process) -> list[str]:
    """The words that start a process.

    Raises:
        UserError: the executable is not installed.
    """
    words = [
        str(executable_path(process.executable)),
        *process.arguments,
        "--ros-args",
        "-r",
        f"__node:={process.name}",
    ]
    for name, value in process.parameters.items():
        words += ["-p", f"{name}:={_yaml(value)}"]
    for old, new in process.remappings:
        words += ["-r", f"{old}:={new}"]
    return words


def executable_path(executable: str) -> Path:
    """A console script of this package: next to this Python, in the ament prefix, or on the path."""
    beside = Path(sys.executable).parent / executable
    ament = share_folder("launch").parents[1] / "lib" / "world_model_ros" / executable
    for path in (beside, ament):
        if path.is_file():
            return path
    on_path = shutil.which(executable)
    if on_path is None:
        raise UserError("executable", executable, f"a program in {beside.parent}, {ament.parent} or on PATH")
    return Path(on_path)


def _yaml(value: Value) -> str:
    """A scalar as YAML: text is quoted, or "007" and "on" would change their type."""
    return json.dumps(value)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _end_with_parent() -> None:
    """Ask Linux for a SIGTERM when our parent dies, so that not even `kill -9` of a demo leaves nodes behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
