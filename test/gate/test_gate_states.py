"""The state machine does what its table says and nothing else."""

from __future__ import annotations

import pytest

from world_model_ros.gate.states import FAULTS, Event, Machine, State


def machine(*events: Event) -> Machine:
    made = Machine()
    for event in events:
        assert made.fire(event, 0) is not None
    return made


def test_only_arming_leads_out_of_disarmed_to_motion() -> None:
    for event in Event:
        if event not in (Event.ARM, Event.STOP):
            assert Machine().fire(event, 0) is None
    assert machine(Event.ARM).state is State.HOLDING


def test_only_a_reset_leads_out_of_stopped() -> None:
    for event in Event:
        stopped = machine(Event.STOP)
        stopped.fire(event, 0)
        assert stopped.state is (State.DISARMED if event is Event.RESET else State.STOPPED)


def test_braking_because_of_silence_can_be_taken_back() -> None:
    slowing = machine(Event.ARM, Event.COMMAND, Event.SILENCE)
    assert slowing.fire(Event.COMMAND, 0) is not None
    assert slowing.state is State.TRACKING


@pytest.mark.parametrize("event", [*FAULTS, Event.DISARM])
def test_braking_because_of_a_fault_goes_on_to_disarmed(event: Event) -> None:
    slowing = machine(Event.ARM, Event.COMMAND, Event.SILENCE, event)
    for other in (Event.COMMAND, Event.SILENCE, *FAULTS, Event.ARM, Event.RESET):
        assert slowing.fire(other, 0) is None
    transition = slowing.fire(Event.STILL, 0)
    assert str(transition) == f"slowing -> disarmed ({event.value})"


@pytest.mark.parametrize("state", [s for s in State if s is not State.STOPPED])
def test_a_stop_works_in_every_state(state: State) -> None:
    made = Machine()
    made.state = state
    made.fire(Event.STOP, 0)
    assert made.state is State.STOPPED
