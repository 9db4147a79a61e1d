"""A network with the usual ways to resize, and the export that the tests look at."""

import inspect
import warnings

import torch
from torch import nn

from coreml_resize_fix.intents.torch.export import exportable

F = nn.functional
HAS = inspect.signature(F.interpolate).parameters


class Join(nn.Module):
    """Resizes to the size of a skip connection."""

    def forward(self, maps, skip):
        size = (skip.shape[2], skip.shape[3])
        maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=True)
        return torch.cat([maps, skip], dim=1)


class UNet(nn.Module):
    """Odd sizes on the way down, so that the way up needs the sizes of the skips."""

    def __init__(self, factor=1.5):
        super().__init__()
        torch.manual_seed(0)
        self.factor = factor
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.join = Join()
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, maps):
        top = F.relu(self.first(maps))
        middle = F.relu(self.second(F.max_pool2d(top, 2)))
        bottom = F.max_pool2d(middle, 2)
        maps = self.last(self.join(self.up(bottom), middle))
        return F.interpolate(self.up(maps) + top, scale_factor=self.factor)


def export(model, maps, path, error=None):
    """Export at opset 9 by the exporter that traces; returns the true intents.

    `error` is a category of warnings that are errors here.
    """
    options = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False
    with warnings.catch_warnings(), exportable(model) as intents:
        warnings.simplefilter("ignore")
        if error is not None:
            warnings.simplefilter("error", error)
        torch.onnx.export(model, maps, str(path), opset_version=9, **options)
    return intents
