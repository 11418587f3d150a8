"""The third robot of `examples/`: its contract, and its driver in a process of its own, which knows nothing of us.

The PyPI package with the real description need not be here: a stand-in of the same joints takes its place.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, load_contract

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "panda"
sys.path.insert(0, str(EXAMPLE))

import panda_model  # noqa: E402
from panda_driver import Follower  # noqa: E402

pytestmark = pytest.mark.slow

# Origin (x y z, roll) of each joint, and its range: those of the real arm.
CHAIN = (
    ("0 0 0.333", 0, -2.8973, 2.8973),
    ("0 0 0", -1.5708, -1.7628, 1.7628),
    ("0 -0.316 0", 1.5708, -2.8973, 2.8973),
    ("0.0825 0 0", 1.5708, -3.0718, -0.0698),
    ("-0.0825 0.384 0", -1.5708, -2.8973, 2.8973),
    ("0 0 0", 1.5708, -0.0175, 3.7525),
    ("0.088 0 0", 1.5708, -2.8973, 2.8973),
)
BODY = (
    "<inertial><mass value='1'/><inertia ixx='.01' iyy='.01' izz='.01' ixy='0' ixz='0' iyz='0'/></inertial>"
    "<collision><geometry><box size='.05 .05 .05'/></geometry></collision>"
)


def stand_in() -> str:
    """A URDF with the joints and links of the real one, and boxes for bodies."""
    links = ["panda_link0"]
    text = ""

    def joint(name: str, kind: str, parent: str, child: str, origin: str, more: str = "") -> None:
        nonlocal text
        links.append(child)
        ends = f"<parent link='{parent}'/><child link='{child}'/>"
        text += f"<joint name='{name}' type='{kind}'>{origin}{ends}{more}</joint>"

    for number, (xyz, roll, low, high) in enumerate(CHAIN, 1):
        limit = f"<axis xyz='0 0 1'/><limit lower='{low}' upper='{high}' velocity='2.175' effort='87'/>"
        origin = f"<origin xyz='{xyz}' rpy='{roll} 0 0'/>"
        joint(f"panda_joint{number}", "revolute", links[-1], f"panda_link{number}", origin, limit)
    joint("hand", "fixed", "panda_link7", "panda_hand", "<origin xyz='0 0 0.107' rpy='0 0 -0.7854'/>")
    joint("tcp", "fixed", "panda_hand", "panda_hand_tcp", "<origin xyz='0 0 0.1034'/>")
    for number, way in ((1, 1), (2, -1)):
        limit = f"<axis xyz='0 {way} 0'/><limit lower='0' upper='0.04' velocity='0.2' effort='100'/>"
        limit += "<mimic joint='panda_finger_joint1'/>" if number == 2 else ""
        origin = "<origin xyz='0 0 0.0584'/>"
        joint(f"panda_finger_joint{number}", "prismatic", "panda_hand", f"finger{number}", origin, limit)
    return f"<robot name='panda'>{''.join(f'<link name={each!r}>{BODY}</link>' for each in links)}{text}</robot>"


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """The example's contract, with the stand-in beside it."""
    (tmp_path / "panda.urdf").write_text(stand_in(), encoding="utf-8")
    shutil.copy(EXAMPLE / "panda.yaml", tmp_path)
    return tmp_path / "panda.yaml"


@pytest.fixture
def driven(contract: Path) -> Iterator[Path]:
    """The driver, and somebody who drives."""
    environment = os.environ | {"PANDA_URDF": str(contract.with_name("panda.urdf"))}
    started = [
        subprocess.Popen([sys.executable, str(EXAMPLE / each)], env=environment, stderr=subprocess.DEVNULL)
        for each in ("panda_driver.py", "panda_teleop.py")
    ]
    yield contract
    for process in started:
        process.kill()
        process.wait()


def sent(names: list[str], *points: tuple[float, list[float]]) -> JointTrajectory:
    message = JointTrajectory(joint_names=names)
    for seconds, positions in points:
        point = JointTrajectoryPoint(positions=positions)
        point.time_from_start.nanosec = round(seconds * 1e9)
        message.points.append(point)
    return message


