"""Messages for motors: the layout and the checksum that the maker publishes."""

from __future__ import annotations

import numpy as np
import pytest
from arms_body import crc_bit_by_bit, words

from world_model_ros.core.errors import UserError
from world_model_ros.motors.messages import COMMAND, STATE, Record, checksum, empty_command, from_stream, to_stream


def random_command(rng: np.random.Generator) -> Record:
    message = empty_command()
    message["mode_pr"], message["mode_machine"] = rng.integers(0, 256, 2)
    for field in ("q", "dq", "tau", "kp", "kd"):
        message["motor_cmd"][field] = rng.normal(size=35) * 10.0 ** rng.integers(-3, 4)
    message["motor_cmd"]["mode"] = rng.integers(0, 256, 35)
    message["motor_cmd"]["reserve"] = rng.integers(0, 2**32, 35)
    message["reserve"] = rng.integers(0, 2**32, 4)
    message["crc"] = checksum(message)
    return message


def test_ten_thousand_commands_have_the_published_layout_and_checksum() -> None:
    rng = np.random.default_rng(0)
    rows = words([to_stream(random_command(rng)) for _ in range(10_000)])
    assert len({int(each) for each in rows[:, -1]}) > 9990
    assert np.array_equal(crc_bit_by_bit(rows[:, :-1]), rows[:, -1])


def test_the_checksum_is_what_the_makers_own_library_says() -> None:
    """Both numbers are of crc32_core in crc_amd64.so of the SDK that config/motors names."""
    assert checksum(empty_command()) == 0xFE172F9F
    message = empty_command()
    message["mode_machine"] = 5
    message["motor_cmd"]["mode"][0, 15:29] = 1
    message["motor_cmd"]["q"][0, 15:30] = np.linspace(-1.0, 1.0, 15)
    message["motor_cmd"]["kp"][0, 15:29] = 60.0
    assert checksum(message) == 0x657A64AA


def test_sizes_are_those_of_the_published_structs() -> None:
    assert (COMMAND.itemsize, STATE.itemsize) == (1004, 2092)


@pytest.mark.parametrize("kind", [COMMAND, STATE], ids=["command", "state"])
def test_a_message_comes_back_as_it_was_sent(kind: np.dtype) -> None:
    rng = np.random.default_rng(1)
    message = np.zeros(1, kind)
    motors = message["motor_cmd" if kind is COMMAND else "motor_state"]
    motors["mode"], motors["q"] = rng.integers(0, 256, 35), rng.normal(size=35)
    message["mode_pr"], message["reserve"] = 3, rng.integers(0, 2**32, 4)
    message["crc"] = checksum(message)
    back = from_stream(to_stream(message), kind)
    assert back.tobytes() == message.tobytes()


def test_what_is_no_such_message_is_refused_by_its_field() -> None:
    stream = to_stream(random_command(np.random.default_rng(2)))
    for field, wrong in (
        ("header", b"\0\0" + stream[2:]),
        ("length", stream[:-4]),
        ("length", stream + bytes(4)),
        ("crc", stream[:500] + bytes([stream[500] ^ 1]) + stream[501:]),
    ):
        with pytest.raises(UserError) as error:
            from_stream(wrong, COMMAND)
        assert error.value.field == field
