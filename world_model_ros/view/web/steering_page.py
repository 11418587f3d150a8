"""Serves the page of ``world-model imagine``: a person steers the imagined robot in real time, by sliders and keys."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from world_model_ros.contract.contract import Contract
from world_model_ros.view.pictures.steered_picture import Inside, frames_picture, senses_picture
from world_model_ros.view.web.outlook_space import COLOURS, WebSpace
from world_model_ros.view.web.page import Page
from world_model_ros.view.web.steered_view import Steerable, SteeredView

_PANEL_PX = 700
_KEPT = 3000  # ticks of history: five minutes at 10 Hz
_KEYS = {"x": ("I", "K"), "y": ("J", "L"), "z": ("U", "O")}  # viser moves its camera by the arrows and WASD
_STROKE = 1 / 3  # of the largest speed, a stroke of a key
_TRUE_RGB = (60, 220, 110)


class SteeringPage(Page):
    """Serves one imagination, in real time.

    Args:
        contract: of the robot. what: is steered.
        steps: imagined steps to show, counted from 1. horizon: steps of the model.
        host, port: to listen on. beside: begin with the simulator alongside.

    Attributes:
        shown: ticks so far. frames_hz: frames a second of the last ticks.
    """

    def __init__(
        self,
        contract: Contract,
        what: Steerable,
        steps: Sequence[int],
        horizon: int,
        host: str = "127.0.0.1",
        port: int = 8080,
        beside: bool = False,
    ) -> None:
        super().__init__(f"{contract.name} imagined", host, port)
        self._contract, self._what, self._tick_s = contract, what, contract.tick_s
        self._space = WebSpace(self._server, contract, [step for step in steps if step < horizon], horizon - 1)
        self._true = {
            target.name: self._server.scene.add_icosphere(
                f"/truth/{target.name}", 0.014, _TRUE_RGB, wireframe=True, visible=False
            )
            for target in contract.interface.targets
        }
        self._history: list[Inside] = []
        self._wishes: deque[Any] = deque()
        self.shown, self.frames_hz, self.paused = 0, 0.0, False
        self._build(beside)
        self._thread.start()

    def _build(self, compare: bool) -> None:
        gui = self._server.gui
        self._status = gui.add_markdown("")
        told = "; ".join(f"**{'** **'.join(_KEYS[axis])}** {axis} + -" for axis in self._what.axes if axis in _KEYS)
        gui.add_markdown(f"{told or 'The sliders steer'}. A stroke is a third of full speed; **space** stops.")
        gui.add_markdown(f"_Line and regions_: if this action is held. {COLOURS} Green wires: the simulator.")
        self._tops = dict(zip(self._what.axes, (self._what.bounds / self._tick_s).tolist()))
        self._sliders = {
            axis: gui.add_slider(f"{axis}, {unit}/s", -top, top, top / 30, 0.0)
            for (axis, top), unit in zip(self._tops.items(), self._contract.interface.action_units)
        }
        gui.add_button("Stop").on_click(lambda _: self._halt())
        self._pause = gui.add_button("Pause")
        self._pause.on_click(lambda _: self._toggle())
        gui.add_button("Begin anew").on_click(lambda _: self._wishes.append(self._begin_anew))
        if self._what.can_compare:
            beside = gui.add_checkbox("Run the simulator too", compare)
            beside.on_update(lambda _: self._wishes.append(lambda: self._what.compare(beside.value)))
            self._wishes.append(lambda: self._what.compare(compare))
        for axis, keys in _KEYS.items():
            for key, sign in zip(keys, (1, -1)):
                if axis in self._sliders:
                    command = gui.add_command(f"{'+' if sign > 0 else '-'}{axis}", hotkey=key)
                    command.on_trigger(lambda _, axis=axis, sign=sign: self._stroke(axis, sign))
        gui.add_command("Stop", hotkey="space").on_trigger(lambda _: self._halt())
        panel = gui.add_panel()
        with panel.add_tab("Inside"):
            blank = np.zeros((8, 8, 3), np.uint8)
            self._frames = gui.add_image(blank, format="jpeg", jpeg_quality=85)
            self._senses = gui.add_image(blank, format="jpeg", jpeg_quality=85)
        panel.dock_right()
        panel.set_width(_PANEL_PX)
        gui.main_panel.dock_left()

    def _stroke(self, axis: str, sign: int) -> None:
        slider, top = self._sliders[axis], self._tops[axis]
        slider.value = float(np.clip(slider.value + sign * _STROKE * top, -top, top))

    def _halt(self) -> None:
        for slider in self._sliders.values():
            slider.value = 0.0

    def _toggle(self) -> None:
        self.paused = not self.paused
        self._pause.label = "Go on" if self.paused else "Pause"

    def _begin_anew(self) -> None:
        self._halt()
        self._history.clear()
        self._what.restart()

    def _run(self) -> None:
        try:
            self._go_on()
        finally:
            self._what.close()

    def _go_on(self) -> None:
        due = time.monotonic()
        while not self._closed.is_set():
            while self._wishes:
                self._wishes.popleft()()
            if self.paused:
                time.sleep(self._tick_s)
                due = time.monotonic()
                continue
            action = np.array([slider.value for slider in self._sliders.values()]) * self._tick_s
            started = time.monotonic()
            self._show(self._what.tick(action), due)
            due = max(due + self._tick_s, time.monotonic() - self._tick_s)
            time.sleep(max(0.0, due - time.monotonic()))
            took = max(self._tick_s / 2, time.monotonic() - started)
            self.frames_hz = 0.9 * self.frames_hz + 0.1 * max(1, self._count) / took

    def _show(self, view: SteeredView, due: float) -> None:
        self._history = [*self._history[-_KEPT + 1 :], view.inside]
        self.shown += 1
        self._count = len(view.frames)
        self._space.show(view.outlook)
        for name, ball in self._true.items():
            place = view.truth.get(name)
            ball.visible = place is not None
            if place is not None:
                ball.position = place
        targets = [target.name for target in self._contract.interface.targets]
        for i, frame in enumerate(view.frames):
            with self._server.atomic():  # figures and curves of one tick leave together; each picture takes its time
                self._frames.image = frames_picture(frame, view.real)
                if i == 0:
                    self._senses.image = senses_picture(self._history, view.ahead, targets)
                    self._status.content = self._words(view, targets)
            time.sleep(max(0.0, due + (i + 1) * self._tick_s / len(view.frames) - time.monotonic() - 0.004))

    def _words(self, view: SteeredView, targets: Sequence[str]) -> str:
        words = [f"**{view.inside.seconds:.1f} s inside the model**", f"{self.frames_hz:.0f} frames/s"]
        if view.inside.errors_m is not None:
            off = zip(targets, view.inside.errors_m)
            words += [f"{name} {100 * error:.1f} cm off" for name, error in off if np.isfinite(error)]
        return " · ".join(words)
