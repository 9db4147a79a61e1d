"""Fractional factors without a mode, which Core ML refuses: the intent says which one is meant."""

import random

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork.parameters import Upsample
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.auditing.verdict_values import IOS14, flexible, judge
from tests.support import build

pytestmark = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 has no fractional factors: pip install coremltools",
)
MODES = ("DEFAULT", "ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE")
STRICT = 0


def written(tmp_path, size, factors):
    text = (
        "upsample {{ mode: BILINEAR fractionalScalingFactor: {!r} fractionalScalingFactor: {!r} }}"
    )
    model = build.network((1, 2) + size, [text.format(*factors)], 5, mapping=build.EXACT)
    return build.write(tmp_path, model)


def audited(path, **more):
    return pipeline.process(path, pipeline.Request(dry_run=True, **more))


def corners(before, after):
    return np.linspace(0, before - 1, after)


def half_pixel(before, after):
    return np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)


def reads(path, size):
    """(rows, columns) that the one layer of a file reads."""
    model = schema.model_class()()
    with open(path, "rb") as file:
        model.ParseFromString(file.read())
    (layer,) = model.neuralNetwork.layers
    if layer.WhichOneof("layer") == "resizeBilinear":
        assert layer.resizeBilinear.mode.samplingMethod == STRICT
        return [corners(*pair) for pair in zip(size, layer.resizeBilinear.targetSize)]
    factors = np.float32(
        list(layer.upsample.fractionalScalingFactor or layer.upsample.scalingFactor)
    )
    made = [int(n * factor) for n, factor in zip(np.float32(size), factors)]
    grid = {1: corners, 2: half_pixel}[layer.upsample.linearUpsampleMode]
    return [grid(*pair) for pair in zip(size, made)]


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_the_intent_says_the_mode(tmp_path, seed):
    rng = random.Random(seed)
    size = rng.randint(3, 30), rng.randint(3, 30)
    after = tuple(rng.randint(n + 1, 4 * n) for n in size)
    factors = [float(np.float32((m + 0.25) / n)) for n, m in zip(size, after)]
    path = written(tmp_path, size, factors)
    align_corners = rng.choice((True, False))
    if rng.random() < 0.3:
        after = tuple(m + rng.randint(0, 2) for m in after)  # the file's size is wrong, too
        asked = {"manifest": [Intent(align_corners=align_corners, size=after, input_size=size)]}
    elif rng.random() < 0.5:
        asked = {"manifest": [Intent(align_corners=align_corners, size=after, input_size=size)]}
    else:
        asked = {"assume": Intent(align_corners=align_corners)}
    report = audited(path, **asked)
    assert [(f.verdict, f.codes) for f in report.findings] == [("fixable", ("RSZ107",))]
    assert (report.exit_code, report.displacements) == (1, ())
    fixed = str(tmp_path / "fixed.mlmodel")
    report = pipeline.process(path, pipeline.Request(output=fixed, **asked))
    assert report.exit_code == 0
    assert report.findings[0].max_abs_error_before is None
    grid = corners if align_corners else half_pixel
    for found, n, m in zip(reads(fixed, size), size, after):
        np.testing.assert_allclose(found, grid(n, m), atol=1e-12)
    assert audited(fixed, **asked).exit_code == 0


def test_without_an_intent(tmp_path):
    path = written(tmp_path, (6, 8), (2.5, 2.5))
    (finding,) = audited(path).findings
    assert "6×8 → 15×20; Core ML refuses it" in finding.message
    report = audited(path, manifest=[])
    assert [finding.verdict for finding in report.findings] == ["no-intent"]
    assert "Core ML refuses it" in report.findings[0].message
    assert report.exit_code == 1


def test_what_it_would_compute_is_no_match(tmp_path):
    """TensorFlow 1's grid is that of DEFAULT: from whole factors only."""
    path = written(tmp_path, (6, 8), (2.0, 2.0))
    report = audited(path, assume=Intent(framework="tensorflow1"))
    assert [(f.verdict, f.codes) for f in report.findings] == [("fixable", ("RSZ107",))]


def test_one_of_varying_size():
    params = Upsample("BILINEAR", fractional_scaling_factor=(2.0, 2.0))
    call = Intent(scale_factor=(2.0, 2.0), align_corners=True)
    found = judge(call, flexible(params, (5, 5), (9, 9), modern=True), IOS14)
    assert (found.verdict, found.codes) == ("fixable", ("RSZ107",))
    assert found.after == Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", (2, 2))


@pytest.mark.parametrize("mode", MODES[1:])
def test_one_that_has_its_mode_is_as_it_was(mode):
    assert not Upsample("BILINEAR", mode, (), (2.5, 2.5)).lacks_its_mode
    assert not Upsample("BILINEAR", "DEFAULT", (2, 2)).lacks_its_mode
