"""Whatever somebody gives as the name of a robot, a model or a bag, it is there or it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import world_model_ros as wm
from world_model_ros.bags.storage.find import find_bags
from world_model_ros.core.files import is_file, is_folder

NAMES = ["x" * 300, "x" * 5000 + ".yaml", "x" * 5000 + ".mcap", "a/" * 3000, "a\0b", "", "~", "/dev/null", None, 5]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: str(name)[:8].replace("\0", "0"))
def test_a_name_of_nothing_is_refused_by_the_field_it_was_given_for(name: object) -> None:
    contract = wm.load_contract("tabletop_arm")
    with pytest.raises(wm.UserError, match=r"^robot: got"):
        wm.load_contract(name)  # type: ignore[arg-type]
    with pytest.raises(wm.UserError, match=r"^model: got"):
        wm.load_bundle(name, contract)  # type: ignore[arg-type]
    with pytest.raises(wm.UserError, match=r"^bag: got"):
        wm.BagReader(name)  # type: ignore[arg-type]
    if name:
        with pytest.raises(wm.UserError, match=r"^bags: got"):
            find_bags([Path(str(name))])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_may_not_be_looked_into_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert not is_file(tmp_path / "closed" / "manifest.json")
    assert not is_folder(tmp_path / "closed" / "models")
