"""The distribution of ROS: what the shell says, else the wheels."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from world_model_ros.core.installation import ros_distribution as module
from world_model_ros.core.installation.ros_distribution import ros_distribution


def test_what_a_sourced_ros_says_counts_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DISTRO", "rolling")
    assert ros_distribution() == "rolling"


@pytest.mark.parametrize(("wheel", "expected"), [("ros-kilted-rclpy", "kilted"), (None, None)])
def test_else_the_wheels_that_are_installed(
    monkeypatch: pytest.MonkeyPatch, wheel: str | None, expected: str | None
) -> None:
    def version(name: str) -> str:
        if name == wheel:
            return "1"
        raise PackageNotFoundError(name)

    monkeypatch.delenv("ROS_DISTRO", raising=False)
    monkeypatch.setattr(module, "version", version)
    module._of_wheels.cache_clear()
    try:
        assert ros_distribution() == expected
    finally:
        module._of_wheels.cache_clear()
