"""A package that is not installed is answered with what brings it, the same from Python and from the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

import world_model_ros as wm
from world_model_ros.core.installation.missing import imported

LINE = "torch: got 'not installed'; expected pip install '.[train]'"
WITHOUT = "import sys; sys.modules[{module!r}] = None; import world_model_ros as wm\n"


def said(code: str, module: str) -> str:
    """What a program says that does without a module."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(module=module) + code], capture_output=True, text=True, timeout=100
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("name", "module", "extras"),
    [
        ("train", "torch", ["train"]),
        ("export", "torch", ["train"]),
        ("PlanConfig", "torch", ["train"]),
        ("write_bundle", "onnx", ["train"]),
        ("Brain", "onnxruntime", ["cpu", "gpu"]),
        ("replay", "cv2", ["opencv-headless", "opencv"]),
    ],
)
def test_a_name_whose_extra_is_not_installed_says_which_one_it_is(name: str, module: str, extras: list[str]) -> None:
    code = f"try:\n    wm.{name}\nexcept wm.UserError as error:\n    print(error.field, error.value, error.legal)"
    field, rest = said(code, module).split(" ", 1)
    assert field == module
    assert rest.startswith("not installed pip install ")
    assert [extra for extra in extras if f"'.[{extra}]'" not in rest] == []
    assert len(rest.splitlines()) == 1


def test_the_command_line_says_the_same() -> None:
    code = "from world_model_ros.cli import main\nmain(['export', 'tabletop_arm', '--out', 'y'])"
    assert said(code, "torch") == f"world-model export: {LINE}"
    assert LINE in said("wm.train", "torch")


def test_a_module_that_no_extra_brings_is_a_mistake_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError):
        imported("world_model_ros.nothing")
    with pytest.raises(wm.UserError, match=r"robot_msgs: got 'not installed'; expected .*'\.\[ros-jazzy\]'.*sourced"):
        imported("robot_msgs.msg")
