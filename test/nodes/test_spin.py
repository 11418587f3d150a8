"""The life of a process with one node, of every kind of node."""

from __future__ import annotations

import pytest
import rclpy

from world_model_ros.core.errors import UserError
from world_model_ros.nodes import spin
from world_model_ros.nodes.spin import run_node


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals and the middleware of this process are left alone."""
    monkeypatch.setattr(spin, "start_ros", lambda: None)
    monkeypatch.setattr(rclpy, "try_shutdown", lambda: None)
    monkeypatch.setattr(spin.signals, "ignore", lambda: None)


def test_a_node_is_closed_when_it_was_served_and_when_serving_fails() -> None:
    closed: list[str] = []
    assert run_node("one", lambda: "node", closed.append, lambda node: 130) == 130

    def fail(node: str) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_node("one", lambda: "node", closed.append, fail)
    assert closed == ["node", "node"]


@pytest.mark.parametrize("wrong", [1, 2])
def test_wrong_parameters_are_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: int
) -> None:
    def refuse() -> None:
        raise UserError("--ros-args", "x", "NAME:=VALUE")

    assert run_node("one", refuse, print, wrong=wrong) == wrong
    monkeypatch.setattr(spin, "start_ros", refuse)
    assert run_node("one", object, print, wrong=wrong) == wrong
    assert capsys.readouterr().err == 2 * "one: --ros-args: got 'x'; expected NAME:=VALUE\n"
