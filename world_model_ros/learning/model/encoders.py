"""Encoders of streams, one per kind, from raw arrays to features; and a network that reads target positions in images.

What the world model, its training and its export have to know of a kind is asked of its encoder.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from world_model_ros.contract.senses import DepthStream, MicrophoneStream, Stream

MELS = 24
_FRAME_S, _HOP_S = 0.025, 0.0125
_MOST_CELLS = 256  # of depth, as far as cells of 16 px allow


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with SiLU between them."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.Linear(a, b)] if i == len(sizes) - 2 else [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers)


class StreamEncoder(nn.Module, ABC):
    """Base of encoders.

    Attributes:
        width: of `encode`.
        size: numbers that are predicted of a stream, and whitened.
        has_head: they are predicted by a head of its own; else by `WorldModel.code_head`, of the first camera.
        learns_features: `features` has weights, which stage two leaves alone.
        weight: of its loss.
    """

    width: int
    size: int
    has_head = True
    learns_features = False
    weight = 0.2

    def front(self) -> nn.Module | None:
        """What an array goes through before `features`; without weights."""
        return None

    @abstractmethod
    def features(self, value: Tensor) -> dict[str, Tensor]:
        """What does not depend on time, of arrays (B, ...), by the end of its name: the main part, (B, n), has none."""

    def encode(self, feature: Tensor) -> Tensor:
        """The main part of the features -> what the filter fuses, (B, width)."""
        return feature

    def target(self, feature: Tensor) -> Tensor:
        """The main part of the features -> what the head predicts, (B, size)."""
        return feature

    def measured(self, predicted: Tensor) -> Tensor:
        """What the head predicts -> flat, in units of the contract."""
        return predicted

    def missed(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Error (B, size) of a prediction; zero where the target is not known."""
        return predicted - target

    def shown(self, measured: Tensor, stream: Stream) -> Tensor:
        """What was `measured`, as a bundle decodes it: (B, ...)."""
        return measured if len(stream.decoded_shape) == 1 else measured.reshape(-1, *stream.shape)

    def fit(self, value: Tensor) -> None:
        """Take statistics of the data from arrays (N, ...) that went through `front`."""


class CameraEncoder(StreamEncoder):
    """Image (B, H, W, 3) uint8 or float 0..255 -> code (B, D) and keypoints (B, 2 P) in -1..1.

    Pixel-unshuffle, strided convolutions, and a spatial softmax (Finn et al. 2016, "Deep spatial autoencoders")
    that reads positions finer than its grid.
    """

    has_head = False
    learns_features = True

    def __init__(self, height: int, width: int, code: int, points: int = 24, channels: int = 3) -> None:
        super().__init__()
        self.width = self.size = code
        self.unshuffle = nn.PixelUnshuffle(4)
        self.stem = nn.Conv2d(16 * channels, 64, 3, padding=1)
        self.mix = nn.Conv2d(64, 64, 3, padding=1)
        self.heat = nn.Conv2d(64, points, 3, padding=1)
        rows, cols, maps, down = height // 4, width // 4, 64, []
        while rows * cols > 36:
            down += [nn.Conv2d(maps, 112, 3, stride=2, padding=1), nn.SiLU()]
            rows, cols, maps = (rows + 1) // 2, (cols + 1) // 2, 112
        self.down = nn.Sequential(*down)
        self.join = nn.Linear(maps * rows * cols + 2 * points, code)
        self.norm = nn.LayerNorm(code)
        self.grid: Tensor
        self.register_buffer("grid", cells(height // 4, width // 4))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.read(image.float().permute(0, 3, 1, 2) / 255.0 - 0.5)

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Channels (B, C, H, W) of about -0.5 to 0.5 -> code and keypoints."""
        x = nn.functional.silu(self.stem(self.unshuffle(x)))
        x = nn.functional.silu(self.mix(x))
        heat = self.heat(x).flatten(2).float().softmax(-1)  # (B, P, cells)
        points = (heat @ self.grid).flatten(1)  # (B, 2 P)
        code = self.norm(self.join(torch.cat([self.down(x).flatten(1), points], 1)))
        return code, points

    def features(self, value: Tensor) -> dict[str, Tensor]:
        code, points = self(value)
        return {"": code, "/points": points}


class PositionReader(nn.Module):
    """Image (B, H, W, 3) 0..255 -> where the targets are seen, (B, K, 3), in units of the data's spread about its mean.

    A network of its own, trained on single images, because it has to see and not to remember: keypoints of a spatial
    softmax, read by a small perceptron.
    """

    def __init__(self, height: int, width: int, targets: int) -> None:
        super().__init__()
        self.targets = targets
        points, channels = 24, 64
        self.look = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, points, 3, padding=1),
        )
        self.channels = channels
        self.read = mlp(3 * points, 128, 3 * targets)
        self.grid: Tensor
        self.register_buffer("grid", cells(height // 4, width // 4))

    def maps(self, image: Tensor) -> Tensor:
        """What it sees before its keypoints: (B, channels, rows, cols) of an image (B, H, W, 3)."""
        x: Tensor = self.look[:-1](image.float().permute(0, 3, 1, 2) / 255.0 - 0.5)
        return x

    def forward(self, image: Tensor) -> Tensor:
        return self.read_maps(self.maps(image))

    def read_maps(self, maps: Tensor) -> Tensor:
        """Positions (B, K, 3) from `maps`."""
        heat = self.look[-1](maps).flatten(2).float()  # (B, P, cells)
        share = heat.softmax(-1)
        found = torch.cat([(share @ self.grid).flatten(1), share.amax(-1)], 1)  # places, and how sharp they are
        out: Tensor = self.read(found).unflatten(1, (self.targets, 3))
        return out


def cells(rows: int, cols: int) -> Tensor:
    """Places of the cells of a grid, x and y in -1..1: (rows * cols, 2)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, cols), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], -1)


