"""What a gate tells about itself, as data for JSON and diagnostics."""

from __future__ import annotations

from dataclasses import asdict

from world_model_ros.safety.gate import Gate


def state_report(gate: Gate) -> dict[str, object]:
    """State, its cause, and how commands were judged.

    ``refused`` counts commands that broke a rule, ``unarmed`` the lawful ones that came when nothing may move;
    ``rule`` and ``last_refusal`` are of the last one that broke a rule, or None.
    """
    refusal = gate.last_refusal
    return {
        "state": gate.state.value,
        "cause": gate.cause.value,
        "rule": refusal.rule if refusal else None,
        "refused": sum(count for rule, count in gate.counts.items() if rule not in ("accepted", "state")),
        "accepted": gate.counts["accepted"],
        "unarmed": gate.counts["state"],
        "last_refusal": asdict(refusal) if refusal else None,
    }
