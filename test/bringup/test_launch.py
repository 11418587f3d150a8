"""The launch files describe the list of processes (needs a ROS with launch; the wheels have none)."""

import importlib.util
from pathlib import Path

import pytest

launch = pytest.importorskip("launch.actions", reason="ROS launch is not installed here: launch files not tried")

from world_model_ros.core.installation.share_folder import share_folder  # noqa: E402


@pytest.mark.parametrize("name", ["bringup", "sim"])
def test_a_launch_file_starts_what_the_list_says(name: str):
    path = Path(share_folder("launch")) / f"{name}.launch.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    description = module.generate_launch_description()
    context = __import__("launch").LaunchContext()
    names = {argument.name for argument in description.get_launch_arguments()}
    assert {"robot", "model", "provider", "rviz", "use_sim_time", "record", "shadow"} <= names
    started = []
    for entity in description.entities:
        started += entity.execute(context) or []
    assert "world_model_node" in {node.node_executable for node in started}