class LogMel(nn.Module):
    """PCM (B, window, channels) -> log-mel (B, channels * frames * MELS), roughly zero mean and unit variance.

    A short-time Fourier transform as one convolution, so that it exports without STFT. Triangular mel filters (HTK).
    """

    def __init__(self, sample_rate_hz: float, window: int, channels: int) -> None:
        super().__init__()
        size, self.hop = round(_FRAME_S * sample_rate_hz), round(_HOP_S * sample_rate_hz)
        self.frames = (window - size) // self.hop + 1
        self.channels = channels
        bins = size // 2 + 1
        n = torch.arange(size, dtype=torch.float64)
        k = torch.arange(bins, dtype=torch.float64)[:, None]
        phase = 2 * math.pi * k * n / size
        hann = torch.hann_window(size, periodic=True, dtype=torch.float64)
        basis = torch.cat([torch.cos(phase), torch.sin(phase)]) * hann
        self.basis: Tensor
        self.filters: Tensor
        self.register_buffer("basis", basis.float()[:, None, :])  # (2 bins, 1, size)
        self.register_buffer("filters", _mel_filters(bins, sample_rate_hz).float())  # (bins, MELS)

    @property
    def size(self) -> int:
        return self.channels * self.frames * MELS

    def forward(self, pcm: Tensor) -> Tensor:
        batch = pcm.shape[0]
        x = pcm.permute(0, 2, 1).reshape(batch * self.channels, 1, -1)
        spectrum = nn.functional.conv1d(x, self.basis, stride=self.hop)  # (B ch, 2 bins, frames)
        real, imaginary = spectrum.chunk(2, 1)
        power = (real * real + imaginary * imaginary).permute(0, 2, 1) @ self.filters
        mel: Tensor = (torch.log(power + 1e-4) + 4.0) / 4.0
        return mel.reshape(batch, self.size)


def _mel_filters(bins: int, sample_rate_hz: float) -> Tensor:
    def mel(hz: Tensor) -> Tensor:
        return 2595.0 * torch.log10(1.0 + hz / 700.0)

    hz = torch.linspace(0, sample_rate_hz / 2, bins, dtype=torch.float64)
    edges_mel = torch.linspace(float(mel(torch.tensor(60.0))), float(mel(hz[-1])), MELS + 2, dtype=torch.float64)
    edges = 700.0 * (10 ** (edges_mel / 2595.0) - 1.0)
    rising = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0.0)


class VectorEncoder(StreamEncoder):
    """Any small array (B, ...) -> (B, out), after subtracting the mean and dividing by the scale of the data."""

    def __init__(self, numbers: int, out: int, weight: float = 0.2) -> None:
        super().__init__()
        self.width, self.size, self.weight = out, numbers, weight
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("scale", torch.ones(numbers))
        self.net = mlp(numbers, 96, out)

    def normalise(self, value: Tensor) -> Tensor:
        x: Tensor = (value.flatten(1) - self.mean) / self.scale
        return x.clamp(-10.0, 10.0)

    def forward(self, value: Tensor) -> Tensor:
        encoded: Tensor = self.net(self.normalise(value))
        return encoded

    def features(self, value: Tensor) -> dict[str, Tensor]:
        return {"": value.flatten(1)}

    def encode(self, feature: Tensor) -> Tensor:
        encoded: Tensor = self(feature)
        return encoded

    def target(self, feature: Tensor) -> Tensor:
        return self.normalise(feature)

    def measured(self, predicted: Tensor) -> Tensor:
        return predicted * self.scale + self.mean

    def fit(self, value: Tensor) -> None:
        feature = value.flatten(1)
        self.mean.copy_(feature.mean(0))
        self.scale.copy_(feature.std(0).clamp(min=float(feature.std()) * 0.2 + 1e-4))


