"""What pictures of an outlook are made of: the robot's shape, sound in bands, painted space, and the dashboard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from decode_bundle import write_decode_bundle
from depth_arm import depth_arm

from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.view.appearance import contact_radius, ghost_alpha
from world_model_ros.view.frame_decoder import FrameDecoder
from world_model_ros.view.markers.robot_shape import RobotShape, box_mesh
from world_model_ros.view.outlook import Outlook, TargetPath
from world_model_ros.view.pictures.dashboard import Dashboard
from world_model_ros.view.pictures.depth_picture import depth_picture
from world_model_ros.view.pictures.painter import Painter
from world_model_ros.view.pictures.sound_picture import BANDS, log_mel
from world_model_ros.view.pictures.space_picture import SpacePicture

HOME = np.array([0.0, -1.2, 1.6, -2.0, -1.5, 0.0])
STEPS = (3, 6, 9, 12)


def outlook(now_ns: int = 0, grey: int = 100, level: float = 40.0) -> Outlook:
    ahead = np.linspace([0.4, 0.0, 0.03], [0.5, 0.1, 0.03], 12).astype(np.float32)
    return Outlook(
        now_ns=now_ns,
        seconds=np.arange(1, 13) * 0.1,
        senses={"front": np.full((64, 64, 3), grey, np.uint8), "table_mic": np.zeros((1600, 1), np.float32)},
        camera="front",
        joints=HOME,
        joints_ahead=(HOME + np.linspace(0.0, 0.4, 12)[:, None]).astype(np.float32),
        states=np.full((12, 5), level, np.float32),
        contact=np.full(12, 4.0, np.float32),
        ways={"fingertip": TargetPath(ahead[0], ahead, np.full((12, 3), 0.02, np.float32))},
        goal=("fingertip", np.array([0.5, 0.1, 0.03], np.float32)),
    )


def test_the_fingertip_of_the_shape_is_where_kinematics_has_it(contract: Contract):
    shape = RobotShape(contract)
    tip, _ = ArmKinematics(contract).tip(HOME)
    corners = np.concatenate(
        [part.vertices @ turn.T + place for part, (turn, place) in zip(shape.parts, shape.placed(HOME))]
    )
    assert np.linalg.norm(corners - tip, axis=1).min() < 0.02


def test_only_parts_that_went_somewhere_count_as_moved(contract: Contract):
    shape, turned = RobotShape(contract), HOME + np.array([0, 0, 0.3, 0, 0, 0])
    moved = shape.moved(turned, HOME)
    assert any(moved)
    assert not moved[0]
    assert not any(shape.moved(HOME, HOME))


def test_a_robot_without_a_urdf_is_drawn_as_paths():
    contract = load_contract("unitree_g1")
    assert SpacePicture(contract, STEPS).draw(outlook()).shape == (560, 760, 3)


def test_the_bands_of_a_tone_peak_where_it_is():
    def band(hz: float) -> int:
        tone = np.sin(2 * np.pi * hz * np.arange(1600) / 16000.0)[:, None]
        return int(np.argmax(log_mel(tone, 16000.0)))

    assert log_mel(np.zeros((1600, 2)), 16000.0).shape == (2 * BANDS,)
    assert band(200) < band(800) < band(3000) < BANDS


def test_bands_are_those_that_the_model_imagines():
    torch = pytest.importorskip("torch")
    from world_model_ros.learning.model.encoders import MELS, LogMel

    pcm = 0.1 * np.random.default_rng(0).normal(size=(1600, 2))
    mel = LogMel(16000.0, 1600, 2)
    whole = mel(torch.tensor(pcm, dtype=torch.float32)[None]).unflatten(-1, (2, mel.frames, MELS))
    np.testing.assert_allclose(log_mel(pcm, 16000.0), whole.mean(-2).flatten(), atol=1e-5)


def test_what_is_nearer_covers_what_is_behind():
    painter = Painter((80, 80), (0.0, -3.0, 0.5), (0.0, 0.0, 0.5))
    corners, faces = box_mesh((0.5, 0.5, 0.5))
    near, far = (corners + np.array([0, -1, 0.5]))[faces], (corners + np.array([0, 1, 0.5]))[faces]
    red, green = np.tile([1.0, 0, 0], (12, 1)), np.tile([0, 1.0, 0], (12, 1))
    painter.mesh(np.concatenate([near, far]), np.concatenate([red, green]))
    centre = painter.canvas[40, 40]
    assert centre[0] > 50 > centre[1]


def test_ghosts_fade_and_contacts_grow():
    assert ghost_alpha(3, 12) > ghost_alpha(12, 12) > 0
    assert contact_radius(0.5) == 0 < contact_radius(2.0) < contact_radius(10.0)
    assert contact_radius(float("nan")) == 0


def test_space_shows_the_ghost_and_the_goal(contract: Contract):
    space, whole = SpacePicture(contract, STEPS), outlook()
    picture = space.draw(whole).astype(int)
    assert np.abs(picture - space.draw(replace(whole, joints_ahead=None))).max() > 20
    assert np.abs(picture - space.draw(replace(whole, goal=None))).max() > 20


def test_a_dashboard_has_one_size_and_fills_with_what_came(contract: Contract, tmp_path):
    bundle = load_bundle(str(write_decode_bundle(tmp_path / "brightness", contract)), contract)
    dashboard = Dashboard(contract, FrameDecoder(bundle, "cpu"), STEPS)
    tick = contract.tick_ns
    alone = dashboard.draw([outlook()], 0)
    row = [outlook(i * tick, grey=100 + i) for i in range(20)]
    later = dashboard.draw(row, 0)
    assert alone.shape == later.shape
    assert np.abs(alone.astype(int) - later).max() > 20
    assert dashboard.draw([replace(outlook(), states=None, seconds=np.zeros(0))], 0).ndim == 3


def test_each_outlook_is_decoded_once(contract: Contract, tmp_path):
    bundle = load_bundle(str(write_decode_bundle(tmp_path / "brightness", contract)), contract)
    dashboard, look = Dashboard(contract, FrameDecoder(bundle, "cpu"), STEPS), outlook(level=40.0)
    first = dashboard.decoded(look)
    assert first is not None
    assert first.frames is not None
    assert first.frames[0, 0, 0, 0] == 140
    assert dashboard.decoded(replace(look, status="again")) is first


def test_depth_is_drawn_with_what_was_not_measured_apart_from_every_distance():
    near, far = 0.2, 1.5
    ramp = np.linspace(near, far, 256, dtype=np.float32).reshape(1, -1, 1)
    picture = depth_picture(ramp, near, far)[0].astype(int)
    assert picture[20, 0] > picture[20, 2]  # near is red
    assert picture[-20, 2] > picture[-20, 0]
    missing = depth_picture(np.full((1, 1, 1), np.nan, np.float32), near, far)[0, 0].astype(int)
    assert np.abs(picture - missing).max(1).min() > 60


def test_a_dashboard_shows_depth_now_and_as_it_then_came():
    contract = depth_arm()
    dashboard, tick = Dashboard(contract, None, STEPS), contract.tick_ns
    without = Dashboard(load_contract("tabletop_arm"), None, STEPS).draw([outlook()], 0)

    def look(index: int, metres: float) -> Outlook:
        depth = np.full((32, 48, 1), metres, np.float32)
        return replace(outlook(index * tick), senses=outlook().senses | {"above": depth})

    near, far = ([look(i, metres) for i in range(20)] for metres in (0.3, 1.4))
    picture = dashboard.draw(near, 0)
    assert picture.shape[0] > without.shape[0]
    row = picture[without.shape[0] :].astype(int)
    changed = np.abs(row - dashboard.draw(far, 0)[without.shape[0] :]).max(2) > 60
    assert changed[:, :300].any()  # now
    assert changed[:, 300:].any()  # later
