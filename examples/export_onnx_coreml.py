"""PyTorch 1.4 → ONNX → onnx-coreml → fix, with nothing typed by hand.

    python3.7 -m venv .venv37 && .venv37/bin/pip install -e '.[legacy]' torch==1.4.0
    .venv37/bin/python examples/export_onnx_coreml.py build/

`exportable` lets the model be exported as it is, and records what it really asks for. The
conversion runs in a child process: the converter crashes where PyTorch 1.4 was imported before it.
A newer PyTorch can export (`--only export`) what the old converter then takes from the files
(`--only convert`, in the environment above).
"""

import argparse
import os
import subprocess
import sys
from typing import List

from coreml_resize_fix import Report, audit, exportable, fix

NAMES = ("unet", "fpn", "deeplab", "pyramid")


def export(name: str, stem: str) -> None:
    """Export one network for the converter, with its intent beside it."""
    import networks
    import torch

    # Newer versions have a second exporter, which does not know opset 9.
    options = {"dynamo": False} if int(torch.__version__.split(".")[0]) > 1 else {}
    model, example = networks.make(name)
    with exportable(model) as intents:
        torch.onnx.export(model, (example,), stem + ".onnx", opset_version=9, **options)
    intents.save(stem + ".json")
    # The same network once more in an opset that can say align_corners: an intent without any
    # recording, for those who have only ONNX files.
    torch.onnx.export(model, (example,), stem + "-intent.onnx", opset_version=11, **options)


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
    parser.add_argument("--only", choices=["export", "convert"], help="one half of the work")
    parser.add_argument("--from-onnx", metavar="ONNX", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.from_onnx:
        convert(arguments.from_onnx, arguments.folder)
        return 0

    os.makedirs(arguments.folder, exist_ok=True)
    results = []
    for name in NAMES:
        stem = os.path.join(arguments.folder, name)
        if arguments.only != "convert":
            export(name, stem)
        if arguments.only != "export":
            results.append(convert_and_fix(name, stem))
    return 0 if all(results) else 1


def convert_and_fix(name: str, stem: str) -> bool:
    """Convert one exported network, and fix it; whether it ends up right."""
    model = stem + ".mlmodel"
    subprocess.run(
        [sys.executable, __file__, model, "--from-onnx", stem + ".onnx"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    before = audit(model, stem + ".json")
    twice = audit(model, stem + "-intent.onnx")
    if verdicts(before) != verdicts(twice):
        print("{}: the ONNX file says something else: {}".format(name, verdicts(twice)))
        return False
    fixed = fix(model, stem + ".json", output=stem + "-fixed.mlmodel", force=True)
    after = audit(fixed, stem + ".json")
    print("{:8} {} → {}".format(name, " ".join(verdicts(before)), " ".join(verdicts(after))))
    return after.exit_code == 0


if __name__ == "__main__":
    sys.exit(main())
