"""What is declared of an output whose size is not known, or has one size now; sizes without end."""

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build, edits

ASK = Intent(align_corners=True, size=(25, 31))
UP = "resizeBilinear { targetSize: 20 targetSize: 24 }"

pytestmark = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 has no ranges of images: pip install 'coremltools>=4'",
)


def image(feature, height, width, ranges=()):
    kind = feature.type.imageType
    kind.height, kind.width, kind.colorSpace = height, width, 20
    for side, (low, high) in zip(("heightRange", "widthRange"), ranges):
        limit = getattr(kind.imageSizeRange, side)
        limit.lowerBound, limit.upperBound = low, high


def result(model, folder, **options):
    path = build.write(folder, model)
    report = pipeline.process(path, pipeline.Request(output=str(folder / "out.mlmodel"), **options))
    return report, edits.parsed(str(folder / "out.mlmodel"))


def test_a_size_that_is_unknown_in_part_is_not_written_as_another(tmp_path):
    """Behind a branch whose sides differ in channels: (1, 1, unknown, 25, 31)."""
    model = build.network((3, 10, 12), [UP], version=4)
    up = model.neuralNetwork.layers[0]
    up.output[0] = "u"
    branch = model.neuralNetwork.layers.add(name="branch", input=["image"]).branch
    branch.ifBranch.layers.add(
        name="i", input=["u"], output=["scores"]
    ).activation.ReLU.SetInParent()
    other = branch.elseBranch.layers.add(name="e", input=["u", "u"], output=["scores"])
    other.concat.SetInParent()
    declared = model.description.output[0].type.multiArrayType
    declared.shape[:] = [3, 20, 24]
    report, fixed = result(model, tmp_path, assume=ASK)
    assert report.exit_code == 0
    assert list(fixed.description.output[0].type.multiArrayType.shape) == [3, 20, 24]


@pytest.mark.parametrize("kind", ["image", "array"])
def test_a_range_that_only_its_default_fits_is_declared_as_one_size(kind, tmp_path):
    """A sum of an image of varying size and a map of one: only that size runs."""
    model = build.network((3, 25, 31), [UP], version=3)
    model.description.input[0].type.Clear()
    image(model.description.input[0], 25, 31, ((25, 50), (31, 62)))
    model.neuralNetwork.layers[0].output[0] = "u"
    total = model.neuralNetwork.layers.add(name="sum", input=["u", "image"], output=["scores"])
    total.add.SetInParent()
    output = model.description.output[0]
    if kind == "image":
        output.type.Clear()
        image(output, 20, 24, ((20, 40), (24, 48)))
    else:
        output.type.multiArrayType.shape[:] = [3, 20, 24]
        for low, high in ((3, 3), (20, 40), (24, 48)):
            output.type.multiArrayType.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    report, fixed = result(model, tmp_path, assume=ASK)
    assert report.exit_code == 1
    assert report.usable.only_default
    made = fixed.description.output[0].type
    if kind == "image":
        assert (made.imageType.height, made.imageType.width) == (25, 31)
        sizes = made.imageType.imageSizeRange
        ranges = [sizes.heightRange, sizes.widthRange]
    else:
        assert list(made.multiArrayType.shape) == [3, 25, 31]
        ranges = made.multiArrayType.shapeRange.sizeRanges[1:]
    found = [(limit.lowerBound, limit.upperBound) for limit in ranges]
    assert found == [(25, 25), (31, 31)]


def ranged(layers, low, high):
    model = build.network((3, low, low), layers, version=3)
    taken = model.description.input[0].type.multiArrayType
    for limits in ((3, 3), (low, high), (low, high)):
        taken.shapeRange.sizeRanges.add(lowerBound=limits[0], upperBound=limits[1])
    return model


@pytest.mark.slow
def test_a_factor_that_makes_sides_too_long_to_compare(tmp_path):
    double = "upsample { scalingFactor: 2 scalingFactor: 2 mode: BILINEAR }"
    path = build.write(tmp_path, ranged([double], 8, 16))
    asked = Intent(align_corners=True, scale_factor=(4000.0, 4000.0))
    report = pipeline.process(path, pipeline.Request(assume=asked, dry_run=True))
    assert [finding.verdict for finding in report.findings] == ["unmatchable"]


def test_several_layers_at_a_side_of_2_36_pixels(tmp_path):
    """By what they scale is computed, not searched for step by step."""
    model = ranged([], 2**36, 2**37)
    up = "upsample { scalingFactor: 2 scalingFactor: 2 mode: BILINEAR }"
    crop = "crop { cropAmounts { borderAmounts {} borderAmounts {} } }"
    first = "up__resize_upsample"
    build.named(
        model.neuralNetwork, [(first, ["image"], first, up), ("up", [first], "scores", crop)]
    )
    report = pipeline.process(build.write(tmp_path, model), pipeline.Request())
    assert report.exit_code == 3
