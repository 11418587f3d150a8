"""Image decoder: imagined state to camera frame, copying and shifting parts of a real frame and generating the rest."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

_WARPS = 2
_MARK = 0.1  # width of the mark of a place, in halves of the image


class Ways(NamedTuple):
    """Where targets are in the reference and have to be in the picture, x and y in -1..1: (B or 1, K, 2), (B, K, 2)."""

    was: Tensor
    now: Tensor


class Picture(NamedTuple):
    """What the decoder makes, in 0..1: the imagined frame (B, 3, H, W) and the warped references it was mixed from."""

    frame: Tensor
    warped: tuple[Tensor, ...]


class ImageDecoder(nn.Module):
    """State (B, S) and reference frame (B, H, W, 3) 0..255 -> imagined frame; one reference may serve all states.

    A small U-Net (Ronneberger et al. 2015) over the reference, modulated by the imagined state (FiLM, Perez et al.
    2018), with maps drawn from the state at its two coarsest levels. Every pixel is a softmax mixture of the reference
    (the default), two warps of it and, for each target, it shifted as the target moves (after Finn et al. 2016,
    "Unsupervised learning for physical interaction through video prediction"), and a generated colour.

    Args:
        height, width: of the frames, multiples of 16.
        state: length of the state.
        targets: K, whose ways are decoded.
    """

    def __init__(self, height: int, width: int, state: int, targets: int) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = 24, 48, 80, 112  # channels at these parts of the resolution
        self.unshuffle, self.shuffle = nn.PixelUnshuffle(2), nn.PixelShuffle(2)
        self.down = nn.ModuleList(
            [
                nn.Conv2d(12, half, 3, padding=1),
                nn.Conv2d(half, quarter, 3, stride=2, padding=1),
                nn.Conv2d(quarter, eighth, 3, stride=2, padding=1),
                nn.Conv2d(eighth, sixteenth, 3, stride=2, padding=1),
            ]
        )
        self.drawn = nn.ModuleList(
            [_Map(state, height // 16, width // 16, 48), _Map(state, height // 8, width // 8, 12)]
        )
        self.core = _Block(sixteenth + 48, sixteenth, state)
        self.up = nn.ModuleList(
            [
                _Up(sixteenth, eighth + 12, eighth, state),
                _Up(eighth, quarter + 2 * targets, quarter, state),
                _Up(quarter, half + 2 * targets, half, state),
            ]
        )
        self.mixed = _WARPS + targets + 2  # reference, warps, shifts, colour
        self.paint = nn.Conv2d(half, 4 * (self.mixed + 3), 3, padding=1)  # four pixels: logits, and a colour
        self.flow = nn.Conv2d(quarter, 2 * _WARPS, 3, padding=1)
        copy_first = torch.tensor([2.0] + [0.0] * (self.mixed - 1)).repeat_interleave(4)
        for layer, count, bias in (
            (self.flow, 2 * _WARPS, torch.zeros(2 * _WARPS)),
            (self.paint, 4 * self.mixed, copy_first),
        ):
            assert layer.bias is not None
            with torch.no_grad():  # at first nothing is shifted, and everything copied
                layer.weight[:count].zero_()
                layer.bias[:count] = bias
        self.widen = nn.ConvTranspose2d(2 * _WARPS, 2 * _WARPS, 8, 4, 2, groups=2 * _WARPS, bias=False)
        ramp = 1.0 - (torch.arange(8) - 3.5).abs() / 4.0
        self.widen.weight = nn.Parameter(
            (ramp[:, None] * ramp).expand(2 * _WARPS, 1, 8, 8).clone(), requires_grad=False
        )
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        self.grid: Tensor
        self.register_buffer("grid", torch.stack([x, y], -1)[None], persistent=False)  # (1, H, W, 2)

    def forward(self, state: Tensor, reference: Tensor, ways: Ways | None = None) -> Picture:
        image = reference.float().permute(0, 3, 1, 2) / 255.0  # (B or 1, 3, H, W)
        x, skips = self.unshuffle(image - 0.5), []
        for layer in self.down:
            x = nn.functional.silu(layer(x))
            skips.append(x)
        count = state.shape[0]
        skips = [skip.expand(count, -1, -1, -1) for skip in skips]
        coarse, fine = (each(state) for each in self.drawn)
        x = self.core(torch.cat([skips[3], coarse], 1), state)
        x = self.up[0](x, torch.cat([skips[2], fine], 1), state)
        x = self.up[1](x, self._marked(skips[1], ways), state)
        flow = 0.5 * torch.tanh(self.widen(self.flow(x)).float())  # (B, 2 W, H, W), halves of the image
        x = self.up[2](x, self._marked(skips[0], ways), state)
        painted = self.shuffle(self.paint(x).float())
        weight = painted[:, : self.mixed].softmax(1)
        colour = torch.sigmoid(painted[:, self.mixed :])
        image = image.expand(count, -1, -1, -1)
        warped = tuple(self._moved(image, flow[:, 2 * i : 2 * i + 2].permute(0, 2, 3, 1)) for i in range(_WARPS))
        shifts = [] if ways is None else (ways.was - ways.now)[:, :, None, None].unbind(1)  # (B, 1, 1, 2) each
        shifted = [self._moved(image, shift) for shift in shifts]
        parts = torch.stack([image, *warped, *shifted, colour], 1)  # (B, parts, 3, H, W)
        return Picture((weight[:, :, None] * parts).sum(1), warped)

    def _moved(self, image: Tensor, by: Tensor) -> Tensor:
        """An image whose pixels come from elsewhere: (B, H or 1, W or 1, 2) away, in halves of the image."""
        out: Tensor = nn.functional.grid_sample(
            image, self.grid + by, mode="bilinear", padding_mode="border", align_corners=True
        )
        return out

    def _marked(self, skip: Tensor, ways: Ways | None) -> Tensor:
        """Maps (B, C, H, W) with marks where targets were and are: (B, C + 2 K, H, W)."""
        if ways is None:
            return skip
        rows, cols = skip.shape[2:]
        grid = nn.functional.interpolate(self.grid.permute(0, 3, 1, 2), (rows, cols), mode="area")  # (1, 2, H, W)
        places = torch.cat([ways.was.expand_as(ways.now), ways.now], 1)[..., None, None]  # (B, 2 K, 2, 1, 1)
        square = ((grid[:, None] - places) ** 2).sum(2)
        return torch.cat([skip, torch.exp(-square / (2.0 * _MARK**2))], 1)


class _Map(nn.Module):
    """A map drawn from the state: (B, S) -> (B, channels, rows, cols)."""

    def __init__(self, state: int, rows: int, cols: int, channels: int) -> None:
        super().__init__()
        self.shape = (channels, rows, cols)
        self.draw = nn.Linear(state, channels * rows * cols)

    def forward(self, state: Tensor) -> Tensor:
        return nn.functional.silu(self.draw(state)).unflatten(1, self.shape)


class _Block(nn.Module):
    """Two convolutions, the first modulated by the state."""

    def __init__(self, inputs: int, outputs: int, state: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.film = nn.Linear(state, 2 * outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        scale, shift = self.film(state)[:, :, None, None].chunk(2, 1)
        x = nn.functional.silu(self.first(x) * (1.0 + scale) + shift)
        out: Tensor = nn.functional.silu(self.second(x))
        return out


class _Up(nn.Module):
    """Twice the resolution, joined with what was seen at it."""

    def __init__(self, inputs: int, skip: int, outputs: int, state: int) -> None:
        super().__init__()
        self.grow = nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 1), nn.PixelShuffle(2))
        self.block = _Block(outputs + skip, outputs, state)

    def forward(self, x: Tensor, skip: Tensor, state: Tensor) -> Tensor:
        out: Tensor = self.block(torch.cat([self.grow(x), skip], 1), state)
        return out
