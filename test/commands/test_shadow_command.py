"""`world-model shadow` without a robot: it says what it waits for."""

from __future__ import annotations

import json

import pytest

from world_model_ros.cli import main


def test_without_a_robot_it_says_which_streams_are_missing(toy_bundle, capfd):
    assert main(["shadow", "--model", str(toy_bundle), "--seconds", "2", "--json"]) == 1
    report = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert report["looks"] == {"moving": 0, "still": 0}
    assert "arm" in report["waiting"]


@pytest.mark.parametrize(
    ("words", "named"),
    [(["--model", "no_such"], "no_such"), (["--seconds", "0"], "1 to 86400"), (["--robot", "x"], "robot")],
)
def test_a_mistake_is_one_line(words, named, capfd):
    assert main(["shadow", *words]) == 2
    printed = capfd.readouterr().err
    assert named in printed
    assert len(printed.strip().splitlines()) == 1
