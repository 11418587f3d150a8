"""Keys that a person presses while recording, and the episodes that come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from world_model_ros.bags.episodes import Episodes, Order, summary
from world_model_ros.core.errors import UserError


def names(orders: list[Order]) -> list[tuple[str, str, str]]:
    return [(each.kind, "" if each.path is None else each.path.name, each.outcome) for each in orders]


def test_keys_begin_end_judge_and_discard(tmp_path: Path) -> None:
    episodes = Episodes(tmp_path)
    assert names([episodes.press(key) for key in "  sfd Sd"]) == [
        ("begin", "episode_00000", ""),
        ("end", "episode_00000", "kept"),
        ("none", "", ""),  # nothing is open
        ("none", "", ""),
        ("discard", "episode_00000", ""),
        ("begin", "episode_00000", ""),
        ("end", "episode_00000", "success"),
        ("discard", "episode_00000", ""),
    ]
    assert summary(episodes.kept) == {"success": 0, "failure": 0, "kept": 0}


def test_what_is_open_is_kept_before_it_quits(tmp_path: Path) -> None:
    episodes = Episodes(tmp_path)
    assert names([episodes.press(key) for key in " qq"]) == [
        ("begin", "episode_00000", ""),
        ("end", "episode_00000", "kept"),
        ("quit", "", ""),
    ]


def test_only_what_is_open_or_the_last_one_can_be_discarded(tmp_path: Path) -> None:
    episodes = Episodes(tmp_path)
    episodes.press(" ")
    assert episodes.press("d").path == tmp_path / "episode_00000"
    assert episodes.press("d").kind == "none"
    episodes.press(" ")
    episodes.press("f")
    assert episodes.kept == {tmp_path / "episode_00000": "failure"}
    episodes.press("d")
    assert episodes.kept == {}
    assert "nothing to discard" in episodes.press("d").words


def test_episodes_that_are_there_stay_and_numbers_go_on(tmp_path: Path) -> None:
    for name in ("episode_00007", "episode_00002", "episode_x", "other"):
        (tmp_path / name).mkdir()
    assert Episodes(tmp_path).press(" ").path == tmp_path / "episode_00008"


def test_another_key_says_which_there_are(tmp_path: Path) -> None:
    assert "space: begin" in Episodes(tmp_path).press("x").words


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"out: got .*expected a folder"):
        Episodes(tmp_path / "file")
