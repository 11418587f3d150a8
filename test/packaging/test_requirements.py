"""What setup.py, package.xml, docs and scripts say that the package needs is what its modules import."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from setup_arguments import setup_arguments

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "world_model_ros"

# Module -> distribution, where the names differ; pin brings its own coal and eigenpy.
DISTRIBUTION = {
    "cv2": "opencv",
    "yaml": "pyyaml",
    "pydantic_core": "pydantic",  # of one version with it
    "onnx_ir": "onnx-ir",
    "pinocchio": "pin",
    "coal": "pin",
    "eigenpy": "pin",
    "compression": "",  # Python's own from 3.14 on
}
# Imported by no module of ours, and why it is asked for.
FOR_OTHERS = {
    "setuptools": "console scripts of develop installs",
    "ruamel.yaml.clib": "rosbags reads YAML three times as fast with it",
    "tensorboard": "torch.utils.tensorboard",
    "onnxruntime-gpu": "the module onnxruntime",
    "opencv-python": "the module cv2",
    "opencv-python-headless": "the module cv2",
}
# Modules that a contract with xacro takes whichever of is there.
ANY_OF = {"xacro", "xacrodoc"}


class Asked:
    """The arguments of setup()."""

    def __init__(self) -> None:
        found = setup_arguments()
        self.base: list[str] = found["install_requires"]
        self.extras: dict[str, list[str]] = found["extras_require"]

    def everything(self) -> list[str]:
        return [
            *self.base,
            *(each for name, extra in self.extras.items() if name not in ("test", "docs") for each in extra),
        ]


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return match[0].lower()


def imported() -> dict[str, set[str]]:
    """Third-party modules, and who imports them."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            for name in names:
                top = name.split(".")[0]
                top = ".".join(name.split(".")[:2]) if top == "backports" else top
                if top not in sys.stdlib_module_names and top != PACKAGE:
                    found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    found.pop("backports", None)  # `from backports import zstd` is found below by its distribution
    return found


def of_ros(module: str) -> bool:
    return module in {"rclpy", "launch", "launch_ros", "ament_index_python"} or module.endswith(
        ("_msgs", "_srvs", "_interfaces")
    )


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = {name_of(each) for each in Asked().everything()}
    modules = imported()
    assert len(modules) > 30
    wanted = {DISTRIBUTION.get(module, module) for module in modules if not of_ros(module)} - ANY_OF - {"", "opencv"}
    assert wanted - declared == set()
    wheels = {each for each in declared if each.startswith("ros-")}
    assert declared - wanted - wheels - set(FOR_OTHERS) - ANY_OF - {"backports.zstd"} == set()


def test_opencv_is_the_users_choice() -> None:
    asked = Asked()
    assert not [each for each in asked.base if "opencv" in each]
    for extra, name in (("opencv", "opencv-python"), ("opencv-headless", "opencv-python-headless")):
        assert [name_of(each) for each in asked.extras[extra]] == [name]


def test_torch_is_a_range_of_which_setup_takes_one() -> None:
    (torch,) = (each for each in Asked().extras["train"] if name_of(each) == "torch")
    assert re.fullmatch(r"torch>=2\.\d+,<3", torch)
    least = tuple(map(int, re.findall(r"\d+", torch)[:2]))
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    (taken,) = (re.fullmatch(r"torch==(\d+)\.(\d+)\.(\d+)", line) for line in pins)
    assert taken is not None
    assert least <= (int(taken[1]), int(taken[2])) < (3, 0)
    assert "-c constraints.txt" in (ROOT / "scripts" / "setup").read_text()


def test_the_page_on_installing_and_setup_ask_for_the_same_versions() -> None:
    asked = {name_of(each): each.split(";")[0].strip().lower() for each in Asked().everything()}
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.split("#")[0] for line in text.splitlines() if line.startswith("pip install ") and " ." not in line]
    assert len(lines) == 1
    words = re.findall(r"'[^']+'|\S+", lines[0].removeprefix("pip install "))
    said = {name_of(word.strip("'")): word.strip("'").lower() for word in words}
    assert {name: asked.get(name) for name in said} == said
    # What a distribution brings is in package.xml.
    brought = {"setuptools", "numpy", "pyyaml", "tqdm"}
    assert {name_of(each) for each in Asked().base} - brought <= set(said)


def test_every_extra_that_is_named_exists() -> None:
    named: set[str] = set()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        if path.exists():
            found = re.findall(r"pip install '\.\[([\w,-]+)\]'", path.read_text(encoding="utf-8"))
            named |= {extra for each in found for extra in each.split(",")}
    assert len(named) > 4
    assert named <= set(Asked().extras)


def test_the_page_on_installing_has_every_extra() -> None:
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == set(Asked().extras)
