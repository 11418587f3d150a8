"""`pip install .`: the wheel alone, in a new virtual environment, has all that its commands look for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from arm_bag import write_arm_bag

from world_model_ros.contract.contract import Contract

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "package.xml", "README.md", "LICENSE", "CHANGELOG.rst")
FOLDERS = ("world_model_ros", "config", "launch", "models", "hook", "resource")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of a copy, so that no build folder is left in the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    done = subprocess.run(build, cwd=folder, env=bare(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (made,) = (folder / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment: the wheel is its own, what it depends on is borrowed."""
    folder = tmp_path_factory.mktemp("new") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(install, env=bare(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    here = Path(sysconfig.get_paths()["purelib"])
    # After the new environment's own folder, and without .pth files: those would lead to the sources.
    borrowed = [here, *here.glob("cmeel.prefix/lib/python3*/site-packages")]
    (site / "borrowed.pth").write_text("\n".join(map(str, borrowed)) + "\n", encoding="utf-8")
    return folder


def bare() -> dict[str, str]:
    """The environment without what would lead to the sources or to a ROS."""
    lead = ("PYTHONPATH", "AMENT_PREFIX_PATH", "LD_LIBRARY_PATH", "ROS_DISTRO", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in lead}


def blocked(folder: Path, *modules: str) -> Path:
    """A folder that makes modules missing for whoever has it on PYTHONPATH."""
    folder.mkdir()
    for name in modules:
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n")
    return folder


def run(environment: Path, *words: object, ok: tuple[int, ...] = (0,), **changed: str) -> str:
    command = [str(environment / "bin" / "world-model"), *map(str, words)]
    done = subprocess.run(
        command, cwd=environment, env=bare() | changed, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in ok, f"{words}: {done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_the_wheel_stays_small_enough_for_a_package_index(wheel: Path) -> None:
    assert wheel.stat().st_size < 60e6


def test_its_own_share_folder_is_found(installed: Path) -> None:
    found = json.loads(run(installed, "info", "--json"))
    assert Path(found["share"]) == installed / "share" / "world_model_ros"
    assert {"tabletop_arm", "unitree_g1"} <= set(found["robots"])
    assert "tabletop_arm" in found["models"]


def test_every_command_that_needs_no_simulator_works(installed: Path, tmp_path: Path, contract: Contract) -> None:
    """Neither the simulator nor PyTorch is there."""
    bag, out = tmp_path / "bag", tmp_path / "out"
    write_arm_bag(bag, contract, 2.5)
    without = {"PYTHONPATH": str(blocked(tmp_path / "blocked", "mujoco", "torch", "onnx"))}
    robot = ("--robot", "tabletop_arm")
    run(installed, "check", "tabletop_arm", *robot, **without)
    run(installed, "new-robot", "--urdf", installed / "share/world_model_ros/config/robots/tabletop_arm.urdf",
        "--tip", "fingertip", "--out", tmp_path / "new.yaml", **without)  # fmt: skip
    run(
        installed, "latency", bag, *robot, ok=(0, 1, 2), **without
    )  # this arm hardly moves: it may say that it cannot tell
    run(installed, "replay", bag, *robot, "--out", out / "replay", **without)
    run(installed, "ask", "future", bag, *robot, "--out", out / "ask.png", **without)
    run(installed, "view", bag, *robot, "--png", out / "view.png", **without)
    run(installed, "export-lerobot", bag, "--contract", "tabletop_arm", "--out", out / "set", **without)
    # It gets as far as this robot, whose joints have velocities.
    said = run(
        installed,
        "import-lerobot",
        out / "set",
        "--contract",
        "tabletop_arm",
        "--out",
        out / "bags",
        ok=(2,),
        **without,
    )
    assert "LeRobot has no other" in said
    forecasts = ("--bags", bag, *robot, "--stride", 9)
    run(installed, "evaluate", "calibration", *forecasts, **without)
    run(installed, "bench", "plan", "--parts", "none", "--repeats", 2, **without)


def test_without_opencv_there_is_one_line_that_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    without = {"PYTHONPATH": str(blocked(tmp_path / "blocked", "cv2"))}
    said = run(installed, "view", "no_bag", "--png", "x.png", ok=(2,), **without)
    assert "opencv-python-headless" in said
    assert "opencv-python," in said
    assert len(said.strip().splitlines()) == 1


def test_without_its_share_folder_it_says_where_it_looked(installed: Path) -> None:
    share, away = installed / "share" / "world_model_ros", installed / "share" / "elsewhere"
    share.rename(away)
    try:
        said = run(installed, "check", "tabletop_arm", ok=(2,))
    finally:
        away.rename(share)
    assert f"{share}/config" in said
    assert len(said.strip().splitlines()) == 1
