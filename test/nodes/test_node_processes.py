"""What every node's process promises: parameters that it reads once cannot be changed, and it ends when told to."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import rclpy
from arm_bag import write_arm_bag
from peer import Peer
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient

from world_model_ros.bringup.domain import free_domain
from world_model_ros.contract.contract import Contract
from world_model_ros.nodes import entry

pytestmark = pytest.mark.slow

# Executable -> (node name, class, exit status when it is interrupted).
PROCESSES = {
    "world_model_node": ("world_model", "WorldModelNode", 0),
    "command_gate_node": ("command_gate", "CommandGateNode", 0),
    "clouds_node": ("clouds", "CloudsNode", 0),
    "trajectory_player_node": ("trajectory_player", "TrajectoryPlayerNode", 0),
    "future_view_node": ("future_view", "FutureViewNode", 0),
    "sim_robot_node": ("sim_robot", "SimRobotNode", 0),
    "recorder_node": ("recorder", "RecorderNode", 0),
    "bag_player_node": ("bag_player", "BagPlayerNode", 0),
    "demo_node": ("demo", "DemoNode", 130),
}

NEEDS = {"trajectory_player_node": "control_msgs"}  # which no wheel of ROS has


def executables() -> list[Any]:
    """All of them; those that need what is not installed are skipped."""
    marked = []
    for name in PROCESSES:
        needed = NEEDS.get(name)
        lacks = needed is not None and find_spec(needed) is None
        marked.append(pytest.param(name, marks=pytest.mark.skipif(lacks, reason=f"{needed} is not installed")))
    return marked


class Person(Peer):
    """Somebody with `ros2 param`."""

    def parameters_of(self, name: str) -> tuple[AsyncParameterClient, dict[str, Any]]:
        client = AsyncParameterClient(self.node, name)
        assert client.wait_for_services(120.0), f"no {name}"
        names = self.result(client.list_parameters()).result.names
        return client, dict(zip(names, self.result(client.get_parameters(names)).values))

    def result(self, future: Any) -> Any:
        self.executor.spin_until_future_complete(future, timeout_sec=60.0)
        assert future.done()
        return future.result()


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain()))
    person = Person("person")
    yield person
    person.close()


@pytest.fixture
def start(tmp_path: Path, toy_bundle: Path, contract: Contract) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts an executable as its console script does."""
    write_arm_bag(tmp_path / "played", contract, 0.5)
    place = "{frame: camera, position_m: [0, 0, 1], quaternion: [0, 0, 0, 1]}"
    clouds = f"\n    clouds: [{{name: front, topic: points, place: {place}}}]"
    seeing = tmp_path / "seeing.yaml"
    seeing.write_text(contract.text.replace("\n    obstacles:", f"{clouds}\n    obstacles:", 1))
    planned = tmp_path / "planned.yaml"
    sources = "\n  sources: [{name: planner, kind: moveit, topic: moveit/command}]"
    planned.write_text(contract.text.replace("\n  gate:\n", f"{sources}\n  gate:\n", 1))
    given = {
        "trajectory_player_node": [f"robot:={planned}"],
        "clouds_node": [f"robot:={seeing}"],
        "world_model_node": [f"model:={toy_bundle}"],
        "recorder_node": [f"path:={tmp_path / 'recorded'}"],
        "bag_player_node": [f"path:={tmp_path / 'played'}", "paused:=true"],
    }
    started: list[subprocess.Popen[bytes]] = []

    def begin(executable: str) -> subprocess.Popen[bytes]:
        program = f"from world_model_ros.nodes.entry import {executable}; {executable}()"
        words = [word for each in given.get(executable, []) for word in ("-p", each)]
        command = [sys.executable, "-c", program, "--ros-args", *words]
        # Not a pipe: nobody reads while signals are sent.
        with (tmp_path / "said").open("wb") as said:
            started.append(subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def interrupt_again_and_again(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C every few milliseconds until it has ended; its exit status."""
    deadline = time.monotonic() + 120.0
    while process.poll() is None:
        assert time.monotonic() < deadline, "it does not end"
        process.send_signal(signal.SIGINT)
        time.sleep(0.003)
    return process.returncode


def another(value: Any) -> Any:
    """A value of the same type."""
    return not value if isinstance(value, bool) else value + ("x" if isinstance(value, str) else 1)


@pytest.mark.parametrize("executable", executables())
def test_a_change_that_would_do_nothing_is_refused_and_ctrl_c_twice_ends_it(
    executable: str, person: Person, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    name, kind, status = PROCESSES[executable]
    process = start(executable)
    client, values = person.parameters_of(name)
    folder = Path(entry.__file__).parent
    room = next(folder.rglob(f"{executable}.py")).parent.name
    module = importlib.import_module(f"world_model_ros.nodes.{room}.{executable}")
    free = {"use_sim_time", "start_type_description_service", *getattr(getattr(module, kind), "changeable", ())}
    asked = {each: rclpy.parameter.parameter_value_to_python(value) for each, value in values.items()}
    asked = {each: value for each, value in asked.items() if each not in free and not each.startswith("qos_")}
    assert "robot" in asked or executable == "bag_player_node"
    # A brain takes parameters until it is configured; ours starts by itself, and says so when it has.
    deadline = time.monotonic() + 120.0
    while executable == "world_model_node":
        (result,) = person.result(client.set_parameters([Parameter("threads", value=2)])).results
        if not result.successful:
            break
        person.result(client.set_parameters([Parameter("threads", value=1)]))
        assert time.monotonic() < deadline
    for each, value in asked.items():
        (result,) = person.result(client.set_parameters([Parameter(each, value=another(value))])).results
        assert not result.successful, each
        assert each in result.reason
        (result,) = person.result(client.set_parameters([Parameter(each, value=value)])).results
        assert result.successful, f"{each} as it is"
    assert interrupt_again_and_again(process) == status, (tmp_path / "said").read_text()
    assert "Traceback" not in (tmp_path / "said").read_text()


@pytest.mark.parametrize("executable", executables())
def test_ctrl_c_while_it_still_loads_its_modules_ends_it_cleanly(
    executable: str, person: Person, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = start(executable)
    maps = Path(f"/proc/{process.pid}/maps")
    deadline = time.monotonic() + 120.0
    while "numpy" not in maps.read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    assert interrupt_again_and_again(process) in (0, PROCESSES[executable][2]), (tmp_path / "said").read_text()
    assert "Traceback" not in (tmp_path / "said").read_text()


def test_a_thread_may_ask_for_the_end_too() -> None:
    from world_model_ros.nodes import signals

    assert not signals.interrupted()
    asking = threading.Thread(target=signals.stop)
    asking.start()
    asking.join()
    try:
        assert signals.interrupted()
    finally:
        signals.forget()
