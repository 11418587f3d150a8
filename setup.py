"""ament_python package: installs by pip and by colcon."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "world_model_ros"
HERE = Path(__file__).resolve().parent  # colcon runs a link to this file, in a folder without the README
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / NAME / "__init__.py").read_text(encoding="utf-8"), re.M)[1]
HOME = "https://example.org/world_model_ros"  # of the repository on its forge
COMMIT = "main" if "dev" in VERSION else f"v{VERSION}"  # that pages of a package index lead to
NODES = (
    "world_model_node",
    "command_gate_node",
    "clouds_node",
    "trajectory_player_node",
    "teleop_node",
    "future_view_node",
    "sim_robot_node",
    "arms_node",
    "recorder_node",
    "bag_player_node",
    "demo_node",
)


def data_files():
    """Everything that ament wants under share/."""
    files = [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ]
    for root in ("launch", "config", "models", "hook"):
        by_folder: dict[str, list[str]] = {}
        for path in sorted(Path(root).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                by_folder.setdefault(path.parent.as_posix(), []).append(path.as_posix())
        files += [(f"share/{NAME}/{folder}", paths) for folder, paths in by_folder.items()]
    return files


def long_description():
    """The README, with links that work from the page of a package index too."""

    def absolute(link):
        picture, words, target = link.groups()
        return f"{picture}[{words}]({HOME}/{'raw' if picture else 'blob'}/{COMMIT}/{target})"

    text = (HERE / "README.md").read_text(encoding="utf-8")
    return re.sub(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)", absolute, text)


def ros(distro):
    return [f"ros-{distro}-rclpy[fastrtps]", f"ros-{distro}-common-interfaces"]


SIM = ["mujoco>=3.2"]
# Made and tested with torch 2.13.0 (constraints.txt), whose exporter wants onnxscript.
TRAIN = ["torch>=2.9,<3", "onnx>=1.17", "onnxscript>=0.5", "onnx-ir>=0.1.7", "tensorboard"]
REPORT = ["matplotlib", "jinja2", "markupsafe"]  # report.html of a replay
LEROBOT = ["pyarrow", "av"]
# The pages of docs/ as a site, and a look at what a package index makes of the README.
DOCS = ["mkdocs>=1.6,<2", "mkdocs-material>=9.5,<10", "mkdocstrings[python]>=0.26,<2", "twine>=5"]
XACRO = ["xacro"]  # URDFs that are still xacro files; a ROS installation brings its own
# What OGBench builds upon has no wheels for 3.13.
BENCHMARKS = [f"{name}; python_version < '3.13'" for name in ("ogbench>=1.2", "gymnasium")]
DDS = ["cyclonedds>=11"]  # motors of humanoids, past ROS
VIEW = ["viser>=1.1", "av"]  # the web page, and films

setup(
    name=NAME,
    version=VERSION,
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "bags/replay/*.j2"]},
    data_files=data_files(),
    python_requires=">=3.10,<3.14",
    install_requires=[
        "setuptools",
        "numpy",
        "pydantic>=2",
        "PyYAML",
        "pin>=3",
        "ruckig",
        "rosbags>=0.11.9,<0.12",  # its MCAP storage is built upon
        "ruamel.yaml.clib",  # YAML of rosbags three times as fast: short bags open sooner
        "lz4",
        "backports.zstd; python_version < '3.14'",
        "scipy",
        "tqdm",
    ],
    # OpenCV is not among them: pip would put a build of its own over the one that a user or a distribution chose.
    extras_require={
        "opencv": ["opencv-python"],
        "opencv-headless": ["opencv-python-headless"],
        "ros-jazzy": ros("jazzy"),
        "ros-kilted": ros("kilted"),
        "cpu": ["onnxruntime>=1.20"],
        "gpu": ["onnxruntime-gpu[cuda,cudnn]>=1.20"],
        "sim": SIM,
        "train": TRAIN,
        "report": REPORT,
        "lerobot": LEROBOT,
        "xacro": XACRO,
        "view": VIEW,
        "dds": DDS,
        "benchmarks": BENCHMARKS,
        "docs": DOCS,
        "test": [
            *XACRO,
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "hypothesis",
            "mypy",
            "ruff",
            "import-linter",
            "types-PyYAML",
            "mcap",
            "playwright",
        ],
    },
    zip_safe=True,
    maintainer="world_model_ros maintainers",
    maintainer_email="maintainers@example.org",
    description="A world-model brain for ROS 2 robots, behind a gate that can always stop it.",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    url=HOME,
    project_urls={
        "Documentation": f"{HOME}/blob/{COMMIT}/docs",
        "Source": HOME,
        "Issues": f"{HOME}/issues",
        "Changelog": f"{HOME}/blob/{COMMIT}/CHANGELOG.rst",
    },
    keywords="robotics ros2 world-model model-predictive-control onnx multimodal",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Manufacturing",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    license="Apache-2.0",
    license_files=["LICENSE"],
    entry_points={
        "console_scripts": [
            "world-model = world_model_ros.cli:main",
            *(f"{node} = {NAME}.nodes.entry:{node}" for node in NODES),
        ]
    },
)
