"""Builds reports of a gate for JSON and diagnostics: state, cause, how commands were judged, and the gate's owner."""

from __future__ import annotations

from dataclasses import asdict

from world_model_ros.gate.conditions.ownership import OWNER, UNBROKEN, Ownership
from world_model_ros.gate.gate import Gate
from world_model_ros.gate.motion.collision import Collision


def state_report(gate: Gate) -> dict[str, object]:
    """State, its cause, since when (ns on the ROS clock), and how commands were judged.

    ``refused`` counts commands that broke a rule, ``unarmed`` the valid ones that came when nothing may move,
    ``not_owner`` those of a source that does not own the gate; ``rule`` and ``last_refusal`` are of the last one that
    broke a rule, or None. ``owner`` is who may move the robot, or None; ``sources`` says of each source how its
    commands were judged. ``near`` is the pair of parts that slows or forbids the newest command, a joint and its limit,
    or None; ``collision_pairs`` is how many are watched, 0 without any geometry; ``clouds`` has ``points`` and their
    ``radius_m`` of each cloud. ``driver`` is what the robot's driver
    says, in words, ``speed_scale`` the share of the speed that a person has set, ``heard`` whether a controller listens
    (as of when motion was to begin), ``led_in`` whether it has been led to where motion begins since the gate was
    armed, before which no command moves the robot.
    """
    refusal = gate.last_refusal
    distances = gate.collision.distances if gate.collision is not None else None
    return {
        "state": gate.state.value,
        "cause": gate.cause.value,
        "since_ns": gate.machine.since_ns,
        "rule": refusal.rule if refusal else None,
        "refused": sum(count for rule, count in gate.counts.items() if rule not in UNBROKEN),
        "accepted": gate.counts["accepted"],
        "unarmed": gate.counts["state"],
        "not_owner": gate.counts[OWNER],
        "owner": gate.ownership.owner,
        "sources": _sources(gate.ownership),
        "last_refusal": asdict(refusal) if refusal else None,
        "near": gate.look.pair,
        "clouds": {} if gate.collision is None else _clouds(gate.collision),
        "driver": gate.driver.words,
        "speed_scale": gate.speed_scale,
        "heard": gate.heard,
        "led_in": gate.led_in,
        "collision_pairs": len(distances.pairs) if distances is not None else 0,
    }


def _clouds(collision: Collision) -> dict[str, object]:
    return {name: {"points": count, "radius_m": radius_m} for name, (count, radius_m) in collision.seen.items()}


def _sources(ownership: Ownership) -> list[dict[str, object]]:
    """Of each source, how its commands were judged."""
    told: list[dict[str, object]] = []
    for name, source in ownership.sources.items():
        counts, refusal = ownership.counts[name], ownership.refusals.get(name)
        told.append(
            {
                "name": name,
                "kind": source.kind,
                "accepted": counts["accepted"],
                "refused": sum(count for rule, count in counts.items() if rule not in UNBROKEN),
                "unarmed": counts["state"],
                "not_owner": counts[OWNER],
                "rule": refusal.rule if refusal else None,
            }
        )
    return told


def owner_report(ownership: Ownership) -> dict[str, object]:
    """Who owns the gate since when (ns on the ROS clock), who takes over next, and why a request was refused.

    ``owner`` and ``asked`` are names, None for no source; ``asked`` is the owner where nothing changes. ``legal`` are
    the sources that may be asked for, ``refused`` is why the newest request was refused, or None.
    """
    asked = ownership.asked
    return {
        "owner": ownership.owner,
        "since_ns": ownership.since_ns,
        "asked": ownership.owner if asked is None else asked.name,
        "legal": [source.name for source in ownership.sources.values() if source.moves],
        "refused": None if ownership.refused is None else str(ownership.refused),
    }
