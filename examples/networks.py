"""Four small networks that resize as real ones do; the same code on PyTorch 1.4 and on today's.

Each was "trained" with align_corners=True: random weights from a fixed seed stand for training.
"""

from typing import Dict, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU())


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)


class UNet(nn.Module):
    """Each decoder step resizes to the size of its skip connection; odd sizes included."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([_conv(3, 4), _conv(4, 6, 2), _conv(6, 8, 2)])
        self.up = nn.ModuleList([_conv(8 + 6, 6), _conv(6 + 4, 4)])
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: List[Tensor] = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        for layer, skip in zip(self.up, reversed(skips[:-1])):
            x = layer(torch.cat([_resized(x, skip), skip], 1))
        return self.head(x)


class FPN(nn.Module):
    """Parallel branches of equal scale: their resizes can be told apart by order only."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.deep = _conv(3, 4, 2), _conv(4, 4, 2)
        self.sides = nn.ModuleList([nn.Conv2d(4, 4, 1) for _ in range(3)])
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        deep = self.deep(stem)
        for side in self.sides:
            stem = stem + self.up(side(deep))
        return self.head(self.up(stem))


class DeepLab(nn.Module):
    """An image-level branch (1×1 → H×W) beside convolutions, and a large factor at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(3, 4, 2), _conv(4, 4, 2))
        self.pool, self.point = nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1)
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)
        everywhere = _resized(self.point(self.pool(features)), features)
        scores = self.head(torch.cat([features, everywhere], 1))
        return F.interpolate(scores, scale_factor=4, mode="bilinear", align_corners=True)


class PyramidPooling(nn.Module):
    """Pools of 1, 2, 3 and 6 pixels, all brought back to one size."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(3, 4, 2), _conv(4, 4, 2))
        # The strides divide the 6×12 map of a 24×48 image evenly, as the old exporter needs it.
        self.pools = nn.ModuleList([nn.AvgPool2d((6 // n, 12 // n)) for n in (1, 2, 3, 6)])
        self.points = nn.ModuleList([nn.Conv2d(4, 2, 1) for _ in range(4)])
        self.head = nn.Conv2d(4 + 4 * 2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)
        levels = [
            _resized(point(pool(features)), features)
            for pool, point in zip(self.pools, self.points)
        ]
        return _resized(self.head(torch.cat([features] + levels, 1)), x)


# name → (network, size of its input image)
NETWORKS: Dict[str, Tuple[type, Tuple[int, int]]] = {
    "unet": (UNet, (25, 31)),
    "fpn": (FPN, (24, 32)),
    "deeplab": (DeepLab, (32, 48)),
    "pyramid": (PyramidPooling, (24, 48)),
}


def make(name: str) -> Tuple[nn.Module, Tensor]:
    """A network in evaluation mode and an example input."""
    kind, size = NETWORKS[name]
    torch.manual_seed(1)
    return kind().eval(), torch.rand(1, 3, *size)
