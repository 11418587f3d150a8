"""What the simulated robot says that it needs is what its loop needs, not what is loaded once."""

from __future__ import annotations

import subprocess
import sys

_FIRST_OF_A_PROCESS = """
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker
from world_model_ros.bags.storage.message_types import standard_types
from world_model_ros.sim.processor_need import physics_share
from world_model_ros.sim.scenes.draw import scene_for_seed

contract = load_contract("tabletop_arm")
make = MessageMaker(standard_types().types.__getitem__)
print(*(physics_share(contract, scene_for_seed(contract, 0, "plain"), make) for _ in range(2)))
"""


def test_the_first_measurement_of_a_process_is_like_the_second() -> None:
    done = subprocess.run([sys.executable, "-c", _FIRST_OF_A_PROCESS], capture_output=True, text=True, check=True)
    first, second = map(float, done.stdout.split())
    assert 0.0 < first < 3.0 * second  # loading what filters sound made it forty times as much
