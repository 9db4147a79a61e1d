"""PyTorch 1.4 → ONNX → onnx-coreml → fix, with nothing typed by hand.

    python3.7 -m venv .venv37 && .venv37/bin/pip install -e '.[legacy]' torch==1.4.0
    .venv37/bin/python examples/export_onnx_coreml.py build/

`exportable` lets the model be exported as it is, and records what it really asks for. The conversion runs in
a child process: exporting and converting in one process crashes with PyTorch 1.4.
"""

import argparse
import os
import subprocess
import sys
from typing import List

from coreml_resize_fix import Report, audit, exportable, fix


def export(name: str, folder: str) -> str:
    """Export one network for the converter, with its intent beside it; returns the stem."""
    import networks
    import torch

    model, example = networks.make(name)
    stem = os.path.join(folder, name)
    with exportable(model) as intents:
        torch.onnx.export(model, example, stem + ".onnx", opset_version=9)
    intents.save(stem + ".json")
    # The same network once more in an opset that can say align_corners: an intent without any
    # recording, for those who have only ONNX files.
    torch.onnx.export(model, example, stem + "-intent.onnx", opset_version=11)
    return stem


def convert(onnx_path: str, coreml_path: str) -> None:
    """Convert one ONNX file; runs in a process of its own."""
    from onnx_coreml import convert as onnx_to_coreml

    onnx_to_coreml(onnx_path, minimum_ios_deployment_target="12").save(coreml_path)


def verdicts(report: Report) -> List[str]:
    """The verdict on each layer."""
    return [finding.verdict for finding in report.findings]


def main() -> int:
    """Export, convert and fix every network; 0 if all of them end up right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the models go")
    parser.add_argument("--convert", metavar="ONNX", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.convert:
        convert(arguments.convert, arguments.folder)
        return 0

    import networks

    os.makedirs(arguments.folder, exist_ok=True)
    for name in networks.NETWORKS:
        stem = export(name, arguments.folder)
        model = stem + ".mlmodel"
        subprocess.run(
            [sys.executable, __file__, model, "--convert", stem + ".onnx"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        before = audit(model, stem + ".json")
        twice = audit(model, stem + "-intent.onnx")
        if verdicts(before) != verdicts(twice):
            print("{}: the ONNX file says something else: {}".format(name, verdicts(twice)))
            return 1
        fixed = fix(model, stem + ".json", output=stem + "-fixed.mlmodel", force=True)
        after = audit(fixed, stem + ".json")
        print("{:8} {} → {}".format(name, " ".join(verdicts(before)), " ".join(verdicts(after))))
        if after.exit_code != 0:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
