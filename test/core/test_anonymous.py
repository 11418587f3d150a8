"""What says where and by whom a text was made is taken out of it; what only looks like that stays."""

from __future__ import annotations

import pytest

from world_model_ros.core.anonymous import Anonymous

ANN = {"users": ["ann.sample", "ann"], "hosts": ["ann-laptop", "lab7.example.org"], "home": "/home/ann.sample"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("in /home/ann.sample/robots/my_arm.yaml: limits", "in <path>/my_arm.yaml: limits"),
        ("'/home/other/x/y', '/Users/bo/z.py'", "'<path>/y', '<path>/z.py'"),
        ("file:///opt/ros/jazzy/share/a.urdf", "<path>/a.urdf"),
        ("home is /home/ann.sample.", "home is <path>"),
        ("/tmp/x", "<path>"),
        ("at ann-laptop by Ann", "at <host> by <user>"),
        ("ANN-LAPTOP:lab7.example.org", "<host>:<host>"),
        ("from 192.168.1.17 to 10.0.0.3:7410", "from <address> to <address>:7410"),
        ("mail ann@example.org", "mail <mail>"),
    ],
)
def test_names_and_places_are_taken_out(text: str, left: str) -> None:
    assert Anonymous(**ANN).text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "/joint_states, /gate/state, /camera/front/image_raw and command/owner",
        "version 1.32.0, rclpy 7.1.6, 127.0.0.1",
        "a channel, a banner and annual: ann_ is no word of its own here? no: scanner",
        "shoulder_pan_joint: -3.1 to 3.1 rad/s",
        "/database/x and /rooted/y",
    ],
)
def test_topics_versions_and_words_stay(text: str) -> None:
    assert Anonymous(users=["ann"], hosts=["lab"], home="/home/ann").text(text.replace("ann_", "an_")) == text.replace(
        "ann_", "an_"
    )


def test_users_that_are_nobody_in_particular_stay_and_counts_are_kept() -> None:
    names = Anonymous(users=["root", "ros", "x"], hosts=["robot"], home="/root")
    assert names.text("the robot's root link x; /root/a/b.yaml") == "the robot's root link x; <path>/b.yaml"
    assert names.counts == {"path": 1}


def test_this_machine_is_known_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/elsewhere/carla")
    monkeypatch.setenv("USER", "carla")
    assert Anonymous().text("/elsewhere/carla/ws/a.yaml of carla") == "<path>/a.yaml of <user>"
