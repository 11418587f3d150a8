"""What ``world-model demo`` says before anything runs: where it writes, and what it replaces there."""

from __future__ import annotations

from pathlib import Path

from world_model_ros.commands.demo.demo import _clear, _opening


def test_an_earlier_demo_is_not_replaced_without_a_word(tmp_path: Path) -> None:
    assert _clear(tmp_path / "new") == []
    for name in ("demo.mcap", "summary.json", "mine.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    replaced = _clear(tmp_path)
    assert replaced == ["summary.json", "demo.mcap"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.txt", "new"]
    said = "\n".join(_opening("arm", "arm", 0, tmp_path, replaced))
    assert f"writes into {tmp_path} " in said
    assert "replaces what an earlier demo left there: summary.json, demo.mcap" in said
    assert "replaces" not in "\n".join(_opening("arm", "arm", 0, tmp_path, []))
