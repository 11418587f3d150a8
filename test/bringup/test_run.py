"""Processes started without ROS launch: watched, logged, and all stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from world_model_ros.bringup import domain, run
from world_model_ros.bringup.demonstration import ended_too_soon
from world_model_ros.bringup.domain import free_domain, local_environment, middleware_environment
from world_model_ros.bringup.options import SimulationOptions
from world_model_ros.bringup.processes import Process, simulation
from world_model_ros.bringup.run import Ended, Running, command_line
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.missing import to_install
from world_model_ros.core.installation.share_folder import share_folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes an executable on PATH from lines of Python; ``ready`` is printed before them."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def make(name: str, *lines: str) -> Process:
        path = tmp_path / name
        path.write_text("\n".join([f"#!{sys.executable} -S", "import signal, sys, time", *lines]), encoding="utf-8")
        path.chmod(0o755)
        return Process(name, name)

    return make


def test_without_rclpy_nothing_is_started(program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    started = tmp_path / "started"
    process = program("one", f"open({str(started)!r}, 'w')")
    with pytest.raises(ModuleNotFoundError) as caught, Running([process], tmp_path / "logs"):
        pass
    assert "ros-jazzy" in str(to_install(caught.value))
    assert not started.exists()


def test_the_error_of_a_process_that_ended_has_its_last_line_and_its_log(tmp_path: Path):
    trace = [f"  File {i}, in a line that is long enough to be cut off from the front of a message" for i in range(15)]
    tail = "\n".join([*trace, "rendering: got 'no display'; expected a machine that MuJoCo renders on", ""])
    ended = Ended(Process("sim_robot_node", "sim_robot"), 1, tail)
    said = str(ended_too_soon(ended, tmp_path / "sim_robot.log"))
    assert said.startswith("demo: got 'sim_robot ended with status 1'")
    assert "rendering: got 'no display'; expected a machine that MuJoCo renders on" in said
    assert str(tmp_path / "sim_robot.log") in said


def wait_for(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def printed(folder: Path, name: str) -> str:
    path = folder / f"{name}.log"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def test_what_a_process_prints_is_in_its_log_and_it_gets_parameters_as_ros_arguments(program, tmp_path: Path):
    echo = program("echo_node", "print(sys.argv[1:], flush=True)", "time.sleep(60)")
    process = Process(echo.executable, "echo", {"robot": "007", "on": True, "n": 3}, (("a", "b"),))
    with Running([process], tmp_path / "logs") as running:
        wait_for(lambda: "--ros-args" in printed(tmp_path / "logs", "echo"))
        pid = running.pid("echo")
    words = printed(tmp_path / "logs", "echo")
    for word in ("__node:=echo", 'robot:="007"', "on:=true", "n:=3", "a:=b"):
        assert word in words
    assert not alive(pid)


def test_a_process_that_dies_is_noticed_with_its_last_words(program, tmp_path: Path):
    broken = program("broken_node", "print('the reason', flush=True)", "sys.exit(7)")
    other = program("other_node", "time.sleep(60)")
    with Running([broken, other], tmp_path) as running:
        wait_for(running.ended)
        (ended,) = running.ended()
    assert ended.status == 7
    assert "the reason" in str(ended)


def test_a_process_that_shall_come_back_is_started_again(program, tmp_path: Path):
    once = program("once_node", "print('started', flush=True)", "time.sleep(0.2)")
    process = Process(once.executable, once.name, respawn=True)
    with Running([process], tmp_path) as running:
        wait_for(lambda: not running.ended() and printed(tmp_path, "once_node").count("started") >= 2)


def test_stopping_is_polite_first_and_then_is_not(program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "_PATIENCE_S", ((signal.SIGINT, 0.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 3.0)))
    polite = program(
        "polite_node",
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(0))",
        "print('ready', flush=True)",
        "time.sleep(60)",
    )
    stubborn = program(
        "stubborn_node",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "print('ready', flush=True)",
        "time.sleep(60)",
    )
    with Running([polite, stubborn], tmp_path) as running:
        wait_for(lambda: all("ready" in printed(tmp_path, name) for name in ("polite_node", "stubborn_node")))
        statuses = running.stop()
    assert statuses == {"polite_node": 0, "stubborn_node": -signal.SIGKILL}


def test_children_of_a_process_are_stopped_with_it(program, tmp_path: Path):
    parent = program(
        "parent_node",
        "import subprocess",
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True)",
        "time.sleep(60)",
    )
    with Running([parent], tmp_path):
        wait_for(lambda: printed(tmp_path, "parent_node").strip())
        child = int(printed(tmp_path, "parent_node"))
        assert alive(child)
    wait_for(lambda: not alive(child) or _is_zombie(child))


def _is_zombie(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_nothing_is_left_behind_when_the_starter_is_killed(program, tmp_path: Path):
    program("lasting_node", "print('ready', flush=True)", "time.sleep(60)")
    starter = (
        "import time; from pathlib import Path\n"
        "from world_model_ros.bringup.processes import Process\n"
        "from world_model_ros.bringup.run import Running\n"
        f"with Running([Process('lasting_node', 'lasting')], Path({str(tmp_path)!r})) as running:\n"
        "    print(running.pid('lasting'), flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        wait_for(lambda: "ready" in printed(tmp_path, "lasting"))
        process.kill()
    wait_for(lambda: not alive(pid) or _is_zombie(pid))


def test_a_program_that_is_not_installed_is_named():
    with pytest.raises(UserError, match="no_such_node"):
        command_line(Process("no_such_node", "x"))


def test_a_run_stays_on_this_machine_and_in_a_domain_of_its_own():
    environment = local_environment({"ROS_LOCALHOST_ONLY": "0"})
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert 1 <= int(environment["ROS_DOMAIN_ID"]) <= 100
    assert "ROS_LOCALHOST_ONLY" not in environment
    assert local_environment({"ROS_DOMAIN_ID": "42"})["ROS_DOMAIN_ID"] == "42"


def test_fast_dds_gets_our_profile_unless_the_user_has_one():
    folder = share_folder("config") / "fastdds"
    on_a_robot, on_loopback = {}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    for profile, current, expected in (
        ("gate", on_a_robot, "gate.xml"),
        ("shared_memory", on_a_robot, "shared_memory.xml"),
        ("camera", on_a_robot, "camera.xml"),
        ("camera", on_loopback, "loopback.xml"),
        ("gate", on_loopback, "loopback.xml"),
        ("shared_memory", {"ROS_LOCALHOST_ONLY": "1"}, "loopback.xml"),
    ):
        files = {Path(value) for value in middleware_environment(profile, current).values() if value.endswith(".xml")}
        assert {file.name for file in files} == {expected}
        assert all(file.parent.parent == folder for file in files)
        assert all(file.is_file() for file in files)
    # With LOCALHOST, rmw_fastrtps would replace what the profile says about transports.
    on_loopback = local_environment({})
    for _ in range(2):  # a process that was started so may start others
        on_loopback |= middleware_environment("gate", on_loopback)
        assert on_loopback["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "SYSTEM_DEFAULT"
        assert any(value.endswith("/loopback.xml") for value in on_loopback.values())
    assert "ROS_LOCALHOST_ONLY" not in on_loopback  # which rcl would warn of in every process
    assert middleware_environment("gate", {"ROS_LOCALHOST_ONLY": "1"})["ROS_LOCALHOST_ONLY"] == "0"
    ours = {"FASTDDS_DEFAULT_PROFILES_FILE": str(folder / "3" / "shared_memory.xml")}  # exported for a camera driver
    assert Path(next(iter(middleware_environment("gate", ours).values()))).name == "gate.xml"
    assert middleware_environment("gate", {"FASTDDS_DEFAULT_PROFILES_FILE": "/my/profile.xml"}) == {}
    processes = simulation(SimulationOptions("tabletop_arm"))
    assert {each.name for each in processes if each.profile == "gate"} == {"command_gate"}


def test_a_domain_that_somebody_is_in_is_not_drawn(monkeypatch: pytest.MonkeyPatch):
    import socket

    from world_model_ros.bringup import domain

    taken = free_domain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 7410 + 250 * taken))
        monkeypatch.setattr(domain, "_DOMAINS", range(taken, taken + 2))
        assert {free_domain() for _ in range(20)} == {taken + 1}


@pytest.mark.parametrize(
    ("wheels", "distribution", "expected"),
    [
        ({"fastrtps"}, "kilted", "FASTRTPS"),  # what is installed counts, not what another shell sourced
        ({"fastdds"}, "jazzy", "FASTDDS"),
        (set(), "jazzy", "FASTRTPS"),
        (set(), "kilted", "FASTDDS"),
    ],
)
def test_the_profile_stands_in_the_variable_that_this_fast_dds_reads(
    monkeypatch: pytest.MonkeyPatch, wheels: set[str], distribution: str, expected: str
):
    monkeypatch.setattr(domain.importlib.util, "find_spec", lambda name: name if name in wheels else None)
    found = middleware_environment("gate", {"ROS_DISTRO": distribution})
    assert list(found) == [f"{expected}_DEFAULT_PROFILES_FILE"]
    assert Path(next(iter(found.values()))).parent.name == ("2" if expected == "FASTRTPS" else "3")


def test_the_profiles_of_both_versions_of_fast_dds_say_the_same():
    folder = share_folder("config") / "fastdds"
    older, newer = ({file.name: file.read_text() for file in (folder / name).iterdir()} for name in ("2", "3"))
    assert older
    assert {name: text.replace("heartbeatPeriod", "heartbeat_period") for name, text in older.items()} == newer
