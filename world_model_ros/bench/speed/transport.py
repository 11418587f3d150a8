"""``world-model bench transport``: measures loss and latency of images between processes, by middleware settings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from world_model_ros.bench.speed.timing import spread
from world_model_ros.bringup.domain import local_environment, middleware_environment
from world_model_ros.contract.field_types import Qos
from world_model_ros.core.errors import UserError

SIZES = {"640x480": (640, 480), "1080p": (1920, 1080)}
SHIPPED = "shipped"
_PATIENCE_S = 40.0


@dataclass(frozen=True)
class Case:
    """One way of sending images.

    Args:
        size: a key of `SIZES`.
        profile: ``default`` settings of the middleware; ``shipped``, of a camera driver and a node of the launch files;
            ``demo``, what runs on loopback have.
        qos: of both sides.
    """

    size: str
    profile: str
    qos: Qos


def cases(sizes: Sequence[str], only_shipped: bool = False) -> list[Case]:
    """All settings, best effort as many drivers send and reliable as contracts ask for."""
    ways = [
        ("default", Qos(reliability="best_effort")),
        ("default", Qos()),
        ("demo", Qos()),
        (SHIPPED, Qos(reliability="best_effort")),
        (SHIPPED, Qos()),
    ]
    return [Case(size, *way) for size in sizes for way in (ways[-1:] if only_shipped else ways)]


def run_case(case: Case, frames: int, rate_hz: float) -> dict[str, Any]:
    """Send ``frames`` images at a rate from one process to another, on loopback in a domain of their own.

    Returns:
        ``delivered``, ``sent``, ``latency_ms`` from before publishing to the callback, ``publish_ms``.

    Raises:
        UserError: a process failed.
    """
    environment = local_environment()
    for name in middleware_environment("camera", {}):  # the user's own choice is not the middleware's default
        environment.pop(name, None)
    files: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "default": ({}, {}),
        "demo": (middleware_environment("camera", environment), middleware_environment("shared_memory", environment)),
        SHIPPED: (middleware_environment("camera", {}), middleware_environment("shared_memory", {})),
    }  # the shipped ones as if this were not loopback
    sender, hearer = files[case.profile]
    width, height = SIZES[case.size]
    words = [str(each) for each in (width, height, frames, rate_hz, case.qos.reliability, case.qos.depth)]
    both = [_start("hear", words, environment | hearer), _start("send", words, environment | sender)]
    try:
        heard, sent = (_finish(process) for process in both)
    finally:
        for process in both:
            process.kill()
            process.wait()
    return {
        "size": case.size,
        "profile": case.profile,
        "reliability": case.qos.reliability,
        "delivered": heard["delivered"],
        "sent": sent["sent"],
        "latency_ms": spread(heard["latency_ms"]) if heard["latency_ms"] else None,
        "publish_ms": spread(sent["publish_ms"]) if sent["publish_ms"] else None,
    }


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``delivered`` and ``sent`` of all cases with what is shipped, as contracts ask for it; ``stages_ms`` of all."""
    ours = [case for case in found if case["profile"] == SHIPPED and case["reliability"] == "reliable"]
    stages = {
        f"{case['size']} {case['profile']} {case['reliability']}": case["latency_ms"]
        for case in found
        if case["latency_ms"] is not None
    }
    return {
        "delivered": sum(case["delivered"] for case in ours),
        "sent": sum(case["sent"] for case in ours),
        "stages_ms": stages,
        "cases": list(found),
    }


def _start(role: str, words: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "world_model_ros.nodes.probes.image_probe", role, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(environment))


def _finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process printed. Raises `UserError` if it failed or never ended; what it said is on standard error."""
    legal = "a machine with rclpy, whose processes hear each other on loopback"
    try:
        printed, _ = process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise UserError("transport", f"no end after {_PATIENCE_S:.0f} s", legal) from error
    if process.returncode:
        raise UserError("transport", f"a process ended with status {process.returncode}", legal)
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found
