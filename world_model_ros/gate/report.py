"""State of a gate as data, for JSON and diagnostics."""

from __future__ import annotations

from dataclasses import asdict

from world_model_ros.gate.gate import Gate


def state_report(gate: Gate) -> dict[str, object]:
    """State, its cause, since when (ns on the ROS clock), and how commands were judged.

    ``refused`` counts commands that broke a rule, ``unarmed`` the valid ones that came when nothing may move;
    ``rule`` and ``last_refusal`` are of the last one that broke a rule, or None. ``near`` is the pair of parts that
    slows or forbids the newest command, a joint and its limit, or None; ``collision_pairs`` is how many are watched, 0
    without any geometry. ``driver`` is what the robot's driver says, in words, ``speed_scale`` the share of the speed
    that a person has set, ``heard`` whether a controller listens (as of when motion was to begin).
    """
    refusal = gate.last_refusal
    distances = gate.collision.distances if gate.collision is not None else None
    return {
        "state": gate.state.value,
        "cause": gate.cause.value,
        "since_ns": gate.machine.since_ns,
        "rule": refusal.rule if refusal else None,
        "refused": sum(count for rule, count in gate.counts.items() if rule not in ("accepted", "state")),
        "accepted": gate.counts["accepted"],
        "unarmed": gate.counts["state"],
        "last_refusal": asdict(refusal) if refusal else None,
        "near": gate.look.pair,
        "driver": gate.driver.words,
        "speed_scale": gate.speed_scale,
        "heard": gate.heard,
        "collision_pairs": len(distances.pairs) if distances is not None else 0,
    }
