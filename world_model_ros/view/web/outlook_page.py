"""The web page of ``world-model view``: futures in space, a dashboard, a timeline, and goals set by a click."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.core.arrays import Float
from world_model_ros.view.outlook import Outlook
from world_model_ros.view.pictures.dashboard import Dashboard
from world_model_ros.view.web.outlook_space import COLOURS, WebSpace
from world_model_ros.view.web.page import Page

_PANEL_PX = 690
_IDLE_S = 0.2
_SPEEDS = {"1/4": 0.25, "1/2": 0.5, "real time": 1.0, "x 2": 2.0}


class Feed(Protocol):
    """Where outlooks come from.

    Attributes:
        live: outlooks are added while the page is open, and a goal is sent to the robot.
        outlooks: in order of time; only ever appended to.
        goals: targets that a goal can be given for.
    """

    live: bool
    goals: Sequence[str]

    @property
    def outlooks(self) -> Sequence[Outlook]: ...

    def pursue(self, index: int, target: str, place: Float) -> Outlook | None:
        """Bring a target to a place (3,) m: send it (None), or say what would be planned at the moment ``index``."""

    def drop_goal(self) -> None:
        """Pursue nothing any more."""


class WebPage(Page):
    """Serves one feed.

    Args:
        contract: of the robot.
        feed: what to show; at least one outlook, if it is not live.
        dashboard: draws the panel.
        steps: imagined steps to show, counted from 1.
        horizon: imagined steps of the model.
        host, port: to listen on.
        begin: index of the outlook to begin with; without it the first with a picture.

    Attributes:
        playing: whether it goes on by itself.
    """

    def __init__(
        self,
        contract: Contract,
        feed: Feed,
        dashboard: Dashboard,
        steps: Sequence[int],
        horizon: int,
        host: str = "127.0.0.1",
        port: int = 8080,
        begin: int | None = None,
    ) -> None:
        super().__init__(f"{contract.name} futures", host, port)
        self._contract, self._feed, self._dashboard = contract, feed, dashboard
        self._tick_s = contract.tick_s
        self._space = WebSpace(self._server, contract, steps, horizon)
        self._at_ns, self.playing = self._first_ns(), feed.live
        if begin is not None:
            self._at_ns = feed.outlooks[begin].now_ns
        self._follow = True  # the slider shows what is shown
        self._wish: tuple[str, Float] | None = None
        self._aiming = False
        self._lock = threading.Lock()
        self._dirty = threading.Event()
        self._build()
        self._dirty.set()
        self._thread.start()

    @property
    def index(self) -> int:
        """The outlook that is shown."""
        return self._shown()[1]

    def _shown(self) -> tuple[Sequence[Outlook], int]:
        """The outlooks that there are, and which of them is shown: of a live feed they are others at each look."""
        outlooks = self._feed.outlooks
        at = bisect_left(outlooks, self._at_ns, key=lambda each: each.now_ns)
        near = [i for i in (at - 1, at) if 0 <= i < len(outlooks)]
        return outlooks, min(near, key=lambda i: abs(outlooks[i].now_ns - self._at_ns), default=0)

    def close(self) -> None:
        self._closed.set()
        self._dirty.set()
        super().close()

    # -- the page --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        gui = self._server.gui
        self._status = gui.add_markdown("")
        self._slider = gui.add_slider("Time, s", 0.0, self._tick_s, self._tick_s, 0.0)
        self._play = gui.add_button("Pause" if self.playing else "Play")
        self._speed = gui.add_dropdown("Speed", tuple(_SPEEDS), initial_value="real time", visible=not self._feed.live)
        self._hidden = {
            part: gui.add_checkbox(label, True)
            for part, label in (
                ("ghosts", "Ghosts"),
                ("regions", "90 % regions"),
                ("candidates", "Plans that lost"),
                ("contacts", "Contacts"),
            )
        }
        gui.add_markdown(f"{COLOURS} Green: goal. Thin lines: plans that lost.")
        if self._feed.goals:
            with gui.add_folder("Goal"):
                self._target = gui.add_dropdown("Of", tuple(self._feed.goals), initial_value=self._feed.goals[0])
                aim = gui.add_button("Set by a click on the table")
                clear = gui.add_button("Drop the goal")
                self._goal_words = gui.add_markdown(
                    "_It is sent to the robot._" if self._feed.live else "_What would it plan from this moment?_"
                )
            aim.on_click(lambda _: self._aim())
            clear.on_click(lambda _: self._drop())
            self._server.scene.on_click()(self._clicked)
        panel = self._server.gui.add_panel()
        with panel.add_tab("Futures"):
            self._picture = gui.add_image(np.zeros((8, 8, 3), np.uint8), format="jpeg", jpeg_quality=88)
        panel.dock_right()
        panel.set_width(_PANEL_PX)
        gui.main_panel.dock_left()
        self._slider.on_update(self._scrubbed)
        self._play.on_click(lambda _: self.play(not self.playing))
        for box in self._hidden.values():
            box.on_update(lambda _: self._dirty.set())

    def play(self, on: bool) -> None:
        """Go on by itself, or pause."""
        with self._lock:
            outlooks, index = self._shown()
            if on and not self._feed.live and index + 1 >= len(outlooks):
                self._at_ns = self._first_ns()
            self.playing = self._follow = on
        self._play.label = "Pause" if on else "Play"
        self._dirty.set()

    def _scrubbed(self, event: Any) -> None:
        if event.client is None:  # moved by ourselves
            return
        with self._lock:
            self._at_ns = self._begin_ns() + round(float(self._slider.value) * 1e9)
            self.playing = self._follow = False
        self._play.label = "Play"
        self._dirty.set()

    def _aim(self) -> None:
        self._aiming = True
        self._goal_words.content = "**Click on the table now.**"

    def _drop(self) -> None:
        self._wish, self._aiming = None, False
        self._feed.drop_goal()
        self._goal_words.content = "_No goal of yours._"
        self._dirty.set()

    def _clicked(self, event: Any) -> None:
        if not self._aiming or not self._feed.outlooks:
            return
        target, height = self._target.value, self._height(self._target.value)
        origin, direction = np.array(event.ray_origin), np.array(event.ray_direction)
        if abs(direction[2]) < 1e-6 or (height - origin[2]) / direction[2] <= 0:
            self._goal_words.content = "**That is not on the table. Click again.**"
            return
        place = origin + direction * (height - origin[2]) / direction[2]
        self._aiming = False
        self._wish = target, place
        if self._feed.live:
            self._feed.pursue(self.index, target, place)
        self._goal_words.content = f"**{target}** to x {place[0]:.2f}, y {place[1]:.2f} m"
        self._dirty.set()

    def _height(self, target: str) -> float:
        """z of the plane that a click means, m: that on which the target is now."""
        outlooks, index = self._shown()
        way = outlooks[index].ways.get(target)
        return 0.0 if way is None or way.now is None else float(way.now[2])

    # -- time ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        due = time.monotonic()
        while not self._closed.is_set():
            self._dirty.wait(max(0.0, due - time.monotonic()) if self.playing else _IDLE_S)
            if self._closed.is_set():
                return
            moved = self._advance(time.monotonic() >= due)
            if moved:
                due = max(due + self._tick_s / _SPEEDS[self._speed.value], time.monotonic() - self._tick_s)
            if self._dirty.is_set() or moved:
                self._dirty.clear()
                if self._feed.outlooks:
                    self._show()
            elif self.playing and time.monotonic() >= due:
                due = time.monotonic() + _IDLE_S / 4  # nothing new has come

    def _advance(self, due: bool) -> bool:
        with self._lock:
            outlooks, index = self._shown()
            if not self.playing or not due or index + 1 >= len(outlooks):
                return False
            self._at_ns = outlooks[-1 if self._feed.live else index + 1].now_ns
            return True

    def _show(self) -> None:
        outlooks, index = self._shown()
        outlook = outlooks[index]
        shown: Sequence[Outlook] = outlooks
        if self._wish is not None and not self._feed.live:
            planned = self._feed.pursue(index, *self._wish)
            if planned is not None:
                outlook = planned
                shown = [*outlooks[:index], planned]  # what then came was another plan's
                index = len(shown) - 1
        self._slider.max = max(self._tick_s, self._seconds(outlooks[-1]))
        if self._follow:  # else a person holds it
            self._slider.value = self._seconds(outlook)
        badge = outlook.badge
        words = [f"**{outlook.status or 'watching'}**", f"t {self._seconds(outlook):.1f} s"]
        words += [] if badge.gate is None else [f"gate: {badge.gate}"]
        words += [] if badge.tick_ms is None else [f"tick {badge.tick_ms:.0f} ms"]
        words += [] if badge.surprise is None else [f"surprise {badge.surprise:.2f}"]
        self._status.content = " · ".join(words)
        self._space.show(outlook)
        for part, box in self._hidden.items():
            self._space.hide(part, not box.value)
        self._picture.image = self._dashboard.draw(shown, index, self._feed.live)

    def _seconds(self, outlook: Outlook) -> float:
        return round((outlook.now_ns - self._begin_ns()) * 1e-9, 3)

    def _begin_ns(self) -> int:
        outlooks = self._feed.outlooks
        return outlooks[0].now_ns if outlooks else 0

    def _first_ns(self) -> int:
        """Where to begin: when the camera sees, if it ever does."""
        outlooks = self._feed.outlooks
        return next((each.now_ns for each in outlooks if each.frame is not None), self._begin_ns())
