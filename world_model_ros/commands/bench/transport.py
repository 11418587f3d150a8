"""``world-model bench transport``: sends images between two processes, and prints how many arrive and how late."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=60, help="images of each case (%(default)s)")
    parser.add_argument("--rate", type=float, default=30.0, help="images a second (%(default)s)")
    parser.add_argument("--sizes", default="640x480,1080p", help="comma separated (%(default)s)")
    parser.add_argument("--shipped", action="store_true", help="only with what is shipped, as contracts ask for it")


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 only if every image arrived that was sent with what is shipped."""
    from world_model_ros.bench.report import report
    from world_model_ros.bench.speed.transport import SIZES, cases, run_case, summary
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar

    sizes = [size for size in arguments.sizes.split(",") if size]
    for size in sizes:
        if size not in SIZES:
            raise UserError("sizes", size, f"a comma separated list of {list(SIZES)}")
    for name in ("frames", "rate"):
        if not getattr(arguments, name) > 0:
            raise UserError(name, getattr(arguments, name), "more than 0")
    wanted = cases(sizes, arguments.shipped)
    found = [run_case(case, arguments.frames, arguments.rate) for case in progress_bar(wanted, unit="case")]
    result = report(repeats=arguments.frames, rate_hz=arguments.rate, **summary(found))
    show(result, arguments.json, [_line(case) for case in found])
    return 0 if result["delivered"] == result["sent"] > 0 else 1


def _line(case: dict[str, Any]) -> str:
    times = case["latency_ms"]
    late = "" if times is None else f", {times['p50']:.1f} ms late (p99 {times['p99']:.1f})"
    way = f"{case['size']:8} {case['profile']:8} {case['reliability']:12}"
    return f"{way} {case['delivered']} of {case['sent']} arrived{late}"
