"""Bytes of messages are those that Cyclone DDS makes of the published types, and peers that use these hear them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from cyclonedds.core import Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from world_model_ros.core.errors import UserError
from world_model_ros.motors import dds
from world_model_ros.motors.dds import DdsMotors
from world_model_ros.motors.description import load_motors
from world_model_ros.motors.messages import STATE, checksum, empty_command, from_stream, to_stream

MOTORS = load_motors("unitree_g1")
COMMAND_TYPE, STATE_TYPE = MOTORS.command.type, MOTORS.state.type


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (dds._command_type(COMMAND_TYPE), "ef636a54656de1d49ca65377b07c"),
        (dds._state_type(STATE_TYPE), "860cfa7cbdcd87fbdb066de53c1d"),
    ],
    ids=["command", "state"],
)
def test_types_are_those_of_the_makers_sdk(kind: type[IdlStruct], number: str) -> None:
    """The number is a hash over names, types and order of all fields, as the classes of that SDK have it."""
    assert kind.__idl__.get_type_info().complete.typeid_with_size.type_id.value.hex() == number


def nothing(kind: type) -> object:
    """What is zero of a type."""
    if isinstance(kind, type) and issubclass(kind, IdlStruct):
        return kind(**{field: nothing(each) for field, each in kind.__annotations__.items()})
    meta = getattr(kind, "__metadata__", (None,))[0]
    return [nothing(meta.subtype) for _ in range(meta.length)] if hasattr(meta, "length") else 0


def test_a_command_is_serialised_as_the_types_say() -> None:
    kind = dds._command_type(COMMAND_TYPE)
    sample, message = nothing(kind), empty_command()
    sample.mode_pr, sample.mode_machine, sample.crc = 1, 5, 77
    message["mode_pr"], message["mode_machine"], message["crc"] = 1, 5, 77
    for index, motor in enumerate(sample.motor_cmd):
        motor.mode, motor.reserve = index % 2, 1000 + index
        for place, field in enumerate(("q", "dq", "tau", "kp", "kd")):
            setattr(motor, field, index + 0.125 * place)
            message["motor_cmd"][field][0, index] = index + 0.125 * place
    message["motor_cmd"]["mode"], message["motor_cmd"]["reserve"] = np.arange(35) % 2, 1000 + np.arange(35)
    sample.reserve = [1, 2, 3, 4]
    message["reserve"] = [1, 2, 3, 4]
    assert to_stream(message) == sample.serialize()


def test_a_state_is_read_as_the_types_say() -> None:
    sample = nothing(dds._state_type(STATE_TYPE))
    sample.version, sample.mode_machine, sample.tick = [1, 2], 5, 99
    sample.imu_state.rpy, sample.imu_state.temperature = [0.5, 0.25, 0.125], -3
    for index, motor in enumerate(sample.motor_state):
        motor.mode, motor.q, motor.dq, motor.tau_est, motor.vol = 1, 0.5 * index, -index, 0.25, 48.0
        motor.temperature, motor.motorstate = [index, -index], index
    message = np.frombuffer(np.zeros(1, STATE).tobytes(), STATE).copy()
    for _ in range(2):  # the checksum is of what is read without it
        try:
            message = from_stream(sample.serialize(), STATE)
        except UserError as error:
            sample.crc = int(error.legal.partition(",")[0])
    assert (message["mode_machine"][0], message["tick"][0]) == (5, 99)
    assert message["imu_state"]["rpy"][0].tolist() == [0.5, 0.25, 0.125]
    assert message["imu_state"]["temperature"][0] == -3
    motors = message["motor_state"][0]
    assert motors["q"].tolist() == [0.5 * index for index in range(35)]
    assert motors["dq"].tolist() == [-index for index in range(35)]
    assert motors["temperature"].tolist() == [[index, -index] for index in range(35)]
    assert motors["motorstate"].tolist() == list(range(35))
    assert set(motors["mode"]) == {1}
    assert set(motors["vol"]) == {48.0}


def soon(done: Callable[[], object]) -> object:
    end_s = time.monotonic() + 20.0
    while not (found := done()):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return found


def test_a_peer_with_the_published_types_hears_and_is_heard() -> None:
    domain = 91
    ours, peer = DdsMotors(MOTORS, domain), DomainParticipant(domain)
    commands = DataReader(peer, Topic(peer, MOTORS.command.topic, dds._command_type(COMMAND_TYPE), Qos()))
    kind = dds._state_type(STATE_TYPE)
    states = DataWriter(peer, Topic(peer, MOTORS.state.topic, kind, Qos()))
    soon(lambda: ours.heard and states.get_matched_subscriptions())
    message = empty_command()
    message["motor_cmd"]["q"][0, 29] = 0.5
    message["crc"] = checksum(message)
    ours.send(to_stream(message))
    (heard,) = soon(lambda: commands.take(1))
    assert heard.motor_cmd[29].q == 0.5
    assert heard.crc == message["crc"][0]
    assert ours.take() is None
    sample = nothing(kind)
    for sample.tick in (1, 2):
        states.write(sample)
    stream = soon(ours.take)
    assert stream == sample.serialize()


def test_a_network_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match=r"network_interface: got .*no_such"):
        DdsMotors(MOTORS, 92, "no_such")
    with pytest.raises(UserError, match="domain"):
        DdsMotors(MOTORS, 1000)
