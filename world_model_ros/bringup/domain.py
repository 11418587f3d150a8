"""Environment variables of ROS and Fast DDS for a run: a free domain, loopback only, and a Fast DDS profile."""

from __future__ import annotations

import importlib.util
import os
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from world_model_ros.core.installation.share_folder import share_folder

_FASTDDS_2, _FASTDDS_3 = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
_LOOPBACK = "loopback.xml"
_WITH_FASTDDS_2 = ("humble", "iron", "jazzy")
_DOMAINS = range(1, 101)  # above 101, ports meet Linux's ephemeral range


def local_environment(current: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment for processes that talk over loopback only.

    A ROS_DOMAIN_ID of the user's is kept; without one a free domain is drawn, so that two runs on a machine do not
    meet.
    """
    environment = dict(os.environ if current is None else current)
    environment.setdefault("ROS_DOMAIN_ID", str(free_domain()))
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    environment.pop("ROS_LOCALHOST_ONLY", None)  # the older switch would win
    environment.setdefault("PYTHONUNBUFFERED", "1")  # so that a log has what its process printed before it died
    return environment


def middleware_environment(profile: str, current: Mapping[str, str] | None = None) -> dict[str, str]:
    """What makes Fast DDS take a file of ``config/fastdds``, as variables; nothing if the user has chosen profiles.

    There is a folder for each version of Fast DDS: their words for the same settings differ.

    Args:
        profile: ``shared_memory``, ``camera`` or ``gate``; on loopback all become ``loopback``.
        current: the environment as it is.
    """
    environment = os.environ if current is None else current
    folder = share_folder("config") / "fastdds"
    chosen = [Path(environment[name]) for name in (_FASTDDS_2, _FASTDDS_3) if environment.get(name)]
    if any(path.parent.parent != folder for path in chosen):  # one of ours, exported for other processes, is no choice
        return {}
    local = (
        environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE") == "LOCALHOST" or environment.get("ROS_LOCALHOST_ONLY") == "1"
    )
    also: dict[str, str] = {}
    if local or any(path.name == _LOOPBACK for path in chosen):
        # With LOCALHOST rmw_fastrtps would add shared memory; this profile keeps to loopback by itself.
        # The older switch is only turned off where it is on: whoever sets it at all is warned by every process.
        profile, also = _LOOPBACK.removesuffix(".xml"), {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT"}
        if environment.get("ROS_LOCALHOST_ONLY") == "1":
            also["ROS_LOCALHOST_ONLY"] = "0"
    wheels = [name for name in ("fastrtps", "fastdds") if importlib.util.find_spec(name) is not None]
    older = wheels == ["fastrtps"] if wheels else environment.get("ROS_DISTRO") in _WITH_FASTDDS_2
    variable, version = (_FASTDDS_2, "2") if older else (_FASTDDS_3, "3")
    return {variable: str(folder / version / f"{profile}.xml"), **also}


@contextmanager
def talking_in(environment: Mapping[str, str]) -> Iterator[None]:
    """What ROS and Fast DDS read from this process's environment, taken from another one for as long as this holds.

    Contexts and the first of their nodes, both made meanwhile, keep it.
    """
    named = {name: value for name, value in environment.items() if name.startswith(("ROS_", "FASTDDS_", "FASTRTPS_"))}
    before = {name: os.environ.get(name) for name in named}
    os.environ.update(named)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def free_domain() -> int:
    """A random ROS domain whose first discovery port is free on this machine."""
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # Unicast discovery port of the first participant, DDSI-RTPS 9.6.1.1.
                probe.bind(("", 7410 + 250 * domain))
            except OSError:
                continue
            return domain
    return random.choice(_DOMAINS)
