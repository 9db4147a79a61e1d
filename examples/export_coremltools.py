"""Today's PyTorch → coremltools → audit and fix, in one process and in memory.

The networks become ML Programs, as coremltools makes them by default. The last one has resizes that
coremltools refuses or drops; `exportable` gets them through, and several operations compute each.

python3 -m venv .venv && .venv/bin/pip install -e . torch 'numpy<2.4'
.venv/bin/python examples/export_coremltools.py build/
"""

import argparse
import os
import sys
import warnings
from typing import List

import coremltools
import networks
import torch

from coreml_resize_fix import Report, audit, exportable, fix, record_intents


class Refused(torch.nn.Module):
    """Resizes that coremltools does not convert, or not to what they are."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        resize = torch.nn.functional.interpolate
        x = resize(x, size=(20, 28), mode="bilinear", antialias=True)
        x = resize(self.first(x), scale_factor=2, mode="bicubic", align_corners=True)
        x = resize(x, scale_factor=1.3, mode="bilinear", align_corners=False)
        return resize(self.last(x), size=(75, 101), mode="nearest-exact")


def verdicts(report: Report) -> List[str]:
    """The verdict on each layer."""
    return [finding.verdict for finding in report.findings]


def convert(
    traced: torch.jit.ScriptModule, example: torch.Tensor
) -> coremltools.models.MLModel:
    """An ML Program of a traced model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return coremltools.convert(
            traced,
            inputs=[coremltools.TensorType("image", example.shape)],
        )


def convert_refused(folder: str) -> bool:
    """Whether the network that coremltools refuses ends up right."""
    torch.manual_seed(1)
    model, example = Refused().eval(), torch.rand(1, 3, 40, 56)
    with exportable(model) as intents:
        traced = torch.jit.trace(model, example, check_trace=False)
    converted = convert(traced, example)
    fixed = fix(converted, intents, decompose=True)
    before, after = (audit(made, intents, decompose=True) for made in (converted, fixed))
    print("refused  {} → {}".format(" ".join(verdicts(before)), " ".join(verdicts(after))))
    fixed.save(os.path.join(folder, "refused.mlpackage"))
    return after.exit_code == 0


def main() -> int:
    """Convert, audit and fix every network; 0 if all of them end up right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the models go")
    folder = parser.parse_args().folder
    os.makedirs(folder, exist_ok=True)
    for name in networks.NETWORKS:
        model, example = networks.make(name)
        intents = record_intents(model, example)
        converted = convert(torch.jit.trace(model, example), example)
        before = audit(converted, intents)
        # An ONNX file of the same network says the same, for those who cannot record.
        path = os.path.join(folder, name + "-intent.onnx")
        torch.onnx.export(model, (example,), path, opset_version=18, dynamo=False)
        twice = audit(converted, path)
        if verdicts(before) != verdicts(twice):
            print("{}: the ONNX file says something else: {}".format(name, verdicts(twice)))
            return 1
        fixed = fix(converted, intents)
        after = audit(fixed, intents)
        print("{:8} {} → {}".format(name, " ".join(verdicts(before)), " ".join(verdicts(after))))
        if after.exit_code != 0:
            return 1
        fixed.save(os.path.join(folder, name + ".mlpackage"))
    return 0 if convert_refused(folder) else 1


if __name__ == "__main__":
    sys.exit(main())
