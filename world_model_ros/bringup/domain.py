"""Which corner of the network a run lives in."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping

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


def free_domain() -> int:
    """A random ROS domain whose first discovery port nobody on this machine holds."""
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # Unicast discovery port of the first participant, DDSI-RTPS 9.6.1.1.
                probe.bind(("", 7410 + 250 * domain))
            except OSError:
                continue
            return domain
    return random.choice(_DOMAINS)
