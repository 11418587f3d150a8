"""Whatever a bag holds, everything that reads it ends, with what could be read or with one clear error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from arm_bag import write_arm_bag
from bag_mutations import Message, mutant

from world_model_ros.bags.align.episode import aligned_episode
from world_model_ros.bags.bag_fit import check_bag
from world_model_ros.bags.playback import Playback
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError

MUTANTS = 44


def frames(path: Path, contract: Contract) -> None:
    pytest.importorskip("av", reason="needs the extra 'lerobot'")
    from world_model_ros.lerobot.frames import BagFrames

    with BagReader(path) as bag:
        for _ in islice(BagFrames(bag, contract, 30), 2000):
            pass


def play(path: Path, contract: Contract) -> None:
    with BagReader(path) as bag:
        playback = Playback(bag)
        for step in range(3000):
            for topic, _, _, raw in playback.step(step * 50_000_000):
                with contextlib.suppress(UserError):
                    bag.check(topic, raw)
            if playback.ended:
                return


@pytest.mark.parametrize("read", [check_bag, aligned_episode, frames, play])
def test_every_reader_ends(contract: Contract, tmp_path: Path, read: Callable[[Path, Contract], object]) -> None:
    write_arm_bag(tmp_path / "base", contract, 0.8)
    with BagReader(tmp_path / "base") as bag:
        messages: list[Message] = [
            (topic, kind, at, bytes(raw)) for topic, kind, at, raw in bag.raw_messages() if topic != "/contract"
        ]
    ends = {"read": 0, "refused": 0}
    for number in range(MUTANTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, _ = mutant(folder, messages, number)
        try:
            read(path, contract)
            ends["read"] += 1
        except UserError:
            ends["refused"] += 1
    assert ends["read"] > MUTANTS / 2
    assert ends["refused"] > 0
