"""Imagined image: what does not move is copied from the last real frame, the rest is generated."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImageDecoder(nn.Module):
    """State (B, S) and reference frame (B, H, W, 3) 0..255 -> imagined frame (B, H, W, 3) 0..255, float.

    Every pixel is a mixture of the reference (the default), the reference shifted by a predicted flow, and a generated
    colour. Built from convolutions and PixelShuffle; no Resize, so it stays on one execution provider.
    """

    def __init__(self, height: int, width: int, state: int, channels: int = 48) -> None:
        super().__init__()
        self.rows, self.cols = height // 8, width // 8
        self.seed_channels = 32
        self.unshuffle, self.shuffle = nn.PixelUnshuffle(4), nn.PixelShuffle(4)
        self.seed = nn.Linear(state, self.rows * self.cols * self.seed_channels)
        self.grow = nn.Sequential(nn.Conv2d(self.seed_channels, channels * 4, 3, padding=1), nn.PixelShuffle(2))
        self.look = nn.Conv2d(48, channels, 3, padding=1)
        self.film = nn.Linear(state, 2 * channels)
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, 96, 3, padding=1), nn.SiLU(), nn.Conv2d(96, 96, 3, padding=1), nn.SiLU()
        )
        self.colour = nn.Conv2d(96, 48, 3, padding=1)
        self.choice = nn.Conv2d(96, 48, 3, padding=1)  # three logits a pixel: copy, shift, generate
        self.flow = nn.Conv2d(96, 32, 3, padding=1)  # x and y a pixel
        for layer, bias in (
            (self.flow, torch.zeros(32)),
            (self.choice, torch.cat([torch.full((16,), 2.0), torch.zeros(32)])),
        ):
            nn.init.zeros_(layer.weight)
            layer.bias = nn.Parameter(bias)  # at first everything is copied
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        self.grid: Tensor
        self.register_buffer("grid", torch.stack([x, y], -1)[None])  # (1, H, W, 2)

    def forward(self, state: Tensor, reference: Tensor) -> Tensor:
        reference = reference.float().permute(0, 3, 1, 2) / 255.0
        seen = self.look(self.unshuffle(reference - 0.5))
        scale, shift = self.film(state)[:, :, None, None].chunk(2, 1)
        seen = nn.functional.silu(seen * (1 + scale) + shift)
        own = self.seed(state).reshape(-1, self.seed_channels, self.rows, self.cols)
        own = nn.functional.silu(self.grow(own))
        x = self.mix(torch.cat([seen, own], 1))
        colour = torch.sigmoid(self.shuffle(self.colour(x)))  # (B, 3, H, W)
        weight = self.shuffle(self.choice(x)).softmax(1)  # (B, 3, H, W)
        flow = 0.3 * torch.tanh(self.shuffle(self.flow(x))).permute(0, 2, 3, 1)  # (B, H, W, 2)
        shifted = nn.functional.grid_sample(
            reference, self.grid + flow, mode="bilinear", padding_mode="border", align_corners=True
        )
        out: Tensor = weight[:, :1] * reference + weight[:, 1:2] * shifted + weight[:, 2:] * colour
        return out.permute(0, 2, 3, 1) * 255.0
