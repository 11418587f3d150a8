"""``world-model bench plan``: times a model's planner and other planners next to it, and prints times and ratios."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_model, add_robot, contract_and_bundle

PARTS = ("pytorch", "scaling", "versus", "gemm")  # need torch
ALONE = ("settings",)  # does not


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    add_model(parser)
    parser.add_argument("--threads", type=int, default=1, help="on the CPU, of ONNX Runtime and PyTorch (%(default)s)")
    parser.add_argument("--repeats", type=int, default=100, help="of each time (%(default)s)")
    parser.add_argument(
        "--parts",
        help="what is timed in addition to the bundle's own graph: comma separated, of"
        f" {', '.join((*ALONE, *PARTS))}, which need torch but for {ALONE[0]}; 'none'; without it all that can be",
    )
    parser.add_argument(
        "--size", metavar="NxHxI", help="also a plan of so many candidates x steps x iterations (torch)"
    )
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile, which takes a minute or more")
    parser.only("with the part pytorch", lambda found: "pytorch" in _parts(found.parts), "no_compile")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.bench.report import report
    from world_model_ros.bench.speed.exported import need_torch
    from world_model_ros.bench.speed.plan import settings, shipped_plan
    from world_model_ros.brain.brain import Brain
    from world_model_ros.bundle.bundle import by_chunks
    from world_model_ros.bundle.provider import provider_named
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar

    for name in ("threads", "repeats"):
        if getattr(arguments, name) < 1:
            raise UserError(name, getattr(arguments, name), "1 or more")
    parts, size, notes = _parts(arguments.parts), _size(arguments.size), []
    try:
        if set(parts) & set(PARTS) or size:
            need_torch()
    except UserError as error:
        if arguments.parts is not None or size:
            raise
        parts, notes = ALONE, [f"without {', '.join(PARTS)}: {error}"]
    contract, bundle = contract_and_bundle(arguments)
    if arguments.parts is None and not size and by_chunks(bundle) and parts != ALONE:
        parts, notes = ALONE, [f"without {', '.join(PARTS)}: a model that plans by chunks is not made anew"]
    provider = str(provider_named(arguments.provider))
    found: dict[str, Any] = shipped_plan(bundle, contract, provider, arguments.threads, arguments.repeats)
    if "settings" in parts:
        found = _joined(found, settings(bundle, contract, arguments.repeats))
    if set(parts) & set(PARTS) or size:
        from world_model_ros.bench.speed.plan_compared import PlanComparison

        brain = Brain(bundle, contract, provider, arguments.threads)
        comparison = PlanComparison(brain, provider, arguments.threads, arguments.repeats)
        if size:
            found = _joined(found, comparison.size(*size))
        wanted = [each for each in parts if each in PARTS]
        for part in progress_bar(wanted, desc="pytorch takes minutes", unit="part"):
            more = comparison.pytorch(not arguments.no_compile) if part == "pytorch" else getattr(comparison, part)()
            found = _joined(found, more)
    about = {"robot": contract.name, "model": bundle.manifest.name, "provider": provider}
    sizes = bundle.manifest.sizes
    about["plan"] = f"{sizes.candidates} candidates x {sizes.horizon} steps x {sizes.iterations} iterations"
    counts = {"threads": arguments.threads, "repeats": arguments.repeats}
    found["notes"] = [*notes, *found.get("notes", [])]
    result = report(**about, **counts, **found)
    show(result, arguments.json, _lines(result))
    return 0


def _parts(text: str | None) -> tuple[str, ...]:
    from world_model_ros.core.errors import UserError

    if text is None:
        return (*ALONE, *PARTS)
    parts = tuple(part for part in text.split(",") if part and part != "none")
    for part in parts:
        if part not in (*ALONE, *PARTS):
            raise UserError("parts", part, f"a comma separated list of {[*ALONE, *PARTS]}, or none")
    return parts


def _size(text: str | None) -> tuple[int, ...]:
    """``512x12x5``: candidates, steps, iterations."""
    from world_model_ros.core.errors import UserError

    if text is None:
        return ()
    words = text.split("x")
    if len(words) != 3 or not all(word.isdigit() and int(word) for word in words):
        raise UserError("size", text, "candidates x steps x iterations, such as 512x12x5")
    return tuple(int(word) for word in words)


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both; mappings and lists of the same name are joined, and of a stage the first times are kept."""
    joined = dict(one)
    for name, value in other.items():
        if isinstance(value, dict):
            joined[name] = value | joined.get(name, {})
        elif isinstance(value, list):
            joined[name] = [*joined.get(name, []), *value]
        else:
            joined[name] = value
    return joined


def _lines(result: dict[str, Any]) -> list[str]:
    lines: list[str] = [f"{result['model']}: {result['plan']}, {result['provider']}, {result['threads']} threads"]
    for name, times in result["stages_ms"].items():
        lines.append(f"  {name:16} {times['p50']:10.3f} ms   quartiles {times['p25']:.3f} to {times['p75']:.3f}")
    for name in ("speedup_eager", "speedup_compiled", "gemm_fraction"):
        if result[name] is not None:
            lines.append(f"{name}: {result[name]}")
    lines += [f"takes {value} times as long: {name}" for name, value in (result["scaling"] | result["versus"]).items()]
    return [*lines, *result["notes"]]
