"""What goes together is taken out of errors."""

from __future__ import annotations

import torch

from world_model_ros.learning.model.whitening import Whitening


def _loudness(count: int) -> torch.Tensor:
    """Errors (count, 24) of bands that grow louder together, and hardly one by one."""
    generator = torch.Generator().manual_seed(0)
    together, alone = torch.randn(count, 1, generator=generator), torch.randn(count, 24, generator=generator)
    return together + 0.1 * alone


def test_errors_become_white() -> None:
    whitening = Whitening([3, 24])
    errors = _loudness(4000)
    assert torch.equal(whitening(1, errors), errors)
    whitening.fit(1, errors)
    spread = torch.cov(whitening(1, errors).T)
    off = spread - torch.diag(spread.diagonal())
    assert off.abs().max() < 0.1
    assert spread.diagonal().min() > 0.4
    assert spread.diagonal().max() < 1.05


def test_a_tone_stands_out_once_loudness_is_taken_out() -> None:
    whitening = Whitening([24])
    usual, tone = _loudness(4000), torch.zeros(1, 24)
    tone[0, 6] = 1.0
    assert tone.norm() < usual.norm(dim=1).median()
    whitening.fit(0, usual)
    assert whitening(0, tone).norm() > whitening(0, usual).norm(dim=1).max()


def test_too_little_to_fit_changes_nothing() -> None:
    whitening = Whitening([24])
    for errors in (_loudness(50), torch.zeros(500, 24)):
        whitening.fit(0, errors)
        assert torch.equal(whitening(0, errors), errors)
