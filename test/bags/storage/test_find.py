"""Bags are found wherever they lie, each once, and have names that tell them apart."""

from pathlib import Path

from world_model_ros.bags.storage.find import bag_names, find_bags


def test_folders_and_single_files_are_found_once(tmp_path: Path) -> None:
    for folder in ("a/run", "b/run"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "metadata.yaml").touch()
        (tmp_path / folder / "run_0.mcap").touch()
    for name in ("x.mcap", "y.db3", "z.bag", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found = find_bags([tmp_path, tmp_path / "a", tmp_path / "link" / "run", tmp_path / "x.mcap"])
    assert len(found) == 5
    assert {path.resolve().relative_to(tmp_path).as_posix() for path in found} == {
        "a/run",
        "b/run",
        "x.mcap",
        "y.db3",
        "z.bag",
    }


def test_bags_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    assert bag_names([tmp_path / "a", tmp_path / "b.mcap"]) == ["a", "b.mcap"]
    assert bag_names([tmp_path / "1" / "run", tmp_path / "2" / "run"]) == [f"{tmp_path}/1/run", f"{tmp_path}/2/run"]
