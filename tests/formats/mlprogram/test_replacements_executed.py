"""Replacements in programs: what the fixed package computes, executed with PyTorch.

A resize that is wrong stands between other operations. The truth comes from F.interpolate in double
precision, what the package makes of a random image from the code of `torch_executor`; coremltools'
own loader infers every type anew.
"""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip("coremltools", minversion="8.0", reason="needs coremltools 8 or newer")

import torch

from coreml_resize_fix import audit, fix
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.formats.mlprogram import build, torch_executor
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.editing import operations, told
from tests.formats.mlprogram.test_edits import as_coremltools_infers

F = torch.nn.functional
MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
TOLERANCE = {"float32": 2e-6, "float16": 2e-3}  # of the largest magnitude
SIZES = [
    ((5, 6), (10, 18)),
    ((7, 4), (10, 9)),
    ((8, 9), (4, 3)),
    ((9, 7), (4, 5)),
    ((6, 5), (1, 1)),
]
FACTORS = [(1.5, 1.3), (2.3, 0.7), (0.6, 1.25), (1.37, 1.61)]
BILINEAR = {"mode": "bilinear"}

# What is asked for; the sizes or factors are put in.
BY_SIZE = {
    "bilinear aligned": {**BILINEAR, "align_corners": True},
    "bilinear": BILINEAR,
    "bicubic": {"mode": "bicubic"},
    "bicubic aligned": {"mode": "bicubic", "align_corners": True},
    "bilinear antialias": {**BILINEAR, "antialias": True},
    "bicubic antialias": {"mode": "bicubic", "antialias": True},
    "area": {"mode": "area"},
    "nearest": {"mode": "nearest"},
    "nearest-exact": {"mode": "nearest-exact"},
}
BY_FACTOR = {
    "bilinear": BILINEAR,
    "bicubic": {"mode": "bicubic"},
    "nearest": {"mode": "nearest"},
    "nearest-exact": {"mode": "nearest-exact"},
}


def _cases():
    """Every call in two of the eight places (iOS, precision), another pair each time."""
    asked = [(name, {**how, "size": after}, before) for name, how in BY_SIZE.items()
             for before, after in SIZES]  # fmt: skip
    asked += [(name, {**how, "scale_factor": factor}, (7, 10)) for name, how in BY_FACTOR.items()
              for factor in FACTORS]  # fmt: skip
    for turn, (name, how, before) in enumerate(asked):
        for place in (turn % 8, (turn + 5) % 8):
            yield name, how, before, 15 + place % 4, ("float32", "float16")[place // 4]


CASES = list(_cases())


def intent(how, **more):
    given = {"align_corners": False, "framework_version": str(torch.__version__), **how, **more}
    return Intent(layer="up", **given)


def expected(how, image):
    given = dict(how)
    if given["mode"] in ("bilinear", "bicubic"):
        given.setdefault("align_corners", False)
    return F.interpolate(image, **given)


def network(folder, before, ios, precision, channels=3, inputs=None, wrong=None):
    """relu → a resize that doubles pixels → relu, as a package."""

    def make(x):
        y = mb.relu(x=x)
        y = (wrong or doubled)(y)
        return mb.relu(x=y, name="end")

    path = folder / f"{ios}-{precision}.mlpackage"
    return str(
        build.save(build.program(make, (1, channels, *before), ios), path, ios, inputs, precision)
    )


def doubled(x):
    return mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=2, name="up")


def run(package, image):
    made = torch_executor.Package(package)
    (name,) = [one.name for one in made.spec.mlProgram.functions["main"].inputs]
    return next(iter(made.run({name: image.numpy()}).values()))


def error(made, wanted):
    assert made.shape == wanted.shape
    return float(np.abs(made - wanted).max() / np.abs(wanted).max())


def model_of(package):
    return (Path(package) / MODEL).read_bytes()


def weights_of(package):
    return os.path.join(package, os.path.dirname(MODEL), "weights")


def others(package):
    """Every operation but the resize and its constants, without its declared sizes."""
    found, _ = operations(model_of(package))
    return [told(one) for one in found if b"up" not in one]


@pytest.mark.parametrize(("name", "how", "before", "ios", "precision"), CASES)
def test_every_call(name, how, before, ios, precision, tmp_path):
    path = network(tmp_path, before, ios, precision)
    report = pipeline.process(path, pipeline.Request(manifest=[intent(how)], decompose=True))
    assert [one.verdict for one in report.findings] == ["fixed"], report.findings[0].message
    result = report.output
    image = torch.rand(1, 3, *before, dtype=torch.float64) - 0.2
    wanted = expected(how, image.relu()).relu()
    assert error(run(result, image), wanted.numpy()) < TOLERANCE[precision]
    data = model_of(result)
    assert as_coremltools_infers(data, weights_of(result))
    build.opens(result)
    assert len([one for one in others(path) if one not in others(result)]) <= 1  # who reads it
    again = audit(result, [intent(how)])
    assert (again.exit_code, [one.verdict for one in again.findings]) == (0, ["match"])
    assert fix(result, [intent(how)]) == result
    assert model_of(result) == data
