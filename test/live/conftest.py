"""The whole graph as separate processes over real topics, and an observer in this one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from observer import Observer, wait_until

from world_model_ros.bringup.options import SimulationOptions
from world_model_ros.bringup.processes import own, simulation
from world_model_ros.bringup.run import Running
from world_model_ros.nodes.spin import make_executor, spin_for


@contextmanager
def started(folder: Path) -> Iterator[tuple[Running, Observer]]:
    """The simulated arm with brain, gate and view, ticking, and somebody who hears it."""
    running = Running(own(simulation(SimulationOptions("tabletop_arm", seed=8001))), folder / "logs")
    with pytest.MonkeyPatch.context() as here, running:
        for key in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
            here.setenv(key, running.environment[key])
        context = rclpy.Context()
        rclpy.init(context=context)
        observer = Observer(context)
        executor = make_executor(context)
        executor.add_node(observer)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                spin_for(executor, 0.1)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        wait_until(lambda: len(observer.ticks) > 5 and bool(observer.joints), 120.0)
        yield running, observer
        ended.set()
        thread.join(5.0)
        executor.shutdown()
        observer.destroy_node()
        rclpy.try_shutdown(context=context)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[tuple[Running, Observer]]:
    """A graph of one test's own, which may kill what it likes."""
    with started(tmp_path) as both:
        yield both


@pytest.fixture(scope="module")
def shared_graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Observer]]:
    """One graph for the tests of a file, which leave it standing."""
    with started(tmp_path_factory.mktemp("graph")) as both:
        yield both
