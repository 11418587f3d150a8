"""Bytes from a template are the message that they were to be, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message

from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.encodings.cdr_template import Template
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.trajectory import Trajectory
from world_model_ros.nodes.view.marker_messages import MarkerBytes, marker_array
from world_model_ros.view.markers.future_markers import candidate_marker, region_markers

MAKE = MessageMaker(ros_class)
NAMES = load_contract("tabletop_arm").joint_names
numbers = st.floats(allow_nan=False, width=64)
stamps = st.integers(0, 4_000_000_000 * 10**9)


def is_message(cdr: bytes, message) -> bool:
    """rclpy leaves what was in memory in the gaps between fields, so bytes cannot be compared."""
    return len(cdr) == len(serialize_message(message)) and deserialize_message(cdr, type(message)) == message


def path(arrays, stamps_ns, frame):
    return MAKE.path(arrays[0], stamps_ns, frame)


@given(
    rows=st.lists(st.tuples(*[numbers] * 7), min_size=1, max_size=4), first=stamps, frame=st.text("abc/_", max_size=9)
)
@settings(max_examples=60, deadline=None)
def test_a_path(rows, first, frame) -> None:
    template = Template(path, serialize_message)
    for poses in (np.array(rows), np.array(rows)[::-1]):  # the second one is written over the first
        times_ns = [first // 2 + 100_000_000 * i for i in range(len(poses))]
        assert is_message(template([poses], times_ns, frame), path([poses], times_ns, frame))


@pytest.mark.parametrize("steps", [1, 13, 14])
def test_a_trajectory(steps: int) -> None:
    random = np.random.default_rng(steps)
    times_s = np.arange(steps) * 0.1

    def make(arrays, stamps_ns):
        return MAKE.trajectory(Trajectory(NAMES, times_s, *arrays, stamps_ns[0]))

    template = Template(make, serialize_message)
    for _ in range(3):
        given_numbers, now_ns = [random.normal(size=(steps, 6)), np.zeros((steps, 6))], int(random.integers(2**60))
        assert is_message(template(given_numbers, [now_ns]), make(given_numbers, [now_ns]))


def test_markers_keep_their_looks_and_other_looks_have_a_template_of_their_own() -> None:
    random, as_bytes = np.random.default_rng(0), MarkerBytes("base_link")
    for now_ns in (7, 1_700_000_000_123_456_789):
        places, axes = random.normal(size=(12, 3)), random.uniform(0.01, 0.1, (12, 3))
        for markers in (
            region_markers("object_0", places, axes),
            region_markers("fingertip", places[:5], axes[:5]),
            candidate_marker(random.normal(size=(6, 12, 3))),
            [],
        ):
            assert is_message(as_bytes(markers, now_ns), marker_array(markers, "base_link", now_ns))


def test_what_a_message_changes_cannot_be_written_into_it() -> None:
    halved = Template(lambda arrays, stamps_ns: path([arrays[0] / 2], stamps_ns, ""), serialize_message)
    with pytest.raises(AssertionError, match="each mark"):
        halved([np.ones((2, 7))], [1, 2])
