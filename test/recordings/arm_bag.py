"""A short recording of the tabletop arm, written with our own writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract

START_S = 1000
HOME = np.array([0.0, -1.8, 1.9, -1.6, -1.57, 0.0])

Event = tuple[int, str, int]


def positions(stamp_ns: int) -> np.ndarray:
    """Joint positions (6,) of the recorded arm, measured and commanded alike."""
    return HOME + 0.1 * np.sin(0.7 * (stamp_ns * 1e-9 - START_S) + np.arange(6))


def velocities(stamp_ns: int) -> np.ndarray:
    return 0.07 * np.cos(0.7 * (stamp_ns * 1e-9 - START_S) + np.arange(6))


def write_arm_bag(
    path: Path,
    contract: Contract,
    seconds: float = 2.0,
    leave_out: tuple[str, ...] = (),
    seed: int = 0,
    rest_s: float = 0.0,
) -> None:
    """All streams of the arm at their rates; sound and camera reach the bag 20 ms after their stamp.

    For the first ``rest_s`` nothing moves and nothing is felt.
    """
    random = np.random.default_rng(seed)
    image = random.integers(0, 255, (128, 128, 3), dtype=np.uint8)
    rates = {"camera": 30, "sound": 50, "taxels": 100, "wrench": 100, "joints": 100, "applied": 50, "label": 30}
    events: list[Event] = sorted(
        (round((START_S + i / rate) * 1e9), name, i)
        for name, rate in rates.items()
        for i in range(round(seconds * rate))
        if name not in leave_out
    )
    names, moves_ns = contract.joint_names, round((START_S + rest_s) * 1e9)
    image_type, state = "sensor_msgs/msg/Image", "sensor_msgs/msg/JointState"
    with BagWriter(path, contract) as bag:
        make = bag.make
        late = 20_000_000
        writers: dict[str, Callable[[int, int], None]] = {
            "camera": lambda t, i: bag.write(
                "camera/front/image_raw", image_type, make.image(np.roll(image, i, 0), "rgb8", t, "front"), t + late
            ),
            "sound": lambda t, i: bag.write(
                "microphone/table/audio", image_type, make.sound(np.full((320, 1), i / 200), t, "table"), t + late
            ),
            "taxels": lambda t, i: bag.write(
                "taxels/fingertip", image_type, make.tensor(np.full((4, 8, 3), i, np.float32), t), t
            ),
            "wrench": lambda t, i: bag.write(
                "force_torque_sensor_broadcaster/wrench",
                "geometry_msgs/msg/WrenchStamped",
                make.wrench(np.full(6, i), t, "wrist_ft"),
                t,
            ),
            "joints": lambda t, i: bag.write(
                "joint_states",
                state,
                make.joint_state(names, positions(max(t, moves_ns)), np.zeros(6), np.zeros(6), stamp_ns=t),
                t,
            ),
            "applied": lambda t, i: bag.write(
                "gate/applied",
                state,
                make.joint_state(names, positions(max(t, moves_ns)), velocities(t), stamp_ns=t),
                t,
            ),
            "label": lambda t, i: bag.write(
                "labels/object_0/pose",
                "geometry_msgs/msg/PoseStamped",
                make.pose([0.5, i / 100, 0.03, 0, 0, 0, 1], t, "base_link"),
                t,
            ),
        }
        for stamp_ns, name, i in sorted(events):
            writers[name](stamp_ns, max(0, i - round(rest_s * rates[name])))
