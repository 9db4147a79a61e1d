"""Today's PyTorch → coremltools (a neural network) → audit and fix, in one process and in memory.

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

from coreml_resize_fix import Report, audit, fix, record_intents


def verdicts(report: Report) -> List[str]:
    """The verdict on each layer."""
    return [finding.verdict for finding in report.findings]


def main() -> int:
    """Convert, audit and fix every network; 0 if all of them end up right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the models go")
    folder = parser.parse_args().folder
    os.makedirs(folder, exist_ok=True)
    for name in networks.NETWORKS:
        model, example = networks.make(name)
        intents = record_intents(model, example)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted = coremltools.convert(
                torch.jit.trace(model, example),
                inputs=[coremltools.TensorType("image", example.shape)],
                convert_to="neuralnetwork",
            )
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
        fixed.save(os.path.join(folder, name + ".mlmodel"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
