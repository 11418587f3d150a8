"""The names of the package, and the examples of docs/python.md, run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import world_model_ros as wm

DOCUMENT = Path(__file__).parents[1] / "docs" / "python.md"
SECTIONS = DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]
BLOCK = re.compile(r"```python(?: file=(\S+))?\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run, with the bag that the page's own command makes."""
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra: sim)")
    place = tmp_path_factory.mktemp("examples")
    (command,) = re.findall(r"^world-model (collect .+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    words = [sys.executable, "-m", "world_model_ros.cli", *command.split()]
    subprocess.run(words, cwd=place, check=True, timeout=390)
    return place


def test_each_example_says_first_what_it_prints() -> None:
    for section in SECTIONS:
        before = ""
        for part in re.split(r"(```python.*?```)", section, flags=re.DOTALL):
            if part.startswith("```python"):
                assert "prints" in before.rpartition("```")[2], part
            before = part


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_examples_run_as_they_stand_one_after_the_other(folder: Path) -> None:
    said = [run(section, folder) for section in SECTIONS]
    believed = np.array([float(each) for each in re.findall(r"believed at \[(.*?)\]", said[0])[0].split()])
    true, printed = true_place(folder / "out" / "bags" / "episode_00000"), re.findall(r"near `\[(.*?)\]`", SECTIONS[0])
    np.testing.assert_allclose(believed, true, atol=0.04)
    np.testing.assert_allclose([float(each) for each in printed[0].split()], true, atol=0.04)
    assert said[1].split()[0] == "watch"
    assert "gentle:Gentle" in said[2]
    state, refusal, *moved = said[3].replace("[", " ").replace("]", " ").split()
    assert (state, refusal) == ("State.TRACKING", "None")
    assert min(float(each) for each in moved) > 0.005
    ours, mine = (float(each) for each in re.findall(r"off by (\S+) rad", said[4]))
    assert ours < mine


def true_place(bag: Path) -> np.ndarray:
    """Where the label of a bag has the object at its last tick, (3,) m."""
    with wm.BagReader(bag) as reader:
        *_, last = wm.BagTicks(reader, wm.load_contract("tabletop_arm"))
    return np.asarray(last.labels["object_0_truth"][:3])


def run(section: str, folder: Path) -> str:
    """What the code of a section prints."""
    said = ""
    for file, code in BLOCK.findall(section):
        script = folder / (file or "example.py")
        script.write_text(code, encoding="utf-8")
        if file:
            continue
        done = subprocess.run([sys.executable, script.name], cwd=folder, capture_output=True, text=True, timeout=390)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    assert said.strip()
    return said


def test_every_name_is_there_and_says_what_it_is() -> None:
    assert len(SECTIONS) == 5
    for name in wm.__all__:
        value = getattr(wm, name)
        if name != "__version__":
            assert value.__doc__, name
    assert set(wm.__all__) <= set(dir(wm))
    with pytest.raises(AttributeError, match=r"world_model_ros.*no attribute 'Brian'"):
        _ = wm.Brian


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, world_model_ros; print(*sorted({'numpy', 'torch', 'onnxruntime', 'rclpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
