"""The live part of `world-model bench gate`: a gate process under attack over real topics."""

from __future__ import annotations

from world_model_ros.nodes.probes.gate_probe import live_campaign


def test_nothing_comes_through_a_gate_process_and_it_brakes_when_brain_or_joint_states_are_lost() -> None:
    found = live_campaign("tabletop_arm", frames=150, trials=1, seed=1, seconds=5.0, simulated=True)
    assert found["sent"] == 150
    assert found["refused"] >= found["invalid"] > 20
    assert found["trajectories"] > 100
    assert set(found["violations"].values()) == {0}
    # On exact time this is 1e-13. Stamps are whole nanoseconds, and a join within 1e-7 s of a point is amid a segment.
    assert found["boundary_acc_step"] < 1e-4
    assert 0 < found["cycle_ms"]["p50"] <= found["cycle_ms"]["p99"]
    causes = {name: set(times["causes"]) for name, times in found["detect_to_hold_ms"].items()}
    # A machine that starves the simulated arm too makes its joint states old before the silence is long enough.
    silent = [causes["brain_sigkill"], causes["brain_sigstop"], causes["flood"]]
    assert all(found <= {"silence", "joint_states_stale"} for found in silent)
    assert {"silence"} in silent
    assert causes["joint_states_stopped"] == {"joint_states_stale"}
    assert causes["clock_back"] <= {"clock_jump", "joint_states_stale"}  # whichever message is there first
    for times in found["detect_to_hold_ms"].values():
        assert sum(times["causes"].values()) == times["trials"] == 1
        assert times["max"] <= 500.0  # it brakes; how soon (50 ms) is for a bench on a quiet machine
    assert found["flood"]["sent"] > 100
    assert found["flood"]["cycles_heard"] > 0.5 * found["flood"]["cycles_due"]  # all of them on a quiet machine
    assert found["gate_killed"]["speed_at_kill"] > 0.02
    assert found["gate_killed"]["speed_after"] < 0.02  # measured, with noise
    assert found["gate_killed"]["speed_at_end"] == 0.0
