"""torch.onnx.export to a file, as the TorchScript-based exporter of every version writes it."""

import contextlib
import inspect
import io
import warnings

import torch

VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
OPSETS = (11,) if VERSION < (1, 6) else (11, 13, 18)


class Call(torch.nn.Module):
    """One call of F.interpolate."""

    def __init__(self, **arguments):
        super().__init__()
        self.arguments = arguments

    def forward(self, x):
        return torch.nn.functional.interpolate(x, **self.arguments)


def export(model, x, path, opset, **options):
    """Write an ONNX file and return its path; says nothing on the terminal."""
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options.setdefault("dynamo", False)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), (x,), str(path), opset_version=opset, **options)
    return str(path)
