"""Node that draws what the brain imagines: a strip of imagined and real frames, and markers in space.

Parameters: ``robot`` (contract, name or file), ``model`` (bundle; empty takes the one named like the robot),
``provider`` (auto, cpu, cuda or tensorrt), ``rate_hz`` (how often it draws), ``steps`` (which imagined ticks, comma
separated; empty takes the quarters of the horizon), ``cell_px`` (width of a frame in futures/image), ``save`` (PNG that
the most telling strip is written to; empty writes none).
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.senses import MicrophoneStream
from world_model_ros.contract.topics import DIAGNOSTICS, FUTURES_IMAGE, FUTURES_MARKERS
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import ERROR, OK, STALE, diagnostics, status
from world_model_ros.nodes.parameters import declare
from world_model_ros.nodes.real_time import go_last
from world_model_ros.nodes.spin import run_node
from world_model_ros.nodes.view.future_sources import FutureSources
from world_model_ros.nodes.view.marker_messages import marker_array
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.markers.marker_scene import Scene
from world_model_ros.view.pictures.strip import draw_strip, futures_png
from world_model_ros.view.strip_schedule import Story
from world_model_ros.view.timeline import Timeline, parse_steps

_PARAMETERS: dict[str, Any] = {
    "robot": default_robot(),  # contract: a file, or the name of one of the package
    "model": "",  # bundle; empty takes the one named like the robot
    "provider": "auto",
    "rate_hz": 3.0,
    "steps": "",  # which imagined ticks, comma separated; empty takes the quarters of the horizon
    "cell_px": 160,  # width of a frame in futures/image
    "save": "",  # PNG that the most telling strip is written to; empty writes none
}


_BADGE_M = (0.0, 0.0, 0.8)  # over the base of a robot on a table


class FutureViewNode(Node):
    """Callbacks store; one thread of its own decodes, draws and publishes, and only what has a viewer."""

    def __init__(self) -> None:
        super().__init__("future_view")
        given = {name: declare(self, name, value) for name, value in _PARAMETERS.items()}
        for name in ("rate_hz", "cell_px"):
            if not given[name] > 0:
                raise UserError(name, given[name], "a number above 0")
        contract = load_contract(given["robot"])
        camera = first_camera(contract.interface)
        if camera is None:
            raise UserError("robot", contract.name, "a robot with a camera, to see futures with")
        bundle = load_bundle(given["model"] or contract.name, contract)
        sizes = bundle.manifest.sizes
        steps = parse_steps(given["steps"], sizes.horizon)
        timeline = Timeline(contract.tick_ns, steps)
        tips = [target.name for target in contract.interface.targets if target.kind == "fingertip"]
        self._scene = Scene(steps, tips)
        ears = [stream.name for stream in contract.interface.of(MicrophoneStream)]
        decoder = FrameDecoder(bundle, given["provider"])
        self._story = Story(timeline, decoder, contract.tick_s, ears[0] if ears else None)
        self._sources = FutureSources(self, contract, camera, (sizes.horizon, sizes.state), timeline, self._scene)

        self._base_frame = contract.interface.base_frame
        self._cell_px = given["cell_px"]
        self._save = Path(given["save"]).expanduser() if given["save"] else None
        self._pictures = False
        self._make = MessageMaker(ros_class)
        self._image = self.create_publisher(Image, FUTURES_IMAGE, QoSProfile(depth=1))
        self._markers = self.create_publisher(MarkerArray, FUTURES_MARKERS, QoSProfile(depth=1))
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)
        self._drawn, self._saved, self._draw_ms, self._seen = 0, 0, 0.0, 0
        self.create_timer(0.5, self._look)
        self.create_timer(1.0, self._report)

        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw_until_stopped, args=(1.0 / given["rate_hz"],), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the drawing thread and write the best strip there is."""
        self._stop.set()
        self._thread.join()
        self._write(last=True)
        self.destroy_node()

    def _look(self) -> None:
        self._pictures = self._save is not None or self._image.get_subscription_count() > 0
        self._sources.look(pictures=self._pictures, space=self._markers.get_subscription_count() > 0)

    def _draw_until_stopped(self, period_s: float) -> None:
        while not self._stop.wait(period_s):
            try:
                start = time.perf_counter()
                if self._draw():
                    self._draw_ms = 1e3 * (time.perf_counter() - start)
                self._write()
            except Exception:
                if self.context.ok():  # else the middleware went away under a publisher: not a fault
                    raise
                return

    def _draw(self) -> bool:
        """Publish what has subscribers; True if a picture was among it."""
        now_ns = clock_ns(self)
        if self._markers.get_subscription_count():
            self._scene.badge(self._sources.badge.words(), _BADGE_M, now_ns)
            message = marker_array(self._scene.markers(now_ns), self._base_frame, now_ns)
            message.markers.extend(self._sources.regions())
            self._markers.publish(message)
        if not self._image.get_subscription_count():
            return False
        strip = self._story.live(now_ns, self._sources.badge)
        if strip is None:
            return False
        self._image.publish(self._make.image(draw_strip(strip, self._cell_px), "rgb8", now_ns))
        self._drawn += 1
        return True

    def _write(self, last: bool = False) -> None:
        """Save a strip that tells more than all before; at the end, any strip if none has real frames."""
        if self._save is None:
            return
        strip = self._story.better()
        if strip is None and last and not self._saved:
            strip = self._story.live(clock_ns(self), self._sources.badge)
        if strip is not None:
            futures_png(self._save, [strip])
            self._saved += 1

    def _report(self) -> None:
        sources = self._sources
        level, words = OK, f"imagined futures come in, {self._drawn} strips drawn"
        if not self._thread.is_alive():
            level, words = ERROR, "drawing has ended by an error, see the log"
        elif not self._pictures:
            words = "no subscriber of futures/image"
        elif sources.received == self._seen:
            level, words = STALE, "no imagined futures come in on predicted/states"
        self._seen = sources.received
        values = {
            "imaginations": sources.received,
            "messages_refused": sources.refused,
            "strips_drawn": self._drawn,
            "strips_saved": self._saved,
            "markers_dropped": self._scene.dropped,
            "draw_ms": self._draw_ms,
        }
        report = status("future_view: drawing", level, words, values)
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), report))


def main() -> int:
    """Run the node until it is interrupted; 1 if its parameters are wrong."""
    go_last()  # pictures are for people; the robot does not wait for them
    return run_node("future_view_node", FutureViewNode, FutureViewNode.close)


if __name__ == "__main__":
    sys.exit(main())