class SoundEncoder(VectorEncoder):
    """Log-mel of a microphone -> (B, out). What is predicted is its mean over frames."""

    def __init__(self, stream: MicrophoneStream, out: int) -> None:
        mel = LogMel(stream.sample_rate_hz, stream.window, stream.channels)
        super().__init__(mel.size, out)
        self.size, self._frames, self._stream = MELS * mel.channels, (mel.channels, mel.frames, MELS), stream

    def features(self, value: Tensor) -> dict[str, Tensor]:
        return {"": value}

    def front(self) -> nn.Module:
        return LogMel(self._stream.sample_rate_hz, self._stream.window, self._stream.channels)

    def target(self, feature: Tensor) -> Tensor:
        return feature.unflatten(-1, self._frames).mean(-2).flatten(-2)

    def measured(self, predicted: Tensor) -> Tensor:
        return predicted


class DepthEncoder(CameraEncoder):
    """Depth (B, H, W, 1), m, NaN where nothing was measured -> code (B, D), and means over cells of a coarse grid.

    A second channel says where something was measured. The means are what is predicted: NaN, and no error, where
    nothing was measured in a cell.
    """

    has_head = True

    def __init__(self, stream: DepthStream, code: int) -> None:
        super().__init__(stream.height, stream.width, code, channels=2)
        self._near, self._far, self.cell = stream.min_m, stream.max_m, 4
        while self.cell < 16 and stream.height * stream.width > _MOST_CELLS * self.cell**2:
            self.cell *= 2
        self._grid = (stream.height // self.cell, stream.width // self.cell)
        self.size = math.prod(self._grid)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.full((self.size,), 0.5 * (self._near + self._far)))
        self.register_buffer("scale", torch.ones(self.size))

    def forward(self, depth: Tensor) -> tuple[Tensor, Tensor]:
        metres, there = self._known(depth)
        near = (metres - self._near) / (self._far - self._near) * there
        return self.read(torch.cat([near, there], 1) - 0.5)

    def features(self, value: Tensor) -> dict[str, Tensor]:
        code, _ = self(value)
        return {"": torch.cat([code, self._cells(value).to(code.dtype)], 1)}

    def encode(self, feature: Tensor) -> Tensor:
        return feature[:, : self.width]

    def target(self, feature: Tensor) -> Tensor:
        return ((feature[:, self.width :] - self.mean) / self.scale).clamp(-10.0, 10.0)

    def missed(self, predicted: Tensor, target: Tensor) -> Tensor:
        return torch.where(target.isnan(), torch.zeros_like(predicted), predicted - target)

    def measured(self, predicted: Tensor) -> Tensor:
        return (predicted * self.scale + self.mean).clamp(self._near, self._far)

    def shown(self, measured: Tensor, stream: Stream) -> Tensor:
        cells = measured.unflatten(1, (1, *self._grid))
        return nn.functional.interpolate(cells, scale_factor=float(self.cell)).permute(0, 2, 3, 1)

    def fit(self, value: Tensor) -> None:
        cells = self._cells(value)
        known = (~cells.isnan()).sum(0)
        mean = cells.nanmean(0)
        spread = ((cells - mean) ** 2).nanmean(0).sqrt()
        whole = float(cells[~cells.isnan()].std()) if int(known.sum()) > 1 else 1.0
        seen = known > 1
        self.mean[seen] = mean[seen]
        self.scale[seen] = spread[seen].clamp(min=0.2 * whole + 1e-4)

    def _known(self, depth: Tensor) -> tuple[Tensor, Tensor]:
        """Depth (B, 1, H, W) with zeros for what was not measured, and ones where something was."""
        x = depth.float().permute(0, 3, 1, 2)
        there = (x >= self._near) & (x <= self._far)  # never true of NaN
        return torch.where(there, x, torch.zeros_like(x)), there.float()

    def _cells(self, depth: Tensor) -> Tensor:
        metres, there = self._known(depth)
        total, share = (nn.functional.avg_pool2d(each, self.cell) for each in (metres, there))
        mean = total / share.clamp(min=1e-6)
        return torch.where(share > 0, mean, torch.full_like(mean, torch.nan)).flatten(1)


def encoder_for(stream: Stream, code: int) -> StreamEncoder:
    """The encoder of a stream; ``code`` numbers stand for a picture."""
    return _ENCODERS[stream.kind](stream, code)


_ENCODERS: dict[str, Callable[[Any, int], StreamEncoder]] = {
    "camera": lambda stream, code: CameraEncoder(stream.height, stream.width, code),
    "depth": DepthEncoder,
    "microphone": lambda stream, _: SoundEncoder(stream, 32),
    "taxels": lambda stream, _: VectorEncoder(math.prod(stream.shape), 48),
    "wrench": lambda stream, _: VectorEncoder(math.prod(stream.shape), 24),
    "pose": lambda stream, _: VectorEncoder(math.prod(stream.shape), 32),
    "value": lambda stream, _: VectorEncoder(math.prod(stream.shape), 16),
    "joints": lambda stream, _: VectorEncoder(math.prod(stream.shape), 64, weight=1.0),
}
