"""``world-model bench gate``: attacks the gate with invalid commands and faults, and prints what it let through."""

from __future__ import annotations

import argparse
from typing import Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import at_least, show
from world_model_ros.commands.robot_and_model import add_robot


def add_arguments(parser: Parser) -> None:
    add_robot(parser)
    parser.add_argument("--frames", type=at_least(1), default=20_000, help="commands, on exact time (%(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument(
        "--workers", type=at_least(1), default=1, help="processes that share the commands (%(default)s)"
    )
    parser.add_argument("--rate", type=_rate, help="of the gate in Hz; the contract's without it")
    parser.add_argument(
        "--no-controllers",
        action="store_true",
        help="without the trajectory controllers that follow, which take most time",
    )
    parser.add_argument(
        "--histories",
        type=at_least(0),
        default=0,
        help="of gate, controller and arm before a command (%(default)s)",
    )
    parser.add_argument("--trials", type=at_least(0), default=10, help="of each fault (%(default)s)")
    parser.add_argument(
        "--live", type=at_least(0), default=0, help="commands to a gate process over topics (%(default)s)"
    )
    parser.add_argument(
        "--arm", choices=["exact", "simulated"], default="exact", help="that live faults happen to (%(default)s)"
    )
    parser.only("with --live", lambda found: found.live, "arm")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 10.0 <= rate <= 1000.0:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected 10 to 1000 Hz")
    return rate


def run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from world_model_ros.bench.gate.campaign import at_rate, campaign, places, spread_campaign
    from world_model_ros.bench.gate.faults import detect_to_hold
    from world_model_ros.bench.gate.gate_robot import require_no_companions
    from world_model_ros.contract.contract import load_contract

    contract = at_rate(load_contract(arguments.robot), arguments.rate)
    if arguments.live:
        require_no_companions(contract)
    controllers = not arguments.no_controllers
    result: dict[str, Any]
    workers = min(arguments.workers, arguments.frames)
    if workers > 1:
        result = spread_campaign(contract, arguments.frames, arguments.seed, workers, controllers)
    else:
        with _progress(arguments.frames) as bar:
            result = campaign(contract, arguments.frames, arguments.seed, progress=bar.update, controllers=controllers)
    start, _ = places(contract, np.random.default_rng([arguments.seed, 1]))
    if arguments.histories:
        from world_model_ros.bench.gate.histories import spread_histories

        result["histories"] = spread_histories(contract, arguments.histories, start, arguments.seed, arguments.workers)
    result["detect_to_hold_ms"] = detect_to_hold(contract, start, arguments.trials, arguments.seed)
    if arguments.live:
        from world_model_ros.nodes.probes.gate_probe import live_campaign

        result["live"] = live_campaign(
            arguments.robot,
            arguments.live,
            arguments.trials,
            arguments.seed,
            simulated=arguments.arm == "simulated",
        )
    show(result, arguments.json, _lines(result))
    return 0 if _clean(result) else 1


def _progress(frames: int) -> Any:
    from world_model_ros.core.progress import progress_bar

    return progress_bar(total=frames, unit=" frames", unit_scale=True)


def _clean(result: dict[str, Any]) -> bool:
    faults = result["detect_to_hold_ms"].values()
    live = result.get("live", {}).get("violations", {})
    past = result.get("histories")
    return not any(
        (
            *result["exceeded"],
            *(past["exceeded"] if past is not None else []),
            past is not None and past["judged"] == 0,  # nothing was looked at
            *result["violations"].values(),
            *live.values(),
            *(fault["violations"] for fault in faults),
        )
    )


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['frames']} commands to the gate of {result['robot']}, {result['steps']} cycles"]
    lines += [
        f"  {kind:24} {count['sent']:9} sent {count['refused']:9} refused {count['tracked']:9} cycles tracked"
        for kind, count in result["classes"].items()
    ]
    lines.append("violations: " + ", ".join(f"{name} {count}" for name, count in result["violations"].items()))
    if result["nearest_m"] is not None:
        lines.append(f"nearest approach {result['nearest_m'] * 1e3:.1f} mm")
    lines.append(f"acceleration steps between trajectories at most {result['boundary_acc_step']:.1e} rad/s^2")
    lines.append("joint_trajectory_controller, as shares of the limits")
    lines += [
        f"  {each['version']} at {each['update_hz']:g} Hz, to {each['delay_ms']:g} ms late, {each['loss']:.0%} lost: "
        f"acceleration {each['acceleration_ratio']:.3f}, velocity {each['velocity_ratio']:.4f}, "
        f"{each['over']} of {each['updates']} updates over 1.01"
        for each in [*result["jtc"], *result["jtc_lossy"]]
    ]
    past = result.get("histories")
    if past is not None:
        lines.append(
            f"first command after {past['judged']} of {past['count']} histories: acceleration "
            f"{past['acceleration_ratio']:.3f}, velocity {past['velocity_ratio']:.4f}"
        )
    beyond = [*result["exceeded"], *(past["exceeded"] if past is not None else [])]
    lines += [f"beyond what is promised: {each}" for each in beyond]
    for kind, words in (("cycle_ms", ""), ("cycle_cpu_ms", " of CPU")):
        lines.append(
            f"a cycle takes{words} " + ", ".join(f"{name} {value:.3f} ms" for name, value in result[kind].items())
        )
    for fault, times in result["detect_to_hold_ms"].items():
        lines.append(f"{fault}: braking {times['p50']:.0f} ms after it shows, at most {times['max']:.0f} ms")
    for name, value in result.get("live", {}).items():
        lines.append(f"live {name}: {value}")
    return lines
