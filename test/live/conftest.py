"""The whole graph as separate processes over real topics, and an observer in this one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import rclpy
from observer import Observer, wait_until
from rclpy.executors import SingleThreadedExecutor

from world_model_ros.bringup.processes import own, simulation
from world_model_ros.bringup.run import Running


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Running, Observer]]:
    """The simulated arm with brain, gate and view, started and ticking."""
    running = Running(own(simulation("tabletop_arm", seed=8001)), tmp_path / "logs")
    for key in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
        monkeypatch.setenv(key, running.environment[key])
    with running:
        context = rclpy.Context()
        rclpy.init(context=context)
        observer = Observer(context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(observer)
        thread = threading.Thread(target=executor.spin, daemon=True)
        thread.start()
        wait_until(lambda: len(observer.ticks) > 5 and bool(observer.joints), 60.0)
        yield running, observer
        executor.shutdown()
        observer.destroy_node()
        rclpy.try_shutdown(context=context)
        thread.join(5.0)
