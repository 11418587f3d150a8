"""Nodes as processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def start_node() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a node as its executable does, with ROS parameters (``name:=value``), and kills it in the end."""
    started: list[subprocess.Popen[str]] = []

    def start(node: str, *parameters: str) -> subprocess.Popen[str]:
        words = [word for each in parameters for word in ("-p", each)]
        program = f"from world_model_ros.nodes.entry import {node}; {node}()"  # as its executable does
        command = [sys.executable, "-c", program, "--ros-args", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
