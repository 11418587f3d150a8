"""Renders a simulated robot's camera images in a process of its own, so that none holds up physics and joint states.

Software rendering takes a core for milliseconds an image, and inside the simulator's process it would take Python's
lock with it.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import mujoco
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError
from world_model_ros.sim.cameras import Cameras, View, take_view, view_of
from world_model_ros.sim.scenes.scene import SceneConfig, build_model

_LENGTH = struct.Struct("<Q")
_LOOKS = 8  # images that are drawn to see what one costs
_ENDS_S = 3.0
# By an import, so that pickle knows the classes.
_PROGRAM = "import sys; from world_model_ros.sim.camera_process import main; sys.exit(main())"


@dataclass(frozen=True)
class Shot:
    """An image of ``camera`` at ``stamp_ns``, see `Cameras.image`."""

    camera: str
    stamp_ns: int
    pixels: NDArray[Any]


@dataclass(frozen=True)
class Cost:
    """What an image takes, s: of a core, and by the clock next to whatever else the machine does."""

    cpu_s: float
    wall_s: float


class Studio:
    """The process that draws, from outside.

    Args:
        contract: with cameras. scene: what stands on the table.
        take: is called with each image, in a thread of its own.
    """

    def __init__(self, contract: Contract, scene: SceneConfig, take: Callable[[Shot], Any]) -> None:
        self._take = take
        self._busy: set[str] = set()
        self._closing = False
        # The child reads the robot's model by itself: no renderer and no MuJoCo data cross the pipe.
        self._child = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            # Small images gain nothing from Mesa's threads on all cores, which others need.
            env={"LP_NUM_THREADS": "1", **os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for its parent, and the scheduler shares fairly between sessions
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in, self._out = self._child.stdin, self._child.stdout
        self._tell((contract, scene))
        self._thread = threading.Thread(target=self._receive, name="studio", daemon=True)

    def ready(self) -> Cost:
        """Wait until it can draw, and begin; to be called once.

        Raises:
            UserError: nothing can be drawn on this machine.
        """
        cost = _receive(self._out)
        if not isinstance(cost, Cost):
            ended = f"it ended with status {self._child.wait()}"
            raise UserError("rendering", ended, "a machine that MuJoCo renders on")
        self._thread.start()
        return cost

    def draw(self, camera: str, stamp_ns: int, view: View) -> bool:
        """Have an image drawn of where everything was; False, and no image, while the camera's last is being drawn."""
        if camera in self._busy:
            return False
        self._busy.add(camera)
        self._tell((camera, stamp_ns, view))
        return True

    def set_scene(self, scene: SceneConfig) -> None:
        """Put another scene on the table."""
        self._tell(scene)

    def close(self) -> None:
        """End the process."""
        self._closing = True
        with suppress(BrokenPipeError):
            self._in.close()
        try:
            self._child.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self, what: Any) -> None:
        with suppress(BrokenPipeError):  # it has ended, which `ready` or `_receive` says
            _send(self._in, what)

    def _receive(self) -> None:
        while (shot := _receive(self._out)) is not None:
            self._busy.discard(shot.camera)
            self._take(shot)
        if not self._closing:
            print(f"rendering has ended with status {self._child.wait()}; no more images", file=sys.stderr)


class _Set:
    """What the process holds: a model of the scene, and its cameras."""

    def __init__(self, contract: Contract, scene: SceneConfig) -> None:
        self._model = build_model(contract, scene)
        self._data = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._data)
        self._cameras = Cameras(contract, self._model)

    def draw(self, camera: str, stamp_ns: int, view: View) -> Shot:
        take_view(self._data, view)
        return Shot(camera, stamp_ns, self._cameras.image(self._data, camera))

    def cost(self, camera: str) -> Cost:
        """Of the camera's images, after the first, which makes the renderer."""
        view = view_of(self._data)
        self.draw(camera, 0, view)
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        for _ in range(_LOOKS):
            self.draw(camera, 0, view)
        return Cost((time.process_time() - cpu_s) / _LOOKS, (time.perf_counter() - wall_s) / _LOOKS)

    def close(self) -> None:
        self._cameras.close()


def _send(pipe: IO[bytes], what: Any) -> None:
    data = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """The next of what the other side sent; None when it has ended."""
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    data = pipe.read(length)
    return pickle.loads(data) if len(data) == length else None  # from our own child or parent


def main() -> int:
    """Draw what comes in until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    come, go = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a driver prints is no image
    contract, scene = _receive(come)
    drawn = _Set(contract, scene)
    cameras = [stream.name for stream in contract.interface.streams if stream.is_picture]
    costs = [drawn.cost(camera) for camera in cameras]
    _send(go, Cost(max(cost.cpu_s for cost in costs), max(cost.wall_s for cost in costs)))
    while (asked := _receive(come)) is not None:
        if isinstance(asked, SceneConfig):
            drawn.close()
            drawn = _Set(contract, asked)
            continue
        _send(go, drawn.draw(*asked))
    drawn.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
