"""Learned keypoints: where each target is in a camera image, and how places in images map to 3D positions and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from world_model_ros.learning.model.encoders import cells, mlp


class ImagePlaces(nn.Module):
    """Maps of the reader of positions -> a place in the image for each of K targets, and to positions and back.

    Nothing says where in an image a target is. But a single place, from which the position is then read, is of use only
    if it moves as the target does (a bottleneck, after Finn et al. 2016, "Deep spatial autoencoders"). Places are x and
    y, -1..1 from the first pixel to the last, positions in units of the data's spread.

    Args:
        height, width: of the image. channels: of the maps, which are a quarter as high and wide.
    """

    def __init__(self, height: int, width: int, channels: int, targets: int) -> None:
        super().__init__()
        self.heat = nn.Conv2d(channels, targets, 3, padding=1)
        self.reads = nn.ModuleList([mlp(2, 32, 3) for _ in range(targets)])
        self.projects = nn.ModuleList([mlp(3, 32, 2) for _ in range(targets)])
        rows, cols = height // 4, width // 4
        inner = torch.tensor([4.0 * (cols - 1) / (width - 1), 4.0 * (rows - 1) / (height - 1)])  # middles of the cells
        self.grid: Tensor
        self.register_buffer("grid", cells(rows, cols) * inner, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, channels, rows, cols) -> places (B, K, 2)."""
        return self.middle(self.shares(maps))

    def shares(self, maps: Tensor) -> Tensor:
        """How much of a place is in each cell: (B, K, cells)."""
        heat: Tensor = self.heat(maps).flatten(2).float()
        return heat.softmax(-1)

    def middle(self, shares: Tensor) -> Tensor:
        """Shares (B, K, cells) -> places (B, K, 2)."""
        return shares @ self.grid

    def spread(self, shares: Tensor) -> Tensor:
        """Variance of places, (B, K). A mean of the whole image moves less than the target does: it is kept small."""
        return shares @ (self.grid**2).sum(-1) - (self.middle(shares) ** 2).sum(-1)

    def read(self, places: Tensor) -> Tensor:
        """Places (B, K, 2) -> positions (B, K, 3)."""
        return torch.stack([read(place) for read, place in zip(self.reads, places.unbind(1))], 1)

    def project(self, positions: Tensor) -> Tensor:
        """Positions (B, K, 3) -> places (B, K, 2), as the usual camera would show them."""
        return torch.stack([project(each) for project, each in zip(self.projects, positions.unbind(1))], 1)
