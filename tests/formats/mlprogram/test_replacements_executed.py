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
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

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


LISTED = [(12, 18), (24, 12), (6, 48)]


def varying(listed, channels=3):
    """Heights and widths that vary, and how coremltools describes them."""
    import coremltools as ct

    sides = [ct.RangeDim(6, 48, 12), ct.RangeDim(6, 48, 18)]
    shape = (1, channels, *sides)
    if listed:
        shapes = [(1, channels, *size) for size in LISTED]
        shape = ct.EnumeratedShapes(shapes, default=shapes[0])
    return (build.symbol(), build.symbol()), [ct.TensorType("x", shape)]


VARYING = {
    "bicubic by 2": ({"mode": "bicubic", "scale_factor": (2.0, 2.0)}, ["pad", "conv_transpose"]),
    "bicubic by 2, 3": ({"mode": "bicubic", "scale_factor": (2.0, 3.0)}, ["pad", "conv_transpose"]),
    "bicubic by 1/2": ({"mode": "bicubic", "scale_factor": (0.5, 0.5)}, ["pad", "conv"]),
    # Of a size that does not divide the windows are others: it is only the same if none occurs.
    "listed, area by 1/3": ({"mode": "area", "scale_factor": (1 / 3, 0.5)}, ["avg_pool"]),
    "nearest by 1/2": ({"mode": "nearest", "scale_factor": (0.5, 0.5)}, ["conv"]),
    "nearest-exact by 3": (
        {"mode": "nearest-exact", "scale_factor": (3.0, 3.0)}, ["upsample_nearest_neighbor"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ios", "precision"), [(15, "float16"), (17, "float32")])
@pytest.mark.parametrize("name", list(VARYING))
def test_sizes_that_vary(name, ios, precision, tmp_path):
    how, wanted = VARYING[name]
    before, inputs = varying("listed" in name)

    def wrong(x):
        up, down = (how["scale_factor"][axis] >= 1 for axis in (0, 1))
        factors = [round(f) if f >= 1 else f for f in how["scale_factor"]]
        assert up == down
        return mb.upsample_bilinear(
            x=x, scale_factor_height=factors[0] if up else float(factors[0]),
            scale_factor_width=factors[1] if up else float(factors[1]), align_corners=True,
            name="up",
        )  # fmt: skip

    path = network(tmp_path, before, ios, precision, inputs=inputs, wrong=wrong)
    asked = intent(how)
    request = pipeline.Request(manifest=[asked], decompose=True)
    report = pipeline.process(path, request)
    assert [one.verdict for one in report.findings] == ["fixed"], report.findings[0].message
    after = report.findings[0].after
    kinds = [one.kind for one in getattr(after, "operations", [after])]
    assert kinds == wanted
    data = model_of(report.output)
    assert as_coremltools_infers(data, weights_of(report.output))
    for size in LISTED:
        image = torch.rand(1, 3, *size, dtype=torch.float64) - 0.2
        made = run(report.output, image)
        assert error(made, expected(how, image.relu()).relu().numpy()) < TOLERANCE[precision]
    again = audit(report.output, [asked])
    assert (again.exit_code, [one.verdict for one in again.findings]) == (0, ["match"])


def test_in_float32_between_casts(tmp_path):
    """A network of float16 that keeps its weights exact has single precision's error."""
    how = {"mode": "bicubic", "size": (11, 13)}
    path = network(tmp_path, (5, 6), 16, "float16")
    result = fix(path, [intent(how)], decompose=True, float32_replacements=True)
    image = torch.rand(1, 3, 5, 6, dtype=torch.float64) - 0.2
    assert error(run(result, image), expected(how, image.relu()).relu().numpy()) < 2e-6


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed, tmp_path):
    """One to four wrong resizes after one another, each with a call of its own."""
    rng = np.random.default_rng(seed)
    ios, precision = 15 + seed % 4, ("float32", "float16")[seed // 4 % 2]
    before = tuple(int(n) for n in rng.integers(3, 16, 2))
    hows = [_call(rng) for _ in range(int(rng.integers(1, 5)))]

    def make(x):
        for number in range(len(hows)):
            x = mb.upsample_nearest_neighbor(
                x=mb.relu(x=x), scale_factor_height=2, scale_factor_width=2, name=f"up{number}"
            )
        return mb.relu(x=x, name="end")

    path = str(build.save(build.program(make, (1, 2, *before), ios), tmp_path / "m.mlpackage", ios,
                          None, precision))  # fmt: skip
    intents = [intent(how) for how in hows]
    intents = [
        Intent(**{**vars(one), "layer": f"up{number}"}) for number, one in enumerate(intents)
    ]
    wanted = image = torch.rand(1, 2, *before, dtype=torch.float64) - 0.2
    for how in hows:
        wanted = expected(how, wanted.relu())
    result = fix(path, intents, decompose=True)
    assert error(run(result, image), wanted.relu().numpy()) < TOLERANCE[precision]
    assert as_coremltools_infers(model_of(result), weights_of(result))
    assert fix(result, intents) == result


def _call(rng):
    names = list(BY_SIZE)
    how = dict(BY_SIZE[names[int(rng.integers(len(names)))]])
    by_factor = how["mode"] != "area" and not how.get("antialias") and not how.get("align_corners")
    if by_factor and rng.random() < 0.4:
        return {
            **how,
            "scale_factor": tuple(float(f) for f in rng.choice([0.5, 0.75, 1.3, 1.5, 2, 2.3], 2)),
        }
    return {**how, "size": tuple(int(n) for n in rng.integers(2, 20, 2))}