def test_the_contract_is_complete_and_fits(contract: Path, capsys):
    assert main(["check", str(contract), "--json"]) == 0, capsys.readouterr().out
    ours = load_contract(contract)
    arm, hand = ours.deployment.command.controllers(ours.joint_names)
    assert tuple(arm.joints) == panda_model.ARM
    assert hand.joints == ["panda_finger_joint1"]


def test_a_controller_of_the_example_goes_from_where_it_is_and_takes_joints_in_any_order():
    arm = Follower(("a", "b"), np.array([0.0, 1.0]))
    assert arm.take(sent(["b"], (0.1, [2.0])), 10.0) is not None
    assert arm.take(sent(["b", "a"], (0.1, [np.nan, 1.0])), 10.0) is not None
    np.testing.assert_array_equal(arm.setpoint(11.0), [0.0, 1.0])
    assert arm.take(sent(["b", "a"], (0.2, [2.0, 4.0])), 10.0) is None
    np.testing.assert_allclose(arm.setpoint(10.1), [2.0, 1.5])
    assert arm.take(sent(["a", "b"], (0.1, [2.0, 1.5])), 10.1) is None  # replaces it on the way
    np.testing.assert_allclose(arm.setpoint(10.15), [2.0, 1.5])


def test_the_driver_fits_its_contract_and_what_it_is_told_is_in_the_bag(driven: Path, start_node, capfd):
    for _ in range(8):
        status = main(["check", str(driven), "--live", "2", "--json"])
        found = json.loads(capfd.readouterr().out)
        if status == 0 and all(topic["messages"] > 10 for topic in found["topics"]):  # all are discovered by then
            break
    assert status == 0, found
    assert all(topic["messages"] > 10 for topic in found["topics"])

    bag = driven.parent / "bag"
    recorder = start_node("recorder_node", f"robot:={driven}", f"path:={bag}")
    time.sleep(9.0)
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(20.0) == 0
    ours = load_contract(driven)
    episode = aligned_episode(bag, ours)
    assert len(episode) > 40
    assert episode.fresh.mean() > 0.95
    known = np.isfinite(episode.reference).all(axis=1)  # of the arm's controller and of the hand's
    first = int(known.argmax())  # a recorder that starts takes its time to find who publishes
    assert known[first:].mean() > 0.95
    assert len(known) - first > 40
    moves = np.abs(episode.applied[1:])
    assert (moves.max(axis=1) > 1e-3).mean() > 0.2
    assert moves.max() < 1.5 * ours.interface.action.bounds[0]
    behind = np.abs(episode.streams["joints"][known, :7, 0] - episode.reference[known, :7])
    assert np.median(behind) < 0.02  # rad: the arm goes where it is told


def test_the_contract_is_that_of_the_package_that_the_example_names(tmp_path: Path, capsys):
    try:
        urdf = panda_model.urdf_path()
    except (SystemExit, PackageNotFoundError):
        pytest.skip("the robot description is not installed here: pip install example-robot-data")
    drafted = tmp_path / "drafted.yaml"
    words = ["new-robot", "--urdf", str(urdf), "--tip", "panda_hand_tcp", "--cameras", "overhead", "--name", "panda"]
    assert main([*words, "--out", str(drafted), "--json"]) == 0
    capsys.readouterr()
    shutil.copy(EXAMPLE / "panda.yaml", tmp_path)
    (tmp_path / "panda.urdf").symlink_to(urdf)
    ours, theirs = load_contract(tmp_path / "panda.yaml"), load_contract(drafted)
    assert ours.joint_names == theirs.joint_names
    same_limits(ours, theirs)
    assert main(["check", str(tmp_path / "panda.yaml")]) == 0


def same_limits(first: Contract, second: Contract) -> None:
    for name in ("lower", "upper", "velocity", "effort"):
        np.testing.assert_allclose(getattr(first.limits(), name), getattr(second.limits(), name), atol=1e-9)
