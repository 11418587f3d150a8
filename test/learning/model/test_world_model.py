"""The world model's parts."""

from __future__ import annotations

import math

import pytest
import torch

from world_model_ros.contract.contract import load_contract
from world_model_ros.learning.model.decoder import ImageDecoder, Picture, Ways
from world_model_ros.learning.model.encoders import MELS, CameraEncoder, LogMel
from world_model_ros.learning.model.image_keypoints import ImagePlaces
from world_model_ros.learning.model.world_model import WorldModel


@pytest.fixture(scope="module")
def model() -> WorldModel:
    torch.manual_seed(0)
    return WorldModel(load_contract("tabletop_arm").interface).eval()


def _senses(batch: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {
        "front": torch.randint(0, 255, (batch, 64, 64, 3), dtype=torch.uint8, generator=generator),
        "table_mic": torch.randn(batch, 1600, 1, generator=generator) * 0.1,
        "fingertip_taxels": torch.randn(batch, 4, 8, 3, generator=generator),
        "wrist_wrench": torch.randn(batch, 6, generator=generator),
        "arm": torch.randn(batch, 6, 2, generator=generator),
    }


@pytest.mark.parametrize("missing", range(5))
def test_a_missing_stream_says_nothing_whatever_its_array_holds(model: WorldModel, missing: int) -> None:
    fresh = torch.ones(3, 5)
    fresh[:, missing] = 0.0
    one, other = (model.features(_senses(3, torch.Generator().manual_seed(seed))) for seed in (1, 2))
    name = model.streams[missing].name
    mixed = {key: (other if key.split("/")[0] == name else one)[key] for key in one}
    action, state = torch.zeros(3, 2), torch.randn(3, model.state_size, generator=torch.Generator().manual_seed(3))

    def believed(features: dict[str, torch.Tensor], fresh: torch.Tensor) -> torch.Tensor:
        return model.update(state, action, model.sense(features, fresh))[1]

    assert torch.equal(believed(one, fresh), believed(mixed, fresh))
    assert not torch.equal(believed(one, torch.ones(3, 5)), believed(mixed, torch.ones(3, 5)))


def test_measured_joints_are_kept_as_numbers_and_missing_ones_are_imagined() -> None:
    torch.manual_seed(0)
    model = WorldModel(load_contract("unitree_g1").interface).eval()
    senses = {
        "head": torch.randint(0, 255, (2, 96, 96, 3), dtype=torch.uint8),
        "head_mic": torch.zeros(2, 1600, 1),
        "right_palm_taxels": torch.zeros(2, 8, 8, 3),
        "arms_and_hands": torch.randn(2, 26, 1),
    }
    state, still = torch.zeros(2, model.state_size), torch.zeros(2, 26)
    fresh = torch.ones(2, 4)
    _, known = model.update(state, still, model.sense(model.features(senses), fresh))
    assert torch.allclose(model.senses(known)["arms_and_hands"], senses["arms_and_hands"][..., 0], atol=1e-5)
    fresh[:, 3] = 0.0
    prior, unknown = model.update(known, still, model.sense(model.features(senses), fresh))
    assert torch.equal(unknown[:, model.sizes.state :], prior[:, model.sizes.state :])


def test_joints_that_stay_behind_their_command_are_known_now_and_expected_where_they_were_commanded() -> None:
    torch.manual_seed(0)
    model = WorldModel(load_contract("unitree_g1").interface).eval()
    assert model.commanded is not None
    torch.nn.init.zeros_(model.commanded.lag.weight)  # nothing learned of the lag: all of it must fade
    torch.nn.init.zeros_(model.commanded.lag.bias)
    senses = {
        "head": torch.zeros(1, 96, 96, 3, dtype=torch.uint8),
        "head_mic": torch.zeros(1, 1600, 1),
        "right_palm_taxels": torch.zeros(1, 8, 8, 3),
        "arms_and_hands": torch.zeros(1, 26, 1),
    }
    features, fresh = model.features(senses), torch.ones(1, 4)
    action = torch.zeros(1, 26)
    _, state = model.update(torch.zeros(1, model.state_size), action, model.sense(features, fresh))
    action[0, 3] = 0.2
    _, state = model.update(state, action, model.sense(features, fresh))  # it was told to move and has not
    stream = model.streams[-1].name
    assert model.senses(state)[stream].abs().max() < 1e-5
    for _ in range(40):
        state = model.step(state, torch.zeros_like(action))
    assert abs(model.senses(state)[stream][0, 3].item() - 0.2) < 0.02


def test_a_commanded_joint_displacement_is_where_the_joint_is_imagined() -> None:
    torch.manual_seed(0)
    model = WorldModel(load_contract("unitree_g1").interface).eval()
    assert model.commanded is not None
    torch.nn.init.zeros_(model.commanded.lag.weight)
    state = torch.randn(1, model.state_size)
    state[:, -27:-1] = 0.0  # no offset, which would fade
    action = torch.zeros(1, 26)
    action[0, 3] = 0.2
    stream = model.streams[-1].name
    moved = model.senses(model.step(state, action))[stream] - model.senses(state)[stream]
    assert torch.allclose(moved[0], action[0], atol=1e-5)


def test_a_tone_is_loudest_in_its_own_mel_band_and_silence_is_quiet() -> None:
    mel = LogMel(16000.0, 1600, 1)
    time = torch.arange(1600) / 16000.0
    bands = [
        int(mel((0.3 * torch.sin(2 * math.pi * hz * time))[None, :, None]).reshape(mel.frames, MELS).mean(0).argmax())
        for hz in (200.0, 800.0, 3000.0)
    ]
    assert bands[0] < bands[1] < bands[2]
    assert mel(torch.zeros(1, 1600, 1)).max() < mel(0.01 * torch.randn(1, 1600, 1)).max()


@pytest.mark.parametrize("seed", range(5))
def test_keypoints_follow_a_spot_across_the_image(seed: int) -> None:
    """Whatever the weights: those that look at the spot move along with it, and not across."""
    torch.manual_seed(seed)
    encoder = CameraEncoder(64, 64, 32)
    left, right = torch.zeros(1, 64, 64, 3), torch.zeros(1, 64, 64, 3)
    left[:, 28:36, 16:24] = 255.0
    right[:, 28:36, 40:48] = 255.0  # 24 pixels on, 0.76 of half the width
    with torch.no_grad():
        encoder.heat.weight.mul_(200.0)
        moved = (encoder(right)[1] - encoder(left)[1]).reshape(-1, 2)
    followed = moved[moved[:, 0] > 0.5]
    assert len(followed) >= 3
    assert followed[:, 0].max() < 0.9
    assert followed[:, 1].abs().max() < 0.05


def test_the_action_changes_what_is_imagined(model: WorldModel) -> None:
    state = torch.randn(2, model.state_size)
    action = torch.tensor([[0.03, 0.0], [0.03, 0.0]])
    assert not torch.allclose(model.step(state, action), model.step(state, -action))
    assert model.poses(state).shape == (2, 2, 7)
    assert torch.allclose(model.poses(state)[..., 3:].norm(dim=-1), torch.ones(2, 2))
    assert (model.sigma(state, 3) > 0).all()


def test_at_first_the_decoder_copies_the_reference(model: WorldModel) -> None:
    reference = torch.randint(0, 255, (2, 64, 64, 3)).float()
    with torch.no_grad():
        image = 255.0 * model.picture(torch.zeros(2, model.state_size), reference).frame.permute(0, 2, 3, 1)
    grey = torch.full_like(reference, 127.5)
    assert (image - reference).abs().mean() < 0.3 * (grey - reference).abs().mean()


def test_what_a_shift_shows_is_what_was_where_the_target_was() -> None:
    decoder = ImageDecoder(32, 32, 4, 1)
    with torch.no_grad():
        decoder.paint.bias[:16].copy_(torch.tensor([0.0, 0.0, 0.0, 50.0]).repeat_interleave(4))  # the shift alone
        decoder.paint.bias[16:20] = -50.0
    image = torch.zeros(1, 32, 32, 3)
    image[0, 10, 6] = 255.0
    pixel = torch.tensor([[[6.0, 10.0]]]) / 31.0 * 2.0 - 1.0  # x, y
    ways = Ways(pixel, pixel + torch.tensor([[[16.0, -4.0]]]) / 31.0 * 2.0)
    with torch.no_grad():
        frame = decoder(torch.zeros(1, 4), image, ways).frame[0, 0]
    assert torch.nonzero(frame > 0.5).tolist() == [[6, 22]]


def test_a_target_that_stands_still_is_shifted_by_nothing(model: WorldModel, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Ways] = []
    draw = model.decoder.forward

    def spied(state: torch.Tensor, reference: torch.Tensor, ways: Ways) -> Picture:
        told.append(ways)
        return draw(state, reference, ways)

    monkeypatch.setattr(model.decoder, "forward", spied)
    state, reference = torch.randn(3, model.state_size), torch.randint(0, 255, (1, 64, 64, 3)).float()
    with torch.no_grad():
        model.picture(state, reference, torch.tensor([0.0, 1.0]))
    moved = (told[0].now - told[0].was).abs()
    assert (moved[:, 1] == 0.0).all()
    assert (moved[:, 0].amax(-1) > 0.0).all()


@pytest.mark.slow
def test_the_place_in_an_image_is_found_from_positions_alone() -> None:
    torch.manual_seed(0)
    places = ImagePlaces(32, 32, 1, 1)
    optimizer = torch.optim.Adam(places.parameters(), 0.02)
    for _ in range(300):
        maps = torch.zeros(64, 1, 8, 8)
        row, col = torch.randint(0, 8, (2, 64))
        maps[torch.arange(64), 0, row, col] = 1.0
        position = torch.stack([0.3 * col - 0.1 * row, 0.2 * row, torch.zeros(64)], -1)[:, None]
        shares = places.shares(maps)
        found = places.middle(shares)
        loss = (places.read(found) - position).pow(2).mean() + (places.project(position) - found.detach()).pow(2).mean()
        loss = loss + places.spread(shares).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    true = (4.0 * torch.stack([col, row], -1) + 1.5) / 31.0 * 2.0 - 1.0  # middles of the cells
    for guess in (places(maps), places.project(position)):
        assert float((guess[:, 0] - true).abs().max().detach()) < 0.1
