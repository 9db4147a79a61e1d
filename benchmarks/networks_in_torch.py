"""Two segmentation networks of the usual kind, with seeded weights."""

from typing import Any, Tuple

import torch
from torch import nn

F = nn.functional


class Block(nn.Sequential):
    """Convolution, normalization, activation."""

    def __init__(
        self, before: int, after: int, kernel: int = 3, activate: bool = True, **more: Any
    ) -> None:
        pad = more.get("dilation", 1) * (kernel // 2)
        parts = [nn.Conv2d(before, after, kernel, padding=pad, bias=False, **more)]
        parts += [nn.BatchNorm2d(after)] + ([nn.ReLU6()] if activate else [])
        super().__init__(*parts)


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.first = Block(before, after, stride=stride, dilation=dilation)
        self.second = Block(after, after, activate=False, dilation=dilation)
        self.short = Block(before, after, 1, activate=False, stride=stride)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.second(self.first(x)) + self.short(x))


class DeepLab(nn.Module):
    """A residual backbone of stride 16, parallel dilated convolutions, and a decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block(3, 64, 7, stride=2)
        self.low = nn.Sequential(nn.MaxPool2d(3, 2, 1), Residual(64, 64), Residual(64, 64))
        self.high = nn.Sequential(
            Residual(64, 128, 2), Residual(128, 128), Residual(128, 256, 2), Residual(256, 256),
            Residual(256, 512, 1, 2), Residual(512, 512, 1, 2),
        )  # fmt: skip
        self.branches = nn.ModuleList(
            [Block(512, 256, 1)] + [Block(512, 256, 3, dilation=d) for d in (6, 12, 18)]
        )
        self.pooled = Block(512, 256, 1)
        self.project = Block(5 * 256, 256, 1)
        self.reduce = Block(64, 48, 1)
        self.head = nn.Sequential(Block(304, 256), Block(256, 256), nn.Conv2d(256, 21, 1))

    def forward(self, x: Any) -> Any:
        low = self.low(self.stem(x))
        high = self.high(low)
        found = [branch(high) for branch in self.branches]
        pooled = self.pooled(F.adaptive_avg_pool2d(high, 1))
        found.append(F.interpolate(pooled, size=(17, 17), mode="bilinear", align_corners=False))
        made = self.project(torch.cat(found, 1))
        made = F.interpolate(made, size=(65, 65), mode="bilinear", align_corners=True)
        made = self.head(torch.cat([made, self.reduce(low)], 1))
        return F.interpolate(made, size=(257, 257), mode="bilinear", align_corners=True)


class Inverted(nn.Module):
    """MobileNetV2's block: wide depthwise convolution between two narrow maps."""

    def __init__(self, before: int, after: int, stride: int, ratio: int) -> None:
        super().__init__()
        wide = before * ratio
        parts = [Block(before, wide, 1)] if ratio > 1 else []
        parts += [
            Block(wide, wide, stride=stride, groups=wide),
            Block(wide, after, 1, activate=False),
        ]
        self.parts, self.adds = nn.Sequential(*parts), stride == 1 and before == after

    def forward(self, x: Any) -> Any:
        return x + self.parts(x) if self.adds else self.parts(x)


class MobileNetUNet(nn.Module):
    """MobileNetV2 with skips, and a decoder of bilinear resizes and separable convolutions."""

    _STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
               (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.stem, before = Block(3, 32, stride=2), 32
        stages = []
        for ratio, after, count, stride in self._STAGES:
            blocks = []
            for number in range(count):
                blocks.append(Inverted(before, after, 1 if number else stride, ratio))
                before = after
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        wide = (320, 96, 32, 24, 16)
        self.ups = nn.ModuleList(
            nn.Sequential(
                Block(deep + skip, deep + skip, groups=deep + skip), Block(deep + skip, skip, 1)
            )
            for deep, skip in zip(wide, wide[1:])
        )
        self.last = nn.Conv2d(16, 21, 1)

    def forward(self, x: Any) -> Any:
        x, skips = self.stem(x), []
        size = 257, 257
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in (0, 1, 2, 4):
                skips.append(x)
        for up, skip in zip(self.ups, reversed(skips)):
            x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=True)
            x = up(torch.cat([x, skip], 1))
        return F.interpolate(self.last(x), size=size, mode="bilinear", align_corners=True)


def made(name: str) -> Tuple[Any, Any]:
    """A network that only infers, and an example of its input, of 257×257 pixels."""
    torch.manual_seed(0)
    network = {"deeplab": DeepLab, "mobilenet_unet": MobileNetUNet}[name]().eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network, torch.rand(1, 3, 257, 257)
